"""Run the command line in this process, and say what a refusal looks like."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import subprocess
import sys
from unittest.mock import patch

from bmseg.commands.cli import main


def bmseg(*words: object) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process, which saves its start-up."""
    arguments = ["bmseg", *map(str, words)]
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.object(sys, "argv", arguments),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = _ended()
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def printed_command(text: str, before: str) -> str:
    """The command that stands behind some words, to the end of its line."""
    (found,) = (line.partition(before)[2] for line in text.splitlines() if before in line)
    return found


def run_printed(command: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a printed command as a shell would read it, with more words behind it."""
    name, *rest = shlex.split(command)
    assert name == "bmseg"
    return bmseg(*rest, *words)


def assert_refused(result: subprocess.CompletedProcess[str], message: str, code: int = 2) -> None:
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert message in last


def _ended() -> int:
    try:
        main()
    except SystemExit as leave:
        return int(leave.code or 0)
    return 0


def bmseg_on_terminal(width: int, *words: object) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process on a pseudo-terminal of so many columns; stderr is apart."""
    import fcntl
    import pty
    import struct
    import termios
    import threading

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    parts: list[bytes] = []

    def read() -> None:
        # Where the other end is closed, reading is an error.
        with contextlib.suppress(OSError):
            while part := os.read(master, 65536):
                parts.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    arguments, err = ["bmseg", *map(str, words)], io.StringIO()
    with (
        os.fdopen(slave, "w", encoding="utf-8") as out,
        # Where it is set, it says how wide a terminal is.
        patch.dict(os.environ, COLUMNS=""),
        patch.object(sys, "argv", arguments),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = _ended()
    reader.join()
    os.close(master)
    text = b"".join(parts).decode().replace("\r\n", "\n")
    return subprocess.CompletedProcess(arguments, code, text, err.getvalue())
