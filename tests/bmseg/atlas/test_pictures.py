"""Slices cut to one frame: the same pixels, the same scale, nothing lost at the border."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bmseg.atlas.pictures import Frame, Knee, close_up_frame, common_frame, picture, tint
from evaluation.figures.display import window_presets


def knee_of(
    mask: np.ndarray, spacing: tuple[float, float] = (1.0, 1.0), image: np.ndarray | None = None
) -> Knee:
    image = np.arange(mask.size, dtype=np.float32).reshape(mask.shape) + 1 if image is None else image
    windows = {window.name: window for window in window_presets(image)}
    return Knee(1, "knee 1, right, 8.0 y", 8.0, image, mask, spacing, windows, 0.0)


def test_pixels_of_the_exam_are_kept_as_they_are() -> None:
    mask = np.zeros((200, 180, 2), np.uint8)
    mask[90:130, 60:90, 1] = 2
    knee = knee_of(mask)
    frame = common_frame([knee])
    # 40 + 2 x 15 mm is less than is always shown.
    assert (frame.width, frame.height, frame.pixel) == (100.0, 100.0, 1.0)
    shown = picture(knee, 1, frame)
    assert shown.image.shape == shown.mask.shape == (100, 100)
    np.testing.assert_array_equal(shown.image, knee.image[60:160, 25:125, 1].T)
    np.testing.assert_array_equal(shown.mask, mask[60:160, 25:125, 1].T)


@given(st.integers(0, 139), st.integers(0, 119), st.sampled_from([(1.0, 1.0), (0.5, 0.5), (0.7, 1.3)]))
def test_a_marking_is_whole_in_its_frame_wherever_it_lies(
    i: int, j: int, spacing: tuple[float, float]
) -> None:
    mask = np.zeros((150, 130, 1), np.uint8)
    mask[i : i + 8, j : j + 8] = 1
    knee = knee_of(mask, spacing)
    frame = common_frame([knee])
    shown = picture(knee, 0, frame)
    area = float(shown.mask.astype(bool).sum()) * frame.pixel**2
    wanted = float(mask.astype(bool).sum()) * spacing[0] * spacing[1]
    # Labels of the nearest pixel: at most a pixel on each side off.
    side = np.sqrt(wanted)
    assert abs(area - wanted) <= 4 * side * frame.pixel + 4 * frame.pixel**2
    if spacing[0] == spacing[1]:
        assert area == wanted
        # No frame reaches beyond what is imaged where it fits in: all pixels of this image differ.
        assert len(np.unique(shown.image)) == shown.image.size


def test_knees_of_other_pixels_have_the_same_scale() -> None:
    fine, coarse = np.zeros((240, 240, 1), np.uint8), np.zeros((120, 120, 1), np.uint8)
    fine[100:140, 100:140] = 1
    coarse[50:70, 50:70] = 1
    knees = [knee_of(fine, (0.5, 0.5)), knee_of(coarse)]
    frame = common_frame(knees)
    assert frame.pixel == 0.5
    shown = [picture(knee, 0, frame) for knee in knees]
    assert shown[0].mask.shape == shown[1].mask.shape
    assert shown[0].mask.sum() == shown[1].mask.sum() == 1600


def test_close_ups_are_centred_on_the_largest_spot_of_the_level() -> None:
    mask = np.zeros((200, 200, 1), np.uint8)
    mask[20:30, 20:30] = 1
    mask[20:24, 150:154] = 2
    mask[120:130, 140:150] = 2
    knee = knee_of(mask)
    frame = close_up_frame(Frame(180, 180, 1.0))
    rows, columns = np.nonzero(picture(knee, 0, frame, around=2).mask == 2)
    assert (rows.mean(), columns.mean()) == (34.5, 34.5)
    assert not (picture(knee, 0, frame, around=2).mask == 1).any()


def test_a_frame_larger_than_the_image_is_dark_outside() -> None:
    mask = np.zeros((10, 10, 1), np.uint8)
    mask[4:6, 4:6] = 1
    shown = picture(knee_of(mask), 0, Frame(20, 20, 1.0))
    assert shown.mask.sum() == 4
    np.testing.assert_array_equal(shown.image[5:15, 5:15], knee_of(mask).image[:, :, 0].T)
    assert (shown.image[:5] == 1).all()


def test_an_unmarked_knee_is_seen_in_its_middle() -> None:
    mask = np.zeros((200, 200, 5), np.uint8)
    knee = knee_of(mask)
    assert knee.fullest == 2
    np.testing.assert_array_equal(
        picture(knee, 2, common_frame([knee])).image, knee.image[50:150, 50:150, 2].T
    )


def test_the_fullest_slice_shows_most_levels() -> None:
    mask = np.zeros((60, 60, 4), np.uint8)
    mask[:50, :50, 0] = 1
    mask[:20, :20, 2] = 1
    mask[30:36, 30:36, 2] = 2
    # Too little to be seen.
    mask[:40, :40, 3] = 1
    mask[50, 50, 3] = 2
    assert knee_of(mask).fullest == 2


def test_tint() -> None:
    layer = tint(np.array([[0, 1, 2]]), {1: "#40e0d0", 2: "#ff0000"}, 0.5)
    np.testing.assert_array_equal(layer, [[[0, 0, 0, 0], [64, 224, 208, 128], [255, 0, 0, 128]]])
