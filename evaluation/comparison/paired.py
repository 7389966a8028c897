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
    #: Columns ``exam`` (and ``knee``).
    units: pd.DataFrame
    #: The number of each row's exam; None where no exam has two rows.
    exams: np.ndarray | None

    def to_frame(self) -> pd.DataFrame:
        """Columns ``model`` and ``other``."""
        found = self.units.assign(model=self.model, other=self.other)
        return found.set_index([*self.units])

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
        unit, first = grouped(codes)
        self._exams = codes[0] if len(first) > codes[0].max(initial=-1) + 1 else None
        self._places: dict[tuple, dict[int, int]] = {}
        keys = ["rater", "left_out"] if self._by_consensus else ["rater"]
        for place, (of, *key) in enumerate(zip(unit.tolist(), *(scores[name] for name in keys), strict=True)):
            self._places.setdefault(tuple(key), {})[of] = place
        self._dice = scores.dice.to_numpy(float, na_value=np.nan)
        self._absent = scores.absent.to_numpy(bool) if "absent" in scores else np.zeros(len(scores), bool)

    def check(self, *raters: str) -> None:
        """StatisticsError for the first that has no scores."""
        known = dict.fromkeys(rater for rater, *_ in self._places)
        if unknown := [rater for rater in raters if rater not in known]:
            raise StatisticsError(
                f"rater '{unknown[0]}': found no scores, expected one of {', '.join(known)}"
            )

    def pair(self, model: str, reader: str) -> Pairs:
        """`paired_dice` of a model and a reader."""
        consensus = (reader,) if self._by_consensus else ()
        first, second = (self._places.get((rater, *consensus), {}) for rater in (model, reader))
        # Where one of the two has no score, not even an undefined one, there is nothing to compare.
        rows = [(place, second[unit]) for unit, place in first.items() if unit in second]
        places, others = np.array(rows, dtype=int).reshape(-1, 2).T
        return self._pairs(places, self._dice[places], self._dice[others])

    def beside_median(self, model: str, readers: Sequence[str]) -> Pairs:
        """`paired_dice` beside the median reader, of `over_consensuses`."""
        of_model = self._places.get((model,), {})
        places = np.fromiter(of_model.values(), dtype=int, count=len(of_model))
        dice, absent = self._dice[places], self._absent[places]
        of_readers = [self._places.get((reader,), {}) for reader in readers]
        # Of those who drew the exam: a score may be undefined, or not be there at all.
        found = np.array([[of.get(unit, -1) for of in of_readers] for unit in of_model], dtype=int)
        drawn = found.reshape(-1, len(readers)) >= 0
        each = np.where(drawn, self._dice[found.reshape(-1, len(readers))], np.nan)
        n_marked, n_drew = (~np.isnan(each)).sum(axis=1), drawn.sum(axis=1)
        median = np.full(len(places), np.nan)
        median[n_marked > 0] = np.nanmedian(each[n_marked > 0], axis=1)
        median[absent & (2 * n_marked < n_drew)] = np.nan
        halved = absent & (n_drew > 0) & (2 * n_marked == n_drew)
        return self._pairs(places, np.where(halved, np.nan, dice), np.where(halved, np.nan, median))

    def _pairs(self, places: np.ndarray, model: np.ndarray, other: np.ndarray) -> Pairs:
        exams = None if self._exams is None else self._exams[places]
        return Pairs(model, other, self._units.iloc[places], exams)


def by_exam(pairs: pd.DataFrame) -> pd.Series:
    """Differences of `paired_dice`, those of an exam's knees averaged."""
    differences = pairs.model - pairs.other
    if differences.index.nlevels == 1 and differences.index.is_unique:
        return differences
    return differences.groupby("exam", sort=False).mean()
