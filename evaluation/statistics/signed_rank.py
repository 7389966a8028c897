"""Wilcoxon's signed-rank test, exact with ties and zeros too, its estimate; the sign test; Holm's rule."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import scipy

from evaluation.statistics.intervals import Interval, check_confidence, without_bounds
from evaluation.statistics.rank_sums import sums_of_ranks, tail

Alternative = Literal["two-sided", "greater", "less"]

# Differences of Dice closer than this are ties: 0.3 - 0.2 is not 0.2 - 0.1 in floating point.
_DECIMALS = 12
# Guards comparisons of exact probabilities with a level against the last digits of floating point.
_ROUNDING = 1e-12
# Differences up to which their pairs are kept for the next of as many.
_MOST_KEPT = 200
# Differences up to which every shift is tested, from the outside in: half a second.
_ALL_SHIFTS = 30
#: Differences up to which p is counted; beyond, time grows with their cube, and `tail` is within 1e-4 of it.
COUNTED = 200


@dataclass(frozen=True)
class SignedRank:
    """Wilcoxon's signed-rank test."""

    #: Sum of the ranks of the positive differences.
    statistic: float
    #: Exact, of more than `COUNTED` pairs to 1e-4 of it; NaN without a pair, 1 when all differences are 0.
    p: float
    #: Pairs defined, those without a difference included.
    n_pairs: int
    #: Pairs of which one value or both are undefined.
    n_left_out: int
    #: Pairs without a difference: ranked with the others, then without a sign (Pratt's rule).
    n_equal: int


def signed_rank(
    differences: Sequence[float] | np.ndarray, alternative: Alternative = "two-sided"
) -> SignedRank:
    """Wilcoxon's signed-rank test (1945, Biometrics Bull 1:80), exact with ties and zeros as well.

    Equal absolute differences share their mean rank, and p is counted over all assignments of signs to
    these ranks; of more than `COUNTED` differences it is that of `tail`, whose share of error is below 1e-4.
    No normal approximation is ever made. Differences of 0 are ranked with the others and
    then have no sign (Pratt 1959, J Am Stat Assoc 54:655, not opened; R: ``coin::wilcoxsign_test`` with
    ``zero.method = "Pratt"``; SciPy: ``zero_method="pratt"``): left out before ranking, as Wilcoxon did,
    they could make a difference clear that is not clear any more once all differences grow. The interval of
    `hodges_lehmann` is of this test. Undefined differences (NaN) are left out and counted.
    """
    values = np.asarray(differences, dtype=float)
    defined = np.round(values[~np.isnan(values)], _DECIMALS)
    p, total = _exact(defined, alternative)
    return SignedRank(
        statistic=total,
        p=p if len(defined) else np.nan,
        n_pairs=len(defined),
        n_left_out=len(values) - len(defined),
        n_equal=int((defined == 0).sum()),
    )


def hodges_lehmann(differences: Sequence[float] | np.ndarray, *, confidence: float = 0.95) -> Interval:
    """The median of all means of two differences, with the interval of the signed-rank test.

    Hodges and Lehmann (1963, Ann Math Stat 34:598). The interval runs from the lowest to the highest shift
    that `signed_rank` does not reject. Where no two of the n (n + 1) / 2 Walsh averages are equal, these are
    the k-th lowest and the k-th highest of them (Tukey 1949; Hollander and Wolfe, Nonparametric Statistical
    Methods, section 3.3); elsewhere every shift that changes ranks, ties or zeros is tested. It assumes
    differences distributed symmetrically. With fewer than six differences 0.95 cannot be reached: the widest
    interval and its true coverage; with ties the interval covers at least what is said. NaN is undefined:
    left out and counted.

    Raises
    ------
    StatisticsError
        When the confidence is not between 0 and 1.
    """
    check_confidence(confidence)
    values = np.asarray(differences, dtype=float)
    defined = values[~np.isnan(values)]
    n, n_left_out = len(defined), len(values) - len(defined)
    walsh = np.sort(_walsh(defined))
    estimate = float(np.median(walsh)) if n else np.nan
    if n < 2:
        return without_bounds(estimate, confidence, n, n_left_out, "pairs")
    k, rejected = _places(n, confidence)
    method = f"Walsh averages {k} and {len(walsh) - k + 1} of {len(walsh)}"
    low, high, coverage = float(walsh[k - 1]), float(walsh[-k]), 1 - rejected
    rounded = np.round(walsh, _DECIMALS)
    if (rounded[1:] == rounded[:-1]).any() and coverage >= confidence - _ROUNDING:
        shifts = rounded[np.concatenate([[True], rounded[1:] != rounded[:-1]])]
        low = 0.0 + _not_rejected(defined, shifts, confidence)
        high = 0.0 - _not_rejected(-defined, -shifts[::-1], confidence)
        method = "shifts that the exact test with ties does not reject"
    return Interval(estimate, low, high, confidence, coverage, n, n_left_out, method)


