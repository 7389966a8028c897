"""What was said of how masks are to be read and bears on none; folders called as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bmseg.scoring.masks import Reading, list_masks
from bmseg.scoring.unused import without_effect
from bmseg.study import load_study
from evaluation.masks.reading import MaskError
from tests.support.command_line import bmseg
from tests.support.masks import save_mask, thresholded
from tests.support.unnamed import drawn, words

MASK = (thresholded(["anna"])["anna"] == 1).astype(np.uint8)
EVERY = Reading({"9": 1, "Foo": 1, "#ff0000": 1}, ["nosuch", "level1"], (0.5, 0.5), None, True)


def of(root: Path, *names: str, reading: Reading = EVERY) -> dict[str, str]:
    """Of a reader with such files."""
    for name in names:
        save_mask(root / name, MASK)
    return without_effect(load_study(), {"anna": list_masks(root)}, reading)


def test_of_files_of_values(tmp_path: Path) -> None:
    found = of(tmp_path, "e1.nii.gz", "e2.nii.gz")
    assert list(found) == ["pixel-mm", "missing-is-empty", "map-label", "precedence"]
    # Whether a file holds a 9 is not looked at.
    assert found["map-label"] == "found in no mask: #ff0000, Foo"
    assert found["precedence"] == "no mask names its labels, so none overlap"
    assert of(tmp_path, reading=Reading({"9": 1})) == {}


def test_of_folders_with_a_file_a_label(tmp_path: Path) -> None:
    names = [f"{exam}/{label}.nii.gz" for exam in ("e1", "e2") for label in ("Level1", "FOO")]
    found = of(tmp_path, *names)
    assert list(found) == ["pixel-mm", "map-label", "precedence"]
    assert found["map-label"] == "found in no mask: #ff0000, 9"
    assert found["precedence"] == "found no label nosuch"
    reading = Reading({"foo": 0}, ["level1"], missing_is_empty=True)
    assert of(tmp_path, reading=reading) == {}
    assert of(tmp_path, reading=Reading(precedence=["leve1"]))["precedence"].endswith(
        "; did you mean level1?"
    )


def test_what_files_of_segments_name_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "e1.seg.nrrd").write_bytes(b"")
    assert of(tmp_path, reading=Reading({"Foo": 1, "9": 1}, ["level1"])) == {}


@pytest.mark.usefixtures("no_figures", "few_tables")
def test_the_command_notes_it(tmp_path: Path) -> None:
    root, out = drawn(tmp_path / "masks"), tmp_path / "my out"
    result = bmseg(*words(root, "-o", out, "--map-label", "Foo=1", "--pixel-mm", 0.5))
    assert result.returncode == 0, result.stderr
    assert "note: --map-label: found in no mask: Foo" in result.stderr
    assert "note: --pixel-mm: no mask is PNG or TIFF" in result.stderr
    # What is said to go on with can be pasted.
    assert f"go on with --study '{out / 'study.toml'}' --map-label Foo=1" in result.stdout


def test_a_folder_called_as_a_mask_is_no_missing_exam(tmp_path: Path) -> None:
    save_mask(tmp_path / "anna" / "e1.nii.gz", MASK)
    with pytest.raises(MaskError, match="e1.nii.gz: found a file, expected a folder with a mask of every"):
        list_masks(tmp_path / "anna" / "e1.nii.gz")
    (tmp_path / "anna" / "e2.nii.gz").mkdir()
    with pytest.raises(MaskError, match="e2.nii.gz: found a folder, expected a file of a mask; rename"):
        list_masks(tmp_path / "anna")
