"""Whoever writes a fold, an evaluation, a board or a round is alone with it.

The lock is the operating system's: it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from bmseg.errors import WorkError
from bmseg.outputs.provenance import read_record, write_record


@contextmanager
def locked(lock: Path, what: str, *, wait: bool = True) -> Iterator[None]:
    """Keep other processes from `what`, as ``evaluation/`` or ``fold 0 of unet``, while the block runs.

    `lock` is the lock's file, as ``evaluation/.lock``, which is never removed; who holds it stands beside
    it. With `wait` a holder is waited for, which is said once; otherwise a WorkError says who it is.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    holder = lock.with_name(f"{lock.name}-holder")
    taken = FileLock(lock)
    try:
        taken.acquire(timeout=0)
    except Timeout:
        if not wait:
            raise WorkError(
                f"{what}: found {_who(holder)} at work on it, expected nobody; wait for its end or stop it"
            ) from None
        print(f"{what}: waiting for {_who(holder)}", file=sys.stderr)
        taken.acquire()
    try:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        write_record(holder, {"process": os.getpid(), "host": platform.node(), "since": since})
        yield
    finally:
        holder.unlink(missing_ok=True)
        taken.release()


def _who(holder: Path) -> str:
    found = read_record(holder)
    if not found:
        return "another process"
    return f"process {found['process']} on {found['host']} (since {found['since']})"
