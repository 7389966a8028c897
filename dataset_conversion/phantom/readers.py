"""Four readers who draw the same marrow signal differently.

A reader draws a level where the latent signal, seen with spatially correlated uncertainty, exceeds a
threshold of the reader's own that wanders from exam to exam; small components may be dropped. Readers 1-3,
of one institution, share part of both perturbations; reader 4 calls levels 2 and 3 rarely.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from dataset_conversion.phantom.fields import Array, Grid, generator, smooth_noise
from dataset_conversion.phantom.marrow import MarrowSignal

#: Readers the phantom can play.
READERS = ("reader1", "reader2", "reader3", "reader4")
LEVELS = (1, 2, 3)

PerLevel = tuple[float, float, float]


@dataclass(frozen=True)
class Habit:
    """How one reader draws; one value a level where there are three.

    Parameters
    ----------
    thresholds : tuple of float
        On the latent scale.
    jitter : tuple of float
        Standard deviation of the thresholds between exams.
    uncertainty : tuple of float
        Standard deviation of the borders' spatial noise, latent scale.
    calls : tuple of float
        Probability that the reader uses the level at all in an exam.
    """

    thresholds: PerLevel
    jitter: PerLevel
    uncertainty: PerLevel
    calls: PerLevel = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class ReaderParameters:
    """The four readers, and what they have in common.

    The values are a fit, not a prediction: with the default seed of the cohort, the readers' Dice against
    their own multi-label STAPLE lands near Table 1 of von Brandis et al. 2022. Reader 4's level 3 is drawn
    in one test exam, as in the study.

    Parameters
    ----------
    habits : dict of str to Habit
    scale : float
        Kernel width of the spatial noise, mm.
    shared : float
        Fraction of the perturbations' variance that readers 1-3 share.
    smallest : int
        Components of at most this many voxels within a slice are candidates for dropping.
    dropped : float
        Probability that a candidate is dropped.
    """

    habits: dict[str, Habit] = field(
        default_factory=lambda: {
            "reader1": Habit((1.39, 2.30, 3.35), (0.10, 0.05, 0.20), (0.26, 0.25, 0.53)),
            "reader2": Habit((1.31, 2.28, 3.17), (0.07, 0.17, 0.11), (0.28, 0.52, 0.45)),
            "reader3": Habit((1.49, 2.26, 3.27), (0.14, 0.18, 0.23), (0.13, 0.51, 0.37)),
            "reader4": Habit((1.44, 3.20, 3.30), (0.10, 0.70, 0.17), (0.12, 0.52, 0.30), (1.0, 1.0, 0.155)),
        }
    )
    scale: float = 5.0
    shared: float = 0.20
    smallest: int = 4
    dropped: float = 0.5

    @property
    def colleagues(self) -> tuple[str, ...]:
        """Readers of one institution."""
        return READERS[:3]


def draw_masks(
    grid: Grid,
    region: Array,
    marrow: MarrowSignal,
    *,
    readers: tuple[str, ...],
    seed: int,
    exam: str,
    parameters: ReaderParameters | None = None,
) -> dict[str, Array]:
    """Masks of some readers.

    Each reader has a random stream of their own, so a reader's mask does not depend on who else reads.

    Parameters
    ----------
    grid : Grid
    region : ndarray of bool
        Where levels may be drawn.
    marrow : MarrowSignal
    readers : tuple of str
    seed : int
    exam : str
        Identifier; with `seed` it decides the readers' random streams.
    parameters : ReaderParameters, optional

    Returns
    -------
    dict of str to ndarray of uint8
        Levels 0 to 3, of shape grid.size.
    """
    p = parameters or ReaderParameters()
    common = _Perturbation.draw(grid, p.scale, generator(seed, exam, "readers in common"))
    masks = {}
    for reader in readers:
        own = _Perturbation.draw(grid, p.scale, generator(seed, exam, reader))
        shared = p.shared if reader in p.colleagues else 0.0
        jitter = np.sqrt(shared) * common.jitter + np.sqrt(1 - shared) * own.jitter
        noise = np.float32(np.sqrt(shared)) * common.noise + np.float32(np.sqrt(1 - shared)) * own.noise
        mask = _levels(marrow, noise, jitter, p.habits[reader], own.use)
        mask[~region] = 0
        masks[reader] = _without_specks(mask, p, generator(seed, exam, reader, "specks"))
    return masks


@dataclass(frozen=True)
class _Perturbation:
    jitter: Array  # one standard normal value a level
    use: Array  # one uniform value a level
    noise: Array  # standard normal field

    @classmethod
    def draw(cls, grid: Grid, scale: float, rng: np.random.Generator) -> _Perturbation:
        jitter, use = rng.standard_normal(3), rng.uniform(size=3)
        return cls(jitter, use, smooth_noise(rng, [grid.positions(axis) for axis in range(3)], scale))


def _levels(marrow: MarrowSignal, noise: Array, jitter: Array, habit: Habit, use: Array) -> Array:
    mask = np.zeros(noise.shape, dtype=np.uint8)
    for place, level in enumerate(LEVELS):
        if use[place] >= habit.calls[place]:
            continue
        threshold = habit.thresholds[place] + habit.jitter[place] * float(jitter[place])
        seen = np.minimum(marrow.latent + habit.uncertainty[place] * noise, marrow.ceiling)
        mask[seen > threshold] = level
    return mask


def _without_specks(mask: Array, p: ReaderParameters, rng: np.random.Generator) -> Array:
    """Drop some of the smallest components of a level and those above it, slice by slice."""
    in_slice = np.zeros((3, 3, 3), dtype=bool)
    in_slice[:, :, 1] = ndimage.generate_binary_structure(2, 1)
    result = mask.copy()
    for level in LEVELS:
        components, count = ndimage.label(result >= level, in_slice)
        sizes = np.bincount(components.ravel(), minlength=count + 1)
        drop = (sizes <= p.smallest) & (rng.uniform(size=count + 1) < p.dropped)
        drop[0] = False
        result[drop[components]] = level - 1
    return result
