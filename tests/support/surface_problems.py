"""Pairs of masks for surface measures: 2-D and 3-D, any spacing, at the border, one voxel."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

#: Masks of a reader and a model, and the spacing in mm.
Problem = tuple[np.ndarray, np.ndarray, tuple[float, ...]]


def surface_problem(seed: int, largest: int = 24) -> Problem:
    """Two masks on one grid; of ten seeds one has a mask of one voxel, and every third is 2-D."""
    rng = np.random.default_rng(seed)
    dimensions = 2 if seed % 3 == 0 else 3
    shape = tuple(int(n) for n in rng.integers(4, largest, dimensions))
    spacing = tuple(float(step) for step in rng.uniform(0.3, 5, dimensions))
    masks = []
    for place in range(2):
        field = ndimage.gaussian_filter(rng.standard_normal(shape), rng.uniform(0.3, 2))
        mask = field > np.quantile(field, rng.uniform(0.5, 0.97))
        if seed % 10 == place or not mask.any():
            mask[:] = False
            mask[tuple(rng.integers(0, shape))] = True
        masks.append(mask)
    return masks[0], masks[1], spacing
