"""Ranks with ties by a tolerance, and Kendall's tau-b between rankings; rows at a time."""

from __future__ import annotations

import numpy as np

# Rows whose pairs are compared at a time: bounds memory at some 50 MB.
_CELLS = 6_000_000


def best_ranks(values: np.ndarray, tolerance: float | np.ndarray) -> np.ndarray:
    """Ranks within each row, 1 for the largest; ties share the best rank.

    Values are sorted and neighbours that differ by no more than the tolerance are tied, so ties are
    transitive: of 0.0, 0.6 and 1.2 with a tolerance of 0.7 all three.

    Parameters
    ----------
    values : ndarray of float, shape (rows, n)
        NaN ranks last, shared.
    tolerance : float or ndarray, shape (rows, 1)

    Returns
    -------
    ndarray of int, shape (rows, n)

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


def kendall_tau(rankings: np.ndarray, ranking: np.ndarray) -> np.ndarray:
    """Kendall's tau-b (1945, Biometrika 33:239) of each row with one ranking.

    Parameters
    ----------
    rankings : ndarray, shape (rows, n)
    ranking : ndarray, shape (n,)

    Returns
    -------
    ndarray of float, shape (rows,)
        NaN where either is a single tie.

    Examples
    --------
    >>> kendall_tau(np.array([[1, 2, 3], [3, 2, 1], [1, 1, 1]]), np.array([1, 2, 3])).tolist()
    [1.0, -1.0, nan]
    """
    first, second = np.triu_indices(len(ranking), 1)
    given = np.sign(ranking[first] - ranking[second]).astype(np.float32)
    taus = np.empty(len(rankings))
    step = max(1, _CELLS // max(1, len(first)))
    for begin in range(0, len(rankings), step):
        rows = rankings[begin : begin + step]
        # Whole numbers below 2 ** 24 are exact in single precision.
        signs = np.sign(rows[:, first] - rows[:, second]).astype(np.float32)
        untied = np.count_nonzero(signs, axis=1) * float(np.count_nonzero(given))
        with np.errstate(invalid="ignore"):
            taus[begin : begin + step] = (signs @ given).astype(float) / np.sqrt(untied)
    return taus
