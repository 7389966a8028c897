"""The marrow's latent signal: a continuous field without clear cut-off, of which levels are thresholds.

On this scale red and fatty marrow vary with standard deviation one about zero; readers set level 1 at
about 1.4, level 2 at about 2.25 and level 3 at about 3.3. Diffuse patches reach level 1, foci level 2,
and few foci, most near a growth plate, level 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dataset_conversion.phantom.anatomy import Anatomy
from dataset_conversion.phantom.fields import Array, Grid, ramp, smooth_noise


@dataclass(frozen=True)
class MarrowParameters:
    """Size and spread of marrow signal, in mm and on the latent scale; ``cno_`` is what CNO adds."""

    #: Kernel widths of diffuse patches along i, j, k; longer along the leg, as red marrow's tongues are.
    patch_scale: tuple[float, float, float] = (5.5, 7.5, 6.0)
    #: Standard deviation of the patches, then kernel width and standard deviation of finer structure in them.
    patch_weight: float = 0.88
    grain_scale: float = 3.0
    grain_weight: float = 0.28
    #: An exam's mean and its spread between exams.
    offset: float = -0.10
    offset_spread: float = 0.10
    cno_offset: float = 0.06
    #: Rise of red marrow towards the growth plate at age 6; it halves by 18.
    near_physis: float = 0.55
    near_physis_reach: float = 14.0
    #: Expected number an exam; least and greatest height, and radius (one standard deviation).
    foci: float = 14.0
    cno_foci: float = 5.0
    focus_peak: tuple[float, float] = (1.5, 2.7)
    focus_radius: tuple[float, float] = (3.0, 5.5)
    #: The same of fluid-like foci.
    hot_foci: float = 2.5
    cno_hot_foci: float = 1.5
    hot_peak: tuple[float, float] = (3.4, 4.8)
    hot_radius: tuple[float, float] = (2.4, 3.5)
    #: Highest signal in an exam without fluid-like foci, below every reader's level 3.
    ceiling: float = 2.75


@dataclass(frozen=True)
class MarrowSignal:
    """Latent signal of an exam: a value a voxel, float32; it is read within `Anatomy.region`."""

    latent: Array
    #: Nothing in the exam looks brighter than this; infinite where there are fluid-like foci.
    ceiling: float


def draw_marrow(
    grid: Grid, anatomy: Anatomy, *, age: float, group: str, fluid_like: bool, rng: np.random.Generator
) -> MarrowSignal:
    """Latent marrow signal of one exam at an age in years, of group "healthy" or "CNO".

    `fluid_like` says whether it has foci of level 3; without, its signal stays below the ceiling.
    """
    p = MarrowParameters()
    cno = group == "CNO"
    axes = [grid.positions(axis) for axis in range(3)]
    latent = p.patch_weight * smooth_noise(rng, axes, p.patch_scale)
    latent += p.grain_weight * smooth_noise(rng, axes, p.grain_scale)
    latent += p.offset + p.offset_spread * float(rng.standard_normal()) + p.cno_offset * cno
    away = anatomy.physis_distance
    red = p.near_physis * (1.0 - 0.5 * float(np.clip((age - 6.0) / 12.0, 0.0, 1.0)))
    latent += red * np.where(away > 0, np.exp(-np.abs(away) / p.near_physis_reach), -0.2)
    # Towards the shaft the signal fades, so that the square's far side does not cut through patches.
    latent -= 1.2 * ramp(away, 35.0, 75.0)
    _add_foci(latent, grid, anatomy, p.foci + p.cno_foci * cno, p.focus_peak, p.focus_radius, rng)
    if not fluid_like:
        # Bent so that it stays under the ceiling; unchanged up to one below it.
        excess = np.maximum(latent - (p.ceiling - 1.0), 0.0)
        bent = np.where(excess > 0, p.ceiling - 1.0 + np.tanh(excess), latent).astype(np.float32)
        return MarrowSignal(bent, p.ceiling)
    count = p.hot_foci + p.cno_hot_foci * cno
    _add_foci(latent, grid, anatomy, count, p.hot_peak, p.hot_radius, rng, least=3)
    return MarrowSignal(latent, float("inf"))


def _add_foci(
    latent: Array, grid: Grid, anatomy: Anatomy, expected: float,
    peak: tuple[float, float], radius: tuple[float, float], rng: np.random.Generator, least: int = 1,
) -> None:  # fmt: skip
    """Raise the latent signal in place to that of foci, placed in the region and rather near a physis."""
    places = np.flatnonzero(anatomy.region)
    if not len(places):
        return
    spacing = np.array(grid.spacing)
    for _ in range(max(least, int(rng.poisson(expected)))):
        # Of a few places drawn, the nearest to a growth plate: most foci lie there, not all.
        candidates = rng.choice(places, size=int(rng.integers(1, 5)))
        nearest = candidates[np.abs(anatomy.physis_distance.ravel()[candidates]).argmin()]
        centre = np.array(np.unravel_index(nearest, anatomy.region.shape))
        radii = rng.uniform(*radius) * np.exp(rng.normal(0, 0.22, 3))
        height = float(rng.uniform(*peak))
        reach = np.ceil(2.6 * radii / spacing).astype(int)
        ends = np.maximum(centre - reach, 0), np.minimum(centre + reach + 1, grid.size)
        box = tuple(map(slice, *ends))
        offsets = np.ogrid[box]
        squared = sum(
            ((offset - c) * s / r) ** 2
            for offset, c, s, r in zip(offsets, centre, spacing, radii, strict=True)
        )
        bump = height * np.exp(-0.5 * squared)
        # Foci stand out of what lies under them, yet do not pile up to heights of their own.
        latent[box] += bump.astype(np.float32) * ramp(latent[box], height + 1.0, height - 1.0)
