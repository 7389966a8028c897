from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from evaluation.masks.displaced import find_displaced


def test_real_reader_flipped_under_an_identical_header(test_data: Path) -> None:
    """Three readers of one subject; numbers from the data's SOURCE.md: 0.088 as stored, 0.748 flipped."""
    folder = test_data / "stapler_three_readers" / "extdata"
    masks = {f"reader{n}": np.asarray(nib.load(folder / f"seg_{n}.nii.gz").dataobj) for n in (1, 2, 3)}
    (alarm,) = find_displaced(masks)
    assert alarm.rater == "reader2"
    assert (alarm.other, alarm.axes) == ("reader1", (0, 1))
    assert alarm.dice == pytest.approx(0.088, abs=5e-4)
    assert alarm.dice_flipped == pytest.approx(0.748, abs=5e-4)
    assert "reader2: the mask looks flipped" in str(alarm)
    # By other headers axes were brought in order before: that headers agree, or what is stored, is not known.
    assert "0.088 where the headers put them, 0.748 when flipped along array axis 0 and 1" in str(alarm)
    masks["reader2"] = np.flip(masks["reader2"], (0, 1))
    assert not find_displaced(masks)


def test_readers_that_agree_or_mark_nothing_raise_no_alarm() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((20, 20, 8), bool)
    mask[2:9, 3:12, 1:4] = True
    noisy = mask ^ (rng.random(mask.shape) < 0.02)
    assert not find_displaced({"a": mask, "b": noisy, "c": np.zeros_like(mask)})
    assert not find_displaced({"a": mask})


def test_disagreement_that_no_flip_explains_is_no_flip() -> None:
    a, b = np.zeros((20, 20, 8), bool), np.zeros((20, 20, 8), bool)
    a[2:9, 3:12, 1:4] = True
    b[7:12, 8:14, 2:5] = True
    assert 0.1 < 2 * (a & b).sum() / (a.sum() + b.sum()) < 0.4
    assert not find_displaced({"a": a, "b": b})


def test_a_mask_of_another_exam_is_named() -> None:
    a, b = np.zeros((20, 20, 8), bool), np.zeros((20, 20, 8), bool)
    a[2:9, 3:12, 1:4] = True
    b[9:12, 11:14, 3:5] = True
    (alarm,) = find_displaced({"a": a, "a2": a, "b": b})
    assert (alarm.rater, alarm.is_flipped) == ("b", False)
    assert "hardly overlaps anybody's: Dice 0.000 to a" in str(alarm)


def test_of_two_raters_the_second_is_named() -> None:
    mask = np.zeros((20, 20, 8), np.uint8)
    mask[2:9, 3:12, 1:4] = 2
    (alarm,) = find_displaced({"a": mask, "b": mask[::-1]})
    assert (alarm.rater, alarm.axes, alarm.dice_flipped) == ("b", (0,), 1)
