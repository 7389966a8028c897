"""Who is significantly better than how many others, in every sample of the cases at once.

A sample is known by how often each case is in it. The sum of the positive ranks is the number of Walsh
averages (means of two differences, a difference with itself among them) above 0 (Tukey 1949; Hollander and
Wolfe, Nonparametric Statistical Methods, section 3.1; not opened), one of 0 counting half. With copies each
counts as often as its two cases make it: a product of the samples' counts, the same for every pair of
algorithms. So one product of matrices gives the sums of all pairs in all samples.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri
from tqdm import tqdm

from evaluation.ranking.pairwise import MOST_CASES, differences_from, normal_z, signed_rank_p
from evaluation.ranking.rules import Rules

# Pairs of algorithms in samples taken at a time: some 32 MB.
_CELLS = 4_000_000
# Whole numbers that single precision holds.
_EXACT = 2**24
# Cases in all samples of all pairs, from which on the work takes seconds and shows a progress bar.
_LONG = 200_000_000
# Cases up to which products are made; of more it is quicker to sort.
_MOST_PRODUCTS = 200
# Of a standard normal: far more than the rounding of p, far less than what is seen.
_MARGIN = 1e-6


def shares_of_wins(values: np.ndarray, counts: np.ndarray, rules: Rules) -> np.ndarray:
    """The share of the other algorithms that each is significantly better than, after Holm's rule.

    With the exact test, samples of more than `MOST_CASES` cases are tested by the normal approximation,
    which is close to it there; the cases themselves are always tested exactly.

    `values` have shape (cases, algorithms), `counts`, how often each case is in a sample, (cases, samples),
    the shares (samples, algorithms): NaN for an algorithm without a defined case in the sample.
    """
    n, defined = values.shape[1], ~np.isnan(values)
    if not counts.shape[1]:
        return np.empty((0, n))
    decisions = _Decisions(n, _n_tests(defined, counts), rules.alpha)
    if rules.exact and len(counts) > MOST_CASES and counts.shape[1] == 1:
        p = signed_rank_p(np.repeat(values, counts[:, 0].astype(int), axis=0), rules)[:, :, None]
        for first in range(n - 1):
            decisions.add(first, first + 1, p[first, first + 1 :], p[first + 1 :, first])
    else:
        _test_in_samples(values, counts, rules, decisions)
    shares = decisions.wins().T / max(1, n - 1)
    shares[counts.T @ defined == 0] = np.nan
    return shares


def _n_tests(defined: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Ordered pairs of algorithms that have a case defined for both, in each sample."""
    n_tests = np.zeros(counts.shape[1], int)
    for first in range(defined.shape[1] - 1):
        both = (defined[:, first : first + 1] & defined[:, first + 1 :]).T.astype(float)
        n_tests += 2 * np.count_nonzero(both @ counts, axis=0)
    return n_tests


class _Decisions:
    """Holm's decisions in each sample: most p are so small or large that they are known pair by pair."""

    def __init__(self, n: int, n_tests: np.ndarray, alpha: float) -> None:
        self._n_tests, self._alpha = np.maximum(1, n_tests), alpha
        # That may be left when p is looked at: of two opposite tests one is rejected at most.
        self._fewest = self._n_tests / 2 if alpha < 0.5 else np.ones(len(n_tests))
        self._wins = np.zeros((n, len(n_tests)), int)
        self._open: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._sure = ndtri(alpha / self._n_tests.max()) - _MARGIN
        self._hopeless = ndtri(min(alpha / self._fewest.min(), 1)) + _MARGIN

    def p_of(self, z: np.ndarray) -> np.ndarray:
        """P of normal z; 0 and 1 where that decides as well."""
        p = np.where(z <= self._sure, 0.0, 1.0)
        asked = (z > self._sure) & (z <= self._hopeless)
        p[asked] = ndtr(z[asked])
        return p

    def add(self, first: int, begin: int, p_first: np.ndarray, p_second: np.ndarray) -> None:
        """P of an algorithm against those from `begin` on, and of these against it: (pairs, samples)."""
        winners = np.arange(begin, begin + len(p_first))
        for p, winner in ((p_first, np.full(len(p_first), first)), (p_second, winners)):
            is_sure = p * self._n_tests <= self._alpha
            if winner is winners:
                self._wins[winners] += is_sure
            else:
                self._wins[first] += is_sure.sum(axis=0)
            row, sample = np.nonzero(~is_sure & (p * self._fewest <= self._alpha))
            self._open.append((p[row, sample], winner[row], sample))

    def wins(self) -> np.ndarray:
        """Whom each is significantly better than, (algorithms, samples); all pairs have been added."""
        if not self._open:  # nobody else
            return self._wins
        p, winner, sample = (np.concatenate(parts) for parts in zip(*self._open, strict=True))
        n_sure = self._wins.sum(axis=0)
        n_rejected, before = n_sure, None
        # As long as any is rejected, p are compared with less.
        while before is None or (n_rejected != before).any():
            left = np.maximum(1, self._n_tests - n_rejected)
            is_rejected = p * left[sample] <= self._alpha
            before = n_rejected
            n_rejected = n_sure + np.bincount(sample[is_rejected], minlength=len(n_sure))
        np.add.at(self._wins, (winner[is_rejected], sample[is_rejected]), 1)
        return self._wins


