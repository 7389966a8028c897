"""Tests by permutation of ranks, of many samples at once: Spearman's correlation, Mann-Whitney.

All orders of up to 8 values and all splits of up to 17 in two groups are fewer than 40,320 and are all
tried; beyond, so many are tried at random, always the same. Drawing them takes longest, and samples of one
size meet the same: so they are drawn once for all. Sums of midranks are exact, in any order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import combinations, permutations

import numpy as np
import scipy

_RESAMPLES = 40_320
_SEED = 0
# Of permutations and of values taken at once, and values up to which all are kept: bound the memory.
_BATCH, _VALUES = 5_000, 1_000_000
_KEPT = 20

#: Two samples.
Two = tuple[np.ndarray, np.ndarray]


def spearman(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """`spearman_each` of one pair of variables."""
    return spearman_each([(first, second)])[0]


def spearman_each(pairs: Sequence[Two]) -> list[tuple[float, float]]:
    """Spearman's rank correlation and its two-sided p value, by permutation of values without NaN.

    The p value is twice the smaller tail, over all orders where eight pairs or fewer are given and over
    random ones, always the same, where there are more: that of `scipy.stats.permutation_test`, to the last
    digit (p of `scipy.stats.spearmanr`, of a t distribution, is approximate).
    Both are NaN with fewer than three pairs, or when one of the two does not vary.
    """
    found = [(np.nan, np.nan)] * len(pairs)
    by_size: dict[int, list[int]] = {}
    for place, (first, second) in enumerate(pairs):
        if len(first) >= 3 and np.ptp(first) > 0 and np.ptp(second) > 0:
            by_size.setdefault(len(first), []).append(place)
    for n, places in by_size.items():
        for place, value in zip(places, _spearman_alike(n, [pairs[one] for one in places]), strict=True):
            found[place] = value
    return found


def _spearman_alike(n: int, pairs: Sequence[Two]) -> list[tuple[float, float]]:
    """Of pairs of n values."""
    ranks = [[scipy.stats.rankdata(values) - (n + 1) / 2 for values in pair] for pair in pairs]
    scales = [np.sqrt((one**2).sum() * (other**2).sum()) for one, other in ranks]
    rhos = [(one * other).sum() / scale for (one, other), scale in zip(ranks, scales, strict=True)]
    tails, n_orders = np.zeros((len(pairs), 2), int), 0
    for orders in _orders(n):
        n_orders += len(orders)
        for place, ((one, other), scale, rho) in enumerate(zip(ranks, scales, rhos, strict=True)):
            by_chance = one[orders] @ other / scale
            # Equal but for the last digits.
            rounding = abs(100 * np.finfo(float).eps * rho)
            tails[place] += (by_chance <= rho + rounding).sum(), (by_chance >= rho - rounding).sum()
    # Of orders at random the one that was found is one more.
    more = int(math.factorial(n) > _RESAMPLES)
    p_values = 2 * (tails.min(axis=1) + more) / (n_orders + more)
    return [(float(rho), float(min(p, 1.0))) for rho, p in zip(rhos, p_values, strict=True)]


def _orders(n: int) -> Iterable[np.ndarray]:
    """Orders of n values, some at a time: all of them, or so many at random."""
    return _few_orders(n) if n <= _KEPT else _random_orders(n)


@lru_cache(maxsize=4)
def _few_orders(n: int) -> tuple[np.ndarray, ...]:
    """Kept: the same are asked for every rater, level and measure."""
    if math.factorial(n) > _RESAMPLES:
        return tuple(_random_orders(n))
    return (np.array(list(permutations(range(n)))),)


def _random_orders(n: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(_SEED)
    batch = _batch(n)
    sorted_ = np.tile(np.arange(n), (batch, 1))
    for start in range(0, _RESAMPLES, batch):
        yield rng.permuted(sorted_, axis=1)[: _RESAMPLES - start]


def _batch(n: int) -> int:
    """How many orders of n values at once."""
    return min(_BATCH, max(1, _VALUES // n))


def mann_whitney(first: np.ndarray, second: np.ndarray) -> float:
    """`mann_whitney_each` of two samples."""
    return mann_whitney_each([(first, second)])[0]


def mann_whitney_each(pairs: Sequence[Two]) -> list[float]:
    """Two-sided p values of the Mann-Whitney test, by permutation, so that ties are no matter.

    Exact where the values, without NaN, can be split in at most 40,320 ways, as those of up to 17 exams; else
    that of `scipy.stats.mannwhitneyu` with so many permutations. NaN when one of the two samples is empty.
    """
    found = [_few_splits(*pair) for pair in pairs]
    by_size: dict[int, list[int]] = {}
    for place, p in enumerate(found):
        if p is None:
            by_size.setdefault(sum(map(len, pairs[place])), []).append(place)
    for n, places in by_size.items():
        ranks = [scipy.stats.rankdata(np.concatenate(pairs[place])) for place in places]
        sizes = [len(pairs[place][0]) for place in places]
        sums = [of_all[:size].sum() for of_all, size in zip(ranks, sizes, strict=True)]
        tails = np.zeros((len(places), 2), int)
        for orders in _shuffled(n):
            for place, (of_all, size, its) in enumerate(zip(ranks, sizes, sums, strict=True)):
                by_chance = of_all[orders[:, :size]].sum(axis=1)
                tails[place] += (by_chance <= its).sum(), (by_chance >= its).sum()
        # The split that was found is one more.
        for place, fewest in zip(places, tails.min(axis=1).tolist(), strict=True):
            found[place] = min(1.0, 2 * (fewest + 1) / (_RESAMPLES + 1))
    return [np.nan if p is None else p for p in found]


def _few_splits(first: np.ndarray, second: np.ndarray) -> float | None:
    """Over all splits, where they are few; None where they are many."""
    if not len(first) or not len(second):
        return np.nan
    for one, rest in ((first, second), (second, first)):
        if len(one) == 1:
            # Its value may have any place among all.
            tails = [1 + (rest <= one[0]).sum(), 1 + (rest >= one[0]).sum()]
            return float(min(1, 2 * min(tails) / (1 + len(rest))))
    n, n_first = len(first) + len(second), len(first)
    if math.comb(n, n_first) > _RESAMPLES:
        return None
    ranks = scipy.stats.rankdata([*first, *second])
    sums = ranks[_splits(n, n_first)].sum(axis=1)
    found = ranks[:n_first].sum()
    return float(min(1, 2 * min((sums <= found).mean(), (sums >= found).mean())))


@lru_cache(maxsize=32)
def _splits(n: int, n_first: int) -> np.ndarray:
    """Which of n are the first, in every way; shape (ways, n_first)."""
    return np.array(list(combinations(range(n), n_first)))


def _shuffled(n: int) -> Iterator[np.ndarray]:
    """Orders of n values at random, some at a time, as SciPy draws them for independent samples."""
    rng = np.random.default_rng(_SEED)
    batch = _batch(n)
    for start in range(0, _RESAMPLES, batch):
        yield np.array([rng.permutation(n) for _ in range(min(batch, _RESAMPLES - start))])
