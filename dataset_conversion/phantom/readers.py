"""Four readers who draw the same marrow signal differently.

A reader draws a level where the latent signal, seen with spatially correlated uncertainty, exceeds a
threshold of the reader's own that wanders from exam to exam; small components may be dropped. Readers 1-3,
of one institution, share part of both perturbations; reader 4 calls levels 2 and 3 rarely.

How each reader draws is data, ``readers.json``: the result of a calibration (`calibration`), a fit to the
published scores and no prediction of them. All that is random is drawn once an exam (`look_at`); what is
drawn from it (`ExamAsSeen.read`) costs milliseconds, which is what a calibration repeats.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from dataset_conversion.phantom.fields import Array, Grid, generator, smooth_noise
from dataset_conversion.phantom.marrow import MarrowSignal

#: Readers the phantom can play.
READERS = ("reader1", "reader2", "reader3", "reader4")
#: Those of one institution, who calibrated together.
COLLEAGUES = READERS[:3]
LEVELS = (1, 2, 3)
#: Voxels of the largest component that a reader may overlook.
SPECK = 4
#: How they draw; written by `calibration.write_readers`.
READERS_FILE = Path(__file__).with_name("readers.json")

PerLevel = tuple[float, float, float]


@dataclass(frozen=True)
class Habit:
    """How one reader draws: one value a level, on the latent scale."""

    thresholds: PerLevel
    #: Standard deviation of the thresholds between exams.
    jitter: PerLevel
    #: Standard deviation of the borders' spatial noise.
    uncertainty: PerLevel
    #: Probability that the reader uses the level at all in an exam.
    calls: PerLevel = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class ReaderParameters:
    """The four readers, and what they have in common."""

    habits: Mapping[str, Habit]
    #: Kernel width of the spatial noise, mm.
    scale: float
    #: Fraction of the perturbations' variance that readers 1-3 share.
    shared: float
    #: Probability that a component of at most `SPECK` voxels within a slice is dropped.
    dropped: float

    @classmethod
    def from_dict(cls, values: Mapping) -> ReaderParameters:
        """From what `dataclasses.asdict` made, JSON's lists included."""
        habits = {
            reader: Habit(**{name: tuple(per_level) for name, per_level in habit.items()})
            for reader, habit in values["habits"].items()
        }
        return cls(**{**values, "habits": habits})


@cache
def calibrated_readers() -> ReaderParameters:
    """The readers of the synthetic cohort, as stored in ``readers.json``."""
    return ReaderParameters.from_dict(json.loads(READERS_FILE.read_text(encoding="utf-8"))["readers"])


def median_thresholds(parameters: ReaderParameters | None = None) -> PerLevel:
    """The median of the readers' thresholds, a level each: where the simulated truth is cut."""
    habits = (parameters or calibrated_readers()).habits.values()
    one, two, three = np.median([habit.thresholds for habit in habits], axis=0).tolist()
    return one, two, three


def cut_levels(latent: Array, thresholds: Sequence[float], ceiling: float) -> Array:
    """Levels of a latent signal (any shape), uint8: each from its threshold on, none above the ceiling."""
    levels = np.zeros(latent.shape, dtype=np.uint8)
    for level, threshold in zip(LEVELS, thresholds, strict=True):
        if threshold < ceiling:
            levels[latent > threshold] = level
    return levels


def true_levels(region: Array, marrow: MarrowSignal) -> Array:
    """The truth of an exam that no reader sees: the latent signal cut at `median_thresholds` in the region.

    uint8, of the region's shape. It is one definition of several; `benchmarks/truth.py` holds consensus
    rules against others too.
    """
    levels = np.zeros(region.shape, dtype=np.uint8)
    levels[region] = cut_levels(marrow.latent[region], median_thresholds(), marrow.ceiling)
    return levels


def draw_masks(
    grid: Grid, region: Array, marrow: MarrowSignal,
    *, readers: tuple[str, ...], seed: int, exam: str, parameters: ReaderParameters | None = None,
) -> dict[str, Array]:  # fmt: skip
    """Masks of some readers.

    Each reader has a random stream of their own, which `seed` and the exam's identifier decide: a reader's
    mask (uint8 of shape grid.size, drawn within `region`) does not depend on who else reads.
    """
    parameters = parameters or calibrated_readers()
    seen = look_at(grid, region, marrow, readers=readers, scale=parameters.scale, seed=seed, exam=exam)
    masks = {}
    for reader in readers:
        masks[reader] = np.zeros(region.shape, dtype=np.uint8)
        masks[reader][region] = seen.read(reader, parameters)
    return masks


