"""Chance-corrected agreement of units that are counted: Krippendorff's alpha, Fleiss' and Cohen's kappa.

The first two see a table of ratings, int of shape (P, L): a row a kind of unit, a column a label, how many
raters gave such a unit that label; and counts, int of shape (P,): how many units of each kind there are. All
are NaN when no disagreement was possible: no unit, or one label only.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

Metric = Literal["nominal", "ordinal"]
Weights = Literal["none", "linear", "quadratic"]


def krippendorff_alpha(ratings: np.ndarray, counts: np.ndarray, metric: Metric = "ordinal") -> float:
    """Krippendorff's alpha of units that are counted: 1 minus observed over expected disagreement.

    Labels are in rising order. Raters may be missing; a unit with fewer than two ratings says nothing and is
    left out.

    References
    ----------
    Krippendorff. Computing Krippendorff's alpha-reliability, University of Pennsylvania, 2011.

    Examples
    --------
    >>> agreed, split = [2, 0], [1, 1]
    >>> round(krippendorff_alpha(np.array([agreed, split, agreed[::-1]]), np.array([5, 2, 3])), 3)
    0.604
    """
    n_ratings = ratings.sum(axis=1)
    paired = n_ratings > 1
    table = ratings[paired].astype(float)
    weights = counts[paired] / (n_ratings[paired] - 1)
    coincidences = table.T @ (table * weights[:, None]) - np.diag(weights @ table)
    totals = coincidences.sum(axis=0)
    distance = _squared_distance(totals, metric)
    expected = totals @ distance @ totals
    if expected == 0:
        return np.nan
    return float(1 - (totals.sum() - 1) * (coincidences * distance).sum() / expected)


def fleiss_kappa(ratings: np.ndarray, counts: np.ndarray) -> float:
    """Fleiss' kappa of units that are counted; labels are names, without an order.

    Raters may be missing; a unit with fewer than two ratings says nothing and is left out. Units then differ
    in their number of ratings: agreement and shares of labels are those of each unit, means over units.

    References
    ----------
    Fleiss. Psychological Bulletin 1971; 76:378. Gwet, Handbook of Inter-Rater Reliability (2014; not opened),
    for raters that are missing.
    """
    paired = ratings.sum(axis=1) > 1
    if not counts[paired].sum():
        return np.nan
    table = ratings[paired].astype(float)
    m = table.sum(axis=1)
    share = counts[paired] / counts[paired].sum()
    observed = share @ (((table**2).sum(axis=1) - m) / (m * (m - 1)))
    by_label = share @ (table / m[:, None])
    if (by_label > 0).sum() < 2:
        return np.nan
    chance = (by_label**2).sum()
    return float((observed - chance) / (1 - chance))


def cohen_kappa(table: np.ndarray, weights: Weights = "none") -> float:
    """Cohen's kappa of two raters from a table (L, L) of units by the label of either.

    Examples
    --------
    >>> round(cohen_kappa(np.array([[20, 5], [10, 15]])), 3)
    0.4
    """
    counts = table.astype(float)
    disagreed = disagreement_weights(len(counts), weights)
    expected = counts.sum(axis=1) @ disagreed @ counts.sum(axis=0)
    if expected == 0:
        return np.nan
    return float(1 - counts.sum() * (counts * disagreed).sum() / expected)


def disagreement_weights(n_labels: int, weights: Weights) -> np.ndarray:
    """What two labels disagree by, of shape (L, L): 1, the steps between them, or the steps' square."""
    steps = np.abs(np.subtract.outer(np.arange(n_labels), np.arange(n_labels))).astype(float)
    return {"none": (steps > 0).astype(float), "linear": steps, "quadratic": steps**2}[weights]


def _squared_distance(totals: np.ndarray, metric: Metric) -> np.ndarray:
    """Krippendorff's difference function, squared, between labels that were given `totals` times."""
    if metric == "nominal":
        return 1.0 - np.eye(len(totals))
    # The ratings between two labels, and half of those on each: the distance of their mid-ranks.
    middle = totals.cumsum() - totals / 2
    return (middle[:, None] - middle) ** 2
