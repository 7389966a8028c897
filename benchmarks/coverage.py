"""How often do 95 % intervals of ten exams hold the truth? By simulation, on Dice-like values.

Values are Beta distributed, as Dice between 0 and 1 is; two knees of an exam are correlated through a
Gaussian copula. The percentile bootstrap stands beside ours to show what it would have cost. Run with
``python -m benchmarks.coverage``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

from evaluation.statistics.intervals import Interval, mean_interval, median_interval
from evaluation.statistics.signed_rank import hodges_lehmann

EXAMS = 10
REPEATS = 4000
RESAMPLES = 500

#: Share of exams in which a rater fails, and the Dice there; elsewhere a level is seen well.
FAILURES, FAILED, WELL = 0.1, (1, 15), {"Beta(16, 5)": (16, 5), "Beta(30, 6)": (30, 6)}

#: Dice of a level that is seen well, and of a sparse one that is often missed.
SHAPES = {"Beta(16, 5)": (16, 5), "Beta(1, 4), skewed": (1, 4)}
#: Correlation of the two knees of an exam.
CORRELATIONS = (0.0, 0.5, 0.9)

Bounds = tuple[float, float]


class Coverage(NamedTuple):
    """The share of simulated studies whose interval holds the truth, and the interval's mean width."""

    statistic: str
    values: str
    method: str
    coverage: float
    width: float


def coverages(repeats: int = REPEATS, seed: int = 2022) -> list[Coverage]:
    """Simulate every case; deterministic for a seed."""
    rows = []
    for name, shape in SHAPES.items():
        truth = stats.beta(*shape)
        dice = truth.rvs((repeats, EXAMS), random_state=np.random.default_rng(seed))
        exams = f"{EXAMS} exams, {name}"
        rows += [
            _covered("mean", exams, "t", dice, truth.mean(), mean_interval),
            _covered("mean", exams, "percentile bootstrap", dice, truth.mean(), _bootstrap(np.mean)),
            _covered("median", exams, "order statistics", dice, truth.median(), median_interval),
            _covered("median", exams, "percentile bootstrap", dice, truth.median(), _bootstrap(np.median)),
        ]
        for correlation in CORRELATIONS:
            rows += _by_knee(name, shape, correlation, repeats, seed)
    for name, well in WELL.items():
        rows += _failing(name, well, repeats, seed)
    differences = np.random.default_rng(seed).logistic(size=(repeats, EXAMS))
    pairs = f"{EXAMS} pairs, logistic"
    return [*rows, _covered("difference", pairs, "Hodges-Lehmann", differences, 0.0, hodges_lehmann)]


def _failing(name: str, shape: tuple[int, int], repeats: int, seed: int) -> list[Coverage]:
    """One exam in ten fails: one study in three of ten exams sees none, and its mean is far off."""
    rng = np.random.default_rng(seed)
    failed, well, size = stats.beta(*FAILED), stats.beta(*shape), (repeats, EXAMS)
    fails = rng.random(size) < FAILURES
    dice = np.where(fails, failed.rvs(size, random_state=rng), well.rvs(size, random_state=rng))
    mean = FAILURES * failed.mean() + (1 - FAILURES) * well.mean()

    def below_half(value: float) -> float:
        return float(FAILURES * failed.cdf(value) + (1 - FAILURES) * well.cdf(value) - 0.5)

    median = optimize.brentq(below_half, 0, 1)
    values = f"{EXAMS} exams, {name}, 1 in {1 / FAILURES:.0f} fails"
    return [
        _covered("mean", values, "t", dice, mean, mean_interval),
        _covered("median", values, "order statistics", dice, median, median_interval),
    ]


def _by_knee(
    name: str, shape: tuple[int, int], correlation: float, repeats: int, seed: int
) -> list[Coverage]:
    truth = stats.beta(*shape)
    rng = np.random.default_rng(seed)
    latent = np.sqrt(correlation) * rng.normal(size=(repeats, EXAMS, 1))
    latent = latent + np.sqrt(1 - correlation) * rng.normal(size=(repeats, EXAMS, 2))
    dice = truth.ppf(stats.norm.cdf(latent)).reshape(repeats, 2 * EXAMS)
    exams = np.repeat(np.arange(EXAMS), 2)
    # A level that is in neither mask of a knee: every eighth Dice is undefined.
    partly = np.where(rng.random(dice.shape) < 0.125, np.nan, dice)
    values = f"{EXAMS} exams x 2 knees, correlation {correlation:g}, {name}"
    return [
        _covered("mean", values, "t, CR2", dice, truth.mean(), mean_interval, exams),
        _covered("mean", f"{values}, 1 in 8 undefined", "t, CR2", partly, truth.mean(), mean_interval, exams),
        _covered("mean", values, "t, knees as if independent", dice, truth.mean(), mean_interval),
        _covered("median", values, "sign test for clusters", dice, truth.median(), median_interval, exams),
        _covered(
            "median", f"{values}, 1 in 8 undefined", "sign test for clusters", partly, truth.median(),
            median_interval, exams,
        ),
        _covered("median", values, "knees as if independent", dice, truth.median(), median_interval),
    ]  # fmt: skip


def _covered(
    statistic: str,
    values: str,
    method: str,
    samples: np.ndarray,
    truth: float,
    interval: Callable[..., Interval | Bounds],
    *clusters: np.ndarray,
) -> Coverage:
    found = [_bounds(interval(sample, *clusters)) for sample in samples]
    low, high = np.transpose(found)
    held = (low <= truth) & (truth <= high)
    return Coverage(statistic, values, method, float(held.mean()), float((high - low).mean()))


def _bounds(found: Interval | Bounds) -> Bounds:
    return (found.low, found.high) if isinstance(found, Interval) else found


def _bootstrap(statistic: Callable[..., np.ndarray]) -> Callable[[np.ndarray], Bounds]:
    rng = np.random.default_rng(0)

    def interval(sample: np.ndarray) -> Bounds:
        drawn = sample[rng.integers(len(sample), size=(RESAMPLES, len(sample)))]
        low, high = np.quantile(statistic(drawn, axis=1), [0.025, 0.975])
        return float(low), float(high)

    return interval


def render(rows: list[Coverage]) -> str:
    """The coverages as a Markdown table."""
    lines = ["| of | values | interval | covers | mean width |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {row.statistic} | {row.values} | {row.method} | {row.coverage:.3f} | {row.width:.3f} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(render(coverages()))
