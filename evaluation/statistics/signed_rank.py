"""Wilcoxon's signed-rank test, exact with ties too, the estimate that belongs to it, and Holm's rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from evaluation.statistics.intervals import Interval, check_confidence, without_bounds

Alternative = Literal["two-sided", "greater", "less"]

# Differences of Dice closer than this are ties: 0.3 - 0.2 is not 0.2 - 0.1 in floating point.
_DECIMALS = 12


@dataclass(frozen=True)
class SignedRank:
    """Wilcoxon's signed-rank test."""

    #: Sum of the ranks of the positive differences.
    statistic: float
    #: Exact; NaN without a pair, 1 when all differences are 0.
    p: float
    #: Pairs defined, those without a difference included.
    n_pairs: int
    #: Pairs of which one value or both are undefined.
    n_left_out: int
    #: Pairs without a difference: Wilcoxon's rule leaves them out of the ranks.
    n_equal: int


def signed_rank(
    differences: Sequence[float] | np.ndarray, alternative: Alternative = "two-sided"
) -> SignedRank:
    """Wilcoxon's signed-rank test (1945, Biometrics Bull 1:80), exact with ties as well.

    Equal absolute differences share their mean rank, and p is counted over all assignments of signs to
    these ranks, so no normal approximation is ever made. Differences of 0 are left out before ranking
    (Wilcoxon's rule, the default of R and SciPy) and counted; so are undefined ones (NaN).
    """
    values = np.asarray(differences, dtype=float)
    defined = np.round(values[~np.isnan(values)], _DECIMALS)
    moved = defined[defined != 0]
    # Mean ranks are halves; twice them are whole numbers.
    ranks = np.rint(2 * stats.rankdata(np.abs(moved))).astype(int)
    total = int(ranks[moved > 0].sum())
    chances = sums_of_ranks(ranks)
    tails = {"greater": float(chances[total:].sum()), "less": float(chances[: total + 1].sum())}
    p = min(1.0, 2 * min(tails.values())) if alternative == "two-sided" else min(1.0, tails[alternative])
    return SignedRank(
        statistic=total / 2,
        p=p if len(defined) else np.nan,
        n_pairs=len(defined),
        n_left_out=len(values) - len(defined),
        n_equal=len(defined) - len(moved),
    )


def hodges_lehmann(differences: Sequence[float] | np.ndarray, *, confidence: float = 0.95) -> Interval:
    """The median of all means of two differences, with the interval of the signed-rank test.

    Hodges and Lehmann (1963, Ann Math Stat 34:598); the interval runs from the k-th lowest to the k-th
    highest of the n (n + 1) / 2 Walsh averages (Tukey 1949; Hollander and Wolfe, Nonparametric Statistical
    Methods, section 3.3). It assumes differences distributed symmetrically. Differences of 0 stay in;
    with ties the interval covers more, never less. With fewer than six differences 0.95 cannot be reached:
    the widest interval and its true coverage. NaN is undefined: left out and counted.

    Raises
    ------
    StatisticsError
        When the confidence is not between 0 and 1.
    """
    check_confidence(confidence)
    values = np.asarray(differences, dtype=float)
    defined = values[~np.isnan(values)]
    n, n_left_out = len(defined), len(values) - len(defined)
    first, second = np.triu_indices(n)
    walsh = np.sort((defined[first] + defined[second]) / 2)
    estimate = float(np.median(walsh)) if n else np.nan
    if n < 2:
        return without_bounds(estimate, confidence, n, n_left_out, "pairs")
    below = np.cumsum(sums_of_ranks(2 * np.arange(1, n + 1))[::2])
    # The innermost that is enough; where none is, the outermost.
    k = max(1, int((2 * below[: len(walsh) // 2] <= 1 - confidence + 1e-12).sum()))
    method = f"Walsh averages {k} and {len(walsh) - k + 1} of {len(walsh)}"
    low, high, coverage = float(walsh[k - 1]), float(walsh[-k]), float(1 - 2 * below[k - 1])
    return Interval(estimate, low, high, confidence, coverage, n, n_left_out, method)


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


def sums_of_ranks(ranks: np.ndarray) -> np.ndarray:
    """Chance of each sum of ranks (whole numbers, 0 to their total) when every rank is in it or not."""
    chances = np.zeros(int(ranks.sum()) + 1)
    chances[0] = 1
    for rank in ranks:
        chances[rank:] = (chances[rank:] + chances[: len(chances) - rank]) / 2
        chances[:rank] /= 2
    return chances
