"""What labels raters' masks hold together, and who cannot mean the same by them."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bmseg.scoring import found_labels
from bmseg.scoring.masks import Reading, read_exam
from dataset_conversion.images import read_volume
from evaluation.masks.reading import MaskError
from tests.support.command_line import assert_refused, bmseg
from tests.support.masks import save_mask
from tests.support.unnamed import assumed, drawn


def test_raters_who_mean_the_same_by_other_values_are_refused(tmp_path: Path) -> None:
    drawn(tmp_path, (1, 2, 3))
    drawn(tmp_path / "other", (11, 12, 13))
    with pytest.raises(
        MaskError, match=r"ben: label: found 11, 12, 13, of which no other reader has any \(1, 2, 3\)"
    ):
        assumed(tmp_path, ben="other/p1", anna="anna")
    found = assumed(tmp_path, Reading({"11": 1, "12": 2, "13": 3}), ben="other/p1", anna="anna")
    assert found.study.level_names == ["label1", "label2", "label3"]  # type: ignore[attr-defined]
    assert "# The masks were read with --map-label '11=1'" in found.text  # type: ignore[attr-defined]


def test_what_a_process_is_sent_does_not_grow_with_the_exams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []

    def run_each(work: Callable[[object], object], items: list[object], **_: object) -> object:
        for item in items:
            sent.append(len(pickle.dumps((work, item))))
            yield item, work(item)

    monkeypatch.setattr(found_labels, "run_each", run_each)
    mask = save_mask(tmp_path / "mask.nii.gz", np.arange(8, dtype=np.uint8).reshape(2, 2, 2) % 3)
    sizes = []
    for n in (3, 30):
        root, sent[:] = tmp_path / f"exams{n:02}", []
        for rater in ("anna", "p1"):
            (root / rater).mkdir(parents=True)
            for exam in range(n):
                shutil.copyfile(mask, root / rater / f"exam{exam:02}.nii.gz")
        found = found_labels.find_labels({name: root / name for name in ("anna", "p1")}, {}, Reading())
        assert found.values == [1, 2] and len(found.exams) == n == len(sent)
        sizes.append(max(sent))
    assert sizes[0] == sizes[1]


def test_names_and_numbers_need_to_be_matched(tmp_path: Path) -> None:
    drawn(tmp_path, (1, 2, 3))
    for path in (tmp_path / "p1").glob("*.nii.gz"):
        mask = read_volume(path)
        for value, name in enumerate(("Mandible", "Parotid L", "Cord"), start=1):
            part = (mask.array == value).astype(np.uint8)
            save_mask(
                tmp_path / "named" / path.name.removesuffix(".nii.gz") / f"{name}.nii.gz", part, mask.affine
            )
    alone = assumed(tmp_path, ben="named").study  # type: ignore[attr-defined]
    assert alone.levels_by_name == {"Cord": (1,), "Mandible": (2,), "Parotid_L": (3,)}
    with pytest.raises(
        MaskError, match=r"anna: label: found 1, 2, 3, where ben names labels \(Cord, Mandible"
    ):
        assumed(tmp_path, ben="named", anna="anna")
    reading = Reading({"Mandible": 1, "Parotid L": 2, "Cord": 3})
    study = assumed(tmp_path, reading, ben="named", anna="p1").study  # type: ignore[attr-defined]
    assert study.levels_by_name == {"Mandible": (1,), "Parotid_L": (2,), "Cord": (3,)}
    masks = read_exam(
        study, {"anna": tmp_path / "p1" / "seg_2.nii.gz", "ben": tmp_path / "named/seg_2"}, reading, ""
    )
    assert np.array_equal(masks["anna"].array, masks["ben"].array)
    # One file less: not drawn, or nothing there?
    (tmp_path / "named" / "seg_2" / "Cord.nii.gz").unlink()
    shutil.copytree(tmp_path / "named", tmp_path / "copy")
    (tmp_path / "copy" / "seg_3" / "Cord.nii.gz").unlink()
    result = bmseg(
        "evaluate",
        f"--reader=a={tmp_path / 'named'}",
        f"--reader=b={tmp_path / 'copy'}",
        "-o",
        tmp_path / "o",
    )
    assert_refused(
        result, "seg_3: found no file of Cord, which a has, expected one (empty where nothing is marked)"
    )


def pictures(folder: Path, array: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    for exam in range(3):
        Image.fromarray(np.roll(array, exam)).save(folder / f"seg_P{exam}.png")
    return folder


def test_inverted_pictures_are_asked_about(tmp_path: Path) -> None:
    array = np.full((30, 40), 255, np.uint8)
    array[10:20, 10:30] = 0
    pictures(tmp_path / "a", array)
    pictures(tmp_path / "b", np.roll(array, 1, axis=0))
    with pytest.raises(
        MaskError, match=r"a, b: label: found 255 .* in 3 of 3 masks of a, .* --map-label 0=1"
    ):
        assumed(tmp_path, a="a", b="b")
    found = assumed(tmp_path, Reading({"0": 1, "255": 0}), a="a", b="b")
    assert found.study.label_values == (0, 1)  # type: ignore[attr-defined]
    # With a study file nobody is asked, but told.
    study, files = found.study, {"a": tmp_path / "a" / "seg_P1.png"}  # type: ignore[attr-defined]
    assert read_exam(study, files, Reading({"255": 1}), "")["a"].notes == ()
    (tmp_path / "ones").mkdir()
    Image.fromarray((array > 0).astype(np.uint8)).save(tmp_path / "ones" / "e.png")
    (told,) = read_exam(study, {"a": tmp_path / "ones" / "e.png"}, Reading(), "")["a"].notes
    assert told == "label: 1 fills most of the image and its border, as of an inverted mask"
    # Without the size of a pixel there is no distance to score.
    assert found.study.measures == ("dice",)  # type: ignore[attr-defined]
    sized = assumed(tmp_path, Reading({"0": 1, "255": 0}, spacing=(0.1, 0.1)), a="a", b="b")
    assert "hd95" in sized.study.measures  # type: ignore[attr-defined]
    assert assumed(tmp_path, Reading({"255": 255}), a="a", b="b").study.label_values == (0, 255)  # type: ignore[attr-defined]
    pictures(tmp_path / "c", 255 - array)
    with pytest.raises(MaskError, match="a: label: found 1 .* and not so of c, expected all alike"):
        assumed(tmp_path, Reading({"255": 1}), a="a", c="c")
