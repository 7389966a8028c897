from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dataset_conversion.dicom_out.outlines import outlines
from dataset_conversion.mask_files.contours import crossing, rasterise

SIDES = st.tuples(st.integers(1, 9), st.integers(1, 9))


def area(loop: np.ndarray) -> float:
    """Signed, above 0 where a line runs clockwise as an image is seen."""
    (row, column), (next_row, next_column) = loop.T, np.roll(loop, -1, axis=0).T
    return float((column * next_row - next_column * row).sum() / 2)


@given(arrays(bool, SIDES))
def test_pixels_come_back_and_no_line_crosses_another(mask: np.ndarray) -> None:
    found = outlines(mask)
    np.testing.assert_array_equal(rasterise(found, mask.shape), mask)
    assert crossing(found, mask.shape) == 0
    # Areas within lines less those of holes.
    assert sum(map(area, found)) == mask.sum()
    for loop in found:
        # Corners alone: every side turns off the one before it.
        sides = np.roll(loop, -1, axis=0) - loop
        assert ((sides != 0).sum(axis=1) == 1).all()
        assert ((sides * np.roll(sides, 1, axis=0)) == 0).all()


def test_a_hole_and_pixels_that_touch_at_a_corner() -> None:
    ring = np.ones((3, 3), dtype=bool)
    ring[1, 1] = False
    assert [area(loop) for loop in outlines(ring)] == [9, -1]
    assert [area(loop) for loop in outlines(np.eye(2, dtype=bool))] == [1, 1]
    assert outlines(np.zeros((2, 2), dtype=bool)) == []
