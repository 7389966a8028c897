"""A board of many submissions stays small enough to open, and says what it leaves out."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from bmseg.leaderboard.site import figures, site_texts
from bmseg.leaderboard.site.submission_tables import MOST_NAMED
from bmseg.leaderboard.site.tables import group_cells
from bmseg.leaderboard.standings import Standings
from evaluation.figures.ranking import blob_plot
from tests.bmseg.leaderboard.site import standings_fixture
from tests.bmseg.leaderboard.site.checks import MADE


def board_of(n: int) -> Standings:
    return standings_fixture.standings(n, 2, bootstraps=5, exact=False)


@pytest.fixture(scope="module")
def many() -> Standings:
    return board_of(70)


def test_the_page_grows_with_the_submissions_and_not_with_their_pairs(many: Standings) -> None:
    """Each submission takes some 2 kB of it: 300 of them well under 1 MB."""
    sizes = {
        n: len(site_texts(board, made=MADE)["index.html"]) for n, board in ((35, board_of(35)), (70, many))
    }
    assert (sizes[70] - sizes[35]) / 35 < 2600


def test_a_submission_names_the_nearest_of_those_it_cannot_be_told_apart_from(many: Standings) -> None:
    """Two exams tell nobody apart."""
    texts = site_texts(many, made=MADE)
    for place in (0, 35, 69):
        page = texts[f"submissions/{many.entries[place].page_name}.html"]
        named = re.findall(r'<a href="\.\./submissions/([^"]+)\.html">', page)
        assert len(named) == MOST_NAMED
        assert "The difference to 69 other submissions is not clear" in page
        assert f"Named are the {MOST_NAMED} that stand nearest" in page
        order = [entry.page_name for entry in many.entries if entry is not many.entries[place]]
        begin = order.index(named[0])
        assert named == order[begin : begin + MOST_NAMED]
        assert begin == {0: 0, 35: 5, 69: 9}[place]


def test_figures_show_the_first_and_say_so(many: Standings) -> None:
    drawn = figures.first_drawn(many)
    assert len(drawn.entries) == figures.MOST_DRAWN
    assert drawn.rows[drawn.rows.kind == "submission"].key.tolist() == [entry.key for entry in drawn.entries]
    assert set(many.rows.kind) == set(drawn.rows.kind)
    said = {plate.name: plate.caption for plate in figures.figures_of(many)}
    assert len(said) == 6
    assert "Drawn are the first 60 of 70 submissions by rank." in said["significance"]
    assert (
        "Drawn are the first 60 of 70 submissions, as they stand on the board, and every reader."
        in (said["dice"])
    )
    assert not any("Drawn are" in plate.caption for plate in figures.figures_of(board_of(3)))


def test_ranks_behind_the_drawn_ones_have_their_place() -> None:
    ranks = pd.DataFrame({"algorithm": ["a", "b"], "rank": [1, 2], "rank_low": [1, 1], "rank_high": [4, 7]})
    chances = pd.DataFrame({"algorithm": ["a", "b", "c"], "rank": [1, 3, 9], "probability": 1.0})
    axes = blob_plot(chances, ranks).axes[0]
    assert axes.get_xlim() == (0.4, 7.6)


def test_a_long_tie_group_is_abbreviated() -> None:
    short = group_cells(["a", "ab", ""])
    assert [(cell.text, cell.value) for cell in short] == [("a", None), ("ab", None), ("", None)]
    found = group_cells(["a", "zAB", "Za1b1", "abcdefghZb2", ""])
    assert [cell.text for cell in found] == ["a", "zAB", "Za1b1", "a … b2 (10)", ""]
    assert [cell.value for cell in found] == [0, 25, 51, 0, None]
