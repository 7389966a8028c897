"""Whoever writes a fold, an evaluation, a board or a round is alone with it.

The lock is the operating system's: it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from bmseg.errors import WorkError
from bmseg.outputs.provenance import read_record, write_record


@contextmanager
def locked(lock: Path, what: str, *, wait: bool = True) -> Iterator[None]:
    """Keep other processes from `what`, as ``evaluation/`` or ``fold 0 of unet``, while the block runs.

    `lock` is the lock's file, as ``evaluation/.lock``; who holds it stands beside it. It stays, unless the
    folder would hold nothing else: then the folder goes. With `wait` a holder is waited for, which is said
    once; otherwise a WorkError says who it is.
    """
    holder = lock.with_name(f"{lock.name}-holder")
    taken = FileLock(lock)
    _take(taken, lock, what, holder, wait=wait)
    try:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        write_record(holder, {"process": os.getpid(), "host": platform.node(), "since": since})
        yield
    finally:
        holder.unlink(missing_ok=True)
        _leave_nothing(lock)
        taken.release()


def _take(taken: FileLock, lock: Path, what: str, holder: Path, *, wait: bool) -> None:
    said = False
    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        # Whoever leaves nothing takes the folder along, while others wait for a lock in it.
        with suppress(FileNotFoundError):
            try:
                taken.acquire(blocking=said)
                return
            except Timeout:
                who = _who(holder)
            if not wait:
                raise WorkError(
                    f"{what}: found {who} at work on it, expected nobody; wait for its end or stop it"
                )
            print(f"{what}: waiting for {who}", file=sys.stderr)
            said = True


def _leave_nothing(lock: Path) -> None:
    """Remove a folder that holds the lock alone, while nobody else can have it."""
    with suppress(OSError):
        if [path.name for path in lock.parent.iterdir()] == [lock.name]:
            lock.unlink()
            lock.parent.rmdir()


def _who(holder: Path) -> str:
    found = read_record(holder)
    if not {"process", "host", "since"} <= found.keys():
        return "another process"
    return f"process {found['process']} on {found['host']} (since {found['since']})"
