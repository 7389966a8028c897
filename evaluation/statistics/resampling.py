"""Intervals by leaving out, by drawing again and by relabelling: for differences of agreement at ten exams.

`benchmarks/interchangeability.py` measures what each covers where it says 0.95.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

#: Draws of a bootstrap.
SAMPLES = 2000
#: Random relabellings; with the one observed 10,000.
RELABELLINGS = 9999
# Values at once: bounds the memory.
_AT_ONCE = 1_000_000
# Means closer than this are equal: the order of a sum is no difference.
_DECIMALS = 12


@dataclass(frozen=True)
class Student:
    """An estimate whose error is a sum of independent parts: its interval and tests by Student's t."""

    estimate: float
    #: Standard error and degrees of freedom (Satterthwaite's, of the parts); NaN where there is none.
    error: float
    freedom: float

    @classmethod
    def of_parts(cls, estimate: float, parts: Sequence[tuple[float, float]]) -> Student:
        """Of (variance, degrees of freedom) of every part.

        Satterthwaite (1946, Biometrics Bull 2:110; not opened).
        """
        variance = sum(part for part, _ in parts)
        squares = sum(part**2 / freedom for part, freedom in parts)
        freedom = variance**2 / squares if squares else min(freedom for _, freedom in parts)
        return cls(estimate, float(np.sqrt(variance)), float(freedom))

    def interval(self, confidence: float) -> tuple[float, float]:
        """Low and high."""
        half = float(special.stdtrit(self.freedom, (1 + confidence) / 2)) * self.error
        return self.estimate - half, self.estimate + half

    def above(self, value: float) -> float:
        """One-sided p that what is estimated lies above a value: small where it clearly does."""
        distance = round(self.estimate - value, _DECIMALS)
        if not self.error > 0:
            return np.nan if np.isnan(self.error) else float(distance <= 0)
        return float(special.stdtr(self.freedom, -distance / self.error))

    def below(self, value: float) -> float:
        """The same for below."""
        return Student(-self.estimate, self.error, self.freedom).above(-value)


def jackknife_variance(left_out: np.ndarray) -> float:
    """Variance of an estimate from the estimates without one each, shape (n,) with n of two or more.

    Of a mean it is the squared standard error. Tukey (1958, Ann Math Stat 29:614; not opened).
    """
    n = len(left_out)
    return float((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())


def studentised_bootstrap(
    values: np.ndarray, *, confidence: float, seed: int, samples: int = SAMPLES
) -> tuple[float, float]:
    """Bootstrap-t interval of a mean: draws give the quantiles of (mean - estimate) / standard error.

    Efron and Tibshirani, An Introduction to the Bootstrap, section 12.5 (not opened). Draws of values that
    are all equal have no standard error and are left out; NaN where those are half of all or more.
    """
    n = len(values)
    drawn = values[np.random.default_rng(seed).integers(0, n, (samples, n))]
    deviations = drawn.std(axis=1, ddof=1)
    defined = deviations > 10.0**-_DECIMALS
    if n < 2 or 2 * defined.sum() <= samples:
        return np.nan, np.nan
    centred = drawn[defined].mean(axis=1) - values.mean()
    t = centred / (deviations[defined] / np.sqrt(n))
    error = values.std(ddof=1) / np.sqrt(n)
    low, high = values.mean() - np.quantile(t, [(1 + confidence) / 2, (1 - confidence) / 2]) * error
    return float(low), float(high)


@dataclass(frozen=True, eq=False)
class Relabelled:
    """A mean beside what it would be if, in each exam, another rater had been called the model.

    Where the model is one more reader of the same kind, every one of them is equally likely to bear its name
    in an exam, so that p is exact whatever the distribution (Pitman 1937, JRSS Suppl 4:119; not opened). A
    failure that some rater has in some exam is thereby counted as one that the model might have had.
    """

    estimate: float
    #: Means under random relabellings, rising.
    means: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, *, seed: int, samples: int = RELABELLINGS) -> Relabelled:
        """Of a statistic a rater as the model, shape (n, raters), the model's own last.

        NaN of who is not there.
        """
        raters = values.shape[1]
        # Sorted, so that names and order of raters decide nothing; who is not there comes last.
        ordered = np.sort(values, axis=1)
        there = (~np.isnan(values)).sum(axis=1)
        called = _relabellings(tuple(there.tolist()), raters, seed, samples)
        rows = np.arange(len(values))
        parts = np.array_split(called, max(1, called.size // _AT_ONCE))
        means = np.concatenate([ordered[rows, part].mean(axis=1) for part in parts])
        return cls(round(float(values[:, -1].mean()), _DECIMALS), np.sort(np.round(means, _DECIMALS)))

    def above(self, value: float) -> float:
        """One-sided p that the mean lies above a value, the one observed counted (so it is never 0)."""
        distance = round(self.estimate - value, _DECIMALS)
        as_far = len(self.means) - np.searchsorted(self.means, distance, side="left")
        return float((1 + as_far) / (1 + len(self.means)))

    def below(self, value: float) -> float:
        """The same for below."""
        distance = round(self.estimate - value, _DECIMALS)
        as_far = np.searchsorted(self.means, distance, side="right")
        return float((1 + as_far) / (1 + len(self.means)))

    def interval(self, confidence: float) -> tuple[float, float]:
        """Every shift of the model that is not rejected, two-sided, if it varies as raters do."""
        # As many as may lie beyond, the one observed counted.
        beyond = int((1 - confidence) / 2 * (1 + len(self.means)) + 1e-9)
        if beyond < 1:
            return -np.inf, np.inf
        return self.estimate - float(self.means[-beyond]), self.estimate - float(self.means[beyond - 1])


@lru_cache(maxsize=4)
def _relabellings(there: tuple[int, ...], raters: int, seed: int, samples: int) -> np.ndarray:
    """Who bears the model's name in each exam, (samples, exams), as places among those who are there.

    Every model of a board or study asks for the same ones.
    """
    highest = raters if set(there) <= {raters} else np.array(there)
    drawn = np.random.default_rng(seed).integers(0, highest, (samples, len(there)))
    return drawn.astype(np.min_scalar_type(raters))
