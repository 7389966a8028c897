"""Stored values to displayed ones: bits beyond the stored, slope and intercept, range and type."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

from tests.dataset_conversion.dicom.damage import whole_way
from tests.dataset_conversion.dicom.rewritten import edited_series, voxels_of


def test_rubbish_above_the_stored_bits(siemens: Path, tmp_path: Path) -> None:
    """Overlay bits in the unused part of a word are named, not taken for signal."""

    def edit(header: Dataset, number: int) -> None:
        if number == 2:
            header.PixelData = (header.pixel_array | 0x8000).tobytes()

    outcome = whole_way(edited_series(siemens, tmp_path / "x", edit))
    assert not outcome.volumes
    assert "expected 0 to 4095 as BitsStored 12 says" in outcome.refusals[0]


def test_slope_and_intercept_of_every_slice(siemens: Path, tmp_path: Path) -> None:
    def edit(header: Dataset, number: int) -> None:
        header.RescaleSlope, header.RescaleIntercept = str(1.5 * (number + 1)), "-1024"

    before = voxels_of(siemens)
    after = voxels_of(edited_series(siemens, tmp_path / "x", edit))
    slopes = {1.5 * (number + 1) for number in range(4)}
    found = []
    for k in range(4):
        plain, scaled = before.array[:, :, k].astype(float), after.array[:, :, k]
        (slope,) = (s for s in slopes if np.array_equal((plain * s - 1024).astype(np.float32), scaled))
        found.append(slope)
    assert found in (sorted(slopes), sorted(slopes)[::-1])


@pytest.mark.parametrize(
    ("values", "slope", "intercept", "kind"),
    [
        ((0, 65535), "1", "0", np.uint16),
        ((0, 65535), "1", "-1024", np.float32),
        ((0, 4095), "1", "-1024", np.int16),
        ((0, 30000), "2", "0", np.uint16),
        ((0, 4095), "0.5", "0", np.float32),
    ],
)
def test_values_keep_their_range(
    siemens: Path, tmp_path: Path, values: tuple[int, int], slope: str, intercept: str, kind: type
) -> None:
    def edit(header: Dataset, number: int) -> None:
        pixels = np.linspace(*values, 256 * 256).astype(np.uint16).reshape(256, 256)
        header.BitsStored, header.HighBit = 16, 15
        header.PixelData = np.roll(pixels, number).tobytes()
        header.RescaleSlope, header.RescaleIntercept = slope, intercept

    array = voxels_of(edited_series(siemens, tmp_path / "x", edit)).array
    assert array.dtype == kind
    expected = [value * float(slope) + float(intercept) for value in values]
    assert [array.min(), array.max()] == expected
