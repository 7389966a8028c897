"""What each scheme ranks, for any number of samples of the cases at once.

A sample is given by how often each case is in it, so a case drawn twice counts twice in a mean, a median and
a test. Ranks within a case are made once, from the algorithms of that case alone: copies cannot change them.
"""

from __future__ import annotations

import numpy as np

from evaluation.ranking.rules import Rules, Scheme
from evaluation.ranking.score_table import TaskScores
from evaluation.ranking.wins import shares_of_wins

# Means of the same scores, summed in another order, differ by this share of the largest score at most.
_ROUNDING = 1e-13


def aggregate(scheme: Scheme, scores: TaskScores, counts: np.ndarray, rules: Rules) -> np.ndarray:
    """What a scheme ranks, larger is better, shape (samples, algorithms).

    `counts`, shape (cases, samples): how often each case is in a sample. NaN for an algorithm without a
    defined case in the sample: it ranks last.
    """
    if scheme is Scheme.TEST:
        return shares_of_wins(scores.values, counts, rules)
    values = scores.values if scheme in (Scheme.MEAN, Scheme.MEDIAN) else -ranks_within_cases(scores, rules)
    return _means(values, counts) if scheme in (Scheme.MEAN, Scheme.RANK_MEAN) else _medians(values, counts)


def rank_aggregates(aggregates: np.ndarray, tolerance: float) -> np.ndarray:
    """Ranks of each sample's aggregates, shape (samples, algorithms); 1 is the best, NaN ranks last."""
    scale = np.nanmax(np.abs(aggregates), axis=1, keepdims=True, initial=0)
    return best_ranks(aggregates, np.maximum(tolerance, _ROUNDING * scale))


def best_ranks(values: np.ndarray, tolerance: float | np.ndarray) -> np.ndarray:
    """Ranks within each row of values (rows, n), 1 for the largest; ties share the best rank, NaN the last.

    Values are sorted and neighbours that differ by no more than the tolerance, one or (rows, 1), are tied, so
    ties are transitive: of 0.0, 0.6 and 1.2 with a tolerance of 0.7 all three.

    Examples
    --------
    >>> best_ranks(np.array([[0.9, 0.7, 0.9, np.nan], [1.2, 0.6, 0.0, 9.0]]), 0.7).tolist()
    [[1, 1, 1, 4], [2, 2, 2, 1]]
    """
    downward = np.where(np.isnan(values), np.inf, -values)
    order = np.argsort(downward, axis=1)
    ordered = np.take_along_axis(downward, order, axis=1)
    with np.errstate(invalid="ignore"):  # infinity minus itself is NaN: tied, as it should be
        is_behind = np.diff(ordered, axis=1) > tolerance
    places = np.zeros(values.shape, np.int32)
    places[:, 1:] = np.where(is_behind, np.arange(1, values.shape[1]), 0)
    ranks = np.empty(values.shape, np.int32)
    np.put_along_axis(ranks, order, np.maximum.accumulate(places, axis=1) + 1, axis=1)
    return ranks


def ranks_within_cases(scores: TaskScores, rules: Rules) -> np.ndarray:
    """Ranks of the algorithms in each case, shape (cases, algorithms); NaN where undefined.

    Dice is undefined where an algorithm marks nothing and there is nothing to mark, which is right, and 0
    where it marks something all the same. So who is undefined is ahead of who is not, and has no rank
    there itself: nobody gains a rank by marking what is not there.
    """
    undefined = np.isnan(scores.values)
    ranks = best_ranks(np.where(undefined, np.inf, scores.values), rules.tolerance).astype(float)
    ranks[undefined] = np.nan
    return ranks


def _means(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    defined = ~np.isnan(values)
    sums = counts.T @ np.where(defined, values, 0)
    with np.errstate(invalid="ignore"):
        return sums / (counts.T @ defined.astype(float))


def _medians(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Medians of each column's defined values, each as often as its case is in the sample."""
    medians = np.full((counts.shape[1], values.shape[1]), np.nan)
    for column, scores in enumerate(values.T):
        order = np.argsort(scores, kind="stable")[: np.count_nonzero(~np.isnan(scores))]
        if not len(order):
            continue
        # The k-th lowest value is the first at which more than k - 1 have been passed.
        passed = np.cumsum(counts[order], axis=0)
        total = passed[-1]
        has_any = total > 0
        ends = [np.minimum((passed <= k).sum(axis=0), len(order) - 1) for k in ((total - 1) // 2, total // 2)]
        low, high = (scores[order][end] for end in ends)
        medians[has_any, column] = ((low + high) / 2)[has_any]
    return medians
