"""Workers end with whoever started them, however that ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dataset_conversion.parallel import run_each

_ITEMS = 8


def write_on(folder: Path) -> None:
    """An item that writes for longer than any test waits."""
    for _ in range(6000):
        (folder / f"{os.getpid()}").write_text(str(time.monotonic()))
        time.sleep(0.01)


def main(folder: Path) -> None:
    for _ in run_each(write_on, [folder] * _ITEMS, died=lambda _: None, processes=2):
        pass


def _running(processes: list[int]) -> list[int]:
    found = []
    for process in processes:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        found += [process] if state != "Z" else []
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_workers_of_a_killed_command_write_nothing_more(tmp_path: Path) -> None:
    written = tmp_path / "written"
    written.mkdir()
    parent = subprocess.Popen([sys.executable, "-m", __name__, str(written)])
    while len(workers := [int(path.name) for path in written.iterdir()]) < 2:
        assert parent.poll() is None
        time.sleep(0.02)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(3000):
        if not _running(workers):
            break
        time.sleep(0.02)
    assert not _running(workers)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
