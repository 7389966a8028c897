"""Many tasks side by side, one a core."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar
from unittest import mock

from tqdm import tqdm

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_processes(work: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
    """What becomes of each task, in order; each is worked on in a process that computes on one core.

    Else the threads of each process would take each other's cores: the phantom takes twice as long.
    """
    # Threads are counted when NumPy is imported, so processes start anew.
    one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with mock.patch.dict(os.environ, one), ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        return list(tqdm(pool.map(work, tasks), total=len(tasks), disable=None))
