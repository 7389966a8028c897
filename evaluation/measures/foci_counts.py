"""Foci counted: an exam, rater and level; over a cohort; by volume; and in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from evaluation.measures.foci import (
    FALSE,
    FOUND,
    LOWER,
    MISSED,
    NOT_MARKED,
    SMALL,
    SMALL_OF_RATER,
)
from evaluation.statistics.words import plural

#: What is counted, in order.
_COUNTS = [
    "n_foci", "found", "lower", "missed", "false", "false_called", "matched", "merged", "split", "pieces",
    "too_small", "too_small_rater",
]  # fmt: skip
#: Columns of `counts` after ``exam, rater, left_out, level``.
COUNT_COLUMNS = [*_COUNTS, "sensitivity", "f1", "focus_dice"]
#: Columns of `summarise_foci` after ``rater, left_out, level``.
SUMMARY_COLUMNS = [
    "n_exams", "n_with_foci", "n_nowhere", *_COUNTS, "sensitivity", "f1", "focus_dice", "false_per_exam",
]  # fmt: skip
#: Bounds of `by_volume`, in ml.
VOLUMES_ML = (0.01, 0.1, 1.0)
# Fewer foci than this are said to be few: each is then a tenth of the sensitivity or more.
_FEW = 10
_KEYS = ["rater", "left_out", "level"]


def counts(foci: pd.DataFrame) -> pd.DataFrame:
    """Foci of an exam, rater and level: what `foci_sensitivity` and the other measures of foci are made of.

    Parameters
    ----------
    foci : DataFrame
        Rows of `evaluation.measures.foci.exam_foci`, with ``exam`` and ``rater``, and ``left_out`` where
        there are several yardsticks.

    Returns
    -------
    DataFrame
        ``exam, rater, left_out, level`` and `COUNT_COLUMNS`. The reference's ``n_foci`` are ``found``,
        ``lower`` and ``missed``; of the ``false`` ones ``false_called`` lie where the reference has mostly
        another level (a lower one where levels are ordered). ``matched`` of those found have a partner of
        their own, ``merged`` share it with a larger match; ``pieces`` are the rater's further foci in
        ``split`` ones. ``sensitivity`` is
        found / n_foci, NaN where the reference has no focus; ``f1`` is 2 matched / (n_foci + matched +
        pieces + false), and ``focus_dice`` the mean over the reference's foci and the false ones: both are 0
        where only one of the two masks has foci, and NaN where neither has.
    """
    keys = ["exam", *(key for key in _KEYS if key in foci)]
    return _with_shares(_counted(foci, keys))[[*keys, *COUNT_COLUMNS]]


def summarise_foci(foci: pd.DataFrame, exams: Sequence[str] | None = None) -> pd.DataFrame:
    """`counts` over a cohort: a row a rater, yardstick and level, in order of appearance.

    Shares are of all foci of the cohort, so an exam with many weighs more; medians over exams are those of
    the measures. Of ``n_exams``, in ``n_with_foci`` the reference has a focus, and in ``n_nowhere`` neither
    has. `exams` chooses among those of `foci`.
    """
    chosen = foci if exams is None else foci[foci.exam.isin(list(exams))]
    keys = [key for key in _KEYS if key in foci]
    each = _counted(chosen, ["exam", *keys])
    of_rater = each.matched + each.pieces + each.false
    each = each.assign(
        n_exams=1,
        n_with_foci=(each.n_foci > 0).astype(int),
        n_nowhere=(each.n_foci + of_rater == 0).astype(int),
    )
    grouped = each.drop(columns="exam").groupby(keys, sort=False, dropna=False)
    total = _with_shares(grouped.sum().reset_index())
    total["false_per_exam"] = total.false / total.n_exams
    return total[[*keys, *SUMMARY_COLUMNS]]


def by_volume(foci: pd.DataFrame, bounds_ml: Sequence[float] = VOLUMES_ML) -> pd.DataFrame:
    """How many of the reference's foci are found, by their volume.

    Returned are ``rater, left_out, level, from_ml, to_ml, n_foci, found, lower, missed, sensitivity``, a row
    a bin from a bound to below the next one; bins without a focus have none.
    """
    keys = [key for key in _KEYS if key in foci]
    theirs = foci[foci.outcome.isin([FOUND, LOWER, MISSED])]
    edges = [0.0, *bounds_ml, np.inf]
    rows = []
    for low, high in pairwise(edges):
        inside = theirs[(theirs.volume_ml >= low) & (theirs.volume_ml < high)]
        counted = _counted(inside.assign(exam=""), keys).assign(from_ml=low, to_ml=high)
        rows.append(counted.assign(sensitivity=counted.found / counted.n_foci))
    together = pd.concat(rows, ignore_index=True)
    order = foci[keys].drop_duplicates().reset_index(drop=True)
    columns = [*keys, "from_ml", "to_ml", "n_foci", FOUND, LOWER, MISSED, "sensitivity"]
    return order.merge(together, on=keys, validate="one_to_many")[columns]


def of_own_yardstick(foci: pd.DataFrame) -> pd.DataFrame:
    """Rows by one yardstick a rater: a reader's without the own mask, a model's of all readers if there.

    Where a model has only yardsticks without one reader, it is the first of these.
    """
    if "left_out" not in foci:
        return foci
    left_out = foci.left_out.fillna("")
    best = np.select([left_out == foci.rater, left_out == ""], [0, 1], 2)
    ranked = foci.assign(rank=best, yardstick=left_out).drop_duplicates(["rater", "yardstick"])
    first = ranked.sort_values("rank", kind="stable").drop_duplicates("rater")
    taken = dict(zip(first.rater, first.yardstick, strict=True))
    return foci[left_out == foci.rater.map(taken)]


def foci_words(
    summary: pd.DataFrame,
    readers: Sequence[str],
    models: Sequence[str],
    levels: Sequence[str] | None = None,
    *,
    ordered: bool = True,
) -> list[str]:
    """A sentence a level and model: what it missed, called lower and invented, beside the readers.

    The sentences count and compare nothing by chance: tests are those of the measures.

    Parameters
    ----------
    summary : DataFrame
        Of `summarise_foci`. A model that was scored against several yardsticks, each without one reader, has
        the range over them.
    levels : sequence of str, optional
        By default all.
    ordered : bool
        Whether labels are levels in rising order.

    Examples
    --------
    >>> summary = pd.DataFrame({"rater": ["anna", "bert", "nnunet"], "level": "level3", "n_exams": 10,
    ...     "n_with_foci": 4, "n_foci": 7, "missed": [1, 4, 2], "lower": [0, 0, 1], "false": [2, 0, 3],
    ...     "false_called": [2, 0, 1]})
    >>> for part in foci_words(summary, ["anna", "bert"], ["nnunet"])[0].split(". "):
    ...     print(part)
    nnunet missed 2 of 7 level3 foci and called 1 lower; the readers missed 1 to 4 and called 0 lower
    In 10 exams it marked 2 foci where there is nothing (the readers 0) and 1 where there is a lower level (the readers 0 to 2)
    Few foci, in 4 of 10 exams: one more or less is 14 % of them.
    """  # noqa: E501
    said = []
    summary = without_own(summary)
    for level in dict.fromkeys(summary.level) if levels is None else levels:
        of_level = summary[summary.level == level]
        theirs = of_level[of_level.rater.isin(list(readers))]
        for model in models:
            ours = of_level[of_level.rater == model]
            if len(ours):
                said.append(_sentence(level, model, ours, theirs, ordered))
    return said


def without_own(summary: pd.DataFrame) -> pd.DataFrame:
    """Of a rater with yardsticks without one reader these alone: one of all readers holds a reader's mask."""
    if "left_out" not in summary:
        return summary
    has = summary.left_out.fillna("") != ""
    return summary[has | ~summary.rater.isin(summary.rater[has])]


