"""A process of its own that holds locks, as another bmseg at work would.

It is forked from a server that has no threads: a process of pytest may have some, of torch or of OpenMP.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from bmseg.outputs import locked

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])


class Holder:
    """The process; `pid` is its number."""

    def __init__(self) -> None:
        self._pipe, other = CONTEXT.Pipe()
        process = CONTEXT.Process(target=_hold, args=(other,), daemon=True)
        process.start()
        assert process.pid is not None
        self.pid = process.pid

    @contextmanager
    def holding(self, lock: Path) -> Iterator[None]:
        """Hold a lock while the block runs."""
        self._pipe.send(lock)
        assert self._pipe.recv() == "held"
        try:
            yield
        finally:
            self._pipe.send("free")
            assert self._pipe.recv() == "free"

    def end(self) -> None:
        """End the process."""
        self._pipe.send(None)


def _hold(pipe: Connection) -> None:
    while (lock := pipe.recv()) is not None:
        with locked(lock, "it"):
            pipe.send("held")
            pipe.recv()
        pipe.send("free")
