"""Two submissions compared, and the ranking without simulated ones: all of it is made when the page is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bmseg.leaderboard.board import Board
from bmseg.leaderboard.site import site_texts
from bmseg.leaderboard.site.comparing import comparisons
from bmseg.leaderboard.site.downloads import ALONE_FILE
from bmseg.leaderboard.site.rules import in_short
from bmseg.leaderboard.standings import Standings
from bmseg.leaderboard.standings import standings as rank_board
from evaluation.ranking import OVERALL
from evaluation.statistics.words import p_value
from tests.bmseg.leaderboard.site import standings_fixture
from tests.bmseg.leaderboard.site.checks import MADE
from tests.bmseg.leaderboard.site.standings_fixture import standings

_CALL = re.compile(r'bmsegCompare\("([^"]+)",(.*)\);\n')


@pytest.fixture(scope="module")
def seven() -> Standings:
    return standings(7, 12, bootstraps=20)


@pytest.fixture(scope="module")
def files(seven: Standings) -> dict[str, dict]:
    """Key to what its file hands over."""
    found = {}
    pages = {entry.page_name: entry.key for entry in seven.entries}
    for name, text in comparisons(seven).items():
        assert "<" not in text
        match = _CALL.fullmatch(text)
        assert match and name == f"compare/{match[1]}.js"
        found[pages[match[1]]] = json.loads(match[2])
    assert set(found) == {entry.key for entry in seven.entries}
    return found


def test_scores_are_those_of_the_board(seven: Standings, files: dict[str, dict]) -> None:
    exams, missing = list(seven.contract.exams), 0
    for key, data in files.items():
        own = seven.scores[seven.scores.key == key].set_index(["level", "exam"])
        for level in seven.study.level_names:
            for exam, shown in zip(exams, data["scores"][level], strict=True):
                row = own.loc[(level, exam)]
                if row.status == "missing":
                    assert shown == "0"
                    missing += 1
                else:
                    assert (shown is None) == np.isnan(row.dice)
                    assert shown is None or shown == pytest.approx(row.dice, abs=1e-9)
        # By hand: the mean of the ranked levels that are defined.
        levels = list(seven.challenge.ranking.weights)
        for place, shown in enumerate(data["scores"][OVERALL]):
            known = [data["scores"][level][place] for level in levels]
            values = [float(one) for one in known if one is not None]
            assert float(shown) == pytest.approx(np.mean(values), abs=1e-8)
            assert isinstance(shown, str) == all(isinstance(one, str) for one in known)
    assert missing == 4


@pytest.mark.parametrize("which", ["tests", "alone"])
def test_verdicts_are_those_of_the_rankings_own_tests(
    seven: Standings, files: dict[str, dict], which: str
) -> None:
    of = seven if which == "tests" else seven.alone
    assert of is not None and of.rankings is not None
    place = {entry.key: number for number, entry in enumerate(seven.entries)}
    n_clear = 0
    for row in of.rankings.pairwise.itertuples():
        tests = files[row.algorithm][which]
        assert tests["p"][row.task][place[row.other]] == p_value(row.p_clear)
        is_clear = row.p_clear <= seven.challenge.ranking.alpha
        assert (place[row.other] in tests["clear"][row.task]) == is_clear
        n_clear += is_clear
    assert n_clear
    assert {key for key, data in files.items() if "alone" in data} == {
        entry.key for entry in seven.entries if not entry.simulated
    }


def test_a_pair_that_stands_against_the_ranks_is_marked(seven: Standings, files: dict[str, dict]) -> None:
    """Turn two submissions round in the ranks, and their clear difference is not settled."""
    assert seven.rankings is not None
    first, last = seven.entries[0].key, seven.entries[-1].key
    place = {entry.key: number for number, entry in enumerate(seven.entries)}
    assert place[last] in files[first]["tests"]["clear"][OVERALL]
    assert not any(files[first]["tests"]["against"].values()) and files[first]["tests"]["but"] == {}
    ranks = seven.rankings.ranks.copy()
    chosen = ranks.task.isin([OVERALL, "level2"])
    turned = {first: 7, last: 1}
    ranks.loc[chosen, "rank"] = ranks[chosen].algorithm.map(turned).fillna(ranks["rank"][chosen])
    board = replace(seven, rankings=replace(seven.rankings, ranks=ranks))
    name = f"compare/{seven.entries[0].page_name}.js"
    match = _CALL.fullmatch(comparisons(board)[name])
    assert match
    tests = json.loads(match[2])["tests"]
    against = {task for task, others in tests["against"].items() if place[last] in others}
    assert OVERALL in against and against <= {OVERALL, "level2"}
    assert tests["but"][str(place[last])] == ["level2"]


def test_unlike_tasks_have_no_score_over_all() -> None:
    board = standings(3, 6, tasks=("level2 nsd@readers", "level1 hd95"), bootstraps=5)
    text = comparisons(board)[f"compare/{board.entries[0].page_name}.js"]
    match = _CALL.fullmatch(text)
    assert match
    data = json.loads(match[2])
    assert OVERALL not in data["scores"] and OVERALL in data["tests"]["p"]
    measured = board.measured[(board.measured.key == board.entries[0].key)]
    hd95 = measured[measured.task == "level1 hd95"].set_index("exam").value
    assert data["scores"]["level1 hd95"] == pytest.approx([hd95[exam] for exam in board.contract.exams])


def test_boards_that_have_nothing_to_compare() -> None:
    for n in (0, 1):
        board = standings(n, 5, bootstraps=5)
        assert comparisons(board) == {} and board.alone is None
        assert "data-compare" not in site_texts(board, made=MADE)["index.html"]


def test_without_simulated_the_board_is_that_of_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    boards: list[Board] = []

    def kept(board: Board) -> Standings:
        boards.append(board)
        return rank_board(board)

    monkeypatch.setattr(standings_fixture, "rank_board", kept)
    # The third and the sixth are simulated.
    made = standings(8, 12, bootstraps=20)
    others = [entry for entry in boards[0].entries() if not entry.simulated]
    assert len(made.entries) == 8 and len(others) == 8  # one withdrawn, one superseded
    alone = rank_board(replace(boards[0], given=others))
    keys = {entry.key for entry in alone.entries}
    assert made.alone is not None and alone.alone is None
    columns = ["key", "kind", "rank", "rank_low", "rank_high", "value", "group"]
    found = made.alone.rows[columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, alone.rows[columns], check_dtype=False)
    assert made.rows.set_index("key")["rank"][list(keys)].max() > found["rank"].max()
    said = in_short(made.alone)
    assert said[0] == in_short(alone)[0] and said[0] != in_short(made)[-1]
    verdicts = made.rows.set_index("key").verdict
    assert made.alone.rows.set_index("key").verdict.to_dict() == verdicts[made.alone.rows.key].to_dict()


def test_the_page_holds_the_other_ranks_and_none_is_made_in_it(seven: Standings, tmp_path: Path) -> None:
    assert seven.alone is not None
    texts = site_texts(seven, made=MADE)
    line = r'data-alone="([^"]*)">\n<td[^\n]*\n<th scope="row"><span class="name"><a href="([^"]+)"'
    given = dict(re.findall(line, texts["index.html"]))
    assert len(given) == len(seven.alone.entries)
    pages = {f"submissions/{entry.page_name}.html": entry.key for entry in seven.alone.entries}
    rows = seven.alone.rows.set_index("key")
    order = list(rows.index)
    for text, page in given.items():
        rank, words, mean, mean_words, _, letters, place = text.split("|")
        row = rows.loc[pages[page]]
        assert (float(rank), float(mean), letters, int(place)) == (
            row["rank"], row["value"], row["group"], order.index(pages[page]),
        )  # fmt: skip
        assert words == f"{row['rank']:g} ({row.rank_low:g}–{row.rank_high:g})"
        assert mean_words == f"{row['value']:.2f}"
    (tmp_path / "rows.csv").write_text(texts[ALONE_FILE])
    kept = pd.read_csv(tmp_path / "rows.csv")
    np.testing.assert_array_equal(kept["rank"], seven.alone.rows["rank"])
    document = json.loads(texts["leaderboard.json"])
    assert document["without_simulated"]["key"] == order
