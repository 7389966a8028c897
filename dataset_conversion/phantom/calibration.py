"""Tune the readers until their scores on the test exams are those of a published table.

Scores are not computed here: a `Scorer` is handed in, so that readers are tuned on the very consensus and
Dice that a benchmark reports. What is found is a fit, 37 numbers to 32 targets, and no prediction.

What is random in an exam is drawn once (`see_test_exams`); an evaluation then sets thresholds, counts vote
patterns and scores those.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from dataset_conversion.files import write_text
from dataset_conversion.images import ConversionError
from dataset_conversion.phantom.cohort import plan_cohort, simulate_body
from dataset_conversion.phantom.readers import (
    LEVELS,
    READERS,
    READERS_FILE,
    ExamAsSeen,
    Habit,
    PerLevel,
    ReaderParameters,
    look_at,
)  # fmt: skip

#: Scores an exam's readers. Given the voxels of each vote pattern, shape (4, 4, 4, 4): an axis a reader in
#: the order of `READERS`, the index that reader's level; returns scores of shape (levels, readers), NaN
#: where undefined.
Scorer = Callable[[np.ndarray], np.ndarray]

#: How near the shipped cohort's medians and means are to come.
MEDIAN_TOLERANCE, MEAN_TOLERANCE = 0.05, 0.08
#: How near the medians of other seeds' cohorts are to come, on average.
OTHER_SEEDS_TOLERANCE = 0.08
#: Of a level's border, on the latent scale: two thirds of the distance between levels.
WIDEST_UNCERTAINTY = 0.65


@dataclass(frozen=True)
class Targets:
    """Published scores over the test exams, (levels of the scorer, `READERS`)."""

    medians: np.ndarray
    means: np.ndarray


@dataclass(frozen=True)
class SeenCohort:
    """The test exams of a seed, ready to be read again and again."""

    seed: int
    exams: tuple[ExamAsSeen, ...]
    #: An exam's voxels outside the region, where nobody draws.
    outside: tuple[int, ...]

    def count_patterns(self, parameters: ReaderParameters) -> list[np.ndarray]:
        """Voxels of each combination of the readers' levels, an array (4, 4, 4, 4) an exam."""
        shape, patterns = (len(LEVELS) + 1,) * len(READERS), []
        for exam, outside in zip(self.exams, self.outside, strict=True):
            codes = np.zeros(len(exam.latent), dtype=np.uint8)
            for reader in READERS:
                codes = codes * np.uint8(shape[0]) + exam.read(reader, parameters)
            counts = np.bincount(codes, minlength=int(np.prod(shape)))
            counts[0] += outside
            patterns.append(counts.reshape(shape))
        return patterns


def see_test_exams(seed: int, scale: float, places: Sequence[int] = range(10)) -> SeenCohort:
    """Simulate some of a seed's ten test exams, and draw what is random in their reading.

    `scale` is `ReaderParameters.scale`, which is not tuned.
    """
    exams, outside = [], []
    planned = plan_cohort(training=1, seed=seed)[1:]
    for place in places:
        body, exam = simulate_body(planned[place], seed=seed), planned[place].identifier
        region = body.anatomy.region
        exams.append(
            look_at(body.grid, region, body.marrow, readers=READERS, scale=scale, seed=seed, exam=exam)
        )
        outside.append(int(np.count_nonzero(~region)))
    return SeenCohort(seed, tuple(exams), tuple(outside))


def score_cohort(
    cohort: SeenCohort, parameters: ReaderParameters, scorer: Scorer
) -> tuple[np.ndarray, np.ndarray]:
    """Medians and means over exams, each (levels, readers); NaN where no exam has a score."""
    scores = np.array([scorer(counts) for counts in cohort.count_patterns(parameters)])
    defined = np.isfinite(scores).any(axis=0)
    scores = np.where(defined, scores, 0.0)
    medians, means = np.nanmedian(scores, axis=0), np.nanmean(scores, axis=0)
    return np.where(defined, medians, np.nan), np.where(defined, means, np.nan)


def to_vector(parameters: ReaderParameters) -> np.ndarray:
    """What is tuned, as unbounded numbers of like scale: thresholds, log jitter, log uncertainty, shared.

    The probability of calling a level is not tuned: scores answer to it in jumps.
    """
    habits = [parameters.habits[reader] for reader in READERS]
    parts = [
        (habit.thresholds, np.log(habit.jitter) / _LOG_UNIT, np.log(habit.uncertainty) / _LOG_UNIT)
        for habit in habits
    ]
    shared = np.log(parameters.shared / (1 - parameters.shared)) / _LOG_UNIT
    return np.append(np.array(parts).ravel(), shared)


def from_vector(vector: np.ndarray, template: ReaderParameters) -> ReaderParameters:
    """The inverse of `to_vector`; what is not tuned comes from `template`."""
    parts = vector[:-1].reshape(len(READERS), 3, len(LEVELS))
    habits = {}
    for reader, (thresholds, jitter, uncertainty) in zip(READERS, parts, strict=True):
        tuned = (thresholds, np.exp(jitter * _LOG_UNIT), np.exp(uncertainty * _LOG_UNIT))
        at, spread, width = (cast(PerLevel, tuple(values.tolist())) for values in tuned)
        habits[reader] = Habit(at, spread, width, template.habits[reader].calls)
    shared = float(1 / (1 + np.exp(-vector[-1] * _LOG_UNIT)))
    return ReaderParameters(habits, template.scale, shared, template.dropped)


