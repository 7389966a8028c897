"""Studies drawn from a pilot, tested as the package tests: the signed-rank test and the interval of it.

Differences are drawn from a pilot's, smoothed, or from a normal distribution (`Spread.drawn`). The same
random numbers serve every number of exams, so that the first exams of a larger study are those of a smaller
one and what a study reaches hardly ever falls as it grows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.special import ndtr, ndtri

from evaluation.planning.closed import MOST
from evaluation.planning.spread import Spread
from evaluation.statistics.rank_sums import sums_of_ranks

#: Studies drawn.
STUDIES = 2000
# Exams up to which test and interval are exact; beyond, they are those of the normal approximation.
_EXACT = 150
# Walsh averages held at a time, and in all.
_CELLS, _ALL_CELLS = 2_000_000, 10_000_000
_FEWEST_STUDIES = 50
_ROUNDING = 1e-12
# Of a two-sided 95 % interval.
_Z = float(ndtri(0.975))


@dataclass(frozen=True, eq=False)
class Simulated:
    """Simulated studies of a spread.

    Parameters
    ----------
    spread : Spread
        What is drawn from.
    studies : int
        How many; intervals of many exams are made of fewer, of which they vary little.
    """

    spread: Spread
    studies: int = STUDIES
    seed: int = 0
    _known: dict[tuple[int, float], np.ndarray] = field(default_factory=dict, init=False, repr=False)

    def power(self, n: int, difference: float, sd: float, alpha: float) -> float:
        """Share of studies of n exams in which the signed-rank test says, one-sided, that it is above 0."""
        drawn = self.spread.drawn(self._uniform[:n], self._normal[:n], difference, sd).T
        return float((p_above(drawn) <= alpha + _ROUNDING).mean())

    def half_widths(self, n: int, sd: float, confidence: float) -> np.ndarray:
        """Half widths of the Hodges-Lehmann intervals of studies of n exams; infinite where there is none."""
        key = n, confidence
        if key not in self._known:
            self._known[key] = self._half_widths(n, confidence)
        return sd * self._known[key]

    def studies_of_intervals(self, n: int) -> int:
        """How many studies of n exams have an interval made."""
        return min(self.studies, max(_FEWEST_STUDIES, _ALL_CELLS // (n * (n + 1) // 2)))

    def _half_widths(self, n: int, confidence: float) -> np.ndarray:
        """With a standard deviation of 1."""
        place, walsh, studies = place_of_bounds(n, confidence), n * (n + 1) // 2, self.studies_of_intervals(n)
        if not place:
            return np.full(studies, np.inf)
        drawn = self.spread.drawn(self._uniform[:n, :studies], self._normal[:n, :studies], 0.0, 1.0).T
        first, second = np.triu_indices(n)
        found = np.empty(studies)
        step = max(1, _CELLS // walsh)
        for begin in range(0, studies, step):
            some = drawn[begin : begin + step]
            ends = np.partition((some[:, first] + some[:, second]) / 2, [place - 1, walsh - place], axis=1)
            found[begin : begin + step] = (ends[:, walsh - place] - ends[:, place - 1]) / 2
        return found

    @cached_property
    def _uniform(self) -> np.ndarray:
        """A row an exam, a column a study."""
        return np.random.default_rng([self.seed, 0]).random((MOST, self.studies))

    @cached_property
    def _normal(self) -> np.ndarray:
        return np.random.default_rng([self.seed, 1]).standard_normal((MOST, self.studies))


def p_above(differences: np.ndarray) -> np.ndarray:
    """One-sided p of the signed-rank test of each row, shape (studies, exams), that it lies above 0.

    As `evaluation.statistics.signed_rank.signed_rank` with "greater" of differences no two of which are
    equal: exact up to 150 exams, beyond by the normal approximation with correction for continuity.
    """
    n = differences.shape[1]
    order = np.argsort(np.abs(differences), axis=1)
    is_above = np.take_along_axis(differences, order, axis=1) > 0
    total = is_above @ np.arange(1, n + 1)
    if n <= _EXACT:
        above = np.cumsum(_chances(n)[::-1])[::-1]
        return np.minimum(1.0, above[total])
    deviation = np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    return ndtr((n * (n + 1) / 4 + 0.5 - total) / deviation)


def place_of_bounds(n: int, confidence: float) -> int:
    """Which of the ordered Walsh averages of n differences bounds the interval; 0 where none is enough."""
    if n <= _EXACT:
        half = np.cumsum(_chances(n))[: n * (n + 1) // 4]
        return int((2 * half <= 1 - confidence + _ROUNDING).sum())
    z = ndtri((1 + confidence) / 2)
    return int(n * (n + 1) / 4 - z * np.sqrt(n * (n + 1) * (2 * n + 1) / 24) + 0.5)


def standard_error(share: float, studies: int) -> float:
    """Of a share of simulated studies."""
    return float(np.sqrt(share * (1 - share) / studies))


def sure_to(share: float, studies: int) -> float:
    """How far Wilson's 95 % interval of a share of simulated studies reaches, to its longer side.

    Never 0: where all studies reach what is wanted, their standard error is 0, and so many still leave open
    some 4 / studies.

    Examples
    --------
    >>> round(sure_to(0.8, 2000), 3), round(sure_to(1.0, 100), 3)
    (0.018, 0.037)
    """
    width = _Z**2 / studies
    centre = (share + width / 2) / (1 + width)
    half = _Z * np.sqrt(share * (1 - share) / studies + width / (4 * studies)) / (1 + width)
    return float(half + abs(centre - share))


def _chances(n: int) -> np.ndarray:
    """Of each sum of the ranks 1 to n that have a sign of one kind."""
    return sums_of_ranks(np.arange(1, n + 1))
