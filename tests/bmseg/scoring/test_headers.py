"""What is odd in the header of a mask reaches whoever scores it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bmseg.study import DEFAULT_STUDY
from tests.support.command_line import assert_refused, bmseg
from tests.support.headers import AFFINE, save, scaled

MIRRORED = AFFINE @ np.diag([-1, 1, 1, 1])
READERS = ("reader1", "reader2", "reader3", "reader4")


@pytest.fixture
def words(tmp_path: Path, no_figures: None, few_tables: object) -> list[object]:  # noqa: ARG001
    """A command that scores four readers of one exam."""
    given: list[object] = ["evaluate", "-o", tmp_path / "out", "--study", DEFAULT_STUDY]
    for reader in READERS:
        save(tmp_path / reader / "e1.nii.gz")
        given += ["--reader", f"{reader}={tmp_path / reader}"]
    return given


def test_what_a_header_says_twice_is_named_with_reader_and_exam(tmp_path: Path, words: list[object]) -> None:
    for reader in READERS:
        save(tmp_path / reader / "e1.nii.gz", edit=lambda image: image.set_sform(MIRRORED, 1))
    result = bmseg(*words)
    assert result.returncode == 0, result.stderr
    assert "e1: Reader 2: sform and qform: they are mirror images of each other" in result.stderr
    save(tmp_path / "reader2" / "e1.nii.gz")
    assert_refused(bmseg(*words), "direction: found")


def test_scaled_labels_and_metaimages_are_scored_with_a_note(tmp_path: Path, words: list[object]) -> None:
    (tmp_path / "reader3" / "e1.nii.gz").unlink()
    scaled(tmp_path / "reader3" / "e1.nii")
    result = bmseg(*words)
    assert result.returncode == 0, result.stderr
    assert "e1: Reader 3: label: found values up to" in result.stderr
    assert "they were rounded" in result.stderr
