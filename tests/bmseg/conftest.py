"""Fixtures of the benchmark's tests."""

from __future__ import annotations

import pytest


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that look at numbers: drawing takes most of an evaluation of small masks."""
    monkeypatch.setattr("bmseg.scoring.evaluate.write_figures", lambda *_, **__: [])
