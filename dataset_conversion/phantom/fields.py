"""Grids, smooth random fields and soft edges: what every part of the phantom is computed with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Grid:
    """A coronal grid in storage order: i to the patient's left, j to inferior, k to posterior; in mm."""

    size: tuple[int, int, int]
    spacing: tuple[float, float, float] = (0.9, 0.9, 3.5)

    @property
    def affine(self) -> Array:
        """Voxel indices to world millimetres (RAS+), the grid's centre at the origin."""
        affine, world, steps = np.diag([0.0, 0.0, 0.0, 1.0]), (0, 2, 1), np.array(self.spacing)
        affine[world, (0, 1, 2)] = -steps
        affine[world, 3] = steps * (np.array(self.size) - 1) / 2
        return affine

    def positions(self, axis: int, per_voxel: int = 1) -> Array:
        """Centres of the voxels, or of equal parts of them, along an axis: mm from the grid's centre."""
        count, step = self.size[axis] * per_voxel, self.spacing[axis] / per_voxel
        return ((np.arange(count) - (count - 1) / 2) * step).astype(np.float32)


def generator(seed: int, *names: str) -> np.random.Generator:
    """A random stream of its own for each seed and names, whatever else is drawn.

    Examples
    --------
    >>> generator(1, "knee_001", "noise").integers(1000) == generator(1, "knee_001", "noise").integers(1000)
    np.True_
    """
    words = np.frombuffer(hashlib.sha256("/".join(names).encode()).digest(), "<u4", count=4).tolist()
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def smooth_noise(
    rng: np.random.Generator,
    positions: Sequence[Array],
    scale: float | Sequence[float],
    columns: slice = slice(None),
) -> Array:
    """Gaussian random field of zero mean and unit variance.

    White noise on knots, weighted by a Gaussian of standard deviation `scale` along each axis; each
    axis is one small matrix product, which costs a hundredth of filtering at full resolution. Values a
    distance *d* apart correlate by about ``exp(-(d / scale)**2 / 4)``. `positions` along each axis, and
    `scale` for all or each, are in mm; `columns` is the part of the first axis wanted, of a field that is the
    same whatever part is asked for. The result is float32, of shape (len(positions[0][columns]),
    len(positions[1]), ...).
    """
    scales = [float(scale)] * len(positions) if isinstance(scale, int | float) else list(scale)
    weights = [_kernel_weights(along, width) for along, width in zip(positions, scales, strict=True)]
    field = rng.standard_normal([matrix.shape[1] for matrix in weights], dtype=np.float32)
    weights[0] = weights[0][columns]
    for axis, matrix in enumerate(weights):
        # Each product leaves the field in storage order.
        before, after = field.shape[:axis], field.shape[axis + 1 :]
        if after:
            product = matrix @ field.reshape(*before, field.shape[axis], -1)
        else:
            product = field.reshape(-1, field.shape[axis]) @ matrix.T
        field = product.reshape(*before, len(matrix), *after)
    return field


def _kernel_weights(positions: Array, scale: float) -> Array:
    knots = np.arange(positions.min() - 2.5 * scale, positions.max() + 3 * scale, 0.9 * scale)
    weights = np.exp(-0.5 * ((positions[:, None] - knots[None]) / scale) ** 2)
    weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
    return weights.astype(np.float32)


def inside(distance: Array, edge: float = 0.9) -> Array:
    """Fraction of a voxel inside a surface, from the signed distance (negative inside), mm."""
    depth = np.asarray(distance / -edge)
    depth += 0.5
    return np.clip(depth, 0.0, 1.0, out=depth)


def ramp(values: Array, low: float, high: float) -> Array:
    """0 up to `low`, 1 from `high`, smooth in between (`low` may exceed `high`)."""
    t = np.asarray(values - low)
    t /= high - low
    np.clip(t, 0.0, 1.0, out=t)
    curve = -2 * t
    curve += 3
    t *= t
    t *= curve
    return t


def join(first: Array, second: Array, blend: float) -> Array:
    """Signed distance of the union of two bodies, the crease between them filled over `blend` mm."""
    overlap = np.asarray(first - second)
    np.abs(overlap, out=overlap)
    np.subtract(blend, overlap, out=overlap)
    np.maximum(overlap, 0.0, out=overlap)
    overlap *= overlap
    overlap *= 0.25 / blend
    return np.minimum(first, second) - overlap


def cut(first: Array, second: Array, blend: float) -> Array:
    """Signed distance of the intersection of two bodies, its edge rounded over `blend` mm."""
    return -join(-first, -second, blend)


class Profile:
    """A smooth curve through given points, looked up on large arrays."""

    _STEP = 0.5

    def __init__(self, *points: tuple[float, float]) -> None:
        knots, values = zip(*points, strict=True)
        self._low, self._high = float(min(knots)), float(max(knots))
        fine = np.arange(self._low, self._high + self._STEP, self._STEP)
        curve = np.interp(fine, knots, values)
        window = np.hanning(13)[1:-1]
        padded = np.pad(curve, len(window) // 2, mode="edge")
        self._table = np.convolve(padded, window / window.sum(), mode="valid").astype(np.float32)

    def __call__(self, at: Array) -> Array:
        """Value of the curve, constant beyond its ends."""
        place = np.asarray(at - self._low)
        place /= self._STEP
        place += 0.5
        np.clip(place, 0, len(self._table) - 1, out=place)
        return self._table.take(place.astype(np.intp))
