"""Readers who err in different ways about a truth that is known: what consensus rules are held against.

A family says what the truth looks like and how its readers err. Every reader of a family has habits, drawn
once a cohort, and draws every exam with them. Models are raters of the same family, better and worse, and
raters with errors of the other kind, so that none of them errs just as the readers do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import ndimage
from scipy.stats import norm

from dataset_conversion.phantom.cohort import plan_cohort, simulate_body
from dataset_conversion.phantom.fields import Grid, generator, smooth_noise
from dataset_conversion.phantom.readers import (
    READERS,
    calibrated_readers,
    cut_levels,
    look_at,
    median_thresholds,
)  # fmt: skip

Array = np.ndarray
Random = np.random.Generator

LABELS = (0, 1, 2, 3)
GRID = Grid((72, 72, 8))
#: Thresholds of a latent signal of unit variance: shares of about 11, 3 and 0.6 %.
CUTS = np.array([1.25, 1.9, 2.5])


@dataclass(frozen=True)
class Exam:
    """The truth, by definition of it, and masks by rater; one uint8 array each, all of one shape."""

    truths: dict[str, Array]
    readers: dict[str, Array]
    models: dict[str, Array]
    #: Voxels of the exam outside these arrays, where nobody marks.
    outside: int = 0


@dataclass(frozen=True)
class Scene:
    """What there is to see: one latent signal (ordinal), or one a label (nominal), and its truth."""

    signal: Array
    truth: Array

    def noise(self, rng: Random, scale: float) -> Array:
        """A smooth standard normal field; `scale` in mm."""
        return smooth_noise(rng, [GRID.positions(axis) for axis in range(3)], scale)


#: Draws an exam as one rater does.
Rater = Callable[[Scene, Random], Array]
#: A new rater of a family; the number is how much more than its readers' the errors are.
Recruit = Callable[[Random, float], Rater]


@dataclass(frozen=True)
class Family:
    """One way of erring."""

    name: str
    words: str
    recruit: Recruit
    nominal: bool = False
    #: How much the first reader errs, and the others.
    first: float = 1.0
    others: float = 1.0

    def cohort(self, seed: int, n_readers: int, n_exams: int) -> Iterator[Exam]:
        """The exams of one seed, all read by the same readers and models."""
        rng = generator(seed, self.name, str(n_readers))
        readers = {
            f"reader{number + 1}": self.recruit(rng, self.first if number == 0 else self.others)
            for number in range(n_readers)
        }
        models = {f"same{size:g}": self.recruit(rng, size) for size in MODELS}
        other = nominal_borders if self.nominal else borders
        models |= {f"other{size:g}": other(rng, size) for size in MODELS}
        for _ in range(n_exams):
            scene = nominal_scene(rng) if self.nominal else ordinal_scene(rng)
            yield Exam(
                {"latent": scene.truth},
                {name: rater(scene, rng) for name, rater in readers.items()},
                {name: rater(scene, rng) for name, rater in models.items()},
            )


#: How much the models of a cohort err, beside its readers.
MODELS = (0.4, 0.8, 1.2, 1.6)


def ordinal_scene(rng: Random) -> Scene:
    """A signal with broad patches and small foci."""
    empty = Scene(np.zeros(GRID.size), np.zeros(GRID.size, np.uint8))
    signal = 0.85 * empty.noise(rng, 9.0) + 0.52 * empty.noise(rng, 4.0)
    return Scene(signal, np.digitize(signal, CUTS).astype(np.uint8))


def nominal_scene(rng: Random) -> Scene:
    """Three labels without an order, each where its own signal is high and the highest."""
    empty = Scene(np.zeros(GRID.size), np.zeros(GRID.size, np.uint8))
    signal = np.stack([empty.noise(rng, scale) - low for scale, low in ((9.0, 0.0), (7.0, 0.25), (5.0, 0.6))])
    return Scene(signal, _strongest(signal))


def _strongest(signal: Array, cut: float = 1.2) -> Array:
    return np.where(signal.max(axis=0) > cut, signal.argmax(axis=0) + 1, 0).astype(np.uint8)


def confusions(rng: Random, size: float, *, nominal: bool = False) -> Rater:
    """Calls a label by another's name, in blobs, by a matrix of the rater's own, independently of others."""
    right = np.clip(1 - size * rng.uniform(0.03, 0.3, 4), 0.3, 1)
    # In all the background there is room for much more false signal than there is true.
    right[0] = 1 - size * rng.uniform(0, 0.003)
    columns = rng.dirichlet(np.ones(3), size=4)
    matrix = np.zeros((4, 4))
    for truth in range(4):
        others = [label for label in LABELS if label != truth]
        weights = columns[truth] * (1 if nominal else 0.3 ** (np.abs(np.array(others) - truth) - 1))
        matrix[others, truth] = (1 - right[truth]) * weights / weights.sum()
        matrix[truth, truth] = right[truth]
    cumulative = matrix.cumsum(axis=0)

    def draw(scene: Scene, rng: Random) -> Array:
        place = norm.cdf(scene.noise(rng, 3.0))
        # Each truth's labels in an order of its own, itself first: neighbours in the field are neighbours.
        drawn = np.zeros(scene.truth.shape, np.uint8)
        for truth in LABELS:
            there = scene.truth == truth
            drawn[there] = np.searchsorted(cumulative[:, truth], place[there]).clip(0, 3)
        return drawn

    return draw


def borders(rng: Random, size: float) -> Rater:
    """Draws every level's border too far out or in, by a habit, an exam's mood and a little noise."""
    habit, mood, wander = size * rng.normal(0, 0.16, 3), 0.08 * size, 0.15 * size

    def draw(scene: Scene, rng: Random) -> Array:
        cuts = CUTS + habit + mood * rng.normal(size=3)
        seen = scene.signal + wander * scene.noise(rng, 4.0)
        drawn = np.zeros(scene.truth.shape, np.uint8)
        for level, cut in enumerate(cuts, start=1):
            drawn[seen > cut] = level
        return drawn

    return draw


def nominal_borders(rng: Random, size: float) -> Rater:
    """The same for labels without an order: each label's signal is over- or undervalued."""
    habit, mood, wander = size * rng.normal(0, 0.16, 3), 0.08 * size, 0.15 * size

    def draw(scene: Scene, rng: Random) -> Array:
        shift = habit + mood * rng.normal(size=3)
        seen = np.stack([
            one + by + wander * scene.noise(rng, 4.0) for one, by in zip(scene.signal, shift, strict=True)
        ])  # fmt: skip
        return _strongest(seen)

    return draw


