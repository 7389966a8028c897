"""Comparisons as printed tables: models beside readers, models with each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from evaluation.comparison.models import FAIR, YARDSTICK
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

_FALSE = ["Marked though absent", "Holm p of that"]
_FALSE_IN_WORDS = (
    "Marked though absent: exams without the level that the first alone, and the second alone, marked; exact "
    "sign test, in one family with the tests of Dice. No such exam is in the differences."
)


def methods_table(
    table: pd.DataFrame,
    *,
    title: str,
    reference: str = "the consensus of all readers",
    notes: Sequence[str] = (),
) -> Table:
    """`compare_models` as a printed table: a row a level and pair, the fair way on the right.

    `reference` says in words what the yardstick is; `notes` are further lines below the table.
    """
    interval = f"{percent(table.confidence.iloc[0])} interval"
    columns = ["Level, pair", "Medians", f"Difference ({interval})", "p", "Holm p", "Exams"]
    has_false = _has_false(table)
    columns += _FALSE if has_false else []
    fair = {(row.level, row.model, row.other): row for row in table[table.way == FAIR].itertuples()}
    if fair:
        columns += ["Fair difference", "Fair Holm p"]
    rows = []
    for row in table[table.way == YARDSTICK].itertuples():
        pair, *of_pair = _cells(row)
        medians = f"{number(row.median)}, {number(row.other_median)}" if row.n_pairs else DASH
        cells = [pair, medians, *of_pair, *(_false(row) if has_false else [])]
        if fair:
            beside = fair[row.level, row.model, row.other]
            cells += [_difference(beside), p_value(beside.p_holm)]
        rows.append(cells)
    return Table(title, columns, rows, [*_notes(table, reference), *notes], table)


def readers_table(table: pd.DataFrame, *, title: str, notes: Sequence[str] = ()) -> Table:
    """`compare` as a printed table, a row a level and pair; `notes` are further lines below the table."""
    confidence = table.confidence.iloc[0]
    columns = ["Level, pair", f"Difference ({percent(confidence)} interval)", "p", "Holm p", "Exams"]
    has_false = _has_false(table)
    columns += _FALSE if has_false else []
    rows = [[*_cells(row), *(_false(row) if has_false else [])] for row in table.itertuples()]
    told = [
        "Dice by consensuses in which neither has a part: model minus reader, exam by exam; Hodges-Lehmann "
        "estimate with the interval of the exact Wilcoxon signed-rank test; two-sided p.",
        "Holm p: over all readers and levels of a model; beside the median reader, as in verdicts, over all "
        "models and levels. Groups repeat levels and have none. Exams: where both are defined, of all.",
    ]
    told += [_FALSE_IN_WORDS] if _has_false(table) else []
    if "margin" in table:
        columns.append("Not worse by the margin: Holm p")
        rows = [[*row, p_value(p)] for row, p in zip(rows, table.p_margin_holm, strict=True)]
        alpha = f"{(1 - confidence) / 2:g}"
        told.append(f"Margin: {table.margin.iloc[0]:g}; clear where the one-sided Holm p is at most {alpha}.")
    if any(star_if_short(coverage, confidence) for coverage in table.coverage):
        told.append(f"*: too few exams for {percent(confidence)}; the widest interval that there is.")
    return Table(title, columns, rows, [*told, *notes], table)


def _cells(row: Any) -> list[str]:
    """Who is compared, their difference, its p, and in how many exams."""
    exams = count_of(row.n_pairs, row.n_pairs + row.n_left_out)
    pair = f"{row.level}, {row.model} minus {row.other}"
    return [pair, _difference(row), p_value(row.p), p_value(row.p_holm), exams]


def _difference(row: Any) -> str:
    words = with_interval(row.difference, row.low, row.high, sign=True)
    return words + star_if_short(row.coverage, row.confidence)


def _has_false(table: pd.DataFrame) -> bool:
    return bool((table.n_false + table.n_false_other).any())


def _false(row: Any) -> list[str]:
    """How often each of the two marked what is not there, and p."""
    if not row.n_false + row.n_false_other:
        return [DASH, DASH]
    return [f"{row.n_false} and {row.n_false_other}", p_value(row.p_absent_holm)]


def _notes(table: pd.DataFrame, reference: str) -> list[str]:
    ways = list(dict.fromkeys(table.way))
    own = table[table.way == YARDSTICK]
    family = int(own.p_holm.notna().sum() + own.p_absent_holm.notna().sum())
    notes = [
        f"Against {reference}, in which no model has a part. Medians: of the first and the second of the "
        "pair, over the exams compared.",
        "Difference: first minus second, exam by exam; Hodges-Lehmann estimate with the interval of the "
        "exact Wilcoxon signed-rank test; two-sided p.",
        f"Holm p: adjusted over the {plural(family, 'test')} of "
        + ("each way (all pairs, all levels)" if FAIR in ways else "all pairs and levels")
        + ("." if own.p_holm.notna().sum() == own.p.notna().sum() else "; groups repeat levels: none."),
        "Exams: those where both are defined, of all; the others are left out of the differences.",
    ]
    if FAIR in ways:
        notes.insert(1, "Fair: mean over the consensuses that leave out one reader each.")
    short = {row.coverage for row in table.itertuples() if star_if_short(row.coverage, row.confidence)}
    if short:
        coverages = ", ".join(percent(coverage, 1) for coverage in sorted(short))
        notes.append(f"*: too few exams; the widest interval that there is ({coverages}).")
    if _has_false(table):
        notes.append(_FALSE_IN_WORDS)
    if partly := int(table.n_partly.max()):
        notes.append(
            f"In up to {partly} of the exams compared a knee is undefined for one of the two and left out of "
            "the exam's mean."
        )
    return notes
