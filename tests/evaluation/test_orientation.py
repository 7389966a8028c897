from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from evaluation.orientation import find_flipped


def test_real_reader_flipped_under_an_identical_header(test_data: Path) -> None:
    """Three readers of one subject; numbers from the data's SOURCE.md: 0.088 as stored, 0.748 flipped."""
    folder = test_data / "stapler_three_readers" / "extdata"
    masks = {f"reader{n}": np.asarray(nib.load(folder / f"seg_{n}.nii.gz").dataobj) for n in (1, 2, 3)}
    (alarm,) = find_flipped(masks)
    assert alarm.rater == "reader2"
    assert (alarm.other, alarm.axes) == ("reader1", (0, 1))
    assert alarm.dice == pytest.approx(0.088, abs=5e-4)
    assert alarm.dice_flipped == pytest.approx(0.748, abs=5e-4)
    assert "reader2: the mask looks flipped" in str(alarm)
    masks["reader2"] = np.flip(masks["reader2"], (0, 1))
    assert not find_flipped(masks)


def test_readers_that_agree_or_mark_nothing_raise_no_alarm() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((20, 20, 8), bool)
    mask[2:9, 3:12, 1:4] = True
    noisy = mask ^ (rng.random(mask.shape) < 0.02)
    assert not find_flipped({"a": mask, "b": noisy, "c": np.zeros_like(mask)})
    assert not find_flipped({"a": mask})


def test_disagreement_that_no_flip_explains_is_no_flip() -> None:
    a, b = np.zeros((20, 20, 8), bool), np.zeros((20, 20, 8), bool)
    a[2:9, 3:12, 1:4] = True
    b[9:12, 8:11, 3:5] = True
    assert not find_flipped({"a": a, "b": b})


def test_of_two_raters_the_second_is_named() -> None:
    mask = np.zeros((20, 20, 8), np.uint8)
    mask[2:9, 3:12, 1:4] = 2
    (alarm,) = find_flipped({"a": mask, "b": mask[::-1]})
    assert (alarm.rater, alarm.axes, alarm.dice_flipped) == ("b", (0,), 1)
