"""One-sided paired Wilcoxon signed-rank tests of every ordered pair of algorithms, with Holm's rule.

The normal approximation with continuity correction and the variance for ties, as R's
``wilcox.test(x, y, alternative = "greater", paired = TRUE, exact = FALSE)``; differences of 0 are left out
before ranking, and a pair of algorithms without any difference has p = 1, as in R.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from tqdm import tqdm

from evaluation.ranking.exact_tests import MOST_CASES, exact_by_table, exact_one_by_one
from evaluation.ranking.rules import Rules
from evaluation.statistics.signed_rank import holm

# How many differences of each size, and how many positive, in each sample -> p of both directions.
_Test = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]

# Values of p kept at a time for bootstraps: bounds memory at some 64 MB.
_CELLS = 8_000_000
# Cases in all samples of all pairs, from which on the work takes seconds and shows a progress bar.
_LONG = 20_000_000


@dataclass(frozen=True)
class PairwiseTests:
    """All ordered pairs of one task; arrays have shape (algorithms, algorithms).

    Parameters
    ----------
    p : ndarray of float
        Row better than column, one-sided. NaN on the diagonal and where no case is defined for both.
    p_holm : ndarray of float
        Adjusted over all ordered pairs that have a test.
    n_pairs, n_left_out : ndarray of int
        Cases defined for both, and those where at least one is undefined.
    """

    p: np.ndarray
    p_holm: np.ndarray
    n_pairs: np.ndarray
    n_left_out: np.ndarray


@dataclass(frozen=True)
class _Differences:
    """How one algorithm differs from each of those behind it; a row a pair, by ascending size.

    Parameters
    ----------
    cases : ndarray of int, shape (pairs, cases)
    is_positive, is_new : ndarray of bool, shape (pairs, cases)
        Whether the first algorithm is better, and whether a run of tied differences begins here.
    begins, ends : ndarray of int, shape (pairs,)
        Those between are neither 0 nor undefined.
    """

    cases: np.ndarray
    is_positive: np.ndarray
    is_new: np.ndarray
    begins: np.ndarray
    ends: np.ndarray


def pairwise_tests(values: np.ndarray, rules: Rules) -> PairwiseTests:
    """Test every ordered pair of algorithms.

    Parameters
    ----------
    values : ndarray of float, shape (cases, algorithms)
        Larger is better; NaN is undefined.
    """
    n_cases, n = values.shape
    if rules.exact:
        p = _p_in_samples(values, np.ones((n_cases, 1)), rules, exact_one_by_one)[:, :, 0]
    else:
        p = np.full((n, n), np.nan)
        for first in range(n - 1):
            p[first, first + 1 :], p[first + 1 :, first] = _normal(_sorted_differences(values, first, rules))
    defined = (~np.isnan(values)).astype(int)
    n_pairs = defined.T @ defined
    p[n_pairs == 0] = np.nan
    adjusted = np.full((n, n), np.nan)
    off_diagonal = ~np.eye(n, dtype=bool)
    adjusted[off_diagonal] = holm(p[off_diagonal])
    return PairwiseTests(p, adjusted, n_pairs, n_cases - n_pairs)


def shares_of_wins(values: np.ndarray, counts: np.ndarray, rules: Rules) -> np.ndarray:
    """The share of the other algorithms that each is significantly better than, after Holm's rule.

    With the exact test, samples of more than `MOST_CASES` cases are tested by the normal approximation,
    which is close to it there; the cases themselves are always tested exactly.

    Parameters
    ----------
    values : ndarray of float, shape (cases, algorithms)
    counts : ndarray of float, shape (cases, samples)
        How often each case is in a sample.

    Returns
    -------
    ndarray of float, shape (samples, algorithms)
        NaN for an algorithm without a defined case in the sample.
    """
    n, n_samples = values.shape[1], counts.shape[1]
    shares = np.empty((n_samples, n))
    step = max(1, _CELLS // (n * n))
    test = _normal_in_samples
    if rules.exact and len(counts) <= MOST_CASES:
        test = exact_by_table
    elif rules.exact and n_samples == 1:
        test = exact_one_by_one
    for begin in range(0, n_samples, step):
        p = _p_in_samples(values, counts[:, begin : begin + step], rules, test)
        shares[begin : begin + step] = _significant(p, rules.alpha).sum(axis=1).T / max(1, n - 1)
    shares[counts.T @ ~np.isnan(values) == 0] = np.nan
    return shares


def _sorted_differences(values: np.ndarray, first: int, rules: Rules) -> _Differences:
    differences = np.ascontiguousarray((values[:, first : first + 1] - values[:, first + 1 :]).T)
    if rules.decimals is not None:
        differences = np.round(differences, rules.decimals)
    sizes = np.abs(differences)
    cases = np.argsort(sizes, axis=1)  # the order within a tie does not matter
    ordered = np.take_along_axis(sizes, cases, axis=1)
    is_new = np.ones(ordered.shape, bool)
    is_new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    return _Differences(
        cases,
        np.take_along_axis(differences, cases, axis=1) > 0,
        is_new,
        begins=(ordered == 0).sum(axis=1),
        ends=ordered.shape[1] - np.isnan(ordered).sum(axis=1),
    )


def _normal(found: _Differences) -> tuple[np.ndarray, np.ndarray]:
    """P of both directions of each pair, every case once."""
    n_rows, n_cases = found.cases.shape
    starts = np.flatnonzero(found.is_new)
    row, place = np.divmod(starts, n_cases)
    size = np.diff(starts, append=n_rows * n_cases)
    is_counted = (place >= found.begins[row]) & (place < found.ends[row])
    positive = np.add.reduceat(found.is_positive.ravel(), starts, dtype=int)
    mean_rank = place - found.begins[row] + (size + 1) / 2
    statistic = np.bincount(row, is_counted * positive * mean_rank, n_rows)
    ties = np.bincount(row, is_counted * (size**3 - size), n_rows)
    return _normal_p(statistic, found.ends - found.begins, ties)


def _normal_p(statistic: np.ndarray, n: np.ndarray, ties: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P of both directions: sum of the positive ranks, number of ranks, sum of t ** 3 - t over ties."""
    above = statistic - n * (n + 1) / 4
    deviation = np.sqrt(n * (n + 1) * (2 * n + 1) / 24 - ties / 48)
    is_equal = n == 0
    deviation[is_equal] = 1
    p_first, p_second = ndtr((0.5 - above) / deviation), ndtr((0.5 + above) / deviation)
    p_first[is_equal] = p_second[is_equal] = 1
    return p_first, p_second


