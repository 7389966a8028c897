"""One-sided paired Wilcoxon signed-rank tests of every ordered pair of algorithms, with Holm's rule.

The normal approximation with continuity correction and the variance for ties, as R's
``wilcox.test(x, y, alternative = "greater", paired = TRUE, exact = FALSE)``; differences of 0 are left out
before ranking, and a pair of algorithms without any difference has p = 1, as in R. The exact test on request:
in a sample of few cases the differences tie in few patterns, so every p can be looked up in one table.

Signed ranks ask who is ahead in most cases. Beside them stands the permutation test of the mean, for whoever
is to be called clearly better has to be better on average as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr
from tqdm import tqdm

from evaluation.ranking.rules import Rules
from evaluation.statistics.signed_rank import holm, sums_of_ranks

# How many differences of each size, and how many positive, in each sample -> p of both directions.
_Test = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]

#: Cases up to which p is looked up: the table has 2 ** 12 patterns of 157 sums, 5 MB.
MOST_CASES = 12
# Of sums of differences, by their size.
_ROUNDING = 1e-10
# Values of p kept at a time for bootstraps: bounds memory at some 64 MB.
_CELLS = 8_000_000
# Cases in all samples of all pairs, from which on the work takes seconds and shows a progress bar.
_LONG = 20_000_000


@dataclass(frozen=True)
class PairwiseTests:
    """All ordered pairs of one task; arrays have shape (algorithms, algorithms)."""

    #: Row better than column, one-sided. NaN on the diagonal and where no case is defined for both.
    p: np.ndarray
    #: Adjusted over all ordered pairs that have a test.
    p_holm: np.ndarray
    #: The larger of p and of the p of a one-sided permutation test of the mean, adjusted likewise: small only
    #: where the row is better in most cases and on average, so at its level for either.
    p_clear: np.ndarray
    #: Cases defined for both, and those where at least one is undefined.
    n_pairs: np.ndarray
    n_left_out: np.ndarray


@dataclass(frozen=True)
class _Differences:
    """How one algorithm differs from each of those behind it; a row a pair, by ascending size."""

    cases: np.ndarray
    #: Whether the first algorithm is better, and whether a run of tied differences begins here.
    is_positive: np.ndarray
    is_new: np.ndarray
    #: Of each pair; those between are neither 0 nor undefined.
    begins: np.ndarray
    ends: np.ndarray


def pairwise_tests(values: np.ndarray, rules: Rules, also: np.ndarray | None = None) -> PairwiseTests:
    """Test every ordered pair on values (cases, algorithms), of which larger is better and NaN undefined.

    To be clear, a difference must hold for the mean of `also` too, where it is given.
    """
    n_cases, n = values.shape
    if rules.exact:
        p = _p_in_samples(values, np.ones((n_cases, 1)), rules, _exact_one_by_one)[:, :, 0]
    else:
        p = np.full((n, n), np.nan)
        for first in range(n - 1):
            p[first, first + 1 :], p[first + 1 :, first] = _normal(_sorted_differences(values, first, rules))
    defined = (~np.isnan(values)).astype(int)
    n_pairs = defined.T @ defined
    p[n_pairs == 0] = np.nan
    both = np.fmax(p, _p_of_means(values, rules))
    if also is not None:
        both = np.fmax(both, _p_of_means(also, rules))
    return PairwiseTests(p, _adjusted(p), _adjusted(both), n_pairs, n_cases - n_pairs)


def shares_of_wins(values: np.ndarray, counts: np.ndarray, rules: Rules) -> np.ndarray:
    """The share of the other algorithms that each is significantly better than, after Holm's rule.

    With the exact test, samples of more than `MOST_CASES` cases are tested by the normal approximation,
    which is close to it there; the cases themselves are always tested exactly.

    `values` have shape (cases, algorithms), `counts`, how often each case is in a sample, (cases, samples),
    the shares (samples, algorithms): NaN for an algorithm without a defined case in the sample.
    """
    n, n_samples = values.shape[1], counts.shape[1]
    shares = np.empty((n_samples, n))
    step = max(1, _CELLS // (n * n))
    test = _normal_in_samples
    if rules.exact and len(counts) <= MOST_CASES:
        test = _exact_by_table
    elif rules.exact and n_samples == 1:
        test = _exact_one_by_one
    for begin in range(0, n_samples, step):
        p = _p_in_samples(values, counts[:, begin : begin + step], rules, test)
        shares[begin : begin + step] = _significant(p, rules.alpha).sum(axis=1).T / max(1, n - 1)
    shares[counts.T @ ~np.isnan(values) == 0] = np.nan
    return shares


def _adjusted(p: np.ndarray) -> np.ndarray:
    adjusted = np.full(p.shape, np.nan)
    off_diagonal = ~np.eye(len(p), dtype=bool)
    adjusted[off_diagonal] = holm(p[off_diagonal])
    return adjusted


def _p_of_means(values: np.ndarray, rules: Rules) -> np.ndarray:
    """P that the row's mean is higher: how often the differences sum to as much under random signs.

    Fisher's and Pitman's permutation test for pairs (not opened), over all signs of up to `MOST_CASES` cases
    and by the normal approximation of more. Unlike the t test it holds no case against an algorithm in
    which it is far better than in the others.
    """
    n_cases, n = values.shape
    p = np.full((n, n), np.nan)
    signs = _all_signs(n_cases) if n_cases <= MOST_CASES else None
    for first in range(n):
        differences = values[:, first : first + 1] - values
        if rules.decimals is not None:
            differences = np.round(differences, rules.decimals)
        sizes = np.abs(np.nan_to_num(differences))
        total = np.nansum(differences, axis=0)
        if signs is not None:
            p[first] = (signs @ sizes >= total - _ROUNDING * sizes.sum(axis=0)).mean(axis=0)
        else:
            spread = np.sqrt((sizes**2).sum(axis=0))
            p[first] = np.where(spread > 0, ndtr(-total / np.where(spread > 0, spread, 1)), 1)
        p[first, np.isnan(differences).all(axis=0)] = np.nan
    np.fill_diagonal(p, np.nan)
    return p


@lru_cache(maxsize=1)
def _all_signs(n: int) -> np.ndarray:
    """Every way to sign n differences, a row each."""
    bits = np.arange(1 << n)[:, None] >> np.arange(n) & 1
    return np.where(bits, 1.0, -1.0)


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
    """P of both directions of one pair in each sample; parameters are those of `_exact_one_by_one`."""
    # The mean rank of a run that ends at rank c and holds t differences is c - (t - 1) / 2.
    statistic = (positive * (np.cumsum(total, axis=0) - (total - 1) / 2)).sum(axis=0)
    return _normal_p(statistic, total.sum(axis=0), (total * (total * total - 1)).sum(axis=0))


def _runs(drawn: np.ndarray, is_positive: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many differences of each size are in each sample, and how many positive; runs begin at `starts`."""
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


