"""Which of several models is better, and by how much? Every pair of models on the same exams.

Two ways. Usual: against the consensus of all readers; models have no part in it, so it flatters none, and it
is the one made of most readers. Verdicts rest on it. Fair: against the consensuses without one reader each,
by which Table 1 measures readers; it shows whether the answer hangs on one of them. Models differ there by
the mean over the consensuses on which both are defined.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from evaluation.comparison.readers import estimate_and_test
from evaluation.scores.fair import units
from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.signed_rank import holm
from evaluation.statistics.words import (
    DASH,
    count_of,
    number,
    p_value,
    percent,
    plural,
    star_if_short,
    with_interval,
)
from evaluation.table import Table

USUAL, FAIR = "usual", "fair"

#: Columns of `compare_models`, in order.
COLUMNS = [
    "way", "level", "model", "other", "median", "other_median", "difference", "low", "high", "confidence",
    "coverage", "p", "p_holm", "n_pairs", "n_left_out", "n_equal", "n_partly",
]  # fmt: skip


def compare_models(
    usual: pd.DataFrame,
    fair: pd.DataFrame | None = None,
    *,
    models: Sequence[str],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Every pair of models, level by level: difference with its interval, exact Wilcoxon test, Holm's p.

    Holm adjusts all pairs and levels of a way together: whichever is looked at, the chance of any false
    claim stays below 1 minus the confidence. The two ways are two views of one question, and verdicts rest
    on the usual one, so they are not adjusted for each other.

    Parameters
    ----------
    usual : DataFrame
        Dice against the consensus of all readers (of one reader: against that reader's masks): ``exam``,
        ``rater``, ``level``, ``dice``, and ``knee`` where scored by knee, whose differences are averaged in
        each exam.
    fair : DataFrame, optional
        The same with ``left_out``, of `evaluation.scores.fair.score_fair`; None or empty with one reader.
    models : sequence of str
        Two or more; the first of a pair is the one that comes first here.
    confidence : float

    Returns
    -------
    DataFrame
        `COLUMNS`: ``difference`` is the Hodges-Lehmann estimate of model minus other with ``low`` and
        ``high``; ``median`` and ``other_median`` are of the exams compared. ``n_pairs`` exams compared,
        ``n_left_out`` where one of the two is undefined, ``n_equal`` without a difference, ``n_partly``
        compared though a knee or a consensus of theirs was left out as undefined. NaN where no exam can be
        compared.

    Raises
    ------
    StatisticsError
        When there are fewer than two models, one has no scores, or the confidence is not between 0 and 1.
    """
    if len(models) < 2:
        raise StatisticsError(f"models: found {', '.join(models) or 'none'}, expected two or more to compare")
    ways = {USUAL: usual} if fair is None or fair.empty else {USUAL: usual, FAIR: fair}
    rows: list[dict[str, Any]] = []
    for way, scores in ways.items():
        for level in dict.fromkeys(scores.level):
            of_level = scores[scores.level == level]
            for model, other in combinations(models, 2):
                exams = side_by_side(of_level, model, other)
                medians = exams[[model, other]].dropna().median()
                rows.append(
                    {"way": way, "level": level, "model": model, "other": other}
                    | {"median": medians[model], "other_median": medians[other]}
                    | estimate_and_test((exams[model] - exams[other]).to_numpy(), confidence)
                    | {"n_partly": int(exams.partly.sum())}
                )
    return _adjusted(pd.DataFrame(rows))


def side_by_side(scores: pd.DataFrame, model: str, other: str) -> pd.DataFrame:
    """Dice of two models in each exam, on the knees and consensuses where both are defined.

    Parameters
    ----------
    scores : DataFrame
        Of one level and one way, as in `compare_models`.
    model, other : str

    Returns
    -------
    DataFrame
        By exam: a column each, named as the models, NaN in both where the exam cannot be compared;
        ``partly``, whether a knee or a consensus was left out of an exam that can.

    Raises
    ------
    StatisticsError
        When a model has no scores.
    """
    for name in (model, other):
        if not (scores.rater == name).any():
            known = ", ".join(dict.fromkeys(scores.rater))
            raise StatisticsError(f"model '{name}': found no scores, expected one of {known}")
    by = units(scores)
    keys = [*by, "left_out"] if "left_out" in scores else by
    dice = [scores[scores.rater == name].set_index(keys).dice for name in (model, other)]
    both = pd.concat(dice, axis=1, keys=[model, other])
    defined = both.dropna().groupby(by).mean().groupby("exam").mean()
    found = defined.reindex(list(dict.fromkeys(scores.exam))).rename_axis("exam")
    some_undefined = both.isna().any(axis=1).groupby("exam").any()
    return found.assign(partly=some_undefined.reindex(found.index) & found[model].notna())


