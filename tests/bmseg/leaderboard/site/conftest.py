"""A site of seven submissions with hostile titles, built once for all processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmseg.leaderboard.challenge import Public
from bmseg.leaderboard.site import build_site
from bmseg.leaderboard.site.figures import figures_of
from bmseg.leaderboard.standings import Standings
from tests.bmseg.leaderboard.site.checks import MADE
from tests.bmseg.leaderboard.site.standings_fixture import HOSTILE, Images, standings
from tests.support.once import made_once


@pytest.fixture(scope="session")
def board() -> Standings:
    return standings(7, titles=HOSTILE, public=Public(overlays=True))


@pytest.fixture(scope="session")
def site(board: Standings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(root: Path) -> None:
        build_site(board, root / "site", made=MADE, overlays=Images(lacking="exam004"))

    return made_once(tmp_path_factory, "site", make) / "site"


@pytest.fixture
def quick_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of which files there are, not of what is in them."""

    def draw(board: Standings, folder: Path) -> None:
        folder.mkdir()
        for plate in figures_of(board):
            (folder / f"{plate.name}.svg").write_text("<svg/>")

    monkeypatch.setattr("bmseg.leaderboard.site.build.draw_figures", draw)
