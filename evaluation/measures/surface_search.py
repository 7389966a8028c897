"""From points to the nearest of a surface: by steps, in a tree, or by a transform where that is less work."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
import scipy

# Points whose neighbours are counted to judge what a search costs, a cell of the search in voxels, and how
# many points are looked at in the time in which a transform passes a voxel.
_SAMPLE, _CELL, _POINTS_A_VOXEL = 32, 4, 11
# Steps on the lattice that are tried before a search.
_STEPS = 400


def search(surface: np.ndarray, points: np.ndarray, spacing: np.ndarray, voxel: float) -> np.ndarray:
    """From each point to the nearest of a surface, mm; both are indices on the lattice, a row each.

    `voxel` is the size of one in mm, as a search in a tree has to do with it.

    A search in a tree takes microseconds a point where the surface is near, but looks at all of a surface
    that is equally far everywhere, as a sphere from its centre: a transform passes every voxel instead.
    """
    sought = points * spacing
    tree = scipy.spatial.cKDTree(surface * spacing, balanced_tree=False, compact_nodes=False)
    sample = sought[:: max(1, len(sought) // _SAMPLE)]
    reach = tree.query(sample)[0] + _CELL * voxel
    looked_at = tree.query_ball_point(sample, reach, return_length=True).mean() * len(points)
    low = np.minimum(surface.min(axis=0), points.min(axis=0))
    size = np.maximum(surface.max(axis=0), points.max(axis=0)) - low + 1
    if looked_at <= _POINTS_A_VOXEL * size.prod():
        return tree.query(sought)[0]
    background = np.ones(size, bool)
    background[tuple((surface - low).T)] = False
    return scipy.ndimage.distance_transform_edt(background, sampling=spacing)[tuple((points - low).T)]


@lru_cache
def short_steps(spacing: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The shortest steps on a lattice, rising, a row each, and their lengths in mm."""
    dimensions = len(spacing)
    ball = np.pi if dimensions == 2 else 4 / 3 * np.pi
    reach = (_STEPS / ball * np.prod(spacing)) ** (1 / dimensions)
    most = [int(reach // step) for step in spacing]
    steps = np.array(list(product(*(range(-n, n + 1) for n in most))))
    lengths = np.linalg.norm(steps * spacing, axis=1)
    order = np.argsort(lengths, kind="stable")[1:]
    order = order[lengths[order] <= reach][:_STEPS]
    return steps[order].reshape(-1, dimensions), lengths[order]
