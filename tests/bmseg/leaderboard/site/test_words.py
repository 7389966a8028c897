"""What the page says first of the ranks, and its rules in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bmseg.leaderboard.gathering import AVERAGE_READER
from bmseg.leaderboard.publish import printed
from bmseg.leaderboard.site import site_texts
from bmseg.leaderboard.site.rules import in_short, rules
from bmseg.leaderboard.site.submission_tables import own_scheme_rows
from bmseg.leaderboard.site.tables import ranking_lines
from bmseg.leaderboard.standings import Standings
from evaluation.consensus.kinds import describe
from evaluation.ranking import OVERALL
from tests.bmseg.leaderboard.site.checks import MADE
from tests.bmseg.leaderboard.site.standings_fixture import standings


def shared(board: Standings, teams: tuple[str, ...], rank: int) -> Standings:
    """A board on which some teams share an overall rank in every scheme."""
    assert board.rankings is not None
    is_one = board.rows.team.isin(teams)
    ranks = board.rankings.ranks
    is_other = ranks.algorithm.str.partition("/")[0].isin(teams) & (ranks.task == OVERALL)
    return replace(
        board,
        rows=board.rows.assign(rank=board.rows["rank"].mask(is_one, rank)),
        rankings=replace(board.rankings, ranks=ranks.assign(rank=ranks["rank"].mask(is_other, rank))),
    )


def test_the_first_line_says_mean_rank_and_interval(board: Standings) -> None:
    leader = board.rows[board.rows.kind == "submission"].iloc[0]
    said = in_short(board)[0]
    assert said.startswith(f"{leader.team}: ")
    assert f"with a mean rank of {leader.value:.2f} and a rank interval of 1–" in said
    line = ranking_lines(board)[0]
    assert (line.mean_rank.value, line.rank.value) == (leader.value, 1)
    assert line.rank.text == f"1 ({leader.rank_low:.0f}–{leader.rank_high:.0f})"
    assert line.spread == f"{leader.spread_low:.0f}–{leader.spread_high:.0f}"
    cells = dict(own_scheme_rows(board)[line.key])["mean, then rank"]
    assert cells[0].text == f"{line.rank.text} [{line.spread}]"


def test_shared_places_that_a_test_tells_apart_are_said() -> None:
    board = standings(7, 10, bootstraps=5)
    assert not any("yet" in sentence for sentence in in_short(board))
    said = in_short(shared(board, ("team-1", "team-3"), 1))
    assert said[0].startswith("team-1: Method 1 and team-3: Method 3 share the first place")
    assert said[1].startswith(
        "team-1: Method 1 and team-3: Method 3 share a rank, yet the tests tell them apart: exam by exam "
        "team-1: Method 1 is clearly better (p = "
    )
    said = in_short(shared(board, ("team-1",), 8))
    assert any(
        "has the better rank, yet exam by exam team-1: Method 1 is clearly better" in one for one in said
    )


@pytest.mark.parametrize(
    ("n_exams", "n", "said"), [(3, 3, "3 exams cannot tell 3 submissions apart"), (9, 2, "")]
)
def test_so_few_exams_cannot_tell_anybody_apart(n_exams: int, n: int, said: str) -> None:
    board = standings(n, n_exams, bootstraps=5)
    found = [sentence for sentence in in_short(board) if "cannot tell" in sentence]
    assert len(found) == bool(said) and all(one.startswith(said) for one in found)
    if said:
        ranked = board.rows[board.rows.kind == "submission"]
        assert set(ranked.rank_low) == {1} and set(ranked.rank_high) == {n}


def test_one_exam_has_no_interval_and_says_why() -> None:
    board = standings(3, 1, bootstraps=5)
    assert in_short(board)[0].endswith("; ranks have no interval, for one exam says nothing of others.")
    line = ranking_lines(board)[0]
    assert "(" not in line.rank.text


@pytest.mark.parametrize(("n", "n_exams"), [(1, 5), (3, 1), (3, 5)])
def test_no_word_of_intervals_where_no_rank_has_one(n: int, n_exams: int) -> None:
    board = standings(n, n_exams, bootstraps=5)
    has = board.rows.rank_low.notna().any()
    assert has == (n > 1 and n_exams > 1)
    texts = site_texts(board, made=MADE)
    page = texts[f"submissions/{board.entries[0].page_name}.html"]
    assert ("interval of all ranks at once" in printed(board).notes[0]) == has
    assert ("interval of all ranks at once" in page) == ("(in brackets) its" in page) == has
    assert ("in brackets the 95 % interval, which" in texts["index.html"]) == has


def test_each_yardstick_names_its_own_rule() -> None:
    board = standings(2, 5, bootstraps=5)
    own, fair = describe(board.study.consensus.rule), describe(board.study.design().yardstick)
    assert own != fair
    ranking, text = board.challenge.ranking, {}
    for yardstick in ("fair", "usual"):
        update = {"ranking": ranking.model_copy(update={"yardstick": yardstick})}
        other = replace(board, challenge=board.challenge.model_copy(update=update))
        text[yardstick] = dict(rules(other))["Yardstick"]
    assert f"all readers but one ({fair})" in text["fair"] and own not in text["fair"]
    assert f"all readers ({own})" in text["usual"] and f"the other readers ({fair})" in text["usual"]
    assert all("“average reader” is the mean of the readers' Dice" in one for one in text.values())


def test_the_page_calls_no_spread_an_interval(board: Standings) -> None:
    text = " ".join(text for _, text in rules(board)) + " ".join(in_short(board))
    assert "bootstrap interval" not in text and "shown to" not in text and "told apart" not in text
    assert [line.team for line in ranking_lines(board) if line.kind == AVERAGE_READER] == ["average reader"]
