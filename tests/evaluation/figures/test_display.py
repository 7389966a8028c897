"""Windows of grey and colours of levels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from evaluation.figures.display import Window, air_below, safe_colors, window_presets


def test_windows_are_percentiles_of_tissue() -> None:
    """999 voxels of tissue, 100 to 1098, and as much air, which counts for nothing."""
    image = np.r_[np.arange(100.0, 1099.0), np.zeros(999)].reshape(2, 3, -1)
    found = {window.name: (window.low, window.high) for window in window_presets(image)}
    tissue = np.arange(100.0, 1099.0)
    for name, percentiles in (
        ("standard", (1, 99.7)),
        ("bright", (1, 97)),
        ("wide", (0, 100)),
        ("narrow", (40, 99)),
    ):
        assert found[name] == pytest.approx(np.percentile(tissue, percentiles))
    assert 0 < air_below(image) < 100


@given(st.floats(1e-3, 1e5), st.integers(0, 2**32))
def test_a_scanners_gain_changes_nothing_that_is_seen(gain: float, seed: int) -> None:
    image = np.random.default_rng(seed).gamma(2.0, 100.0, (8, 8, 4))
    for one, other in zip(window_presets(image), window_presets(gain * image), strict=True):
        assert other.applied(gain * image) == pytest.approx(one.applied(image), abs=1e-3)


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_an_image_without_contrast_has_windows(value: float) -> None:
    for window in window_presets(np.full((4, 4, 2), value)):
        assert window.high > window.low


def test_a_window_is_black_below_and_white_above() -> None:
    shown = Window("one", 10, 20).applied(np.array([5, 10, 15, 20, 25]))
    assert shown.tolist() == [0, 0, 0.5, 1, 1]


@pytest.mark.parametrize("number", [1, 2, 3, 7])
def test_colours_rise_in_lightness_as_levels_do(number: int) -> None:
    """So that they are told apart without seeing hue: relative luminance of Rec. 709."""
    light = [
        np.dot((0.2126, 0.7152, 0.0722), np.array(to_rgb(color)) ** 2.2) for color in safe_colors(number)
    ]
    assert len(light) == number
    assert np.all(np.diff(light) > 0)
