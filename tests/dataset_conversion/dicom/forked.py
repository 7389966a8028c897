"""A second decoder asked in a fork: an interpreter of its own takes a second for each damaged slice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from dataset_conversion.dicom import streams


def run_forked(call: list[str], *, timeout: int, **_: Any) -> subprocess.CompletedProcess[bytes]:
    """In place of `subprocess.run` for ``python -m dataset_conversion.dicom.streams``, in a single thread."""
    assert call[:3] == [sys.executable, "-m", streams.__name__]
    file, plugin, *numbers = call[3:]
    with tempfile.TemporaryFile() as answer:
        child = os.fork()
        if child == 0:
            signal.alarm(timeout)
            os.dup2(answer.fileno(), sys.stdout.fileno())
            try:
                streams._answer(Path(file), plugin, [int(number) for number in numbers])
                sys.stdout.flush()
            except BaseException:
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), call)
        answer.seek(0)
        return subprocess.CompletedProcess(call, 0, answer.read())
