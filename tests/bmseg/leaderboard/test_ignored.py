"""Boards of readers who were unsure of voxels: scored on the others alone, as an evaluation does."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from bmseg.errors import WorkError
from bmseg.leaderboard.adding import add_submission
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.challenge import default_challenge
from bmseg.leaderboard.making import init_board
from bmseg.leaderboard.platforms.bundle import Organised, write_reference
from bmseg.leaderboard.publish import printed
from bmseg.leaderboard.scoring import Reference
from bmseg.leaderboard.site.rules import rules
from bmseg.leaderboard.standings import standings
from bmseg.leaderboard.submission import check_submission
from bmseg.leaderboard.verify import verify
from bmseg.study import DEFAULT_STUDY, load_study
from evaluation.masks.reading import MaskError, read_mask
from evaluation.measures.measure import OneEmpty
from evaluation.study import ReaderStudy, score_exam
from evaluation.study import measure_tables as m
from tests.bmseg.leaderboard.boards import AFFINE, EXAMS, mask_of

UNSURE = 200
MEASURES = ["nsd@readers", "hd95", "foci_f1"]
Known = tuple[Path, Board, Reference]


def where_unsure(exam: str, reader: int) -> np.ndarray:
    """The last slice in one reader's mask, and in another's a block, of two exams of three."""
    where = np.zeros((24, 20, 6), dtype=bool)
    if exam != "knee_c":
        where[:, :, 5] = reader == 1
        where[4:9, 3:12, 1:4] = reader == 2
    return where


def save(folder: Path, masks: Mapping[str, np.ndarray]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for exam, mask in masks.items():
        nib.save(nib.Nifti1Image(mask.astype(np.uint8), AFFINE), folder / f"{exam}.nii.gz")
    return folder


def study_file(root: Path, ignore: str) -> Path:
    path = root / "study.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = DEFAULT_STUDY.read_text(encoding="utf-8").split("[published]")[0]
    path.write_text(text.replace("[scores]", f"[scores]\n{ignore}"), encoding="utf-8")
    return path


def read_readers(root: Path) -> dict[str, Path]:
    names = load_study().reader_names
    return {
        reader: save(
            root / "readers" / reader,
            {exam: np.where(where_unsure(exam, place), UNSURE, mask_of(exam, place)) for exam in EXAMS},
        )
        for place, reader in enumerate(names)
    }


def board_of(
    root: Path, file: Path, readers: Mapping[str, Path], measures: list[str]
) -> tuple[Board, Reference]:
    study = load_study(file)
    reference = Reference.of(study, readers)
    challenge = default_challenge(study, synthetic=True, measures=measures)
    return init_board(root / "board", challenge, file, reference)[0], reference


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Known:
    root = tmp_path_factory.mktemp("unsure")
    board, reference = board_of(root, study_file(root, f"ignore = {UNSURE}"), read_readers(root), MEASURES)
    add_submission(board, "close", save(root / "close", {e: mask_of(e, 40, 0.1) for e in EXAMS}), reference)
    return root, board, reference


def scored(root: Path, board: Board) -> tuple[ReaderStudy, pd.DataFrame]:
    """An evaluation of the same masks, and its Dice against every consensus."""
    readers = board.study.reader_names
    design = replace(
        board.study.design(), one_empty=OneEmpty.WORST, measures=("dice", *MEASURES), notes=(), mark=""
    )
    folders = {**{reader: root / "readers" / reader for reader in readers}, "close": root / "close"}
    exams = []
    for exam in EXAMS:
        values = (0, 1, 2, 3, UNSURE)
        masks = {rater: read_mask(path / f"{exam}.nii.gz", values) for rater, path in folders.items()}
        exams.append(score_exam(design, exam, masks, readers)[0])
    dice = [
        table.assign(exam=one.name) for one in exams for table in (one.fair, one.scores.assign(left_out=""))
    ]
    return ReaderStudy.of(design, exams, readers, ["close"]), pd.concat(dice)


def test_scores_are_those_of_an_evaluation(made: Known) -> None:
    root, board, _ = made
    (study, dice), (entry,) = scored(root, board), board.entries()
    keys = ["exam", "rater", "level", "left_out"]
    of_dice = dice.set_index(keys)
    for row in board.dice(entry).itertuples():
        expected = of_dice.loc[(row.exam, "close", row.level, row.left_out)]
        assert (row.tp, row.fp, row.fn) == (expected.tp, expected.fp, expected.fn)
        assert row.dice == pytest.approx(expected.dice, abs=1e-7, nan_ok=True)
    measured = pd.concat([study[m.FAIR_SCORES], study[m.SCORES].assign(left_out="")])
    measured = measured.set_index([*keys[:3], "measure", "left_out"])
    rows = board.measures(entry)
    assert set(rows.measure) == set(MEASURES)
    for row in rows.itertuples():
        expected = measured.loc[(row.exam, "close", row.level, row.measure, row.left_out)]
        assert row.value == pytest.approx(expected.value, abs=1e-7, nan_ok=True)
        assert row.status == expected.status
    for row in board.reader_scores().itertuples():
        expected = of_dice.loc[(row.exam, row.rater, row.level, row.left_out)]
        assert (row.tp, row.fp, row.fn) == (expected.tp, expected.fp, expected.fn)
    found = study[m.TOLERANCE].set_index("level").tolerance.to_dict()
    assert board.contract.tolerances == pytest.approx(found)


def test_a_slice_that_is_unsure_everywhere_is_as_if_it_was_not_there(tmp_path: Path) -> None:
    """Every Dice, by every rule and beside every reader, is that of a board without the slice."""
    drawn = {
        reader: {exam: mask_of(exam, place) for exam in EXAMS}
        for place, reader in enumerate(load_study().reader_names)
    }
    sent = {exam: mask_of(exam, 40, 0.1) for exam in EXAMS}
    boards = []
    for name in ("unsure", "cut"):
        root, readers = tmp_path / name, {}
        for reader, masks in drawn.items():
            masks = {exam: mask.copy() for exam, mask in masks.items()}
            if name == "unsure" and reader == "reader2":
                for mask in masks.values():
                    mask[:, :, 5] = UNSURE
            if name == "cut":
                masks = {exam: mask[:, :, :5] for exam, mask in masks.items()}
            readers[reader] = save(root / reader, masks)
        board, reference = board_of(root, study_file(root, f"ignore = {UNSURE}"), readers, [])
        own = {exam: mask[:, :, :5] for exam, mask in sent.items()} if name == "cut" else sent
        add_submission(board, "close", save(root / "close", own), reference)
        boards.append(board)
    one, other = boards
    (ours,), (theirs,) = one.entries(), other.entries()
    for found, expected in [
        (one.dice(ours), other.dice(theirs)),
        (one.ways(ours), other.ways(theirs)),
        (one.reader_scores(), other.reader_scores()),
        (one.reader_ways(), other.reader_ways()),
    ]:
        assert found is not None and expected is not None
        pd.testing.assert_frame_equal(found, expected)


def test_the_page_says_how_many(made: Known) -> None:
    _, board, reference = made
    n = 2 * (24 * 20 + 5 * 9 * 3)
    said = (
        f"Left out of every count: {n} voxels in 2 of 3 exams that a reader marked as unsure (label 200: "
        f"reader2 {2 * 24 * 20}, reader3 {2 * 5 * 9 * 3}). A border with them is no surface."
    )
    assert board.contract.unsure == [said]
    found = standings(board)
    shown = found.in_titles(said)
    assert shown in printed(found).notes
    assert dict(rules(found))["Unsure readers"] == shown
    assert reference.contract().unsure == [said]
    assert verify(board, reference).differences == []


def test_a_submission_is_always_sure(made: Known, tmp_path: Path) -> None:
    _, board, reference = made
    mask = mask_of("knee_a", 40)
    mask[0, 0, 0] = UNSURE
    source = save(tmp_path / "unsure", {e: mask if e == "knee_a" else mask_of(e, 40) for e in EXAMS})
    (fault,) = check_submission(source, board.contract).faults
    assert str(fault) == "knee_a.nii.gz: label: found 200 in 1 voxel, expected 0, 1, 2, 3; correct the mask"
    with pytest.raises(WorkError, match="label: found 200"):
        add_submission(board, "unsure", source, reference)


def test_a_copy_is_found_whatever_it_has_where_its_reader_was_unsure(made: Known, tmp_path: Path) -> None:
    _, board, reference = made
    copied = tmp_path / "board"
    shutil.copytree(board.root, copied)
    other = Board.open(copied)
    source = save(tmp_path / "twin", {exam: mask_of(exam, 1) for exam in EXAMS})
    add_submission(other, "twin", source, reference)
    (entry,) = [entry for entry in other.entries() if entry.team == "twin"]
    assert [one.of for one in entry.copied] == ["reader2"]


def test_a_bundle_holds_what_the_readers_drew(made: Known, tmp_path: Path) -> None:
    _, board, reference = made
    write_reference(Organised(board, reference), tmp_path)
    found = Reference.of(
        load_study(tmp_path / "study.toml"),
        {reader: tmp_path / "readers" / reader for reader in reference.readers},
    )
    assert found.contract().unsure == board.contract.unsure


def test_an_exam_of_nothing_else_is_refused(tmp_path: Path) -> None:
    readers = read_readers(tmp_path)
    save(readers["reader1"], {"knee_a": np.full((24, 20, 6), UNSURE)})
    reference = Reference.of(load_study(study_file(tmp_path, f"ignore = {UNSURE}")), readers)
    with pytest.raises(MaskError, match=r"exam knee_a: label: found 200 \(ignore\) everywhere"):
        reference.contract()
