"""Letters, significance map and rank intervals of a page say the same of who is clearly better."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bmseg.leaderboard.entries import Entry
from bmseg.leaderboard.site import figures, site_texts
from bmseg.leaderboard.site.comparing import comparisons
from bmseg.leaderboard.standings import Standings
from evaluation.ranking import OVERALL
from evaluation.ranking.groups import letters_of
from tests.bmseg.leaderboard.site import standings_fixture
from tests.bmseg.leaderboard.site.checks import MADE
from tests.bmseg.leaderboard.site.standings_fixture import standings


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Standings:
    """The first team is ahead on average, by level 1, and behind on level 2."""
    of_fixture: Callable[..., pd.DataFrame] = standings_fixture._Drawn.dice

    def dice(board: standings_fixture._Drawn, entry: Entry) -> pd.DataFrame:
        scores = of_fixture(board, entry)
        first = float(entry.team == "team-1")
        turned = scores.level.map({"level1": 0.2, "level2": -0.12}).fillna(0.0) * first
        return scores.assign(dice=(scores.dice + turned).clip(0, 1))

    monkeypatch.setattr(standings_fixture._Drawn, "dice", dice)
    return standings(2, 12, bootstraps=5)


def test_who_is_behind_on_a_level_is_clear_of_nobody_anywhere(
    two: Standings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = two.rows[two.rows.kind == "submission"]
    assert rows.team.tolist() == ["team-1", "team-2"] and rows["rank"].tolist() == [1, 2]
    assert two.rankings is not None
    pairs = two.rankings.pairwise.query("task == 'overall' and algorithm == @rows.key.iloc[0]")
    assert pairs.p_clear.item() <= 0.05
    assert rows[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 2], [1, 2]]
    assert rows.group.tolist() == ["a", "a"]
    assert two.rankings.groups[two.rankings.groups.task == OVERALL].group.tolist() == ["a", "a"]
    drawn = []
    monkeypatch.setattr(figures, "significance_map", lambda pairs, *_, **__: drawn.append(pairs))
    monkeypatch.setattr(figures, "save_figure", lambda *_, **__: None)
    monkeypatch.setattr(
        figures, "figures_of", lambda _: [one for one in figures.FIGURES if "sig" in one.name]
    )
    figures.draw_figures(two, tmp_path)
    assert drawn[0].p_clear.tolist() == [1, 1]
    text = comparisons(two)[f"compare/{two.entries[0].page_name}.js"]
    tests = json.loads(text.split(",", 1)[1].removesuffix(");\n"))["tests"]
    assert tests["clear"][OVERALL] == [1] and tests["but"] == {"1": ["level2"]}
    page = site_texts(two, made=MADE)[f"submissions/{two.entries[0].page_name}.html"]
    assert "The difference to 1 other submission is not clear" in page


@pytest.mark.parametrize("scheme", ["mean-then-rank", "median-then-rank", "test-then-rank"])
def test_letters_are_those_of_the_intervals(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the scheme of the board."""
    made = standings_fixture.Ranking
    monkeypatch.setattr(standings_fixture, "Ranking", lambda **rules: made(**rules, scheme=scheme))
    board = standings(7, 12, bootstraps=5)
    for of in (board, board.alone):
        assert of is not None
        rows = of.rows[of.rows.kind == "submission"]
        letters = rows.set_index("key").group.map(letters_of)
        ranks = rows.set_index("key")["rank"]
        assert (rows.rank_low > 1).any()
        for row in rows.rename(columns={"rank": "place"}).itertuples():
            apart = ranks[[letters[row.key].isdisjoint(others) for others in letters]]
            assert (apart < row.place).sum() == row.rank_low - 1
            assert (apart > row.place).sum() == len(rows) - row.rank_high
