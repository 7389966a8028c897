"""One-sided paired Wilcoxon signed-rank tests of every ordered pair of algorithms, with Holm's rule.

The normal approximation with continuity correction and the variance for ties, as R's
``wilcox.test(x, y, alternative = "greater", paired = TRUE, exact = FALSE)``; differences of 0 are left out
before ranking, and a pair of algorithms without any difference has p = 1, as in R. The exact test on request,
which is made once for all pairs whose differences tie in the same way.

Signed ranks ask who is ahead in most cases. Beside them stands the permutation test of the mean, for whoever
is to be called clearly better has to be better on average as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from evaluation.ranking.rules import Rules
from evaluation.statistics.rank_sums import sums_of_ranks
from evaluation.statistics.signed_rank import holm

#: Cases up to which all signs, and all patterns of ties, are gone through.
MOST_CASES = 12
# Of sums of differences, by their size.
_ROUNDING = 1e-10


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
    n_cases = len(values)
    p = signed_rank_p(values, rules)
    defined = (~np.isnan(values)).astype(int)
    n_pairs = defined.T @ defined
    p[n_pairs == 0] = np.nan
    both = np.fmax(p, _p_of_means(values, rules))
    if also is not None:
        both = np.fmax(both, _p_of_means(also, rules))
    return PairwiseTests(p, _adjusted(p), _adjusted(both), n_pairs, n_cases - n_pairs)


def signed_rank_p(values: np.ndarray, rules: Rules) -> np.ndarray:
    """P of every ordered pair, shape (algorithms, algorithms): 1 where no case is defined for both."""
    if rules.exact:
        return _all_exact(values.astype(float).tobytes(), values.shape, rules.decimals).copy()
    n = values.shape[1]
    p = np.full((n, n), np.nan)
    for first in range(n - 1):
        found = _sorted_differences(values, first, rules.decimals)
        p[first, first + 1 :], p[first + 1 :, first] = ndtr(normal_z(*_statistics(found)))
    return p


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


def differences_from(values: np.ndarray, first: int, decimals: int | None) -> np.ndarray:
    """By how much one algorithm is better than each behind it, case by case: shape (pairs, cases)."""
    differences = np.ascontiguousarray((values[:, first : first + 1] - values[:, first + 1 :]).T)
    return differences if decimals is None else np.round(differences, decimals)


def _sorted_differences(values: np.ndarray, first: int, decimals: int | None) -> _Differences:
    differences = differences_from(values, first, decimals)
    sizes = np.abs(differences)
    cases = np.argsort(sizes, axis=1)  # the order within a tie does not matter
    ordered = np.take_along_axis(sizes, cases, axis=1)
    is_new = np.ones(ordered.shape, bool)
    is_new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    return _Differences(
        np.take_along_axis(differences, cases, axis=1) > 0,
        is_new,
        begins=(ordered == 0).sum(axis=1),
        ends=ordered.shape[1] - np.isnan(ordered).sum(axis=1),
    )


def _statistics(found: _Differences) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each pair: the sum of the positive ranks, the number of ranks, the sum of t ** 3 - t over ties."""
    n_rows, n_cases = found.is_new.shape
    starts, size, row, is_counted = _runs(found)
    positive = np.add.reduceat(found.is_positive.ravel(), starts, dtype=int)
    mean_rank = starts % n_cases - found.begins[row] + (size + 1) / 2
    statistic = np.bincount(row, is_counted * positive * mean_rank, n_rows)
    ties = np.bincount(row, is_counted * (size**3 - size), n_rows)
    return statistic, found.ends - found.begins, ties


def _runs(found: _Differences) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Runs of tied differences, all pairs' one after the other: start, size, pair, whether it has ranks."""
    n_rows, n_cases = found.is_new.shape
    starts = np.flatnonzero(found.is_new)
    row, place = np.divmod(starts, n_cases)
    size = np.diff(starts, append=n_rows * n_cases)
    return starts, size, row, (place >= found.begins[row]) & (place < found.ends[row])


def normal_z(statistic: np.ndarray, n: np.ndarray, ties: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The normal approximation of both directions: p is `ndtr` of it, 1 where there are no ranks.

    Sum of the positive ranks, number of ranks, sum of t ** 3 - t over ties.
    """
    above = statistic - n * (n + 1) / 4
    deviation = np.sqrt(n * (n + 1) * (2 * n + 1) / 24 - ties / 48)
    is_equal = n == 0
    deviation[is_equal] = 1
    z_first, z_second = (0.5 - above) / deviation, (0.5 + above) / deviation
    z_first[is_equal] = z_second[is_equal] = np.inf
    return z_first, z_second


@lru_cache(maxsize=8)
def _all_exact(of: bytes, shape: tuple[int, int], decimals: int | None) -> np.ndarray:
    """As `signed_rank_p`, counted over all assignments of signs; tests and ranks ask for the same values."""
    values = np.frombuffer(of).reshape(shape)
    n = shape[1]
    doubled, n_ranks, is_tied = np.zeros((n, n), int), np.zeros((n, n), int), np.zeros((n, n), bool)
    # Pairs whose differences tie in one way, by the doubled ranks of these.
    alike: dict[bytes, list[tuple[int, int]]] = {}
    for first in range(n - 1):
        found = _sorted_differences(values, first, decimals)
        statistic, n_ranks[first, first + 1 :], ties = _statistics(found)
        doubled[first, first + 1 :] = np.rint(2 * statistic)
        is_tied[first, first + 1 :] = ties > 0
        tied = _tied_ranks(found, ties > 0) if ties.any() else {}
        for row, ranks in tied.items():
            alike.setdefault(ranks.tobytes(), []).append((first, first + 1 + row))
    pairs = np.triu(np.ones((n, n), bool), 1)
    ways = [(np.frombuffer(ranks, np.int64), np.array(of).T) for ranks, of in alike.items()]
    for n_untied in np.unique(n_ranks[pairs & ~is_tied]).tolist():
        chosen = np.nonzero(pairs & ~is_tied & (n_ranks == n_untied))
        ways.append((2 * np.arange(1, n_untied + 1), np.array(chosen)))
    p = np.full((n, n), np.nan)
    for ranks, (first, second) in ways:
        chances = sums_of_ranks(ranks)
        totals, place = np.unique(doubled[first, second], return_inverse=True)
        p[first, second] = np.array([min(1, chances[total:].sum()) for total in totals])[place]
        p[second, first] = np.array([min(1, chances[: total + 1].sum()) for total in totals])[place]
    p.flags.writeable = False
    return p


def _tied_ranks(found: _Differences, chosen: np.ndarray) -> Mapping[int, np.ndarray]:
    """Twice the ranks of some pairs' differences, by ascending size: of t that end at rank c, 2 c - t + 1."""
    _, size, row, is_counted = _runs(found)
    kept = is_counted & chosen[row]
    rows, begins = np.unique(row[kept], return_index=True)
    sizes = np.split(size[kept], begins[1:])
    return {
        int(pair): np.repeat(2 * np.cumsum(own) - own + 1, own) for pair, own in zip(rows, sizes, strict=True)
    }
