"""Fixtures of the benchmark's tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

# Before anything imports torch: threads that spin while they wait cost tests side by side most of their time.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="module", autouse=True)
def searched_briefly(few_starts: None) -> None:
    """For all tests here."""


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that look at numbers: drawing takes most of an evaluation of small masks."""
    monkeypatch.setattr("bmseg.scoring.evaluate.write_figures", lambda *_, **__: [])


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