def of_models(table: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """The pairs among some of the models of `compare_models`; Holm's family is then these."""
    return _adjusted(table[table.model.isin(models) & table.other.isin(models)])


def _adjusted(table: pd.DataFrame) -> pd.DataFrame:
    p = table.groupby("way", sort=False).p
    return table.assign(p_holm=p.transform(lambda values: holm(values.to_numpy())))[COLUMNS].reset_index(
        drop=True
    )


def methods_table(
    table: pd.DataFrame,
    *,
    title: str,
    reference: str = "the consensus of all readers",
    notes: Sequence[str] = (),
) -> Table:
    """Paired differences as a printed table: a row a level and pair, the fair way on the right.

    Parameters
    ----------
    table : DataFrame
        Of `compare_models`.
    title : str
    reference : str
        What the usual scores are against, in words.
    notes : sequence of str
        Further lines below the table, as "Synthetic cohort: ...".

    Returns
    -------
    Table
        ``data`` is `table`.
    """
    interval = f"{percent(table.confidence.iloc[0])} interval"
    columns = ["Level, pair", "Medians", f"Difference ({interval})", "p", "Holm p", "Exams"]
    fair = {(row.level, row.model, row.other): row for row in table[table.way == FAIR].itertuples()}
    if fair:
        columns += ["Fair difference", "Fair Holm p"]
    rows = []
    for row in table[table.way == USUAL].itertuples():
        cells = [f"{row.level}, {row.model} minus {row.other}", _medians(row), _difference(row)]
        cells += [p_value(row.p), p_value(row.p_holm), count_of(row.n_pairs, row.n_pairs + row.n_left_out)]
        if fair:
            beside = fair[row.level, row.model, row.other]
            cells += [_difference(beside), p_value(beside.p_holm)]
        rows.append(cells)
    return Table(title, columns, rows, [*_notes(table, reference), *notes], table)


def _medians(row: Any) -> str:
    return f"{number(row.median)}, {number(row.other_median)}" if row.n_pairs else DASH


def _difference(row: Any) -> str:
    words = with_interval(row.difference, row.low, row.high, sign=True)
    return words + star_if_short(row.coverage, row.confidence)


def _notes(table: pd.DataFrame, reference: str) -> list[str]:
    ways = list(dict.fromkeys(table.way))
    family = int(table[table.way == USUAL].p.notna().sum())
    notes = [
        f"Against {reference}, in which no model has a part. Medians: of the first and the second of the "
        "pair, over the exams compared.",
        "Difference: first minus second, exam by exam; Hodges-Lehmann estimate with the interval of the "
        "exact Wilcoxon signed-rank test; two-sided p.",
        f"Holm p: adjusted over the {plural(family, 'test')} of "
        + ("each way (all pairs, all levels)." if FAIR in ways else "all pairs and levels."),
        "Exams: those where both are defined, of all; the others are left out.",
    ]
    if FAIR in ways:
        notes.insert(1, "Fair: mean over the consensuses that leave out one reader each.")
    short = {row.coverage for row in table.itertuples() if star_if_short(row.coverage, row.confidence)}
    if short:
        coverages = ", ".join(percent(coverage, 1) for coverage in sorted(short))
        notes.append(f"*: too few exams; the widest interval that there is ({coverages}).")
    if partly := int(table.n_partly.max()):
        notes.append(
            f"In up to {partly} of the exams compared a knee or a consensus is undefined for one of the two "
            "and left out of the exam's mean."
        )
    return notes
