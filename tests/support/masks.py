"""Small masks, as arrays and on disk."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

AFFINE = np.diag([0.9, 0.9, 3.5, 1.0])


def save_mask(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    """Write an array as NIfTI; by default on a coronal-like grid."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine), path)
    return path


def thresholded(
    raters: list[str], shape: tuple[int, int, int] = (24, 20, 6), seed: int = 0
) -> dict[str, np.ndarray]:
    """Masks of several raters that agree in part: thresholds of one smooth field plus noise."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)

    def smooth() -> np.ndarray:
        field = gaussian_filter(rng.normal(size=shape), (2.5, 2.5, 0.8))
        return field / field.std()

    common = smooth()
    levels = [0.8, 1.3, 1.8]
    return {rater: np.digitize(common + 0.35 * smooth(), levels).astype(np.uint8) for rater in raters}
