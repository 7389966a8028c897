"""In which exams does a rater fail: the sparse ones, those of a site or group, the young?

With ten exams such questions find only strong relations: p values are exact or by permutation, adjusted by
Holm's rule for all that a table asks of a rater, and the numbers of exams stand beside them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import combinations, permutations

import numpy as np
import pandas as pd
from scipy import stats

from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.signed_rank import holm

#: Columns of `correlations`.
CORRELATION_COLUMNS = ["rater", "level", "covariate", "rho", "p", "p_holm", "n", "n_left_out"]
#: Columns of a cohort's table that split the exams.
CATEGORIES = ("site", "group")
#: What a table of scores is taken apart by.
KEYS = ["rater", "level"]

# All orders of up to 8 exams and all splits of up to 17 in two groups are fewer and are all tried; beyond,
# this many at random, always the same.
_RESAMPLES = 40_320
_SEED = 0
# Of permutations taken at once, and pairs up to which all are kept: bound the memory.
_BATCH = 5_000
_KEPT = 20


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
    rows = []
    for (rater, level), group in scores.groupby(KEYS, sort=False):
        pairs = np.c_[group.dice, pd.to_numeric(group[covariate], errors="coerce")]
        defined = pairs[~np.isnan(pairs).any(axis=1)]
        rho, p = spearman(defined[:, 0], defined[:, 1])
        rows.append((rater, level, covariate, rho, p, np.nan, len(defined), len(pairs) - len(defined)))
    return with_holm(pd.DataFrame(rows, columns=CORRELATION_COLUMNS))


def spearman(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Spearman's rank correlation and its two-sided p value, by permutation of values without NaN.

    The p value is twice the smaller tail, over all orders where eight pairs or fewer are given and over
    random ones, always the same, where there are more: that of `scipy.stats.permutation_test`, to the last
    digit (p of `scipy.stats.spearmanr`, of a t distribution, is approximate).
    Both are NaN with fewer than three pairs, or when one of the two does not vary.
    """
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return np.nan, np.nan
    ranks = [stats.rankdata(values) - (len(first) + 1) / 2 for values in (first, second)]
    scale = np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum())
    rho = (ranks[0] * ranks[1]).sum() / scale
    of_all = [(ranks[0][orders] * ranks[1]).sum(axis=1) / scale for orders in _orders(len(first))]
    by_chance = np.concatenate(of_all)
    # Equal but for the last digits. And of orders at random the one that was found is one more.
    rounding, found = abs(100 * np.finfo(float).eps * rho), int(math.factorial(len(first)) > _RESAMPLES)
    tails = (by_chance <= rho + rounding).sum(), (by_chance >= rho - rounding).sum()
    p = 2 * (min(tails) + found) / (len(by_chance) + found)
    return float(rho), float(min(p, 1.0))


def _orders(n: int) -> Iterable[np.ndarray]:
    """Orders of n pairs, some at a time: all of them, or so many at random."""
    return _few_orders(n) if n <= _KEPT else _random_orders(n)


@lru_cache(maxsize=4)
def _few_orders(n: int) -> tuple[np.ndarray, ...]:
    """Kept: the same are asked for every rater, level and measure."""
    if math.factorial(n) > _RESAMPLES:
        return tuple(_random_orders(n))
    return (np.array(list(permutations(range(n)))),)


def _random_orders(n: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(_SEED)
    sorted_ = np.tile(np.arange(n), (_BATCH, 1))
    for start in range(0, _RESAMPLES, _BATCH):
        yield rng.permuted(sorted_, axis=1)[: _RESAMPLES - start]


def with_cohort(scores: pd.DataFrame, cohort: pd.DataFrame) -> pd.DataFrame:
    """The scores with what is known of their exams; the cohort, as cohort.csv, has a row an exam.

    A StatisticsError when an exam has no row in the cohort, or two.
    """
    if twice := list(cohort.exam[cohort.exam.duplicated()]):
        raise StatisticsError(f"cohort: found exam {twice[0]} twice, expected one row an exam")
    if missing := [exam for exam in dict.fromkeys(scores.exam) if exam not in set(cohort.exam)]:
        raise StatisticsError(f"cohort: found no row of exam {', '.join(missing)}, expected one row an exam")
    known = ["exam", *(column for column in cohort if column not in scores)]
    return scores.merge(cohort[known], on="exam", how="left", validate="many_to_one")


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
    rows = []
    for *keys, groups in _categories(scores, columns):
        for one, other in combinations(groups, 2):
            first, second = (groups[name].dropna().to_numpy() for name in (one, other))
            shifts = np.subtract.outer(first, second)
            shift = float(np.median(shifts)) if shifts.size else np.nan
            p = mann_whitney(first, second)
            rows.append((*keys, one, other, shift, p, np.nan, len(first), len(second)))
    names = [*KEYS, "column", "category", "other", "difference", "p", "p_holm", "n", "n_other"]
    return with_holm(pd.DataFrame(rows, columns=names))


def mann_whitney(first: np.ndarray, second: np.ndarray) -> float:
    """Two-sided p value of the Mann-Whitney test, by permutation, so that ties are no matter.

    Exact where the values, without NaN, can be split in at most 40,320 ways, as those of up to 17 exams;
    NaN when one of the two is empty.
    """
    if not len(first) or not len(second):
        return np.nan
    for one, rest in ((first, second), (second, first)):
        if len(one) == 1:
            # SciPy permutes no sample of one; its value may have any place among all.
            tails = [1 + (rest <= one[0]).sum(), 1 + (rest >= one[0]).sum()]
            return float(min(1, 2 * min(tails) / (1 + len(rest))))
    n, n_first = len(first) + len(second), len(first)
    if math.comb(n, n_first) <= _RESAMPLES:
        # As SciPy's permutations, of which a test takes ten times as long: all splits of the ranks.
        ranks = stats.rankdata([*first, *second])
        sums = ranks[_splits(n, n_first)].sum(axis=1)
        # Sums of midranks are exact.
        found = ranks[:n_first].sum()
        return float(min(1, 2 * min((sums <= found).mean(), (sums >= found).mean())))
    method = stats.PermutationMethod(
        n_resamples=_RESAMPLES, batch=_BATCH, random_state=np.random.default_rng(_SEED)
    )
    return float(stats.mannwhitneyu(first, second, method=method).pvalue)


@lru_cache(maxsize=32)
def _splits(n: int, n_first: int) -> np.ndarray:
    """Which of n are the first, in every way; shape (ways, n_first)."""
    return np.array(list(combinations(range(n), n_first)))


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
