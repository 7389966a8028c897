"""A board whose tasks are levels by several measures: scores, tolerances, ranks, verification."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bmseg.errors import InputError
from bmseg.leaderboard.adding import add_submission
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.challenge import CHALLENGE_FILE, challenge_text
from bmseg.leaderboard.completing import complete
from bmseg.leaderboard.entries import entry_text
from bmseg.leaderboard.kept import read_scores
from bmseg.leaderboard.making import init_board, tolerances_told
from bmseg.leaderboard.platforms.bundle import Organised
from bmseg.leaderboard.publish import printed
from bmseg.leaderboard.scoring import Reference
from bmseg.leaderboard.standings import Standings, standings
from bmseg.leaderboard.verify import verify
from bmseg.study import DEFAULT_STUDY, load_study
from evaluation.masks.reading import read_mask
from evaluation.measures.measure import OneEmpty
from evaluation.ranking import OVERALL
from evaluation.study import ReaderStudy, score_exam
from evaluation.study import measure_tables as m
from tests.bmseg.leaderboard.boards import EXAMS, make_board, open_board, with_rules, write_masks

WEIGHTS = {
    "level1": 1.0,
    "level2": 1.0,
    "level2 nsd@readers": 1.0,
    "level1 hd95": 0.5,
    "level3 foci_f1": 1.0,
    "level2 foci_sensitivity": 0.5,
    "level2+3 assd": 1.0,
}
NAMES = [
    "level2 nsd@readers", "level1 hd95", "level3 foci_f1", "level2 foci_sensitivity", "level2+3 assd",
]  # fmt: skip
Known = tuple[Path, Board, Reference]


def asking(weights: dict[str, float] | None = None, **rules: object) -> str:
    """A challenge.toml of such tasks."""
    return challenge_text(with_rules(weights=weights or WEIGHTS, bootstraps=200, **rules))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """Three teams, the last of which has no mask of knee_b; and a copy of reader1."""
    root = tmp_path_factory.mktemp("tasks")
    board, reference = make_board(root)
    (board.root / CHALLENGE_FILE).write_text(asking())
    assert complete(Board.open(board.root), reference) == ["the readers"]
    board = Board.open(board.root)
    for number, (team, noise) in enumerate({"close": 0.1, "near": 0.35}.items()):
        add_submission(board, team, write_masks(root / team, 40 + number, noise=noise), reference)
    lacking = write_masks(root / "lacking", 11, exams=["knee_a", "knee_c"])
    added = add_submission(board, "lacking", lacking, reference)
    assert added.notices == ["missing 1 of 3 exams, which count as the worst score: knee_b"]
    add_submission(board, "twin", root / "readers" / "reader1", reference)
    return root, board, reference


@pytest.fixture
def board(made: Known, tmp_path: Path) -> tuple[Board, Reference]:
    """A copy of it to be changed."""
    shutil.copytree(made[0], tmp_path, dirs_exist_ok=True)
    board, reference = open_board(tmp_path)
    reference._known.update(made[2]._known)
    return board, reference


@pytest.fixture(scope="module")
def ranked(made: Known) -> Standings:
    return standings(made[1])


@pytest.fixture(scope="module")
def study(made: Known) -> ReaderStudy:
    """An evaluation of the same masks, of the teams that sent all."""
    root = made[0]
    readers = load_study().reader_names
    design = replace(load_study().design(), one_empty=OneEmpty.WORST)
    folders = {**{reader: root / "readers" / reader for reader in readers}, "close": root / "close"}
    folders["near"] = root / "near"
    exams = []
    for exam in EXAMS:
        masks = {rater: read_mask(path / f"{exam}.nii.gz", (0, 1, 2, 3)) for rater, path in folders.items()}
        exams.append(score_exam(design, exam, masks, readers)[0])
    return ReaderStudy.of(design, exams, readers, ["close", "near"])


def test_tolerances_are_those_of_an_evaluation_and_stand_in_the_contract(
    made: Known, study: ReaderStudy
) -> None:
    board, found = made[1], study[m.TOLERANCE]
    assert set(board.contract.tolerances) == set(board.study.level_names)
    assert board.contract.tolerances == board.reference["tolerances"]
    assert board.contract.tolerances == found.set_index("level").tolerance.to_dict()
    assert board.contract.tolerance_notices == found.notices[found.notices != ""].tolist() != []
    first, *notices = tolerances_told(board.contract)
    assert f"level1 {board.contract.tolerances['level1']:g} mm" in first
    assert notices == board.contract.tolerance_notices


def test_scores_are_those_of_an_evaluation(made: Known, study: ReaderStudy) -> None:
    board = made[1]
    rows = pd.concat([study[m.FAIR_SCORES], study[m.SCORES].assign(left_out="")])
    rows = rows[rows.measure != "dice"].set_index(["exam", "rater", "level", "measure", "left_out"])
    compared = 0
    for entry in board.entries():
        if entry.team not in ("close", "near"):
            continue
        for row in board.measures(entry).itertuples():
            expected = rows.loc[(row.exam, entry.team, row.level, row.measure, row.left_out)]
            assert row.value == pytest.approx(expected.value, abs=1e-7, nan_ok=True)
            assert row.status == expected.status
            compared += 1
    # Two teams, three exams, five consensuses, four levels by three measures and three by foci.
    assert compared == 2 * 3 * 5 * (5 * 3 + 3)
    for row in board.reader_measures().itertuples():
        expected = rows.loc[(row.exam, row.rater, row.level, row.measure, row.left_out)]
        assert row.rater == row.left_out and row.value == pytest.approx(expected.value, abs=1e-7, nan_ok=True)


def test_the_standings_hold_the_tasks(made: Known, ranked: Standings) -> None:
    board, rows = made[1], ranked.rows.set_index("name")
    assert [name for name in ranked.rows if name in NAMES] == NAMES
    hd95 = ranked.measured[(ranked.measured.task == "level1 hd95") & (ranked.measured.kind == "submission")]
    lacking = hd95[hd95.name == "lacking"].set_index("exam")
    assert lacking.status.to_dict() == {"knee_a": "scored", "knee_b": "missing", "knee_c": "scored"}
    assert lacking.worst.to_numpy() == pytest.approx(35.0936, abs=1e-4)
    others = lacking.value.dropna().sum()
    assert rows["level1 hd95"]["lacking"] == pytest.approx((others + 35.0935886) / 3)
    # A copy has its reader's scores in every task, and the mean reader the readers'.
    for name in NAMES:
        assert rows[name]["twin"] == pytest.approx(rows[name]["reader1"])
    of_readers = ranked.measured[ranked.measured.kind == "reader"]
    assert of_readers.groupby("task").size().to_dict() == dict.fromkeys(NAMES, 4 * 3)
    ranks = ranked.rankings.ranks
    assert set(ranks.task) == {OVERALL, *board.study.level_names, *NAMES}
    by_mean = ranks[(ranks.task == "level1 hd95") & (ranks.scheme == "mean-then-rank")]
    assert by_mean.value.is_monotonic_increasing and by_mean.n_missing.sum() == 1
    # Levels that are no task are shown and have no weight: the overall rank is that of six tasks.
    assert set(ranks[ranks.task == OVERALL].n) == {3 * len(WEIGHTS)}


def test_overall_tests_of_unlike_tasks_are_of_ranks(
    ranked: Standings, board: tuple[Board, Reference]
) -> None:
    """Distances in another unit, a hundred times as large, change nothing overall."""
    given = ranked.rankings.pairwise
    expected = given[given.task == OVERALL].reset_index(drop=True)
    scaled = ranked.measured.copy()
    far = scaled.measure.isin(["hd95", "assd"])
    scaled.loc[far, ["value", "worst"]] *= 100

    from bmseg.leaderboard.placing import rank

    found = rank(board[0], ranked.scores, scaled).pairwise
    found = found[found.task == OVERALL].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected)
    said = "\n".join(printed(ranked).notes)
    assert "mean over the tasks of the ranks within the exam" in said
    assert "Levels by themselves are Dice, and so are score, n, the difference" in said


def test_verdict_score_and_places_stay_with_dice(made: Known, ranked: Standings, tmp_path: Path) -> None:
    """The same board with Dice alone says the same beside the readers."""
    shutil.copytree(made[0], tmp_path, dirs_exist_ok=True)
    board, _ = open_board(tmp_path)
    (board.root / CHALLENGE_FILE).write_text(asking({"level1": 1.0, "level2": 1.0}))
    alone = standings(Board.open(board.root)).rows.set_index("key")
    rows = ranked.rows.set_index("key").reindex(alone.index)
    for name in ("score", "difference", "low", "high", "verdict", "beside", "level3"):
        pd.testing.assert_series_equal(rows[name], alone[name])


def test_a_board_whose_contract_lacks_the_tolerance_is_refused(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path)
    (board.root / CHALLENGE_FILE).write_text(asking())
    board = Board.open(board.root)
    source = write_masks(tmp_path / "sent", 40)
    said = "exams.json: tolerances: found none of level2, expected those that nsd@readers is scored with; 'b"
    for refused in (
        lambda: add_submission(board, "alpha", source, reference),
        lambda: standings(board),
    ):
        with pytest.raises(InputError) as error:
            refused()
        assert said in str(error.value) and "leaderboard init" in str(error.value)
    assert not list(board.results.glob("*/*"))


def test_init_of_such_a_challenge_fixes_them_at_once(made: Known, tmp_path: Path) -> None:
    tolerances = made[1].contract.tolerances
    _, reference = make_board(tmp_path)
    challenge = with_rules(weights={"level1": 1.0, "level1 nsd@readers": 1.0})
    board, _ = init_board(tmp_path / "other", challenge, DEFAULT_STUDY, reference)
    assert board.contract.tolerances == tolerances
    assert set(board.reader_measures().measure) == {"nsd@readers"}
    assert verify(board, reference).differences == []
    # Once fixed it stays, whatever is asked of the readers afterwards.
    (board.root / CHALLENGE_FILE).write_text(asking())
    assert complete(Board.open(board.root), reference) == ["the readers"]
    assert Board.open(board.root).contract.tolerances == tolerances
    assert complete(Board.open(board.root), reference) == []


def test_submissions_that_were_there_before_are_scored_from_their_masks(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path)
    first = add_submission(board, "alpha", write_masks(tmp_path / "a", 40), reference).entry
    second = add_submission(board, "beta", write_masks(tmp_path / "b", 41), reference).entry
    assert "measures_sha256" not in entry_text(first)
    shutil.rmtree(board.masks(second.key))
    (board.root / CHALLENGE_FILE).write_text(asking({"level1": 1.0, "level1 hd95": 1.0}))
    assert complete(Board.open(board.root), reference) == ["the readers", first.key]
    board = Board.open(board.root)
    assert set(board.measures(board.find("alpha")).measure) == {"hd95"}
    said = f"{second.key}: found no scores of level1 hd95, expected some; 'bmseg leaderboard init'"
    with pytest.raises(InputError, match=said):
        standings(board)
    assert verify(board, reference).differences == []


def test_volumes_are_ranked_by_their_size(tmp_path: Path) -> None:
    """Too much and too little are alike bad; an exam that lacks its mask has no such score."""
    board, reference = make_board(tmp_path)
    weights = {"level1 volume_difference": 1.0, "level2 foci_false": 1.0}
    (board.root / CHALLENGE_FILE).write_text(asking(weights, missing="refuse"))
    complete(Board.open(board.root), reference)
    board = Board.open(board.root)
    entry = add_submission(board, "alpha", write_masks(tmp_path / "a", 40), reference).entry
    kept = board.measures(entry)
    own = kept[(kept.measure == "volume_difference") & (kept.level == "level1") & (kept.left_out != "")]
    assert (own.value < 0).any()
    found = standings(board)
    size = own.value.abs().groupby(own.exam).mean().mean()
    assert found.rows.set_index("key")["level1 volume_difference"][entry.key] == pytest.approx(size)
    assert found.challenge.ranking.of_dice == {"level1": 1.0, "level2": 1.0}
    assert verify(board, reference).differences == []


def _edited(column: str, value: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def edit(table: pd.DataFrame) -> pd.DataFrame:
        table = table.astype(object)
        table.loc[table.measure.eq("hd95").idxmax(), column] = value
        return table

    return edit


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_edited("value", "-1"), "knee_a level1 hd95 : value: found -1.0"),
        (_edited("status", "one_empty"), "status one_empty, worst 35.0935886, which do not go with counts"),
        (_edited("worst", "1"), "worst 1.0, which do not go"),
        (_edited("level", "level9"), "1 row missing"),
        (lambda table: pd.concat([table, table.tail(1)]), "1 row repeated"),
        (_edited("measure", "hd9"), "measures: found 'hd9'"),
        (lambda table: table.drop(columns="worst"), "cannot be read as a table of scores"),
    ],
)
def test_verify_names_a_changed_score(
    board: tuple[Board, Reference], edit: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    path = board[0].folder(board[0].find("close").key) / "measures.csv"
    edit(pd.read_csv(path, keep_default_na=False, dtype=str)).to_csv(path, index=False)
    found = verify(board[0])
    assert any(said in difference for difference in found.differences), found.differences


def test_verify_derives_scores_and_tolerances_from_masks(board: tuple[Board, Reference]) -> None:
    """A value that could be, but is not; a tolerance that suits somebody."""
    opened, reference = board
    assert verify(opened, reference).differences == []
    path = opened.folder(opened.find("near").key) / "measures.csv"
    text = path.read_text()
    scores = read_scores(path, ["value"])
    first = scores[scores.measure == "hd95"].value.iloc[0]
    path.write_text(text.replace(f"{first:.9g}", f"{first - 0.5:.9g}", 1))
    exams = opened.root / "exams.json"
    contract = json.loads(exams.read_text())
    contract["tolerances"]["level2"] = 9.0
    contract["tolerance_notices"] = []
    exams.write_text(json.dumps(contract))
    found = "\n".join(verify(Board.open(opened.root), reference).differences)
    assert "near" in found and "other contents than submission.toml has the hash of" in found
    assert "tolerances: found level1" in found and "level2 9 mm" in found and "reference.json has" in found
    assert "tolerance_notices: found others than reference.json has" in found


def test_a_bundle_scores_dice_alone_and_says_so(made: Known) -> None:
    root, board, _ = made
    readers = {reader: root / "readers" / reader for reader in board.study.reader_names}
    with pytest.raises(InputError, match="ranking.weights: found level2 nsd@readers, level1 hd95"):
        Organised.of(board.root, readers)


def test_without_a_mask_nobody_is_ahead_of_one_with_a_mask(ranked: Standings) -> None:
    """In every task, exam by exam: what counts for a missing one is no better than any score."""
    for task in ranked.challenge.ranking.tasks:
        own = ranked.measured[ranked.measured.task == task.name]
        sign = -1 if task.smaller_is_better else 1
        assert (sign * own.value.dropna() >= sign * own.worst[own.value.notna()] - 1e-9).all()
        assert np.isfinite(own.worst).all()
