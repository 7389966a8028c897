"""What processes do that race each other; `tests.support.holder` says why they are forked from a server."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

import bmseg.leaderboard.site.build as site
import bmseg.scoring.evaluate as scoring
from bmseg.cohort.conversion import convert_table
from bmseg.leaderboard.adding import add_submission, reinstate, withdraw
from bmseg.leaderboard.publish import publish
from bmseg.scoring.raters import Raters
from bmseg.study import load_study
from tests.bmseg.leaderboard.boards import board_at
from tests.support.searches import search_briefly
from tests.support.tables import make_tables

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])


def race(*work: tuple[Callable[..., None], *tuple[Any, ...]]) -> list[int | None]:
    """Run functions at once, each in a process of its own; their exit codes."""
    gate = CONTEXT.Barrier(len(work))
    racers = [CONTEXT.Process(target=_begin, args=(gate, *each)) for each in work]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    return [racer.exitcode for racer in racers]


def _begin(gate: Barrier, do: Callable[..., None], *given: Any) -> None:
    search_briefly(pytest.MonkeyPatch())
    gate.wait()
    do(*given)


def evaluate(root: Path, model: str, out: Path) -> bool:
    """Score a folder of masks as the model ``net`` of a small study; whether that was done before."""
    scoring.write_figures = lambda *_: None
    make_tables(pytest.MonkeyPatch())
    readers = {name: root / "masks" / name for name in ("reader1", "reader2")}
    raters = Raters(readers, {"net": root / "masks" / model})
    study = root / "small.toml"
    return scoring.evaluate(load_study(study), study, raters, out).skipped


def convert(root: Path, table: str) -> None:
    convert_table(root / table, root / "ws", root / "small.toml", label_map={}, seed=1, processes=1)


def add(root: Path, team: str) -> None:
    board, reference = board_at(root)
    for source in sorted((root / "sent").iterdir()):
        add_submission(board, f"{team}-{source.name}", source, reference)


def take_out_and_back(root: Path, key: str) -> None:
    board, _ = board_at(root)
    for _ in range(4):
        withdraw(board, key, "wrong masks")
        reinstate(board, key, "")


def build(root: Path) -> None:
    site.draw_figures = lambda *_: None
    for _ in range(2):
        board, reference = board_at(root)
        publish(board, None, reference)
