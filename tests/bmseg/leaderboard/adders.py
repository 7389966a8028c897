"""Processes that add to a board at the same time.

They are forked from a server that has no threads: a process of pytest may have some, of torch or of OpenMP,
and a fork of it could wait for ever for a lock that one of them held.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from bmseg.leaderboard.adding import add_submission
from tests.bmseg.leaderboard.boards import board_at
from tests.support.searches import search_briefly

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])


def add_three(root: Path, number: int, gate: Barrier) -> None:
    """Wait until all have come, then add three submissions as one team."""
    search_briefly(pytest.MonkeyPatch())
    board, reference = board_at(root)
    gate.wait()
    for place in range(3):
        add_submission(board, f"team{number}", root / "sent" / f"{number}_{place}", reference)


def add_forever(root: Path, number: int) -> None:
    """Add the same submissions as ever new teams, until killed."""
    search_briefly(pytest.MonkeyPatch())
    board, reference = board_at(root)
    for place in range(1000):
        for source in sorted((root / "sent").iterdir()):
            add_submission(board, f"team{number}-{place}", source, reference)