def _exact_one_by_one(total: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P of both directions in each sample, counted over all assignments of signs.

    `total` and `positive`, shape (runs, samples): how many differences of each size a sample holds, by
    ascending size, and how many of them are positive.
    """
    p = np.empty((2, total.shape[1]))
    for sample, (size, above) in enumerate(zip(total.T.astype(int), positive.T.astype(int), strict=True)):
        ranks = _doubled_ranks(size)
        chances = sums_of_ranks(np.repeat(ranks, size))
        statistic = int((ranks * above).sum())
        p[:, sample] = chances[statistic:].sum(), chances[: statistic + 1].sum()
    first, second = np.minimum(1, p)
    return first, second


def _exact_by_table(total: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `_exact_one_by_one`, of samples of `MOST_CASES` cases at most."""
    size = total.astype(int)
    ends = np.cumsum(size, axis=0)
    code = np.where(size > 0, 1 << np.maximum(ends - 1, 0), 0).sum(axis=0)
    statistic = (_doubled_ranks(size) * positive.astype(int)).sum(axis=0)
    n = ends[-1] if len(ends) else np.zeros(total.shape[1], int)
    # Sums of ranks lie symmetrically about half of all ranks.
    tails = _upper_tails()
    return tails[code, statistic], tails[code, n * (n + 1) - statistic]


def _doubled_ranks(size: np.ndarray) -> np.ndarray:
    """Twice the mean rank of each run: of t ranks that end at c, which is 2 c - t + 1."""
    return 2 * np.cumsum(size, axis=0) - size + 1


@lru_cache(maxsize=1)
def _upper_tails() -> np.ndarray:
    """Chance of each doubled sum of ranks or a larger one, for every pattern of ties.

    Row ``code``: its bit c - 1 is set where a run of ties ends at rank c.
    """
    widest = MOST_CASES * (MOST_CASES + 1) + 1
    chances = np.zeros((1 << MOST_CASES, widest))
    chances[0, 0] = 1
    for code in range(1, 1 << MOST_CASES):
        end = code.bit_length()
        before = code - (1 << (end - 1))
        begin = before.bit_length()
        rank = begin + end + 1
        row = chances[before].copy()
        for _ in range(end - begin):
            moved = np.zeros(widest)
            moved[rank:] = row[: widest - rank]
            row = (row + moved) / 2
        chances[code] = row
    return np.minimum(1, np.cumsum(chances[:, ::-1], axis=1)[:, ::-1])