def _test_in_samples(values: np.ndarray, counts: np.ndarray, rules: Rules, decisions: _Decisions) -> None:
    """Add p of every pair in each sample."""
    n, n_samples = values.shape[1], counts.shape[1]
    by_table = rules.exact and len(counts) <= MOST_CASES
    summed = _Products(counts) if len(counts) <= _MOST_PRODUCTS else None
    step = max(1, _CELLS // n_samples)
    is_long = n * n * counts.size > _LONG
    for first in tqdm(
        range(n - 1), desc="tests", unit="algorithm", leave=False, disable=None if is_long else True
    ):
        of_first = differences_from(values, first, rules.decimals)
        of_first[of_first == 0] = np.nan  # has no rank
        for begin in range(0, len(of_first), step):
            differences = of_first[begin : begin + step]
            if by_table and summed:
                p_first, p_second = _exact_by_table(differences, counts, summed.doubled(differences))
            else:
                found = (
                    summed.statistics(differences) if summed else _statistics_by_order(differences, counts)
                )
                p_first, p_second = map(decisions.p_of, normal_z(*found))
            decisions.add(first, first + 1 + begin, p_first, p_second)


class _Products:
    """Products of the counts of every two cases in each sample, and sums of ranks by them."""

    def __init__(self, counts: np.ndarray) -> None:
        self._counts = counts
        self._one, self._two = np.triu_indices(len(counts))
        largest = float(counts.sum(axis=0).max(initial=0))
        self._dtype = np.float32 if largest * (largest + 1) < _EXACT else np.float64
        whole: np.ndarray = counts.astype(self._dtype)
        products = whole[self._one] * whole[self._two]
        # A difference with itself and its copies: c (c + 1) / 2 averages.
        itself = self._one == self._two
        products[itself] = (products[itself] + whole) / 2
        self._products = products
        self._cubes = counts**3 - counts

    def doubled(self, differences: np.ndarray) -> np.ndarray:
        """Twice the sum of the positive ranks, shape (pairs, samples), of differences with NaN for 0."""
        sums = differences[:, self._one] + differences[:, self._two]
        weights = np.add(sums > 0, sums >= 0, dtype=self._dtype)
        return (weights @ self._products).astype(float)

    def statistics(self, differences: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What `normal_z` takes, each of shape (pairs, samples)."""
        has_rank = (~np.isnan(differences)).astype(float)
        ties = has_rank @ self._cubes
        row, tied = _tied_runs(differences)
        total = tied @ self._counts
        np.add.at(ties, row, total**3 - total - tied @ self._cubes)
        return self.doubled(differences) / 2, has_rank @ self._counts, ties


def _tied_runs(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each run of two or more differences of one size its row, and which cases are in it."""
    sizes = np.abs(differences)
    order = np.argsort(sizes, axis=1)
    ordered = np.take_along_axis(sizes, order, axis=1)
    is_equal = np.zeros(sizes.shape, bool)
    is_equal[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    is_in = is_equal.copy()
    is_in[:, :-1] |= is_equal[:, 1:]
    row, place = np.nonzero(is_in)
    run = np.cumsum(~is_equal[row, place]) - 1
    tied = np.zeros((run[-1] + 1 if len(run) else 0, sizes.shape[1]))
    tied[run, order[row, place]] = 1
    return row[~is_equal[row, place]], tied


def _statistics_by_order(
    differences: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `_Products.statistics`, pair by pair: of many cases, whose products are too many."""
    found = np.empty((3, len(differences), counts.shape[1]))
    for row, of_pair in enumerate(differences):
        order = np.argsort(np.abs(of_pair))[: np.count_nonzero(~np.isnan(of_pair))]
        ordered = of_pair[order]
        starts = np.flatnonzero(np.diff(np.abs(ordered), prepend=0))
        total = counts[order]
        positive = total * (ordered > 0)[:, None]
        if len(starts) < len(order):
            total, positive = (np.add.reduceat(one, starts, axis=0) for one in (total, positive))
        # The mean rank of a run that ends at rank c and holds t differences is c - (t - 1) / 2.
        mean_ranks = np.cumsum(total, axis=0) - (total - 1) / 2
        found[:, row] = (
            (positive * mean_ranks).sum(axis=0), total.sum(axis=0), (total * (total * total - 1)).sum(axis=0),
        )  # fmt: skip
    return found[0], found[1], found[2]


def _exact_by_table(
    differences: np.ndarray, counts: np.ndarray, doubled: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """P of both directions of each pair in each sample, of samples of `MOST_CASES` cases at most."""
    sizes = np.abs(differences)
    order = np.argsort(sizes, axis=1)
    ordered = np.take_along_axis(sizes, order, axis=1)
    drawn = counts.astype(np.int16)[order] * ~np.isnan(ordered)[:, :, None]
    passed = np.cumsum(drawn, axis=1, dtype=np.int16)
    ends = np.ones(ordered.shape, bool)
    ends[:, :-1] = ordered[:, 1:] != ordered[:, :-1]
    # Bit c - 1 where a run of ties ends at rank c.
    bits = np.where(ends[:, :, None] & (passed > 0), np.int16(1) << np.maximum(passed - 1, 0), 0)
    code = np.bitwise_or.reduce(bits, axis=1)
    total, n = doubled.astype(int), passed[:, -1].astype(int)
    # Sums of ranks lie symmetrically about half of all ranks.
    tails = _upper_tails()
    return tails[code, total], tails[code, n * (n + 1) - total]


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