@dataclass(frozen=True)
class Perturbation:
    """What is random in a reading, of unit size."""

    #: Standard normal, and uniform, one a level.
    jitter: Array
    use: Array
    #: Standard normal, spatially correlated, a float32 a voxel of the region.
    noise: Array
    #: Uniform, one a voxel: a small component is dropped by its first voxel's value.
    care: Array

    @classmethod
    def draw(cls, grid: Grid, region: Array, scale: float, rng: np.random.Generator) -> Perturbation:
        """Draw everything on a grid and keep it in the region."""
        jitter, use = rng.standard_normal(3), rng.uniform(size=3)
        noise = smooth_noise(rng, [grid.positions(axis) for axis in range(3)], scale)[region]
        return cls(jitter, use, noise, rng.random(len(noise), dtype=np.float32))


@dataclass(frozen=True)
class ExamAsSeen:
    """An exam before thresholds are set, in the voxels of its region in array order."""

    #: See `MarrowSignal`.
    latent: Array
    ceiling: float
    #: What readers 1-3 share, and each reader's own.
    common: Perturbation
    own: dict[str, Perturbation]
    #: Shape (4, voxels): those beside each in its slice; the number of voxels stands for outside.
    neighbours: Array

    def read(self, reader: str, parameters: ReaderParameters) -> Array:
        """A reader's levels, uint8, one a voxel of the region."""
        habit, own, common = parameters.habits[reader], self.own[reader], self.common
        shared = parameters.shared if reader in COLLEAGUES else 0.0
        jitter = np.sqrt(shared) * common.jitter + np.sqrt(1 - shared) * own.jitter
        noise = np.float32(np.sqrt(shared)) * common.noise + np.float32(np.sqrt(1 - shared)) * own.noise
        drawn = np.zeros(len(noise), dtype=np.uint8)
        for place, level in enumerate(LEVELS):
            if own.use[place] >= habit.calls[place]:
                continue
            threshold = habit.thresholds[place] + habit.jitter[place] * float(jitter[place])
            if threshold < self.ceiling:
                drawn[self.latent + np.float32(habit.uncertainty[place]) * noise > threshold] = level
        # Some of the smallest components of a level and those above it are dropped, slice by slice.
        for level in LEVELS if parameters.dropped > 0 else ():
            voxels, first = _small_components(drawn >= level, self.neighbours)
            size = np.bincount(first, minlength=len(drawn))[first]
            drawn[voxels[(size <= SPECK) & (own.care[first] < parameters.dropped)]] = level - 1
        return drawn


def look_at(
    grid: Grid, region: Array, marrow: MarrowSignal,
    *, readers: tuple[str, ...], scale: float, seed: int, exam: str,
) -> ExamAsSeen:  # fmt: skip
    """Draw all that is random in some readers' readings of an exam; parameters as in `draw_masks`."""
    common = Perturbation.draw(grid, region, scale, generator(seed, exam, "readers in common"))
    own = {
        reader: Perturbation.draw(grid, region, scale, generator(seed, exam, reader)) for reader in readers
    }
    return ExamAsSeen(marrow.latent[region], marrow.ceiling, common, own, _neighbours(region))


def _neighbours(region: Array) -> Array:
    voxels = np.count_nonzero(region)
    number = np.full(tuple(np.add(region.shape, (2, 2, 0))), voxels, dtype=np.int32)
    number[1:-1, 1:-1][region] = np.arange(voxels, dtype=np.int32)
    around = (number[2:, 1:-1], number[1:-1, 2:], number[:-2, 1:-1], number[1:-1, :-2])
    return np.stack([place[region] for place in around])


def _small_components(inside: Array, neighbours: Array) -> tuple[Array, Array]:
    """Voxels of components within a slice (edges connect), and the first voxel of each one's component.

    Components with a voxel that has all four neighbours are left out: they have five voxels or more, and
    are nearly all of a mask.
    """
    inside = np.append(inside, False)
    voxels = np.flatnonzero(inside)
    around = neighbours.take(voxels, axis=1)
    large = np.zeros_like(inside)
    reached = np.logical_and.reduce(inside.take(around))
    while reached.any():
        large[voxels[reached]] = True
        left = np.flatnonzero(~reached)
        voxels, around = voxels.take(left), around.take(left, axis=1)
        reached = np.logical_or.reduce(large.take(around))
    # Each voxel takes the lowest number around it, until none changes.
    first = np.full(len(inside), len(inside))
    lowest = voxels
    while not np.array_equal(first[voxels], lowest):
        first[voxels] = lowest
        lowest = np.minimum(lowest, first.take(around).min(axis=0))
    return voxels, lowest
