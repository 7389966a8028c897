"""How bright a level is where it was marked, on arrays whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmseg.atlas.pictures import Knee
from bmseg.atlas.signal import NEIGHBOURHOOD_MM, Measured, measure, range_of, relative_signal


def lesion() -> tuple[np.ndarray, np.ndarray]:
    """Level 2 of 300 inside level 1 of 150; around it marrow of 100, farther off muscle of 40, and air."""
    mask = np.zeros((60, 60), np.uint8)
    mask[20:40, 20:40] = 1
    mask[27:33, 27:33] = 2
    image = np.full(mask.shape, 40.0)
    image[14:46, 14:46] = 100
    image[mask == 1] = 150
    image[mask == 2] = 300
    image[:, :5] = 2
    return image, mask


def test_the_yardstick_is_the_tissue_around_all_marking() -> None:
    image, mask = lesion()
    assert relative_signal(image, mask, 1, spacing=(1, 1), air=5) == 1.5
    # Not the level 1 that lies around it.
    assert relative_signal(image, mask, 2, spacing=(1, 1), air=5) == 3.0


def test_distance_is_in_mm_and_air_does_not_count() -> None:
    image, mask = lesion()
    # Pixels of 3 mm: the neighbourhood is one pixel wide; half of it is made air and the rest stays 100.
    assert NEIGHBOURHOOD_MM == 5.0
    image[19, :] = image[40, :] = 3
    assert relative_signal(image, mask, 1, spacing=(3, 3), air=5) == 1.5
    image[:, 19] = image[:, 40] = 3
    assert np.isnan(relative_signal(image, mask, 1, spacing=(3, 3), air=5))


@given(st.floats(0.1, 1000), st.integers(0, 5))
def test_gain_cancels_and_so_do_outliers(gain: float, outliers: int) -> None:
    image, mask = lesion()
    image[20, 20 : 20 + outliers] = 1e5
    found = relative_signal(gain * image, mask, 1, spacing=(1, 1), air=gain * 5)
    assert found == pytest.approx(1.5)


def test_undefined_where_nothing_is_marked_or_around() -> None:
    image, mask = lesion()
    assert np.isnan(relative_signal(image, mask, 3, spacing=(1, 1), air=5))
    assert np.isnan(relative_signal(image, np.ones_like(mask), 1, spacing=(1, 1), air=5))


def test_the_slice_with_most_of_the_level_is_measured() -> None:
    image, mask = lesion()
    small = np.where(mask == 2, 2, 0)
    images, masks = np.stack([image] * 3, axis=2), np.stack([small, mask, mask], axis=2)
    knee = Knee(4, "knee 4, right, 8.0 y", 8.0, images, masks, spacing=(1, 0.5), windows={}, air=5)
    assert measure(knee, 1) == Measured(knee=4, level=1, place=1, area=(400 - 36) / 2, signal=1.5)
    assert measure(knee, 3) is None


signals = st.lists(st.one_of(st.floats(0.1, 9), st.just(float("nan"))), max_size=12)


@given(signals, st.data())
def test_examples_span_the_range(values: list[float], data: st.DataObject) -> None:
    found = [
        Measured(n + 1, 1, 0, data.draw(st.sampled_from([5.0, 50.0])), value)
        for n, value in enumerate(values)
    ]
    examples = range_of(found, least_area=20)
    defined = [one for one in found if not np.isnan(one.signal)]
    usable = [one.signal for one in defined if one.area >= 20] or [one.signal for one in defined]
    shown = [one.signal for _, one in examples]
    assert len(shown) == min(3, len(usable))
    assert shown == sorted(shown)
    if usable:
        assert (shown[0], shown[-1]) == (min(usable), max(usable))
    if len(usable) >= 3:
        assert [word for word, _ in examples] == ["faintest", "typical", "brightest"]
        assert shown[1] == sorted(usable)[(len(usable) - 1) // 2]
