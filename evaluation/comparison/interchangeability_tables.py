"""Interchangeability and the alternative annotator test as printed tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from evaluation.comparison.interchangeability import annotator_words
from evaluation.comparison.teachers import TOGETHER
from evaluation.scores.interchangeability import FIXED, NOBODY, ONE_MORE, RANDOM
from evaluation.statistics.words import (
    count_of,
    number,
    p_value,
    percent,
    plural,
    signed,
    star_if_short,
    with_interval,
)
from evaluation.table import Table


def interchangeability_table(found: pd.DataFrame, *, title: str, notes: Sequence[str] = ()) -> Table:
    """`interchangeability` as a printed table: a row a level and model, the ways side by side."""
    confidence = found.confidence.iloc[0]
    interval = f"{percent(confidence)} interval"
    columns = ["Level, model", "With readers", "Readers", f"Difference ({interval})", "Holm p"]
    ways = [way for way in (RANDOM, ONE_MORE) if (found.way == way).any()]
    columns += [way[0].upper() + way[1:] for way in ways]
    # Several who taught a model are left out together; here it is one at a time.
    without = found[(found.left_out != NOBODY) & ~found.left_out.str.contains(TOGETHER, regex=False)]
    columns += ["Without one reader"] if len(without) else []
    columns += ["Exams", *(["Not worse: Holm p", "Equivalent: Holm p"] if "margin" in found else [])]
    rows = []
    for (level, model), group in found.groupby(["level", "model"], sort=False):
        here = {row.way: row for row in group.itertuples() if row.left_out == NOBODY}
        row: Any = here[FIXED]
        cells = [f"{level}, {model}", number(row.model_mean), number(row.readers_mean), _difference(row)]
        cells += [
            p_value(row.p_holm),
            *(_difference(here[way]) if way in here else number(None) for way in ways),
        ]
        if len(without):
            cells.append(_ends(group.difference[group.index.isin(without.index)]))
        cells.append(count_of(row.n_exams, row.n_exams + row.n_absent))
        cells += [p_value(row.p_worse_holm), p_value(row.p_equivalent_holm)] if "margin" in found else []
        rows.append(cells)
    return Table(title, columns, rows, [*_notes(found, confidence), *notes], found)


def places_table(places: pd.DataFrame, *, title: str, notes: Sequence[str] = ()) -> Table:
    """`by_reader` as a printed table: a row a level, model and reader."""
    confidence = places.confidence.iloc[0]
    columns = [
        "Level, model in whose place",
        "Model",
        "Reader",
        f"Difference ({percent(confidence)} interval)",
    ]
    columns += ["p", "Holm p", "Exams"]
    rows = [
        [
            f"{row.level}, {row.model} in {row.other}'s", number(row.model_mean), number(row.reader_mean),
            _difference(row) + star_if_short(row.coverage, confidence), p_value(row.p), p_value(row.p_holm),
            count_of(row.n_exams, row.n_exams + row.n_absent),
        ]
        for row in places.itertuples()
    ]  # fmt: skip
    told = [
        "Mean agreement (Dice) with the other readers, of the model and of the reader whose place it takes. "
        "Difference: exam by exam; Hodges-Lehmann estimate with the interval of the exact signed-rank test.",
        "Holm p: over all readers and levels of a model; groups repeat levels and have none.",
    ]
    if any(star_if_short(coverage, confidence) for coverage in places.coverage):
        told.append(f"*: too few exams for {percent(confidence)}; the widest interval that there is.")
    return Table(title, columns, rows, [*told, *notes], places)


def annotator_table(found: pd.DataFrame, *, title: str, notes: Sequence[str] = ()) -> Table:
    """`alternative_annotator` as a printed table: a row a level and model."""
    columns = ["Level, model", "Winning rate", "Advantage (lowest to highest)", "Passes", "Exams"]
    rows = [
        [
            f"{row.level}, {row.model}", number(row.winning_rate),
            f"{number(row.advantage)} ({number(row.lowest_advantage)} to {number(row.highest_advantage)})",
            row.passes, str(row.n_exams),
        ]
        for row in found.itertuples()
    ]  # fmt: skip
    first = found.iloc[0]
    told = [
        f"Alternative annotator test, epsilon {first.epsilon:g}. Winning rate: share of the readers against "
        f"whom the model wins (Benjamini-Yekutieli, {first.q:g}). Advantage: share of exams in which it is "
        "at least as close to the others as the reader is, mean over readers.",
        *annotator_words(found),
    ]
    return Table(title, columns, rows, [*told, *notes], found)


def _ends(values: pd.Series) -> str:
    """The lowest and highest of several differences."""
    if values.isna().all():
        return number(None)
    return " to ".join(signed(value) for value in (values.min(), values.max()))


def _difference(row: Any) -> str:
    return with_interval(row.difference, row.low, row.high, sign=True)


def _notes(found: pd.DataFrame, confidence: float) -> list[str]:
    n = int(found.n_exams.max())
    unseen = 1 - ((1 - confidence) / 2) ** (1 / n) if n else 1
    told = [
        "No consensus: mean agreement (Dice) of the model with the readers, minus that of the readers with "
        "each other, over the same exams. Two masks without the level agree (1) where another rater marked "
        "it; exams in which nobody did are left out.",
        "Readers fixed: the wider of the intervals by jackknife over exams and by relabelling the raters. "
        "Readers random: they are a sample of readers. One more reader: the model's habits are those of "
        "another reader.",
        "Holm p: readers fixed, over all models and levels; groups repeat levels and have none.",
        f"{plural(n, 'exam')} cannot speak of a failure that none of them shows: it may still come in up to "
        f"{percent(unseen, 0)} of exams (exact binomial).",
    ]
    if "margin" in found:
        alpha = f"{(1 - confidence) / 2:g}"
        told.append(f"Margin: {found.margin.iloc[0]:g}; clear where the one-sided Holm p is at most {alpha}.")
    return told
