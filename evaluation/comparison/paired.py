"""Dice of two raters by the same yardstick, exam by exam: a model, and a reader or the median reader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pandas as pd

from evaluation.comparison.absent import MEDIAN_READER
from evaluation.scores.fair import over_consensuses, units
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
        return Apart(over_consensuses(scores)).beside_median(model, readers)
    return apart.pair(model, other)


class Apart:
    """Scores of one level, taken apart once for all pairs: the Dice of each rater, by exam (knee)."""

    def __init__(self, scores: pd.DataFrame) -> None:
        by = units(scores)
        self._by_consensus = "left_out" in scores
        keys = ["rater", "left_out"] if self._by_consensus else ["rater"]
        self._places: dict[tuple, list[int]] = {}
        for place, key in enumerate(zip(*(scores[name] for name in keys), strict=True)):
            self._places.setdefault(key, []).append(place)
        indexed = scores.set_index(by)
        self._columns = {name: indexed[name] for name in ("dice", "absent") if name in indexed}
        # The last readers asked for, in which exams, and what they have there.
        self._readers: tuple[tuple[str, ...], pd.Index, pd.Series, pd.Series] | None = None

    def check(self, *raters: str) -> None:
        """StatisticsError for the first that has no scores."""
        known = dict.fromkeys(rater for rater, *_ in self._places)
        if unknown := [rater for rater in raters if rater not in known]:
            raise StatisticsError(
                f"rater '{unknown[0]}': found no scores, expected one of {', '.join(known)}"
            )

    def pair(self, model: str, reader: str) -> pd.DataFrame:
        """`paired_dice` of a model and a reader."""
        consensus = (reader,) if self._by_consensus else ()
        of_each = [self._of("dice", (rater, *consensus)) for rater in (model, reader)]
        # Where one of the two has no score, not even an undefined one, there is nothing to compare.
        return _beside_each_other(of_each, ["model", "other"], join="inner")

    def beside_median(self, model: str, readers: Sequence[str]) -> pd.DataFrame:
        """`paired_dice` beside the median reader, of `over_consensuses`."""
        dice, absent = self._of("dice", (model,)), self._of("absent", (model,))
        share, median = self._of_readers(tuple(readers), dice.index)
        median = median.mask(absent & (share < 0.5))
        pairs = pd.DataFrame({"model": dice, "other": median})
        return pairs.mask(absent & (share == 0.5))

    def _of_readers(self, readers: tuple[str, ...], exams: pd.Index) -> tuple[pd.Series, pd.Series]:
        """The share of the readers who drew an exam that have a Dice there, and the median of these.

        Models have the same exams, mostly, so it is kept for the next.
        """
        if self._readers is None or self._readers[0] != readers or not self._readers[1].equals(exams):
            of_readers = [self._of("dice", (reader,)) for reader in readers]
            each = _beside_each_other(of_readers, list(readers)).reindex(exams)
            # Of those who drew the exam: a score may be undefined, or not be there at all.
            drew = sum(exams.isin(scores.index).astype(int) for scores in of_readers)
            share = each.notna().sum(axis=1) / drew
            self._readers = readers, exams, share, each.median(axis=1)
        return self._readers[2:]

    def _of(self, name: str, key: tuple) -> pd.Series:
        """A rater's column; none where there is no such rater, nothing absent where that is not known."""
        if name not in self._columns:
            return self._columns["dice"][:0].astype(bool)
        column, places = self._columns[name], self._places.get(key, [])
        return pd.Series(column.to_numpy()[places], column.index[places], name=name)


def _beside_each_other(
    columns: Sequence[pd.Series], names: Sequence[str], join: Literal["inner", "outer"] = "outer"
) -> pd.DataFrame:
    first, *others = (column.index for column in columns)
    if first.is_unique and all(first.equals(other) for other in others):
        values = {name: column.to_numpy() for name, column in zip(names, columns, strict=True)}
        return pd.DataFrame(values, index=first)
    return pd.concat(columns, axis=1, keys=names, join=join)


def by_exam(pairs: pd.DataFrame) -> pd.Series:
    """Differences of `paired_dice`, those of an exam's knees averaged."""
    differences = pairs.model - pairs.other
    if differences.index.nlevels == 1 and differences.index.is_unique:
        return differences
    return differences.groupby("exam", sort=False).mean()