def hodges_lehmann_estimate(differences: Sequence[float] | np.ndarray) -> tuple[float, int]:
    """The estimate of `hodges_lehmann` alone, and of how many differences."""
    values = np.asarray(differences, dtype=float)
    defined = values[~np.isnan(values)]
    return (float(np.median(_walsh(defined))) if len(defined) else np.nan), len(defined)


def sign_test(n_for: int, n_against: int) -> float:
    """Exact two-sided p of the sign test: as many for as against? NaN without any.

    Pairs without a sign say nothing and are not among them (conditional test; for pairs of yes and no this is
    McNemar's exact test).
    """
    return float(scipy.stats.binomtest(n_for, n_for + n_against).pvalue) if n_for + n_against else np.nan


def holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """P-values of a family, adjusted by Holm's step-down rule (1979, Scand J Stat 6:65).

    NaN is no test: it stays NaN and does not count in the family.
    """
    values = np.asarray(p, dtype=float)
    adjusted = np.full(values.shape, np.nan)
    order = np.argsort(values, kind="stable")[: int((~np.isnan(values)).sum())]
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(steps))
    return adjusted


@lru_cache(maxsize=256)
def _places(n: int, confidence: float) -> tuple[int, float]:
    """How far from either end of the ordered Walsh averages an interval ends, and how often it misses.

    The innermost place that is enough; where none is, the outermost.
    """
    ranks = 2 * np.arange(1, n + 1)
    if n <= COUNTED:
        below = np.cumsum(sums_of_ranks(ranks)[::2])
        misses = 2 * below[: n * (n + 1) // 4]
        k = max(1, int((misses <= 1 - confidence + _ROUNDING).sum()))
        return k, float(2 * below[k - 1])

    def missed(sum_: int) -> float:
        return 2 * tail(ranks, 2 * (n * (n + 1) // 2 - sum_))

    k = bisect_left(range(n * (n + 1) // 4), True, key=lambda sum_: missed(sum_) > 1 - confidence)
    return max(1, k), missed(max(1, k) - 1)


def _walsh(differences: np.ndarray) -> np.ndarray:
    """The means of two differences, a difference with itself among them."""
    n = len(differences)
    if n > _MOST_KEPT:
        # The places of so many pairs take longer to find than their means, and are too large to be kept.
        return np.concatenate([differences[row:] + differences[row] for row in range(n)]) / 2
    first, second = _pairs(n)
    return (differences[first] + differences[second]) / 2


@lru_cache(maxsize=16)
def _pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.triu_indices(n)


def _exact(defined: np.ndarray, alternative: Alternative) -> tuple[float, float]:
    """P of differences that are rounded and not NaN, and the sum of the positive ones' ranks."""
    has_sign = defined != 0
    sizes = np.abs(defined)
    ordered = np.sort(sizes)
    # Mean ranks are halves; twice them are whole numbers.
    ranks = np.searchsorted(ordered, sizes, "left") + np.searchsorted(ordered, sizes, "right") + 1
    total = int(ranks[defined > 0].sum())
    signed = ranks[has_sign]
    asked = ("greater", "less") if alternative == "two-sided" else (alternative,)
    if len(signed) > COUNTED:
        ends = {"greater": total, "less": int(signed.sum()) - total}
        tails = [tail(signed, ends[way]) for way in asked]
    else:
        chances = sums_of_ranks(signed)
        parts = {"greater": chances[total:], "less": chances[: total + 1]}
        tails = [float(parts[way].sum()) for way in asked]
    return min(1.0, len(asked) * min(tails)), total / 2


def _not_rejected(differences: np.ndarray, walsh: np.ndarray, confidence: float) -> float:
    """The lowest shift that the test does not reject; `walsh` are the Walsh averages, each once, in order.

    Between two neighbouring Walsh averages every shift gives the same ranks, so each gap is tested once, and
    each Walsh average, where there are ties or zeros.
    """

    def is_kept(place: int) -> bool:
        gap = walsh[place : place + 2].mean()
        return any(
            _exact(np.round(differences - shift, _DECIMALS), "greater")[0] > (1 - confidence) / 2 + _ROUNDING
            for shift in (walsh[place], gap)
        )

    places = range(len(walsh))
    if len(differences) > _ALL_SHIFTS:
        # With so many differences the tests turn but once.
        return float(walsh[bisect_left(places, True, key=is_kept)])
    return float(walsh[next(place for place in places if is_kept(place))])