def _sentence(level: str, model: str, ours: pd.DataFrame, theirs: pd.DataFrame, ordered: bool) -> str:
    exams = plural(int(ours.n_exams.max()), "exam")
    false = _false_words(ours, theirs, "a lower level" if ordered else "another label")
    if not ours.n_foci.max():
        return f"There is no {level} focus in {exams}, so none can be missed; {model} marked {false}."
    # The lowest level, and a label, cannot be called lower.
    can_be_lower = ours.lower.any() or theirs.lower.any()
    several = len(ours) > 1
    total = "" if several else f" of {_range(ours.n_foci)}"
    noun = noun_of_foci(ours.missed if several else ours.n_foci)
    words = f"{model} missed {_range(ours.missed)}{total} {level} {noun}"
    words += f" and called {_range(ours.lower)} lower" if can_be_lower else ""
    if several:
        words += f" (of {_range(ours.n_foci)}, by {len(ours)} yardsticks, each without one reader)"
    if len(theirs):
        words += f"; the readers missed {_range(theirs.missed)}"
        words += f" and called {_range(theirs.lower)} lower" if can_be_lower else ""
        # Each reader meets another yardstick, with other foci.
        same = _range(theirs.n_foci) == _range(ours.n_foci)
        words += "" if same else f" (of {_range(theirs.n_foci)})"
    words += f". In {exams} it marked {false}."
    if (fewest := int(ours.n_foci.min())) < _FEW:
        where = f"{int(ours.n_with_foci.max())} of {exams}"
        # Of eight 13 %: a half is rounded up, not to even.
        share = f": one more or less is {int(100 / fewest + 0.5)} % of them" if fewest else ""
        words += f" Few foci, in {where}{share}."
    return words


