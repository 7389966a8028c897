"""Hostile submissions, made once a process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bmseg.leaderboard.submission.hostile import make_all


@pytest.fixture(scope="session")
def hostile_sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """Name to source and to what must be said of it."""
    folder = tmp_path_factory.mktemp("hostile") / "sources"
    folder.mkdir()
    return make_all(folder)