def foci(rng: Random, size: float, *, nominal: bool = False) -> Rater:
    """Misses whole foci, calls some by a neighbouring label, and invents others; borders are nearly right."""
    missed = np.clip(size * rng.uniform(0.05, 0.25), 0, 0.9)
    invented = size * rng.uniform(0.2, 1.0)
    edge = (nominal_borders if nominal else borders)(rng, 0.3 * size)

    def draw(scene: Scene, rng: Random) -> Array:
        drawn = edge(scene, rng)
        for level in (3, 2, 1):
            there = drawn == level if nominal else drawn >= level
            numbered, count = ndimage.label(there)
            gone = np.append(False, rng.random(count) < missed)[numbered]
            drawn[gone] = 0 if nominal else level - 1
        for _ in range(rng.poisson(invented)):
            centre = [rng.uniform(0, n) for n in GRID.size]
            radii = rng.uniform(2, 5) * np.array([1.0, 1.0, 0.35])
            grid = np.ogrid[tuple(slice(n) for n in GRID.size)]
            inside = sum(((g - c) / r) ** 2 for g, c, r in zip(grid, centre, radii, strict=True)) < 1
            label = rng.integers(1, 4)
            drawn[inside] = label if nominal else np.maximum(drawn[inside], label)
        return drawn

    return draw


def noise(rng: Random, size: float) -> Rater:
    """Errs voxel by voxel, independently: what STAPLE's model assumes of voxels and of raters."""
    wrong = np.clip(size * rng.uniform(0.05, 0.25, 4), 0, 0.8)
    wrong[0] = size * rng.uniform(0.002, 0.01)

    def draw(scene: Scene, rng: Random) -> Array:
        errs = rng.random(scene.truth.shape) < wrong[scene.truth]
        step = np.where(rng.random(scene.truth.shape) < 0.5, -1, 1)
        moved = scene.truth.astype(int) + step
        moved = np.where(moved < 0, 1, np.where(moved > 3, 2, moved))
        return np.where(errs, moved, scene.truth).astype(np.uint8)

    return draw


FAMILIES = (
    Family("confusions", "labels confused in blobs, independently", confusions),
    Family("borders", "borders shifted by habit", borders),
    Family("foci", "foci missed and invented", foci),
    Family("careless", "one careless reader, the others good", foci, first=3.0, others=0.5),
    Family("noise", "independent noise, voxel by voxel", noise),
    Family(
        "nominal confusions", "labels without an order, confused", partial(confusions, nominal=True), True
    ),
    Family("nominal borders", "labels without an order, shifted borders", nominal_borders, True),
    Family("nominal foci", "labels without an order, missed and invented", partial(foci, nominal=True), True),
)


def calibrated(seed: int, n_exams: int = 10) -> Iterator[Exam]:
    """The phantom's own test exams and calibrated readers, and three definitions of their truth.

    Models are the readers' kind, better and worse: they see the signal with a share of a reader's
    uncertainty, at thresholds some way off the readers' median.
    """
    parameters = calibrated_readers()
    cuts = np.array([parameters.habits[reader].thresholds for reader in READERS])
    definitions = {
        "nominal": np.array([1.4, 2.25, 3.3]),
        "mean": cuts.mean(axis=0),
        "median": np.array(median_thresholds()),
    }
    rng = generator(seed, "models")
    habits = {
        f"{kind}{size:g}": (size * rng.normal(0, 0.25 if kind == "same" else 0.08, 3), size * wander)
        for kind, wander in (("same", 0.3), ("other", 0.7))
        for size in MODELS
    }
    for planned in plan_cohort(training=1, seed=seed)[1:][:n_exams]:
        body, name = simulate_body(planned, seed=seed), planned.identifier
        region = body.anatomy.region
        seen = look_at(
            body.grid, region, body.marrow, readers=READERS, scale=parameters.scale, seed=seed, exam=name
        )
        stream = generator(seed, name, "models")
        cut = partial(cut_levels, ceiling=body.marrow.ceiling)
        axes = [body.grid.positions(axis) for axis in range(3)]
        models = {
            model: cut(
                seen.latent + wander * smooth_noise(stream, axes, parameters.scale)[region],
                definitions["median"] + habit,
            )
            for model, (habit, wander) in habits.items()
        }
        yield Exam(
            {name: cut(seen.latent, at) for name, at in definitions.items()},
            {reader: seen.read(reader, parameters) for reader in READERS},
            models,
            int(np.count_nonzero(~region)),
        )
