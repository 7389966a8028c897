"""Dice of two raters by the same yardstick, exam by exam: a model, and a reader or the median reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.comparison.absent import MEDIAN_READER, marked_alone
from evaluation.scores.fair import grouped, numbered, over_consensuses, units
from evaluation.statistics.intervals import StatisticsError


def paired_differences(
    scores: pd.DataFrame, model: str, other: str, readers: Sequence[str] = ()
) -> pd.Series:
    """Dice of a model minus that of a reader, or of the median reader, exam by exam, on one level.

    NaN where one of the two is undefined. Parameters and errors are those of `paired_dice`; with a column
    ``knee`` the differences of an exam's knees are averaged.
    """
    return by_exam(paired_dice(scores, model, other, readers))


def paired_dice(scores: pd.DataFrame, model: str, other: str, readers: Sequence[str] = ()) -> pd.DataFrame:
    """Dice of a model and of a reader, or of the median reader, by the same yardstick, on one level.

    Columns ``model`` and ``other``, a row an exam (knee); NaN where a level that is not there is rightly left
    empty.

    Parameters
    ----------
    scores : DataFrame
        Of one level; columns ``exam``, ``rater``, ``dice``, and ``knee`` where scored by knee. With a column
        ``left_out`` (`evaluation.scores.fair.score_fair`) a model meets a reader on the consensus without
        that reader, and the median reader with its Dice over all these consensuses (`over_consensuses`).
    model, other : str
        `MEDIAN_READER` stands for the median of the defined Dice of `readers` in each exam, of those who drew
        it, needed then.
        Where the level is absent it is what most readers did: marked it (0) or not (NaN); where as many did
        as did not, both columns are NaN.

    Raises
    ------
    StatisticsError
        When a rater has no scores.
    """
    apart = Apart(scores)
    apart.check(model, *(readers if other == MEDIAN_READER else [other]))
    if other == MEDIAN_READER:
        return Apart(over_consensuses(scores)).beside_median(model, readers).to_frame()
    return apart.pair(model, other).to_frame()


@dataclass(frozen=True, eq=False)
class Pairs:
    """`paired_dice` as arrays, with what is asked of them: of a dozen exams a frame takes far longer."""

    model: np.ndarray
    other: np.ndarray
    #: Columns ``exam`` (and ``knee``) of all scores, and the rows that these are.
    all_units: pd.DataFrame
    rows: np.ndarray
    #: The number of each row's exam; None where no exam has two rows.
    exams: np.ndarray | None

    def to_frame(self) -> pd.DataFrame:
        """Columns ``model`` and ``other``."""
        found = self.all_units.iloc[self.rows].assign(model=self.model, other=self.other)
        return found.set_index([*self.all_units])

    def differences(self) -> np.ndarray:
        """Of each exam; those of an exam's knees averaged."""
        differences = self.model - self.other
        if self.exams is None:
            return differences
        return pd.Series(differences).groupby(self.exams, sort=False).mean().to_numpy()

    def false_markings(self) -> np.ndarray:
        """`evaluation.comparison.absent.false_markings` of each exam."""
        return marked_alone(self.model, self.other, self.exams)


