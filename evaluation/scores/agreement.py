"""How alike are the raters' masks, voxel by voxel: Dice of every pair, Krippendorff's alpha, Fleiss' kappa.

All of it follows from the vote-pattern histograms; no voxel is looked at again. Exams are the sample:
intervals are those of a mean over exams, beside the value of all exams' voxels thrown together (pooled).

Alpha and kappa are given on two sets of voxels. On the *union*, what at least one rater marks, they ask
how far raters agree on the level of what somebody sees. Voxels on which all agree that there is nothing
are left out by construction, so chance is no longer 0 there: two raters whose masks of a single level have
a Dice of 0.8 get an alpha of -0.2. On the *volume* every voxel counts, and alpha rises with the share of
background. Neither is the right one alone, so both are printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from evaluation.consensus.all_votes import AllVotes
from evaluation.consensus.votes import Votes
from evaluation.measures.dice import Dice, EmptyMask
from evaluation.statistics.chance_corrected import fleiss_kappa, krippendorff_alpha
from evaluation.statistics.intervals import StatisticsError, mean_interval
from evaluation.statistics.words import count_of, number, with_interval
from evaluation.table import Table

#: Columns of `pairwise_dice`, in order.
PAIR_COLUMNS = ["exam", "level", "rater", "other", "dice", "both", "n_rater", "n_other"]
#: What alpha and kappa are computed on: marked by at least one rater, or everything.
VOXELS = ("union", "volume")
_VOXELS = {"union": "marked voxels", "volume": "whole volume"}


def pairwise_dice(
    exams: Mapping[str, Votes | AllVotes],
    levels: Mapping[str, Sequence[int]],
    empty_mask: EmptyMask = EmptyMask.UNDEFINED,
) -> pd.DataFrame:
    """Dice of every pair of raters, exam by exam, on levels or groups given by their mask values.

    `PAIR_COLUMNS`, a row an exam, level and pair of those who drew it: ``both`` voxels that both marked,
    ``n_rater`` and ``n_other`` those that each did. Raters stand in the order of the histogram.

    Raises
    ------
    StatisticsError
        When there is no exam, exams differ in labels, or none has two raters.
    """
    labels = _common(exams)
    measures = {name: Dice(tuple(foreground), empty_mask) for name, foreground in levels.items()}
    found = []
    for exam, votes in exams.items():
        rows = []
        tables = {pair: votes.together(*pair) for pair in combinations(votes.raters, 2)}
        for name, measure in measures.items():
            inside = np.isin(labels, measure.values)
            for pair, table in tables.items():
                n_rater, n_other = int(table[inside].sum()), int(table[:, inside].sum())
                both = int(table[inside][:, inside].sum())
                dice = measure.of_counts(both, n_rater, n_other)
                rows.append((exam, name, *pair, dice, both, n_rater, n_other))
        # Rows of all exams at once would take ten times the memory of the table.
        if rows:
            found.append(pd.DataFrame(rows, columns=PAIR_COLUMNS))
    return pd.concat(found, ignore_index=True)


def summarise_pairs(pairs: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Mean Dice of every pair of `pairwise_dice` over exams, with its t interval.

    Columns ``level, rater, other, mean, low, high, n_defined, n, pooled``; pooled is the Dice of all exams'
    voxels together, NaN where no exam has any.
    """
    keys = ["level", "rater", "other"]
    summary = exam_means(pairs, keys, "dice", confidence=confidence, bounds=(0, 1))
    totals = pairs.groupby(keys, sort=False)[["both", "n_rater", "n_other"]].sum()
    marked = totals.n_rater + totals.n_other
    pooled = (2 * totals.both / marked.where(marked > 0)).rename("pooled")
    return summary.join(pooled, on=keys)


def dice_matrix(summary: pd.DataFrame, level: str, value: str = "mean") -> pd.DataFrame:
    """The reader-by-reader matrix of a level and a column of `summarise_pairs`, for a heatmap.

    Symmetric, raters as index and columns, 1 on the diagonal; NaN of two who drew no exam together.
    """
    pairs = summary[summary.level == level]
    raters = list(dict.fromkeys([*summary.rater, *summary.other]))
    shown = np.where(np.eye(len(raters)) > 0, 1.0, np.nan)
    places = {rater: place for place, rater in enumerate(raters)}
    rows, columns = (names.map(places).to_numpy(int) for names in (pairs.rater, pairs.other))
    shown[rows, columns] = shown[columns, rows] = pairs[value]
    return pd.DataFrame(shown, index=raters, columns=raters)


def chance_corrected(exams: Mapping[str, Votes], *, ordered: bool = True) -> pd.DataFrame:
    """Krippendorff's alpha and Fleiss' kappa of every exam; alpha is ordinal where labels are `ordered`.

    Columns ``exam, voxels, n_voxels, alpha, kappa``: a row an exam and each of `VOXELS`. NaN where
    undefined: no voxel, one rater, or all raters gave one and the same label everywhere.

    Raises
    ------
    StatisticsError
        When there is no exam, exams differ in labels, or there is one rater only.
    """
    _common(exams)
    rows = [(exam, *row) for exam, votes in exams.items() for row in _coefficients(*_ratings(votes), ordered)]
    return pd.DataFrame(rows, columns=["exam", "voxels", "n_voxels", "alpha", "kappa"])


