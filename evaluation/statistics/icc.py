"""Intraclass correlation: how much of what is measured is the exam, and how much the rater."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from evaluation.statistics.intervals import StatisticsError, check_confidence

#: Columns of `icc`, in order.
ICC_COLUMNS = ["type", "icc", "low", "high", "n", "k"]


def icc(ratings: np.ndarray, *, confidence: float = 0.95) -> pd.DataFrame:
    """Intraclass correlations of a table of measurements, two-way.

    ICC(2,1): raters are a sample of all raters, and their biases count as error (agreement of a single
    rater). ICC(3,1): these raters only, biases do not count (consistency). ICC(2,k): agreement of the mean
    of all k raters.

    `ratings`, shape (n, k), have a row an exam and a column a rater; NaN where a rater has no mask. Exams of
    fewer than two raters say nothing and are left out. With gaps the components of variance are those of
    Henderson's third method (reductions by fitting exams and raters), which without gaps are the usual ones,
    and intervals are approximate: those of a complete table with as many raters an exam, and exams a rater,
    as its mean squares have.

    Returns
    -------
    DataFrame
        `ICC_COLUMNS`, a row each for ICC(2,1), ICC(3,1) and ICC(2,k), of ``n`` exams and ``k`` raters; NaN
        when nothing varies, or too few exams have two raters.

    Raises
    ------
    StatisticsError
        When the table is too small, or the confidence is not between 0 and 1.

    References
    ----------
    Shrout, Fleiss. Psychological Bulletin 1979; 86:420. McGraw, Wong. Psychological Methods 1996; 1:30,
    for the intervals; their ICC(A,1), ICC(C,1) and ICC(A,k). Henderson. Biometrics 1953; 9:226 (not opened).
    """
    table = np.asarray(ratings, dtype=float)
    if table.ndim != 2 or min(table.shape) < 2:
        raise StatisticsError(f"ratings: found shape {table.shape}, expected two or more exams and raters")
    check_confidence(confidence)
    table = table[(~np.isnan(table)).sum(axis=1) > 1]
    table = table[:, (~np.isnan(table)).any(axis=0)]
    n, k = table.shape
    squares = None
    if n:
        squares = _MeanSquares.with_gaps(table) if np.isnan(table).any() or n < 2 else _MeanSquares.of(table)
    if squares is None:
        kinds = ("ICC(2,1)", "ICC(3,1)", "ICC(2,k)")
        return pd.DataFrame([(kind, np.nan, np.nan, np.nan, n, k) for kind in kinds], columns=ICC_COLUMNS)
    # 0 / 0, where nothing varies, is undefined and not an accident.
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = _f_quantiles(confidence, squares.freedom[0], squares.freedom[2])
        single = squares.agreement(1.0)
        low, high = _agreement_interval(squares, single, confidence)
        rows = [
            ("ICC(2,1)", single, low, high),
            ("ICC(3,1)", squares.consistency(1.0), *(squares.consistency(ratio) for ratio in ratios)),
            ("ICC(2,k)", *(_of_mean(value, k) for value in (single, low, high))),
        ]
    return pd.DataFrame([(*row, n, k) for row in rows], columns=ICC_COLUMNS)


@dataclass(frozen=True)
class _MeanSquares:
    """Two-way analysis of variance without replication."""

    #: Exams a rater and raters an exam; with gaps what multiplies the components in the mean squares.
    n: float
    k: float
    exams: np.float64
    raters: np.float64
    error: np.float64
    #: Degrees of freedom of the three.
    freedom: tuple[int, int, int]

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
        return cls(n, k, squares[0], squares[1], squares[2], (n - 1, k - 1, (n - 1) * (k - 1)))

    @classmethod
    def with_gaps(cls, table: np.ndarray) -> _MeanSquares | None:
        """Of a table with NaN, two raters an exam at least; None where no error can be told from the rest."""
        there = ~np.isnan(table)
        (n, k), size = table.shape, int(there.sum())
        # Fitting exams is taking their means away, from measurements and from the raters' own columns.
        inside, values = _from_means(table)[there], table[there]
        columns = np.where(there[:, :, None], np.eye(k), np.nan)
        fitted = np.stack([_from_means(column)[there] for column in np.moveaxis(columns, 2, 0)], axis=1)
        found, _, rank, _ = np.linalg.lstsq(fitted, inside, rcond=None)
        freedom = n + int(rank) - k, int(rank), size - n - int(rank)
        if min(freedom) < 1:
            return None
        error = ((inside - fitted @ found) ** 2).sum()
        sums = np.array(
            [(_from_means(table.T)[there.T] ** 2).sum() - error, (inside**2).sum() - error, error]
        )
        squares = sums / freedom
        squares[squares <= table.size * (np.finfo(float).eps * np.abs(values).max()) ** 2] = 0
        sizes = (size - n) / freedom[1], (size - k) / freedom[0]
        return cls(*sizes, squares[0], squares[1], squares[2], freedom)

    def consistency(self, f: float) -> np.float64:
        """ICC(3,1), or a bound of it when the ratio of mean squares is divided by `f`."""
        return (self.exams - f * self.error) / (self.exams + (self.k - 1) * f * self.error)

    def agreement(self, f: float) -> np.float64:
        """ICC(2,1), or a bound of it when the ratio of mean squares is divided by `f`."""
        n, k = self.n, self.k
        others = k * self.raters + (k * n - k - n) * self.error
        return n * (self.exams - f * self.error) / (f * others + n * self.exams)


def _from_means(table: np.ndarray) -> np.ndarray:
    """Each row minus its mean; NaN stay."""
    return table - np.nanmean(table, axis=1, keepdims=True)


def _of_mean(single: float, k: float) -> float:
    """Reliability of the mean of k raters (Spearman-Brown); it falls without bound at -1 / (k - 1)."""
    return -np.inf if (k - 1) * single <= -1 else float(k * single / (1 + (k - 1) * single))


def _f_quantiles(confidence: float, *freedom: float) -> np.ndarray:
    return scipy.stats.f.ppf([(1 + confidence) / 2, (1 - confidence) / 2], *freedom)


def _agreement_interval(squares: _MeanSquares, single: np.float64, confidence: float) -> tuple[float, float]:
    """By Satterthwaite's degrees of freedom of the denominator (McGraw and Wong 1996, table 7)."""
    n, k = squares.n, squares.k
    of_raters = k * single * squares.raters
    of_error = (n * (1 + (k - 1) * single) - k * single) * squares.error
    of_exams, *others = squares.freedom
    freedom = (of_raters + of_error) ** 2 / (of_raters**2 / others[0] + of_error**2 / others[1])
    if np.isnan(freedom):
        # Neither raters nor error vary: agreement is perfect, or nothing varies at all.
        return single, single
    low, high = _f_quantiles(confidence, of_exams, freedom)
    return squares.agreement(low), squares.agreement(high)
