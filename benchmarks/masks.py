"""Readers' masks like the study's: sparse, ordinal, in part of the volume, and never quite agreeing."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

SHAPE = (384, 384, 16)
# Thresholds on the marrow signal field: shares of the marrow's voxels at or above level 1, 2 and 3.
LEVEL_SHARES = (0.055, 0.0125, 0.0011)
MARROW_SHARE = 0.14


def simulate_masks(
    shape: tuple[int, int, int] = SHAPE, readers: int = 4, seed: int = 0
) -> dict[str, np.ndarray]:
    """Ordinal masks of noisy readers over one smooth signal field inside a marrow-like region.

    Each reader sees the field with a blurred error of his own and sets thresholds of his own, so masks
    differ at borders, between neighbouring levels and in whole small foci.
    """
    rng = np.random.default_rng(seed)

    def blobs(sigma: float) -> np.ndarray:
        noise = rng.standard_normal(shape, dtype=np.float32)
        field = ndimage.gaussian_filter(noise, (sigma, sigma, sigma / 4), mode="wrap")
        return field / field.std()

    extent = blobs(24.0)
    marrow = extent > np.quantile(extent, 1 - MARROW_SHARE)
    signal = blobs(4.0)
    cuts = np.quantile(signal[marrow], 1 - np.array(LEVEL_SHARES))
    masks = {}
    for reader in range(readers):
        seen = signal + 0.25 * blobs(2.0)
        own_cuts = cuts + rng.normal(0.08, 0.12, size=len(cuts))
        level = np.digitize(seen, np.sort(own_cuts)).astype(np.uint8)
        masks[f"reader{reader + 1}"] = np.where(marrow, level, 0).astype(np.uint8)
    return masks
