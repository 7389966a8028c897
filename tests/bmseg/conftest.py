"""Fixtures of the benchmark's tests."""

from __future__ import annotations

import os

import pytest

# Before anything imports torch: threads that spin while they wait cost tests side by side most of their time.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that look at numbers: drawing takes most of an evaluation of small masks."""
    monkeypatch.setattr("bmseg.scoring.evaluate.write_figures", lambda *_, **__: [])