def _false_words(ours: pd.DataFrame, theirs: pd.DataFrame, other: str) -> str:
    """False foci where the reference has nothing, and those where it has mostly another level."""
    invented, of_readers = false_where_nothing(ours), false_where_nothing(theirs)
    words = f"{_range(invented)} {noun_of_foci(invented)} where there is nothing"
    words += f" (the readers {_range(of_readers)})" if len(theirs) else ""
    if ours.false_called.any() or theirs.false_called.any():
        words += f" and {_range(ours.false_called)} where there is {other}"
        words += f" (the readers {_range(theirs.false_called)})" if len(theirs) else ""
    return words


def false_where_nothing(summary: pd.DataFrame) -> pd.Series:
    """False foci that lie where the reference has nothing, of `summarise_foci`."""
    return summary.false - summary.false_called


def noun_of_foci(values: pd.Series) -> str:
    """For a count, or several as a range: 1 focus, 0 foci, 0 to 1 focus."""
    return "focus" if values.max() == 1 else "foci"


def _range(values: pd.Series) -> str:
    low, high = int(values.min()), int(values.max())
    return str(low) if low == high else f"{low} to {high}"


def _counted(foci: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Numbers by `keys`, in order of appearance, and the sum of the Dice of all foci that count."""
    is_of = {name: foci.outcome == name for name in (FOUND, LOWER, MISSED, FALSE)}
    theirs = is_of[FOUND] | is_of[LOWER] | is_of[MISSED]
    found = foci[keys].assign(
        **{name: each.astype(int) for name, each in is_of.items()},
        n_foci=theirs.astype(int),
        false_called=(is_of[FALSE] & (foci.called != NOT_MARKED)).astype(int),
        matched=foci.matched.where(theirs, 0).astype(int),
        merged=(is_of[FOUND] & (foci.matched == 0)).astype(int),
        split=(theirs & (foci.pieces > 0)).astype(int),
        pieces=foci.pieces.where(theirs, 0).astype(int),
        too_small=(foci.outcome == SMALL).astype(int),
        too_small_rater=(foci.outcome == SMALL_OF_RATER).astype(int),
        dice=foci.dice.where(theirs, 0.0).astype(float),
    )
    return found.groupby(keys, sort=False, dropna=False).sum().reset_index()


def _with_shares(counted: pd.DataFrame) -> pd.DataFrame:
    c = counted
    with np.errstate(invalid="ignore"):
        return c.assign(
            sensitivity=(c.found / c.n_foci).where(c.n_foci > 0),
            f1=2 * c.matched / (c.n_foci + c.matched + c.pieces + c.false),
            focus_dice=c.dice / (c.n_foci + c.false),
        )
