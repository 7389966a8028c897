"""Fixtures of the benchmark's tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.once import made_once

if TYPE_CHECKING:
    from bmseg.workspace import Workspace

# Before anything imports torch: threads that spin while they wait cost tests side by side most of their time.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="module", autouse=True)
def searched_briefly(few_starts: None) -> None:
    """For all tests here."""


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that look at numbers: drawing takes most of an evaluation of small masks."""
    monkeypatch.setattr("bmseg.scoring.evaluate.write_figures", lambda *_, **__: [])


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of `tests.support.small_workspace` with two methods, evaluated without figures."""
    from bmseg.scoring.evaluate import evaluate_workspace
    from tests.support.searches import search_briefly
    from tests.support.small_workspace import small_workspace

    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            search_briefly(patch)
            patch.setattr("bmseg.scoring.evaluate.write_figures", lambda *_, **__: [])
            evaluate_workspace(small_workspace(folder, "net", "other"))

    return made_once(tmp_path_factory, "evaluated", make) / "ws"


@pytest.fixture
def evaluated(once: Path, tmp_path: Path) -> Workspace:
    """A copy of it, to be changed."""
    from bmseg.workspace import open_workspace

    return open_workspace(shutil.copytree(once, tmp_path / "copy"))[0]


@pytest.fixture
def few_tables(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """For tests that look at some tables: `make_tables`, called without names and to be called with some."""
    from tests.support.tables import make_tables

    alone = partial(make_tables, monkeypatch)
    alone()
    return alone


@pytest.fixture
def drawn_figures(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """For tests that ask whether every figure can be drawn: their names, as drawn; no file is written."""
    drawn: list[str] = []

    def named(_: Any, __: Path, name: str, **___: Any) -> list[Path]:
        drawn.append(name)
        return []

    monkeypatch.setattr("bmseg.scoring.evaluate.save_figure", named)
    return drawn
