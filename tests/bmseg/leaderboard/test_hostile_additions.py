"""No hostile submission changes a byte of a board."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from bmseg.errors import InputError, WorkError
from bmseg.leaderboard.adding import add_submission
from bmseg.leaderboard.challenge import default_challenge
from bmseg.leaderboard.making import init_board
from bmseg.leaderboard.scoring import Reference
from bmseg.study import DEFAULT_STUDY, load_study
from tests.bmseg.leaderboard.submission.hostile_masks import AFFINE, ARRAY, CONTRACT, EXAMS
from tests.support.files import bytes_of


def test_the_boards_files_are_unchanged_after_each(
    tmp_path: Path, hostile_sources: dict[str, tuple[Path, str]]
) -> None:
    study = load_study()
    for place, reader in enumerate(study.reader_names):
        folder = tmp_path / "readers" / reader
        folder.mkdir(parents=True)
        for exam in EXAMS:
            nib.save(nib.Nifti1Image(np.roll(ARRAY, place), AFFINE), folder / f"{exam}.nii.gz")
    readers = {reader: tmp_path / "readers" / reader for reader in study.reader_names}
    reference = Reference.of(study, readers)
    board, _ = init_board(
        tmp_path / "board", default_challenge(study, synthetic=True), DEFAULT_STUDY, reference
    )
    assert list(board.contract.exams) == list(CONTRACT.exams)
    add_submission(board, "honest", readers["reader2"], reference)
    before = bytes_of(board.root)
    assert len(hostile_sources) >= 40
    for name, (source, _) in hostile_sources.items():
        with pytest.raises((InputError, WorkError)) as refusal:
            add_submission(board, "mallory", source, reference)
        assert "\n" not in str(refusal.value), name
        assert bytes_of(board.root) == before, name
    assert [entry.team for entry in board.entries()] == ["honest"]
