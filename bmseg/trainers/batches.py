"""Batches made in this process while the network computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch
from nnunetv2.training.dataloading import data_loader
from threadpoolctl import ThreadpoolController

#: Batches made before they are asked for.
_AHEAD = 2
#: Exams whose open file and properties stay in memory; nnU-Net opens and unpickles both for every patch.
_KEPT_EXAMS = 128


class Batches:
    """Iterates over the batches of the epoch that was begun: those for training, then for validation.

    A thread makes the next batches while the network works on one. It makes them one after the other
    and never those of an epoch that is not begun, so that the same seed gives the same batches as
    without a thread, as long as nothing else draws random numbers meanwhile.
    `training` and `validation` are nnU-Net's loaders.
    """

    def __init__(self, training: Iterator[dict[str, Any]], validation: Iterator[dict[str, Any]]) -> None:
        self._loaders = (training, validation)
        self._wanted: Iterator[Iterator[dict[str, Any]]] = iter(())
        self._made: deque[Future[dict[str, Any]]] = deque()
        # torch sets a thread's number of cores when the thread first asks; later it would undo nnU-Net's
        # limit to one for augmentation.
        self._thread = ThreadPoolExecutor(1, "batches", initializer=torch.get_num_threads)

    def begin_epoch(self, training: int, validation: int) -> None:
        """Start to make so many batches for training and then for validation."""
        if self._made:
            raise RuntimeError("batches: found some left of the epoch before, expected all taken")
        loaders = self._loaders
        self._wanted = iter([loaders[0]] * training + [loaders[1]] * validation)
        for _ in range(_AHEAD):
            self._make_next()

    def stop(self) -> None:
        """Make no more; a batch that is being made is waited for, as it draws random numbers."""
        self._thread.shutdown(cancel_futures=True)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self

    def __next__(self) -> dict[str, Any]:
        if not self._made:
            raise RuntimeError("batches: found none left, expected begin_epoch before")
        batch = self._made.popleft().result()
        self._make_next()
        return batch

    def _make_next(self) -> None:
        if (loader := next(self._wanted, None)) is not None:
            self._made.append(self._thread.submit(next, loader))


def draws_random_numbers(network: torch.nn.Module) -> bool:
    """Whether a network draws random numbers in training, from the generator that augmentation uses."""
    dropout = torch.nn.modules.dropout._DropoutNd
    return any(isinstance(module, dropout) and module.p > 0 for module in network.modules())


def keep_open(dataset: Any) -> None:
    """Let an nnU-Net data set open each exam once, not for every patch."""
    dataset.load_case = lru_cache(_KEPT_EXAMS)(dataset.load_case)


@contextmanager
def thread_pools_found_once() -> Iterator[None]:
    """Let nnU-Net's loader search this process for thread pools once, not for every batch.

    It limits each pool to one thread while it augments. The search reads all mapped libraries from
    /proc and takes 4 ms.
    """
    before = data_loader.threadpool_limits
    data_loader.threadpool_limits = ThreadpoolController().limit
    try:
        yield
    finally:
        data_loader.threadpool_limits = before
