"""A board says of a submission what a report says of the same masks, and of copies what they are."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from bmseg.leaderboard import verdicts as of_board
from bmseg.leaderboard.adding import add_submission, withdraw
from bmseg.leaderboard.beside import call_in_words
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.challenge import default_challenge
from bmseg.leaderboard.completing import complete
from bmseg.leaderboard.entries import Entry, write_entry
from bmseg.leaderboard.making import init_board
from bmseg.leaderboard.publish import printed
from bmseg.leaderboard.scoring import Reference
from bmseg.leaderboard.site.rules import in_short
from bmseg.leaderboard.site.tables import ranking_lines
from bmseg.leaderboard.standings import Standings, standings
from bmseg.leaderboard.verify import verify
from bmseg.study import DEFAULT_STUDY, load_study
from dataset_conversion.images import read_volume, write_volume
from evaluation.masks.reading import read_mask
from evaluation.study import ReaderStudy, score_exam
from evaluation.study import tables as t
from evaluation.study.titles import in_sentence
from tests.bmseg.leaderboard.boards import EXAMS, make_board, with_rules, write_masks
from tests.support.masks import save_mask

READERS = load_study().reader_names
#: Team to how far its signal is from the readers', and whose masks taught it.
TEAMS = {
    "clean": (0.0, []),
    "alike": (0.5, ["reader1"]),
    "poor": (1.6, ["reader2"]),
}


def write_study(root: Path, n_exams: int = 8) -> dict[str, Path]:
    """Folders of readers, who add to one signal what each sees, and of the teams of `TEAMS`."""
    rng = np.random.default_rng(7)

    def smooth() -> np.ndarray:
        field = gaussian_filter(rng.normal(size=(18, 16, 4)), (2.5, 2.5, 0.8))
        return field / field.std()

    for number in range(n_exams):
        signal = smooth()
        for rater, noise in {**dict.fromkeys(READERS, 0.5), **{k: v[0] for k, v in TEAMS.items()}}.items():
            mask = np.digitize(signal + noise * smooth(), [0.8, 1.3, 1.8]).astype(np.uint8)
            # Nobody but one team sees level 3 in three of the exams.
            mask = np.minimum(mask, 2) if number < 3 and rater != "poor" else mask
            save_mask(root / rater / f"e{number}.nii.gz", mask)
    return {rater: root / rater for rater in [*READERS, *TEAMS]}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Board, Standings, ReaderStudy, Reference]:
    """Board and report of one study: three teams, and a copy of reader3."""
    root = tmp_path_factory.mktemp("both")
    folders = write_study(root)
    study = load_study()
    reference = Reference.of(study, {reader: folders[reader] for reader in READERS})
    challenge = default_challenge(study, synthetic=True)
    ranking = challenge.ranking.model_copy(update={"bootstraps": 100})
    board, _ = init_board(
        root / "board", challenge.model_copy(update={"ranking": ranking}), DEFAULT_STUDY, reference
    )
    models = {team: folders[team] for team in TEAMS} | {"copy": folders["reader3"]}
    for team, folder in models.items():
        add_submission(board, team, folder, reference, taught_by=TEAMS.get(team, (0.0, []))[1])
    taught = {team: names for team, (_, names) in TEAMS.items() if names}
    # Verdicts are by Dice.
    design, exams = replace(study.design(), taught_by=taught, measures=("dice",)), []
    for exam in reference.files:
        masks = {
            rater: read_mask(folder / f"{exam}.nii.gz", (0, 1, 2, 3))
            for rater, folder in {**{r: folders[r] for r in READERS}, **models}.items()
        }
        exams.append(score_exam(design, exam, masks, READERS)[0])
    return board, standings(board), ReaderStudy.of(design, exams, READERS, list(models)), reference


def test_board_and_report_give_the_same_verdicts_in_the_same_words(
    both: tuple[Board, Standings, ReaderStudy, Reference],
) -> None:
    _, board, report, _ = both
    rows = board.rows.set_index("team")
    said = {one.first: one for one in t.verdicts(report) if one.second not in report.models}
    assert {team: rows.beside[team] for team in TEAMS} == {team: said[team].call for team in TEAMS}
    # Its tables go by names, and its pages by titles, as the report.
    assert {team: board.said[rows.key[team]] for team in TEAMS} == {team: said[team].words for team in TEAMS}
    assert {team: in_sentence(rows.verdict[team], report.titles) for team in TEAMS} == {
        team: said[team].words for team in TEAMS
    }
    # Every kind of verdict is there, and beside a teacher's student what it is without the teacher.
    assert [rows.beside[team] for team in TEAMS] == ["better", "not settled", "worse"]
    # In short it names the levels, by their titles too.
    calls = {team: board.calls[rows.key[team]] for team in TEAMS}
    assert calls == {team: in_sentence(call_in_words(said[team]), report.titles) for team in TEAMS}
    assert calls["clean"] == "better on Level 1"
    printed_rows, lines = printed(board).to_markdown(), {line.name: line for line in ranking_lines(board)}
    first_said = next(one for one in in_short(board) if one.startswith("Beside the median reader"))
    for team in TEAMS:
        assert lines[team].beside == calls[team] and f": {calls[team]}" in printed_rows
        assert f"{team} {calls[team]}" in first_said
    assert rows.verdict["alike"].endswith(" Nor is it settled without reader1, whose masks taught alike.")
    assert rows.n_false["poor"] == 3 and "marks level3 where there is none in 3 exams" in rows.verdict["poor"]
    assert rows.verdict["poor"].count("(p adjusted over 3 levels of 3 models, ") == 1


def test_a_verdict_promises_no_more_than_patients_do(
    both: tuple[Board, Standings, ReaderStudy, Reference],
) -> None:
    board, before, _, reference = both
    patients = dict(zip(reference.files, "11122233", strict=True))
    contract = replace(reference, patients=patients).contract()
    assert contract.patients == patients and board.contract.patients_told == []
    found = standings(replace(board, contract=contract))
    # By exams one is better and one worse; of three patients no test has a p below 2 / 2**3.
    rows, earlier = (each.rows.set_index("team") for each in (found, before))
    assert [earlier.beside[team] for team in TEAMS] == ["better", "not settled", "worse"]
    assert [rows.beside[team] for team in TEAMS] == ["not settled"] * 3
    assert rows["rank"].equals(earlier["rank"])
    (said,) = contract.patients_told
    assert said.startswith("8 test exams are of 3 patients: beside the median reader a difference is clear")
    assert said in in_short(found) and said in printed(found).notes


def test_a_copy_is_one_on_board_and_report_with_its_readers_scores(
    both: tuple[Board, Standings, ReaderStudy, Reference],
) -> None:
    _, board, report, _ = both
    rows = board.rows.set_index("key")
    copy, reader = rows[rows.kind == "copy"].iloc[0], rows.loc["reader3"]
    assert (copy.copy_of, copy.beside, copy.verdict) == ("reader3", "", "")
    assert np.isnan([copy["rank"], copy.rank_low, copy.value]).all() and pd.isna(copy.group)
    names = ["score", *report.design.by_name, "n_defined", "n_undefined", "difference", "low", "high"]
    assert copy[names].tolist() == pytest.approx(reader[names].tolist())
    (call,) = {one.call for one in t.verdicts(report) if "copy" in (one.first, one.second)}
    assert call == "copy"
    assert "1 submission is a copy and ranked nowhere: copy of Reader 3." in in_short(board)
    (line,) = (line for line in ranking_lines(board) if line.kind == "copy")
    assert (line.beside, line.rank.text, line.page) == (
        "a copy of Reader 3: no rank, no verdict", "–", ""
    )  # fmt: skip
    text = printed(board).to_markdown()
    assert "a copy of Reader 3, not ranked" in text and "is a copy of Reader 3: equal in every voxel" in text


class _Earlier(Board):
    """A board that an earlier version made."""

    def ways(self, entry: Entry) -> None:  # noqa: ARG002
        return None


def test_a_board_without_the_other_ways_says_so_and_settles_nothing(
    both: tuple[Board, Standings, ReaderStudy, Reference],
) -> None:
    board, before, _, _ = both
    earlier = _Earlier(board.root, board.study, board.challenge, board.contract)
    found = of_board.verdicts(earlier, before.entries)
    ((clean, _),) = (one for one in found.values() if one[0].first == "clean")
    assert {verdict.call for verdict, _ in found.values()} == {"not settled"}
    assert f"clean is ahead by the fair scores, but {of_board.UNKNOWN}" in clean.words


def test_simulated_submissions_are_a_family_of_their_own(
    both: tuple[Board, Standings, ReaderStudy, Reference],
) -> None:
    board, *_ = both
    entries = [entry for entry in board.entries() if entry.team != "copy"]
    some = [entry.model_copy(update={"simulated": entry.team == "poor"}) for entry in entries]
    teams = [entry for entry in some if not entry.simulated]
    alone, together = (of_board.verdicts(board, chosen) for chosen in (teams, some))
    assert len(together) == 3 and len(alone) == 2
    assert all(together[key][0].words == verdict.words for key, (verdict, _) in alone.items())
    assert all("of 2 models" in shown.words for _, shown in alone.values())


def test_a_missing_mask_is_dice_0_where_there_is_something_to_mark(
    both: tuple[Board, Standings, ReaderStudy, Reference], tmp_path: Path
) -> None:
    board, before, _, reference = both
    root = tmp_path / "board"
    shutil.copytree(board.root, root)
    some = tmp_path / "some"
    shutil.copytree(tmp_path / "board" / "masks" / "clean", some)
    (folder,) = some.iterdir()
    for exam in ("e0", "e6", "e7"):
        (folder / f"{exam}.nii.gz").unlink()
    add_submission(Board.open(root), "lazy", folder, reference)
    entry = Board.open(root).find("lazy")
    # It has clean's masks in the others, and exams without a mask are none of clean's.
    rows = standings(Board.open(root)).rows.set_index("team")
    assert rows.copy_of["lazy"] == before.rows.set_index("team").key["clean"]
    ((verdict, _),) = of_board.verdicts(Board.open(root), [entry]).values()
    assert [level.n_pairs for level in verdict.levels] == [8, 8, 5]
    # Level 3 of e0 is absent: it is not rightly left empty by who hands in nothing.
    assert verdict.levels[2].n_false + verdict.levels[2].n_false_other == 0


COPIES = ["reader", "nearly", "submission", "shorter"]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Reference, Standings]:
    """A board of three teams, in a folder with their masks."""
    root = tmp_path_factory.mktemp("three")
    board, reference = make_board(root, with_rules(bootstraps=100))
    for number, (team, noise) in enumerate({"close": 0.1, "near": 0.35, "far": 2.5}.items()):
        add_submission(board, team, write_masks(root / team, 40 + number, noise=noise), reference)
    return root, reference, standings(board)


@pytest.mark.parametrize("kind", COPIES)
def test_adding_a_copy_moves_nobody(
    three: tuple[Path, Reference, Standings], tmp_path: Path, kind: str
) -> None:
    root, reference, before = three
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    board = Board.open(tmp_path / "board")
    source = tmp_path / "sent"
    shutil.copytree(tmp_path / ("readers/reader2" if kind in COPIES[:2] else "near"), source)
    if kind == "shorter":
        (source / f"{EXAMS[2]}.nii.gz").unlink()
    if kind == "nearly":
        for exam in EXAMS:
            mask = read_volume(source / f"{exam}.nii.gz")
            mask.array[tuple(axis[0] for axis in np.nonzero(mask.array == 1))] = 0
            write_volume(source / f"{exam}.nii.gz", mask)
    added = add_submission(board, "again", source, reference)
    assert any("gets no rank" in notice for notice in added.notices) or kind == "submission"
    # The team's own try of before is what is ranked.
    add_submission(board, "near", tmp_path / "readers" / "reader4", reference)
    after = standings(board)
    others = after.rows[after.rows.kind != "copy"].reset_index(drop=True)
    pd.testing.assert_frame_equal(others, before.rows)
    assert after.rankings is not None and before.rankings is not None
    pd.testing.assert_frame_equal(after.rankings.ranks, before.rankings.ranks)
    copies = after.rows[after.rows.kind == "copy"].set_index("team").copy_of
    original = before.rows.set_index("team").key["near"]
    assert copies.to_dict() == {"near": "reader4", "again": "reader2" if kind in COPIES[:2] else original}
    assert kind != "nearly" or verify(board, reference).differences == []


def test_an_earlier_board_is_completed_from_masks_that_are_at_hand(
    three: tuple[Path, Reference, Standings], tmp_path: Path
) -> None:
    root, reference, before = three
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    board = Board.open(tmp_path / "board")
    add_submission(board, "again", tmp_path / "readers" / "reader1", reference)
    for entry in board.entries():
        known = {"ways_sha256": "", "copied": []}
        write_entry(entry.model_copy(update=known), board.folder(entry.key))
        (board.folder(entry.key) / "ways.csv").unlink()
    assert "copy" not in set(standings(board).rows.kind)
    shutil.rmtree(board.masks(before.entries[2].key))
    assert len(complete(board, reference)) == 3 and complete(board, reference) == []
    found = standings(board)
    assert [entry.copied[0].of for entry in found.copies] == ["reader1"]
    pd.testing.assert_frame_equal(
        found.rows[found.rows.kind != "copy"].drop(columns="verdict").reset_index(drop=True),
        before.rows.drop(columns="verdict"),
    )


def test_the_copy_of_what_was_withdrawn_is_ranked(tmp_path: Path) -> None:
    board, reference = make_board(tmp_path, with_rules(bootstraps=100))
    source = write_masks(tmp_path / "near", 40)
    first = add_submission(board, "near", source, reference).entry
    later = add_submission(board, "again", source, reference)
    told = "a later submission of them is a copy, without a rank"
    assert later.notices == [f"the same masks are on the board as {first.key}: {told}"]
    assert [entry.team for entry in standings(board).entries] == ["near"]
    withdraw(board, "near", "a mistake")
    assert [entry.team for entry in standings(board).entries] == ["again"]
