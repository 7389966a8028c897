"""The ranking table: readers by the fair yardstick, submissions ranked, each beside the readers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bmseg.errors import InputError
from bmseg.leaderboard.adding import add_submission
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.challenge import challenge_text, default_challenge
from bmseg.leaderboard.entries import Description
from bmseg.leaderboard.gathering import AVERAGE_READER
from bmseg.leaderboard.making import init_board
from bmseg.leaderboard.means import differences, mean_dice, weighted_score
from bmseg.leaderboard.scoring import Reference
from bmseg.leaderboard.standings import standings
from bmseg.leaderboard.verify import verify
from bmseg.study import DEFAULT_STUDY, load_study
from evaluation.masks.reading import read_mask
from evaluation.scores.fair import over_consensuses
from evaluation.study import score_exam
from tests.bmseg.leaderboard.boards import EXAMS, make_board, make_readers, with_rules, write_masks

LEVELS = ["level1", "level2", "level3", "level2+3"]


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> tuple[Board, Reference]:
    """A board of three teams, from close to the readers to far from them."""
    root = tmp_path_factory.mktemp("board")
    board, reference = make_board(root, with_rules(bootstraps=200))
    for number, (team, noise) in enumerate({"close": 0.1, "near": 0.35, "far": 2.5}.items()):
        add_submission(board, team, write_masks(root / team, 40 + number, noise=noise), reference)
    return board, reference


def test_the_board_holds_the_numbers_of_an_evaluation_of_the_same_masks(
    board: tuple[Board, Reference], tmp_path: Path
) -> None:
    folders = {**make_readers(tmp_path), "near": write_masks(tmp_path / "near", 41)}
    found = standings(board[0]).scores.assign(rater=lambda table: table.key.str.partition("/")[0])
    compared = 0
    for exam in EXAMS:
        files = {rater: folder / f"{exam}.nii.gz" for rater, folder in folders.items()}
        masks = {rater: read_mask(path, (0, 1, 2, 3)) for rater, path in files.items()}
        done, _ = score_exam(load_study().design(), exam, masks, list(folders)[:4])
        fair = over_consensuses(done.fair.assign(exam=exam)).set_index(["rater", "level"]).dice
        for row in found[found.rater.isin(list(folders)) & (found.exam == exam)].itertuples():
            assert row.dice == pytest.approx(fair[row.rater, row.level], abs=1e-8, nan_ok=True)
            compared += 1
    assert compared == 5 * 3 * 4


def test_rows_are_in_rank_order_and_readers_have_a_place_but_no_rank(board: tuple[Board, Reference]) -> None:
    rows = standings(board[0]).rows
    ranked = rows[rows.kind == "submission"]
    assert [key.partition("/")[0] for key in ranked.key] == ["close", "near", "far"]
    assert list(ranked["rank"]) == [1, 2, 3]
    assert (ranked.rank_low <= ranked["rank"]).all() and (ranked["rank"] <= ranked.rank_high).all()
    others = rows[rows.kind != "submission"]
    assert set(others.name) == {"reader1", "reader2", "reader3", "reader4", "average reader"}
    assert (
        others[["rank", "rank_low", "rank_high", "spread_low", "spread_high", "value", "group", "n_false"]]
        .isna()
        .all(axis=None)
    )
    assert rows.score.is_monotonic_decreasing
    # Nobody marks level 3 in knee_c: undefined for those who leave it empty too.
    assert ranked.group.iloc[0].startswith("a")
    assert set(ranked.n_undefined) <= {0, 1} and set(ranked.n) == {12}
    assert (ranked.n_defined + ranked.n_undefined + ranked.n_missing == ranked.n).all()


def test_the_average_reader_has_the_mean_of_the_readers_dice(board: tuple[Board, Reference]) -> None:
    scores = standings(board[0]).scores
    means = scores[scores.kind == "reader"].groupby(["exam", "level"]).dice.mean()
    average = scores[scores.key == AVERAGE_READER].set_index(["exam", "level"]).dice
    pd.testing.assert_series_equal(average.sort_index(), means.sort_index(), check_names=False)


def test_a_level_without_weight_is_shown_and_does_not_rank(board: tuple[Board, Reference]) -> None:
    found = standings(board[0])
    assert found.rankings is not None
    assert sorted(set(found.rankings.ranks.task)) == sorted([*LEVELS, "overall"])
    table = found.rankings.ranks.query("scheme == 'mean-then-rank'").pivot(
        index="algorithm", columns="task", values="rank"
    )
    overall = found.rankings.ranks.query("scheme == 'mean-then-rank' and task == 'overall'")
    expected = table[["level1", "level2", "level3"]].mean(axis=1)
    assert overall.set_index("algorithm").value.to_dict() == pytest.approx(expected.to_dict())
    rows = found.rows.set_index("key")
    assert rows.score.to_dict() == pytest.approx(rows[["level1", "level2", "level3"]].mean(axis=1).to_dict())


def test_only_the_latest_of_a_team_is_ranked(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path, with_rules(bootstraps=200))
    first = add_submission(board, "alpha", write_masks(tmp_path / "a", 9), reference).entry
    about = Description(title="second try")
    second = add_submission(board, "alpha", write_masks(tmp_path / "b", 10), reference, about=about).entry
    found = standings(board)
    assert (found.entries, found.superseded) == ([second], [first])
    assert found.rows.set_index("key").name[second.key] == "alpha: second try"


def test_a_board_without_submissions_shows_its_readers(tmp_path: Path) -> None:
    board, _ = make_board(tmp_path)
    found = standings(board)
    assert found.rankings is None and found.entries == []
    assert set(found.rows.kind) == {"reader", AVERAGE_READER} and len(found.rows) == 5


def _scores(values: dict[str, dict[str, list[float]]]) -> pd.DataFrame:
    rows = [
        (f"exam{place}", key, key.rstrip("12"), level, dice, "undefined" if np.isnan(dice) else "scored")
        for key, levels in values.items()
        for level, row in levels.items()
        for place, dice in enumerate(row)
    ]
    table = pd.DataFrame(rows, columns=["exam", "key", "kind", "level", "dice", "status"])
    # Absent where a reader rightly leaves it empty.
    empty = set(
        table[table.dice.isna() & (table.kind == "reader")][["exam", "level"]].itertuples(index=False)
    )
    return table.assign(absent=[key in empty for key in table[["exam", "level"]].itertuples(index=False)])


def test_the_difference_to_the_readers_is_formed_where_both_are_defined() -> None:
    nan = np.nan
    first = {"level1": [0.4] * 8, "level2": [0.4] * 7 + [nan]}
    second = {"level1": [0.6] * 8, "level2": [0.4] * 7 + [nan]}
    model = {"level1": [0.7, 0.6, 0.65, 0.7, 0.6, 0.7, 0.66, 0.64], "level2": [0.4, nan, *[0.5] * 6]}
    scores = _scores({"reader1": first, "reader2": second, "submission": model})
    found = differences(scores, {"level1": 1, "level2": 3}, 0.95).loc["submission"]
    # By hand: weighted 1 to 3, level 2 left out of the second and the last exam.
    by_exam = [(0.2 + 3 * 0) / 4, 0.1, (0.15 + 0.3) / 4, 0.125, 0.1, 0.125, (0.16 + 0.3) / 4, 0.14]
    walsh = [(a + b) / 2 for i, a in enumerate(by_exam) for b in by_exam[i:]]
    assert found.difference == pytest.approx(np.median(walsh))
    assert 0 < found.low < found.difference < found.high


def test_the_coverage_is_of_the_exams_in_which_a_difference_is_defined() -> None:
    nan = np.nan
    reader, few = [0.5, 0.6, 0.7, 0.5, 0.6, 0.7, 0.5, 0.6], [0.4, 0.5, 0.7, 0.3, *[nan] * 4]
    made = {"reader1": {"level1": reader}, "often": {"level1": reader[::-1]}, "seldom": {"level1": few}}
    found = differences(_scores(made), {"level1": 1}, 0.95)
    # Four differences: the widest interval misses with both signs all alike, 2 of 2**4.
    assert found.coverage["seldom"] == pytest.approx(0.875)
    assert found.coverage["often"] >= 0.95


def test_an_absent_level_that_half_of_the_readers_marked_says_nothing() -> None:
    nan = np.nan
    first, second = {"level1": [0.5] * 6, "level3": [0.0] * 6}, {"level1": [0.5] * 6, "level3": [nan] * 6}
    scores = _scores({"reader1": first, "reader2": second, "submission": first})
    assert differences(scores, {"level1": 1, "level3": 1}, 0.95).loc["submission"].difference == 0


def test_missing_counts_as_zero_and_undefined_not_at_all() -> None:
    scores = _scores({"a": {"level1": [0.8, np.nan, 0.4]}})
    assert mean_dice(scores).level1["a"] == pytest.approx(0.6)
    scores.loc[1, "status"] = "missing"
    assert mean_dice(scores).level1["a"] == pytest.approx(0.4)
    means = pd.DataFrame({"level1": [0.8, 0.2], "level2": [np.nan, 0.6]}, index=["a", "b"])
    assert weighted_score(means, {"level1": 1, "level2": 3}).to_dict() == pytest.approx({"a": 0.8, "b": 0.5})


def test_the_usual_yardstick_scores_submissions_against_all_readers(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path, with_rules(yardstick="usual", bootstraps=200))
    entry = add_submission(board, "alpha", write_masks(tmp_path / "a", 9), reference).entry
    dice = board.dice(entry).query("left_out == ''").set_index(["exam", "level"]).dice
    scores = standings(board).scores
    own = scores[scores.key == entry.key].set_index(["exam", "level"])
    pd.testing.assert_series_equal(own.dice, dice)
    assert set(own.n_consensuses) == {1} and set(scores.exam) == set(EXAMS)


def test_one_reader_makes_a_board_with_the_usual_yardstick(tmp_path: Path) -> None:
    study = load_study()
    readers = {"reader1": make_readers(tmp_path)["reader1"]}
    reference = Reference.of(study, readers)
    challenge = default_challenge(study, synthetic=True, n_readers=1)
    board, _ = init_board(tmp_path / "board", challenge, DEFAULT_STUDY, reference)
    add_submission(board, "alpha", write_masks(tmp_path / "a", 9), reference)
    found = standings(board)
    assert list(found.rows.kind) == ["submission"] and found.rows.beside.tolist() == [""]
    assert verify(board, reference).differences == []
    (board.root / "challenge.toml").write_text(challenge_text(with_rules(yardstick="fair")))
    with pytest.raises(InputError, match="found fair with one reader"):
        Board.open(board.root)