def summarise_chance_corrected(
    exams: Mapping[str, Votes], *, ordered: bool = True, confidence: float = 0.95
) -> pd.DataFrame:
    """Alpha and kappa: mean over exams with its t interval, and of all voxels pooled.

    Columns ``voxels, measure, mean, low, high, n_defined, n, pooled``; measure is ``alpha`` or ``kappa``.
    Errors are those of `chance_corrected`.
    """
    by_exam = chance_corrected(exams, ordered=ordered).melt(
        ["exam", "voxels"], ["alpha", "kappa"], var_name="measure"
    )
    keys = ["voxels", "measure"]
    summary = exam_means(by_exam, keys, "value", confidence=confidence, bounds=(-np.inf, 1))
    tables, counts = zip(*map(_ratings, exams.values()), strict=True)
    together = _coefficients(np.concatenate(tables), np.concatenate(counts), ordered)
    pooled = {voxels: {"alpha": alpha, "kappa": kappa} for voxels, _, alpha, kappa in together}
    return summary.assign(pooled=[pooled[row.voxels][row.measure] for row in summary.itertuples()])


def agreement_table(
    pairs: pd.DataFrame,
    chance: pd.DataFrame,
    *,
    title: str,
    ordered: bool = True,
    notes: Sequence[str] = (),
) -> Table:
    """`summarise_pairs` as a printed table, a row a level and pair, then `summarise_chance_corrected`."""
    named = [
        *((f"{row.level}, {row.rater} and {row.other}", "Dice", row) for row in pairs.itertuples()),
        *((f"readers, {_VOXELS[row.voxels]}", row.measure, row) for row in chance.itertuples()),
    ]
    rows = [
        [whom, what, with_interval(x.mean, x.low, x.high), number(x.pooled), count_of(x.n_defined, x.n)]
        for whom, what, x in named
    ]
    told = [
        "Mean over exams with its 95 % t interval; pooled: of all exams' voxels together.",
        f"alpha: Krippendorff's, {'ordinal' if ordered else 'nominal'}; kappa: Fleiss'. "
        "Marked voxels: those that a reader marked.",
    ]
    data = pd.concat([pairs.assign(measure="dice"), chance], ignore_index=True)
    columns = ["Raters", "Measure", "Mean (95 % interval)", "Pooled", "Exams"]
    return Table(title, columns, rows, [*told, *notes], data)


def exam_means(
    values: pd.DataFrame, keys: Sequence[str], column: str, *, confidence: float, bounds: tuple[float, float]
) -> pd.DataFrame:
    """Mean over exams of a column, with its t interval, for each combination of keys.

    Columns: the keys in order of appearance, then ``mean, low, high, n_defined, n``; NaN values are left out
    and counted.
    """
    rows = []
    for key, group in values.groupby(list(keys), sort=False):
        interval = mean_interval(group[column].to_numpy(), confidence=confidence, bounds=bounds)
        rows.append((*key, interval.estimate, interval.low, interval.high, interval.n, len(group)))
    return pd.DataFrame(rows, columns=[*keys, "mean", "low", "high", "n_defined", "n"])


def _common(exams: Mapping[str, Votes] | Mapping[str, Votes | AllVotes]) -> np.ndarray:
    """The labels that all exams have."""
    if not exams:
        raise StatisticsError("agreement: found no exam, expected one or more")
    first, like = next(iter(exams.items()))
    for exam, votes in exams.items():
        if votes.labels != like.labels:
            raise StatisticsError(
                f"exam {exam}: found labels {votes.labels}, expected {like.labels} as in exam {first}"
            )
    if not any(len(votes.raters) > 1 for votes in exams.values()):
        raise StatisticsError(f"agreement: found rater {like.raters[0]} alone, expected two or more")
    return np.asarray(like.labels)


def _ratings(votes: Votes) -> tuple[np.ndarray, np.ndarray]:
    """How many raters gave each label (P, L), and the voxels of each pattern (P,)."""
    each = [(votes.patterns == label).sum(axis=1) for label in range(len(votes.labels))]
    return np.column_stack(each), votes.counts


def _coefficients(
    ratings: np.ndarray, counts: np.ndarray, ordered: bool
) -> list[tuple[str, int, float, float]]:
    """A row for each of `VOXELS`: its name, voxels, alpha and kappa."""
    marked = ratings[:, 0] < ratings.sum(axis=1)
    rows = []
    for name, inside in zip(VOXELS, (marked, np.ones_like(marked)), strict=True):
        table, voxels = ratings[inside], counts[inside]
        alpha = krippendorff_alpha(table, voxels, "ordinal" if ordered else "nominal")
        rows.append((name, int(voxels.sum()), alpha, fleiss_kappa(table, voxels)))
    return rows
