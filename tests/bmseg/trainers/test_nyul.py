"""Standardised intensities, held against the package intensity-normalization."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

from bmseg.trainers.nyul import LANDMARKS, NyulNormalization, standard_landmarks, standardised


def image(kind: int, gain: float, offset: float) -> np.ndarray:
    places = np.arange(1200).reshape(10, 12, 10)
    return offset + gain * ((places * (37 + 2 * kind)) % 1201 / 1201) ** (1.5 + 0.3 * kind) * 1000


TRAINING = [image(0, 1.0, 5.0), image(1, 2.3, 40.0), image(2, 0.6, 1.0)]
# NyulNormalizer of intensity-normalization 3.0.1 of the same images, with masks of what is above the mean.
STANDARD = [
    1.0, 8.270156, 16.785968, 25.75774, 35.180886, 45.051255, 55.365085, 66.118927, 77.309624,
    88.934255, 100.0,
]  # fmt: skip
NEW = {
    0: -56.086606,
    1: -55.755942,
    5: -50.09515,
    100: -43.309523,
    333: 52.714815,
    700: 33.743767,
    1199: 83.580401,
}


def test_as_another_program_has_it() -> None:
    standard = standard_landmarks(TRAINING)
    np.testing.assert_allclose(standard, STANDARD, atol=2e-6)
    made = standardised(image(1, 1.7, 12.0), standard).ravel()
    np.testing.assert_allclose(made[[*NEW]], [*NEW.values()], atol=2e-6)
    assert made.max() == pytest.approx(101.22573395589265)


@given(gain=st.floats(0.05, 50), margin=st.integers(0, 3))
def test_neither_gain_nor_empty_margins_matter(gain: float, margin: int) -> None:
    plain = standardised(TRAINING[1], STANDARD)
    wide = np.pad(gain * TRAINING[1], margin)
    inside = tuple(slice(margin, margin + size) for size in TRAINING[1].shape)
    np.testing.assert_allclose(standardised(wide, STANDARD)[inside], plain, atol=1e-6)


def test_values_keep_their_order() -> None:
    made = standardised(TRAINING[2], STANDARD).ravel()
    assert (np.diff(made[np.argsort(TRAINING[2].ravel())]) >= 0).all()


def test_saturated_and_empty_images() -> None:
    saturated = np.minimum(TRAINING[0], 600.0)
    assert np.isfinite(standardised(saturated, STANDARD)).all()
    for flat in (np.zeros((4, 4)), np.full((4, 4), 7.0)):
        assert (standardised(flat, STANDARD) == 50).all()
    assert standard_landmarks([np.zeros((4, 4)), *TRAINING]) == standard_landmarks(TRAINING)
    with pytest.raises(ValueError, match="found none with contrast"):
        standard_landmarks([np.zeros((4, 4))])


def test_nnunets_scheme() -> None:
    properties = {"mean": 0.0, LANDMARKS: STANDARD}
    plain = NyulNormalization(use_mask_for_norm=False, intensityproperties=properties)
    given_image = TRAINING[0].astype(np.float32)
    made = plain.run(given_image)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, (standardised(TRAINING[0], STANDARD) - 50) / 25, atol=1e-4)
    masked = NyulNormalization(use_mask_for_norm=True, intensityproperties=properties)
    seg = np.zeros(given_image.shape, int)
    seg[:2] = -1
    around = np.where(seg < 0, 0, given_image)
    found = masked.run(around, seg)
    assert not found[:2].any()
    np.testing.assert_allclose(found[2:], (standardised(TRAINING[0][2:], STANDARD) - 50) / 25, atol=1e-4)
    with pytest.raises(RuntimeError, match="found no nyul_landmarks"):
        NyulNormalization(use_mask_for_norm=False, intensityproperties={}).run(given_image)
