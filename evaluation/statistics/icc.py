"""Intraclass correlation: how much of what is measured is the exam, and how much the rater."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from evaluation.statistics.intervals import StatisticsError, check_confidence

#: Columns of `icc`, in order.
ICC_COLUMNS = ["type", "icc", "low", "high", "n", "k"]


def icc(ratings: np.ndarray, *, confidence: float = 0.95) -> pd.DataFrame:
    """Intraclass correlations of a table of measurements, two-way.

    ICC(2,1): raters are a sample of all raters, and their biases count as error (agreement of a single
    rater). ICC(3,1): these raters only, biases do not count (consistency). ICC(2,k): agreement of the mean
    of all k raters.

    `ratings`, shape (n, k), have a row an exam and a column a rater; two of each at least, none missing.

    Returns
    -------
    DataFrame
        `ICC_COLUMNS`, a row each for ICC(2,1), ICC(3,1) and ICC(2,k); NaN when nothing varies.

    Raises
    ------
    StatisticsError
        When the table is too small or has gaps, or the confidence is not between 0 and 1.

    References
    ----------
    Shrout, Fleiss. Psychological Bulletin 1979; 86:420. McGraw, Wong. Psychological Methods 1996; 1:30,
    for the intervals; their ICC(A,1), ICC(C,1) and ICC(A,k).
    """
    table = np.asarray(ratings, dtype=float)
    if table.ndim != 2 or min(table.shape) < 2 or np.isnan(table).any():
        raise StatisticsError(
            f"ratings: found shape {table.shape} with {int(np.isnan(table).sum())} missing, expected two or "
            "more exams and raters, none missing"
        )
    check_confidence(confidence)
    squares = _MeanSquares.of(table)
    k = squares.k
    # 0 / 0, where nothing varies, is undefined and not an accident.
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = _f_quantiles(confidence, squares.n - 1, (squares.n - 1) * (k - 1))
        single = squares.agreement(1.0)
        low, high = _agreement_interval(squares, single, confidence)
        rows = [
            ("ICC(2,1)", single, low, high),
            ("ICC(3,1)", squares.consistency(1.0), *(squares.consistency(ratio) for ratio in ratios)),
            ("ICC(2,k)", *(_of_mean(value, k) for value in (single, low, high))),
        ]
    return pd.DataFrame([(*row, squares.n, k) for row in rows], columns=ICC_COLUMNS)


@dataclass(frozen=True)
class _MeanSquares:
    """Two-way analysis of variance without replication."""

    n: int
    k: int
    exams: np.float64
    raters: np.float64
    error: np.float64

    @classmethod
    def of(cls, table: np.ndarray) -> _MeanSquares:
        n, k = table.shape
        by_exam = table.mean(axis=1, keepdims=True) - table.mean()
        by_rater = table.mean(axis=0, keepdims=True) - table.mean()
        error = table - table.mean() - by_exam - by_rater
        exams, raters = k * (by_exam**2).sum() / (n - 1), n * (by_rater**2).sum() / (k - 1)
        squares = np.array([exams, raters, (error**2).sum() / ((n - 1) * (k - 1))])
        # What only rounding varied does not vary.
        squares[squares <= table.size * (np.finfo(float).eps * np.abs(table).max()) ** 2] = 0
        return cls(n, k, *squares)

    def consistency(self, f: float) -> np.float64:
        """ICC(3,1), or a bound of it when the ratio of mean squares is divided by `f`."""
        return (self.exams - f * self.error) / (self.exams + (self.k - 1) * f * self.error)

    def agreement(self, f: float) -> np.float64:
        """ICC(2,1), or a bound of it when the ratio of mean squares is divided by `f`."""
        n, k = self.n, self.k
        others = k * self.raters + (k * n - k - n) * self.error
        return n * (self.exams - f * self.error) / (f * others + n * self.exams)


def _of_mean(single: float, k: int) -> float:
    """Reliability of the mean of k raters (Spearman-Brown); it falls without bound at -1 / (k - 1)."""
    return -np.inf if (k - 1) * single <= -1 else float(k * single / (1 + (k - 1) * single))


def _f_quantiles(confidence: float, *freedom: float) -> np.ndarray:
    return stats.f.ppf([(1 + confidence) / 2, (1 - confidence) / 2], *freedom)


def _agreement_interval(squares: _MeanSquares, single: np.float64, confidence: float) -> tuple[float, float]:
    """By Satterthwaite's degrees of freedom of the denominator (McGraw and Wong 1996, table 7)."""
    n, k = squares.n, squares.k
    of_raters = k * single * squares.raters
    of_error = (n * (1 + (k - 1) * single) - k * single) * squares.error
    freedom = (of_raters + of_error) ** 2 / (of_raters**2 / (k - 1) + of_error**2 / ((n - 1) * (k - 1)))
    if np.isnan(freedom):
        # Neither raters nor error vary: agreement is perfect, or nothing varies at all.
        return single, single
    low, high = _f_quantiles(confidence, n - 1, freedom)
    return squares.agreement(low), squares.agreement(high)