class Apart:
    """Scores of one level, taken apart once for all pairs: the Dice of each rater, by exam (knee)."""

    def __init__(self, scores: pd.DataFrame) -> None:
        by = units(scores)
        self._by_consensus = "left_out" in scores
        self._units = scores[by]
        codes = [numbered(scores[name]) for name in by]
        self._unit, first = grouped(codes)
        self._n_units = len(first)
        self._exams = codes[0] if len(first) > codes[0].max(initial=-1) + 1 else None
        keys = [scores[name] for name in (["rater", "left_out"] if self._by_consensus else ["rater"])]
        key, of_key = grouped([numbered(column) for column in keys])
        names = zip(*(column.iloc[of_key].tolist() for column in keys), strict=True)
        ends = np.cumsum(np.bincount(key, minlength=len(of_key)))[:-1]
        rows = np.split(np.argsort(key, kind="stable"), ends)
        #: The rows of each, one an exam (knee).
        self._rows = {name: self._last_of_unit(own) for name, own in zip(names, rows, strict=True)}
        self._row_of: dict[tuple, np.ndarray] = {}
        self._medians: dict[tuple[str, ...], tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        self._dice = scores.dice.to_numpy(float, na_value=np.nan)
        self._absent = scores.absent.to_numpy(bool) if "absent" in scores else np.zeros(len(scores), bool)

    def check(self, *raters: str) -> None:
        """StatisticsError for the first that has no scores."""
        known = dict.fromkeys(rater for rater, *_ in self._rows)
        if unknown := [rater for rater in raters if rater not in known]:
            raise StatisticsError(
                f"rater '{unknown[0]}': found no scores, expected one of {', '.join(known)}"
            )

    def pair(self, model: str, reader: str) -> Pairs:
        """`paired_dice` of a model and a reader."""
        consensus = (reader,) if self._by_consensus else ()
        rows = self._rows.get((model, *consensus), np.empty(0, int))
        others = self._by_unit((reader, *consensus))[self._unit[rows]]
        # Where one of the two has no score, not even an undefined one, there is nothing to compare.
        rows, others = rows[others >= 0], others[others >= 0]
        return self._pairs(rows, self._dice[rows], self._dice[others])

    def beside_median(self, model: str, readers: Sequence[str]) -> Pairs:
        """`paired_dice` beside the median reader, of `over_consensuses`."""
        rows = self._rows.get((model,), np.empty(0, int))
        median, n_marked, n_drew = (of_all[self._unit[rows]] for of_all in self._median(tuple(readers)))
        dice, absent = self._dice[rows], self._absent[rows]
        median[absent & (2 * n_marked < n_drew)] = np.nan
        halved = absent & (n_drew > 0) & (2 * n_marked == n_drew)
        return self._pairs(rows, np.where(halved, np.nan, dice), np.where(halved, np.nan, median))

    def _median(self, readers: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each exam (knee) the median of the readers' defined Dice, how many there are, how many drew it.

        Of those who drew the exam a score may be undefined, or not be there at all.
        """
        if readers not in self._medians:
            found = np.array([self._by_unit((reader,)) for reader in readers], int).reshape(-1, self._n_units)
            ordered = np.sort(np.where(found >= 0, self._dice[found], np.nan), axis=0)
            n_marked = (~np.isnan(ordered)).sum(axis=0)
            median, marked = np.full(self._n_units, np.nan), np.flatnonzero(n_marked)
            low, high = (ordered[place[marked], marked] for place in ((n_marked - 1) // 2, n_marked // 2))
            median[marked] = (low + high) / 2
            self._medians[readers] = median, n_marked, (found >= 0).sum(axis=0)
        return self._medians[readers]

    def _by_unit(self, key: tuple) -> np.ndarray:
        """The row of each exam (knee), -1 where there is none."""
        if key not in self._row_of:
            self._row_of[key] = np.full(self._n_units, -1)
            own = self._rows.get(key, np.empty(0, int))
            self._row_of[key][self._unit[own]] = own
        return self._row_of[key]

    def _last_of_unit(self, rows: np.ndarray) -> np.ndarray:
        """One row an exam (knee), the last; in the order in which they first appear."""
        last = dict(zip(self._unit[rows].tolist(), rows.tolist(), strict=True))
        return rows if len(last) == len(rows) else np.array([*last.values()])

    def _pairs(self, rows: np.ndarray, model: np.ndarray, other: np.ndarray) -> Pairs:
        exams = None if self._exams is None else self._exams[rows]
        return Pairs(model, other, self._units, rows, exams)


def by_exam(pairs: pd.DataFrame) -> pd.Series:
    """Differences of `paired_dice`, those of an exam's knees averaged."""
    differences = pairs.model - pairs.other
    if differences.index.nlevels == 1 and differences.index.is_unique:
        return differences
    return differences.groupby("exam", sort=False).mean()
