"""Which files of a folder are the masks of a round."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bmseg.annotation.masks import masks_in
from bmseg.errors import InputError
from tests.support.masks import save_mask


def test_masks_come_in_any_format_or_as_a_folder_with_a_file_a_level(tmp_path: Path) -> None:
    for name in ("e1.nii.gz", "e2/segmentations/level1.nii.gz", "old/level1.nii.gz"):
        save_mask(tmp_path / name, np.zeros((2, 2, 2), np.uint8))
    for name in ("e3.seg.nrrd", "e4.mha", "e5.png", "screenshot.png", "e1.labels.csv", "notes.txt"):
        (tmp_path / name).write_text("")
    exams = [f"e{n}" for n in range(1, 6)]
    masks, others = masks_in(tmp_path, exams, "round 1")
    assert masks == {
        "e1": tmp_path / "e1.nii.gz", "e2": tmp_path / "e2", "e3": tmp_path / "e3.seg.nrrd",
        "e4": tmp_path / "e4.mha", "e5": tmp_path / "e5.png",
    }  # fmt: skip
    assert others == ["notes.txt", "old", "screenshot.png"]
    with pytest.raises(InputError, match=r"found e4.mha, expected only <exam>.nii.gz of round 1"):
        masks_in(tmp_path, [exam for exam in exams if exam != "e4"], "round 1")