def _p_in_samples(values: np.ndarray, counts: np.ndarray, rules: Rules, test: _Test) -> np.ndarray:
    """P of each ordered pair in each sample, shape (algorithms, algorithms, samples)."""
    n = values.shape[1]
    p = np.full((n, n, counts.shape[1]), np.nan)
    defined = ~np.isnan(values)
    is_long = n * n * counts.size > _LONG
    for first in tqdm(
        range(n - 1), desc="tests", unit="algorithm", leave=False, disable=None if is_long else True
    ):
        found = _sorted_differences(values, first, rules)
        for pair, (begin, end) in enumerate(zip(found.begins, found.ends, strict=True)):
            drawn = counts[found.cases[pair, begin:end]]
            starts = np.flatnonzero(found.is_new[pair, begin:end])
            second = first + 1 + pair
            p[first, second], p[second, first] = test(
                *_runs(drawn, found.is_positive[pair, begin:end], starts)
            )
            is_empty = (defined[:, first] & defined[:, second]) @ counts == 0
            p[first, second, is_empty] = p[second, first, is_empty] = np.nan
    return p


def _normal_in_samples(total: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P of both directions of one pair in each sample; parameters are those of `exact_one_by_one`."""
    # The mean rank of a run that ends at rank c and holds t differences is c - (t - 1) / 2.
    statistic = (positive * (np.cumsum(total, axis=0) - (total - 1) / 2)).sum(axis=0)
    return _normal_p(statistic, total.sum(axis=0), (total * (total * total - 1)).sum(axis=0))


def _runs(drawn: np.ndarray, is_positive: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many differences of each size each sample holds, and how many of them are positive.

    Parameters
    ----------
    drawn : ndarray of float, shape (differences, samples)
        How often each difference is in a sample; by ascending size.
    is_positive : ndarray of bool, shape (differences,)
    starts : ndarray of int
        Where runs of tied differences begin.
    """
    positive = drawn * is_positive[:, None]
    if len(starts) == len(drawn):
        return drawn, positive
    return np.add.reduceat(drawn, starts, axis=0), np.add.reduceat(positive, starts, axis=0)


def _significant(p: np.ndarray, alpha: float) -> np.ndarray:
    """Holm's decisions in each sample, shape as p: (algorithms, algorithms, samples).

    Where p is NaN there is no test: not significant, and not in the family.
    """
    family = p.reshape(-1, p.shape[-1])
    ordered = np.sort(family, axis=0)
    n_tests = (~np.isnan(ordered)).sum(axis=0)
    steps = ordered * np.maximum(1, n_tests - np.arange(len(ordered))[:, None])
    n_rejected = np.logical_and.accumulate(steps <= alpha, axis=0).sum(axis=0)
    largest = ordered[np.maximum(n_rejected - 1, 0), np.arange(ordered.shape[1])]
    return (p <= largest) & (n_rejected > 0)
