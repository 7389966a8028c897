"""Work on many items in processes of their own, where one that dies takes no other with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

_START_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cores() -> int:
    """CPU cores that this process may use; on a cluster, those that its job asked for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Without cgroups a job of Slurm sees every core of its node.
    asked = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return min(cores, int(asked)) if asked.isdecimal() and int(asked) else cores


def run_each(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    died: Callable[[Item], Result],
    processes: int | None = None,
) -> Generator[tuple[Item, Result], None, None]:
    """Work on every item; yield each with its result as it ends, in no fixed order.

    Parameters
    ----------
    work : callable
        A function of a module, or a `functools.partial` of one: it is sent to other processes.
    died : callable
        Gives the result of an item whose process died (most often: killed for want of memory). It was
        tried again alone before, since the process may have died for its neighbours' memory.
    processes : int, optional
        By default `usable_cores`, never more than there are items; with one, all runs in this process.
    """
    workers = min(processes or usable_cores(), len(items))
    if workers <= 1:
        for item in items:
            yield item, work(item)
        return
    waiting = list(reversed(items))
    with _one_thread_each():
        while waiting:
            suspects = yield from _until_one_dies(work, waiting, workers)
            for suspect in suspects:
                try:
                    with _pool(1) as pool:
                        result = pool.submit(work, suspect).result()
                except BrokenProcessPool:
                    result = died(suspect)
                yield suspect, result


def _until_one_dies(
    work: Callable[[Item], Result], waiting: list[Item], workers: int
) -> Generator[tuple[Item, Result], None, list[Item]]:
    """Take items off the end of `waiting`; return those at work when a process died, none at the end."""
    running: dict[Future[Result], Item] = {}
    with _pool(workers) as pool:
        while waiting or running:
            # No more at work than there are processes: the items that a dead one may have held are few.
            try:
                while waiting and len(running) < workers:
                    running[pool.submit(work, waiting[-1])] = waiting[-1]
                    waiting.pop()
            except BrokenProcessPool:
                return [*running.values()]
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                if isinstance(future.exception(), BrokenProcessPool):
                    return [*running.values()]
                yield running.pop(future), future.result()
    return []


def _pool(workers: int) -> ProcessPoolExecutor:
    # Never forked from this process: in a fork, a numerical library's locked thread pool may hang.
    return ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context(_START_METHOD),
        initializer=_settle,
        initargs=(Path.cwd(),),
    )


def _settle(folder: Path) -> None:
    """Work where the parent does, and leave it to answer Ctrl-C: a worker ends the item that it is at."""
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed writes nothing more."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def start_early(*modules: str) -> None:
    """Let the server that workers are forked from, where there is one, import modules while we work on.

    Without it, the first call of `run_each` waits for the imports.
    """
    if _START_METHOD == "forkserver":
        from multiprocessing.forkserver import ensure_running  # not importable on other systems

        multiprocessing.set_forkserver_preload(["__main__", *modules])
        with _one_thread_each():
            ensure_running()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started within do small matrix products on one thread: more would only wait in turn."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
