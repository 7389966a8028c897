"""The exact signed-rank test of one pair of algorithms in many samples of the cases.

In a sample of few cases the differences tie in few patterns, so every p can be looked up in one table.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from evaluation.statistics.signed_rank import sums_of_ranks

#: Cases up to which p is looked up: the table has 2 ** 12 patterns of 157 sums, 5 MB.
MOST_CASES = 12


def exact_one_by_one(total: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P of both directions in each sample, counted over all assignments of signs.

    Parameters
    ----------
    total, positive : ndarray of float, shape (runs, samples)
        How many differences of each size a sample holds, by ascending size, and how many of them are
        positive.
    """
    p = np.empty((2, total.shape[1]))
    for sample, (size, above) in enumerate(zip(total.T.astype(int), positive.T.astype(int), strict=True)):
        ranks = _doubled_ranks(size)
        chances = sums_of_ranks(np.repeat(ranks, size))
        statistic = int((ranks * above).sum())
        p[:, sample] = chances[statistic:].sum(), chances[: statistic + 1].sum()
    first, second = np.minimum(1, p)
    return first, second


def exact_by_table(total: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `exact_one_by_one`, of samples of `MOST_CASES` cases at most."""
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
