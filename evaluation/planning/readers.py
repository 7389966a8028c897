"""How many readers: what more of them, and more exams, make of an interval that takes readers as a sample.

Two ways to look at a pilot. `components` takes the differences of a model and each reader apart into exams,
readers, and what is left. `ReaderWidths` foretells the interval of
`evaluation.scores.interchangeability` with readers random from that of the pilot: its squared standard error
is the part of exams, which falls as 1 / exams, and the part of readers, which falls as 1 / readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

from evaluation.planning.closed import MOST
from evaluation.planning.spread import LIMIT
from evaluation.scores.interchangeability import FIXED, NOBODY, RANDOM
from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.resampling import Student
from evaluation.statistics.words import plural

#: Columns of `ReaderWidths.table`.
COLUMNS = ["n_readers", "n_exams", "half_width", "half_width_upper"]
#: Columns of `reader_numbers`.
NUMBER_COLUMNS = ["n_readers", "half_width", "n_exams", "floor"]


@dataclass(frozen=True)
class Components:
    """Variances of a two-way random model, one value an exam and reader."""

    exam: float
    reader: float
    #: Exam by reader, which a single reading cannot tell from error.
    rest: float
    n_exams: int
    n_readers: int

    def error(self, n_exams: int, n_readers: int) -> float:
        """Standard error of the mean over exams and readers, both of them samples."""
        variance = self.exam / n_exams + self.reader / n_readers + self.rest / (n_exams * n_readers)
        return float(np.sqrt(variance))


def components(values: np.ndarray) -> Components:
    """Of values, shape (exams, readers), by analysis of variance; exams with an undefined value are left out.

    A negative estimate is 0 (Searle, Casella, McCulloch, Variance Components, 1992; not opened).

    Raises
    ------
    StatisticsError
        When fewer than two exams or readers are left.
    """
    table = np.asarray(values, dtype=float)
    table = table[~np.isnan(table).any(axis=1)]
    n, k = table.shape
    if min(n, k) < 2:
        raise StatisticsError(
            f"pilot: found {plural(n, 'exam')} with a difference from all of {plural(k, 'reader')}, expected "
            "two or more of both"
        )
    of_exams = table.mean(axis=1, keepdims=True) - table.mean()
    of_readers = table.mean(axis=0, keepdims=True) - table.mean()
    rest = float(((table - table.mean() - of_exams - of_readers) ** 2).sum() / ((n - 1) * (k - 1)))
    exams = float(k * (of_exams**2).sum() / (n - 1))
    readers = float(n * (of_readers**2).sum() / (k - 1))
    return Components(max(0.0, (exams - rest) / k), max(0.0, (readers - rest) / n), rest, n, k)


@dataclass(frozen=True)
class ReaderWidths:
    """What a pilot's interchangeability foretells of its interval with other numbers of exams and readers.

    The part of exams holds some exam-by-reader variation, which more readers would lessen too: that is not
    counted on. Fewer readers than the pilot's are therefore not asked about.
    """

    #: Squared standard errors in the pilot.
    of_exams: float
    of_readers: float
    n_exams: int
    n_readers: int
    confidence: float

    @classmethod
    def of(cls, rows: pd.DataFrame, n_readers: int) -> ReaderWidths | None:
        """Of the rows of `interchangeability` of one model and level; None where no reader is random.

        The two parts are found again from the bounds of both jackknife intervals.
        """
        found = {row.way: row for row in rows[rows.left_out == NOBODY].itertuples()}
        if not {FIXED, RANDOM} <= {*found} or np.isnan(found[RANDOM].jackknife_low):
            return None
        fixed, random = found[FIXED], found[RANDOM]
        n, confidence = int(fixed.n_exams), float(fixed.confidence)
        half, wider = ((row.jackknife_high - row.jackknife_low) / 2 for row in (fixed, random))
        of_exams = (half / float(stats.t.ppf((1 + confidence) / 2, n - 1))) ** 2

        def missing(of_readers: float) -> float:
            return _half_width(of_exams, of_readers, n, n_readers, confidence) - wider

        none = missing(0.0) >= 0
        of_readers = 0.0 if none else float(optimize.brentq(missing, 0, wider**2, xtol=1e-14))
        return cls(float(of_exams), of_readers, n, n_readers, confidence)

    def half_width(self, n_exams: int, n_readers: int, *, upper: bool = False) -> float:
        """Of the interval with readers random; with both parts at their upper limits (one-sided, 80 %)."""
        of_exams = self.of_exams * self.n_exams / n_exams
        of_readers = self.of_readers * self.n_readers / n_readers
        if upper:
            of_exams *= _upper(self.n_exams - 1)
            of_readers *= _upper(self.n_readers - 1)
        return _half_width(of_exams, of_readers, n_exams, n_readers, self.confidence)

    def floor(self, n_readers: int) -> float:
        """The half width that readers alone leave, however many exams."""
        of_readers = self.of_readers * self.n_readers / n_readers
        return float(stats.t.ppf((1 + self.confidence) / 2, n_readers - 1) * np.sqrt(of_readers))

    def exams(self, n_readers: int, half_width: float) -> int | None:
        """The fewest exams for so wide an interval; None where none up to `MOST` do.

        One by one: with more exams the interval may widen again, for its degrees of freedom fall towards
        those of the readers.
        """
        exams = range(2, MOST + 1)
        return next((n for n in exams if self.half_width(n, n_readers) <= half_width), None)

    def table(self, exams: Sequence[int], readers: Sequence[int]) -> pd.DataFrame:
        """`COLUMNS`: half widths for numbers of exams and readers, and with both parts at their limits."""
        rows = [
            (k, n, self.half_width(n, k), self.half_width(n, k, upper=True)) for k in readers for n in exams
        ]
        return pd.DataFrame(rows, columns=COLUMNS)


def _half_width(of_exams: float, of_readers: float, n_exams: int, n_readers: int, confidence: float) -> float:
    student = Student.of_parts(0.0, [(of_exams, n_exams - 1), (of_readers, n_readers - 1)])
    return student.interval(confidence)[1]


def _upper(freedom: int) -> float:
    """By how much a variance may be larger: its upper limit by chi-square."""
    return float(freedom / stats.chi2.ppf(1 - LIMIT, freedom))