# A threshold moved by 0.1 matters about as much as a spread changed by a third.
_LOG_UNIT = 3.0


@dataclass(frozen=True)
class Objective:
    """How far readers are from the targets; a function of the vector.

    The shipped cohort counts by its tolerances, so that no cell is given up for the average; cohorts of
    other seeds count by their mean difference, so that the readers are no accident of one seed.
    """

    shipped: SeenCohort
    others: Sequence[SeenCohort]
    targets: Targets
    scorer: Scorer
    #: Where the search starts; the training reader is held to be no noisier.
    template: ReaderParameters

    def __call__(self, vector: np.ndarray) -> float:
        """Zero is perfect; one is at the tolerances."""
        parameters = from_vector(vector, self.template)
        medians, means = self.differences(self.shipped, parameters)
        apart = np.concatenate([np.ravel(medians) / MEDIAN_TOLERANCE, np.ravel(means) / MEAN_TOLERANCE])
        value = (apart**2).mean() + 2 * np.maximum(np.abs(apart) - 0.8, 0).mean()
        if self.others:
            elsewhere = [np.abs(self.differences(cohort, parameters)[0]).mean() for cohort in self.others]
            value += np.mean(elsewhere) / OTHER_SEEDS_TOLERANCE
        return float(value + self._excess(parameters))

    def differences(self, cohort: SeenCohort, parameters: ReaderParameters) -> tuple[np.ndarray, np.ndarray]:
        """Medians and means less the published ones; 1 where there is no score."""
        found = score_cohort(cohort, parameters, self.scorer)
        medians, means = (
            np.nan_to_num(score - target, nan=1.0)
            for score, target in zip(found, (self.targets.medians, self.targets.means), strict=True)
        )
        return medians, means

    def _excess(self, parameters: ReaderParameters) -> float:
        """How much noisier readers are than they should be.

        Reader 1 than at the start, since a network is trained on this reader's masks; anyone than
        `WIDEST_UNCERTAINTY`, since much noise would have the scores of a level rarely drawn.
        """
        now, before = parameters.habits[READERS[0]], self.template.habits[READERS[0]]
        growth = np.log([now.jitter, now.uncertainty]) - np.log([before.jitter, before.uncertainty])
        widths = [parameters.habits[reader].uncertainty for reader in READERS]
        too_wide = np.maximum(np.log(widths) - np.log(WIDEST_UNCERTAINTY), 0.0)
        return float(0.1 * np.maximum(growth, 0.0).sum() + too_wide.sum())


@dataclass(frozen=True)
class Search:
    """How long to search, from which seed and how widely."""

    generations: int = 75
    seed: int = 1
    spread: float = 0.05


def starting_readers() -> ReaderParameters:
    """Where a calibration starts: the values of an earlier, rougher fit."""
    return ReaderParameters(
        habits={
            "reader1": Habit((1.33, 2.22, 3.30), (0.07, 0.04, 0.29), (0.14, 0.42, 0.26)),
            "reader2": Habit((1.23, 2.42, 3.30), (0.04, 0.17, 0.14), (0.21, 0.42, 0.40)),
            "reader3": Habit((1.15, 1.99, 3.22), (0.31, 0.17, 0.13), (0.05, 0.53, 0.64)),
            "reader4": Habit((1.33, 3.14, 3.25), (0.08, 0.53, 0.10), (0.10, 0.63, 0.25), (1.0, 1.0, 0.155)),
        },
        scale=5.0,
        shared=0.16,
        dropped=0.5,
    )


def calibrate(
    objective: Objective, search: Search, report: Callable[[], object] | None = None
) -> tuple[ReaderParameters, dict[str, Any]]:
    """Search for the readers that come nearest to the targets; `report` is called after each generation.

    Returned are the readers, rounded to what is stored, and where they come from: seeds, search, the
    objective's value at the start and at the end. Without the package cma, which searches (CMA-ES: Hansen,
    arXiv:1604.00772), a `ConversionError` is raised.
    """
    try:
        import cma  # type: ignore[import-not-found,import-untyped]
    except ModuleNotFoundError:
        raise ConversionError(
            "cma: not installed, expected to tune readers; install with: pip install 'bmseg[dev]'"
        ) from None
    best = start = to_vector(objective.template)
    lowest = at_start = objective(start)
    strategy = cma.CMAEvolutionStrategy(start, search.spread, {"seed": search.seed, "verbose": -9})
    for _ in range(search.generations):
        points = strategy.ask()
        values = [objective(point) for point in points]
        strategy.tell(points, values)
        if min(values) < lowest:
            best, lowest = points[int(np.argmin(values))], min(values)
        if report:
            report()
    # As they are stored.
    stored = json.dumps(asdict(from_vector(best, objective.template)))
    readers = ReaderParameters.from_dict(json.loads(stored, parse_float=lambda text: round(float(text), 4)))
    record = {
        "method": "CMA-ES, a fit to published medians and means",
        **asdict(search),
        "shipped_seed": objective.shipped.seed,
        "other_seeds": [cohort.seed for cohort in objective.others],
        "evaluations": strategy.countevals + 1,
        "objective_at_start": round(at_start, 4),
        "objective": round(objective(to_vector(readers)), 4),
    }
    return readers, record


def write_readers(readers: ReaderParameters, record: dict[str, Any], path: Path = READERS_FILE) -> None:
    """Store readers and where they come from as the package's ``readers.json``."""
    write_text(path, json.dumps({"calibration": record, "readers": asdict(readers)}, indent=2) + "\n")
