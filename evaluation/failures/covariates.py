"""In which exams does a rater fail: the sparse ones, those of a site or group, the young?

With ten exams such questions find only strong relations: p values are exact or by permutation, adjusted by
Holm's rule for all that a table asks of a rater, and the numbers of exams stand beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.permutation import mann_whitney_each, spearman_each
from evaluation.statistics.signed_rank import holm

#: Columns of `correlations`.
CORRELATION_COLUMNS = ["rater", "level", "covariate", "rho", "p", "p_holm", "n", "n_left_out"]
#: Columns of a cohort's table that split the exams.
CATEGORIES = ("site", "group")
#: What a table of scores is taken apart by.
KEYS = ["rater", "level"]


def correlations(scores: pd.DataFrame, covariate: str) -> pd.DataFrame:
    """Spearman's correlation of Dice with a number of the exam: its reference volume, its age.

    `scores` are ``exam, rater, level, dice`` and the covariate: `error_volumes` (``reference_ml``), or
    dice.csv with columns of cohort.csv (`with_cohort`). Values of the covariate that are no numbers are
    left out and counted, as is an undefined Dice. Returned are `CORRELATION_COLUMNS`: ``rho`` and ``p`` as
    of `spearman`, ``p_holm`` for all levels of a rater. A StatisticsError when the column is missing or an
    exam stands twice.
    """
    check_once(scores)
    _check_column(scores, covariate)
    keys, pairs, n_exams = [], [], []
    for key, group in scores.groupby(KEYS, sort=False):
        both = np.c_[group.dice, pd.to_numeric(group[covariate], errors="coerce")]
        defined = both[~np.isnan(both).any(axis=1)]
        keys.append(key)
        pairs.append((defined[:, 0], defined[:, 1]))
        n_exams.append(len(both))
    rows = [
        (*key, covariate, *found, np.nan, len(dice), n - len(dice))
        for key, found, (dice, _), n in zip(keys, spearman_each(pairs), pairs, n_exams, strict=True)
    ]
    return with_holm(pd.DataFrame(rows, columns=CORRELATION_COLUMNS))


def with_cohort(scores: pd.DataFrame, cohort: pd.DataFrame) -> pd.DataFrame:
    """The scores with what is known of their exams; the cohort, as cohort.csv, has a row an exam.

    A StatisticsError when an exam has no row in the cohort, or two.
    """
    check_cohort(cohort, scores.exam)
    known = ["exam", *(column for column in cohort if column not in scores)]
    return scores.merge(cohort[known], on="exam", how="left", validate="many_to_one")


def check_cohort(cohort: pd.DataFrame, exams: Iterable[str], name: str = "cohort") -> None:
    """Refuse (StatisticsError) a cohort without a row of an exam, or with two; `name` is its file's."""
    if twice := list(cohort.exam[cohort.exam.duplicated()]):
        raise StatisticsError(f"{name}: found exam {twice[0]} twice, expected one row an exam")
    known = {*cohort.exam}
    if missing := [exam for exam in dict.fromkeys(exams) if exam not in known]:
        raise StatisticsError(f"{name}: found no row of exam {', '.join(missing)}, expected one row an exam")


def by_category(scores: pd.DataFrame, columns: Sequence[str] = ("site", "group")) -> pd.DataFrame:
    """Median Dice in every category of exams; those without a category are left out.

    `scores` are those of `with_cohort`; `columns` are site, scanner, group and the like (where each site
    has its own scanner one of the two will do). Returned are ``rater, level, column, category, median,
    minimum, maximum, n_defined, n``. A StatisticsError when a column is missing or an exam stands twice.
    """
    rows = [
        (*keys, category, dice.median(), dice.min(), dice.max(), dice.count(), len(dice))
        for *keys, groups in _categories(scores, columns)
        for category, dice in groups.items()
    ]
    names = [*KEYS, "column", "category", "median", "minimum", "maximum", "n_defined", "n"]
    return pd.DataFrame(rows, columns=names)


def compare_categories(scores: pd.DataFrame, columns: Sequence[str] = ("site", "group")) -> pd.DataFrame:
    """Mann-Whitney test of Dice between every two categories of exams; takes what `by_category` does.

    Returned are ``rater, level, column, category, other, difference, p, p_holm, n, n_other``:
    ``difference`` is the Hodges-Lehmann shift, the median of all differences between an exam of
    ``category`` and one of ``other``; ``p_holm`` for all levels and columns of a rater.
    """
    rows, pairs = [], []
    for *keys, groups in _categories(scores, columns):
        for one, other in combinations(groups, 2):
            first, second = (groups[name].dropna().to_numpy() for name in (one, other))
            shifts = np.subtract.outer(first, second)
            shift = float(np.median(shifts)) if shifts.size else np.nan
            rows.append((*keys, one, other, shift, np.nan, np.nan, len(first), len(second)))
            pairs.append((first, second))
    names = [*KEYS, "column", "category", "other", "difference", "p", "p_holm", "n", "n_other"]
    return with_holm(pd.DataFrame(rows, columns=names).assign(p=mann_whitney_each(pairs)))


def _categories(
    scores: pd.DataFrame, columns: Sequence[str]
) -> list[tuple[str, str, str, dict[str, pd.Series]]]:
    """Rater, level, column, and the Dice of each of its categories."""
    check_once(scores)
    for column in columns:
        _check_column(scores, column)
    return [
        (rater, level, column, {str(name): part.dice for name, part in group.groupby(column)})
        for (rater, level), group in scores.groupby(KEYS, sort=False)
        for column in columns
    ]


def with_holm(table: pd.DataFrame) -> pd.DataFrame:
    """The table with ``p_holm``: a rater's p values are a family."""
    return table.assign(p_holm=table.groupby("rater", sort=False).p.transform(lambda p: holm(p.to_numpy())))


def check_once(scores: pd.DataFrame) -> None:
    """Refuse scores with two rows of an exam, rater and level, as those by knee: they are not independent."""
    twice = scores[scores.duplicated(["exam", *KEYS])]
    if len(twice):
        row = twice.iloc[0]
        raise StatisticsError(
            f"exam {row.exam}: found {row.rater}, {row.level} twice, expected one row an exam; score by exam"
        )


def _check_column(scores: pd.DataFrame, column: str) -> None:
    if column not in scores:
        raise StatisticsError(
            f"column '{column}': not among {', '.join(map(str, scores.columns))}; add it by with_cohort"
        )
