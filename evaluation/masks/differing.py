"""Where a mask and its reference differ, voxel for voxel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def difference(reference: np.ndarray, mask: np.ndarray, levels: Sequence[int] | None = None) -> np.ndarray:
    """What each voxel of a label map is against the reference, of the same shape.

    Label maps of shape (i, j, k). `levels` are mask values, taken as one; by default a voxel of another
    level counts by itself. Returned is uint8: 0 where neither marks, 1 where both say the same, 2 where they
    say other levels, 3 where the mask alone marks, 4 where the reference alone does.
    """
    expected, found = of_levels(reference, levels), of_levels(mask, levels)
    in_both = (expected > 0) & (found > 0)
    same = in_both if levels is not None else in_both & (expected == found)
    kinds = [same, in_both & ~same, (found > 0) & (expected == 0), (expected > 0) & (found == 0)]
    return np.select(kinds, range(1, len(kinds) + 1), 0).astype(np.uint8)


def of_levels(mask: np.ndarray, levels: Sequence[int] | None) -> np.ndarray:
    """A label map without levels that are not asked for."""
    return mask if levels is None else np.where(np.isin(mask, list(levels)), mask, 0)
