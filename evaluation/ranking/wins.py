"""Who is significantly better than how many others, in every sample of the cases at once.

A sample is known by how often each case is in it. The sum of the positive ranks is the number of Walsh
averages (means of two differences, a difference with itself among them) above 0 (Tukey 1949; Hollander and
Wolfe, Nonparametric Statistical Methods, section 3.1; not opened), one of 0 counting half. With copies each
counts as often as its two cases make it: a product of the samples' counts, the same for every pair of
algorithms. So one product of matrices gives the sums of all pairs in all samples.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from tqdm import tqdm

from evaluation.ranking.holm_in_samples import Decisions, Sums
from evaluation.ranking.pairwise import MOST_CASES, differences_from, signed_rank_p
from evaluation.ranking.rules import Rules

# Pairs of algorithms in samples taken at a time: some 32 MB.
_CELLS = 4_000_000
# Whole numbers that single precision holds.
_EXACT = 2**24
# Cases in all samples of all pairs, from which on the work takes seconds and shows a progress bar.
_LONG = 200_000_000
# Cases up to which products are made; of more it is quicker to sort.
_MOST_PRODUCTS = 200


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
    decisions = Decisions(n, _n_tests(defined, counts), rules.alpha)
    if rules.exact and len(counts) > MOST_CASES and counts.shape[1] == 1:
        p = signed_rank_p(np.repeat(values, counts[:, 0].astype(int), axis=0), rules)[:, :, None]
        for first in range(n - 1):
            decisions.add(first, np.arange(first + 1, n), p[first, first + 1 :], p[first + 1 :, first])
    else:
        _test_in_samples(values, counts, rules, decisions)
    shares = decisions.wins().T / max(1, n - 1)
    shares[counts.T @ defined == 0] = np.nan
    return shares


def _n_tests(defined: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Ordered pairs of algorithms that have a case defined for both, in each sample."""
    # Most algorithms are defined in the same cases.
    kinds, n_of = np.unique(defined, axis=1, return_counts=True)
    n_tests = np.zeros(counts.shape[1])
    for first in range(len(n_of)):
        both = (kinds[:, first : first + 1] & kinds[:, first:]).T.astype(float)
        n_pairs = n_of[first] * n_of[first:].astype(float)
        n_pairs[0] -= n_of[first] * (n_of[first] + 1) / 2
        n_tests += 2 * n_pairs @ (both @ counts > 0)
    return n_tests.astype(int)


def _test_in_samples(values: np.ndarray, counts: np.ndarray, rules: Rules, decisions: Decisions) -> None:
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
            others = np.arange(first + 1 + begin, first + 1 + begin + len(differences))
            if by_table and summed:
                doubled = summed.doubled(differences)
                decisions.add(first, others, *_exact_by_table(differences, counts, doubled))
            else:
                sums = summed.sums(differences) if summed else _sums_by_order(differences, counts)
                decisions.add_sums(first, others, sums)


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
        self._starts = np.searchsorted(self._one, np.arange(len(counts) + 1)).tolist()

    def doubled(self, differences: np.ndarray) -> np.ndarray:
        """Twice the sum of the positive ranks, shape (pairs, samples), of differences with NaN for 0."""
        return self._doubled(differences, np.unique(_tied_runs(differences)[0]))

    def sums(self, differences: np.ndarray) -> Sums:
        """Those of the normal approximation."""
        has_rank = ~np.isnan(differences)
        # Most pairs rank the same cases.
        kinds: dict[bytes, int] = {}
        of = np.array([kinds.setdefault(row.tobytes(), len(kinds)) for row in np.packbits(has_rank, axis=1)])
        of_kinds = has_rank[np.unique(of, return_index=True)[1]].astype(float)
        n, ties = of_kinds @ self._counts, of_kinds @ self._cubes
        run, tied = _tied_runs(differences)
        rows, place = np.unique(run, return_inverse=True)
        if len(rows):
            # Each a kind of its own.
            alike, of[rows] = of[rows], len(n) + np.arange(len(rows))
            own, total = ties[alike], tied @ self._counts
            np.add.at(own, place, total**3 - total - tied @ self._cubes)
            n, ties = np.concatenate([n, n[alike]]), np.concatenate([ties, own])
        return Sums(self._doubled(differences, rows), n, ties, of)

    def _doubled(self, differences: np.ndarray, tied: np.ndarray) -> np.ndarray:
        """In the type of the products; `tied` are the rows in which an average may be 0."""
        by_case = np.ascontiguousarray(differences.T)
        above = np.empty((len(self._one), len(differences)), self._dtype)
        for case, (begin, end) in enumerate(pairwise(self._starts)):
            np.greater(by_case[case:], -by_case[case], out=above[begin:end])
            if len(tied):
                above[begin:end, tied] += by_case[case:, tied] >= -by_case[case, tied]
                above[begin:end, tied] /= 2
        doubled: np.ndarray = above.T @ self._products
        doubled *= 2
        return doubled


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


def _sums_by_order(differences: np.ndarray, counts: np.ndarray) -> Sums:
    """As `_Products.sums`, pair by pair: of many cases, whose products are too many."""
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
    return Sums(2 * found[0], found[1], found[2], np.arange(len(differences)))


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
