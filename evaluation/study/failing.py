"""Tables on where raters fail: by volume, along the slices, by site, group and age; heads in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from evaluation.failures import places, volumes
from evaluation.failures.covariates import CORRELATION_COLUMNS
from evaluation.statistics.words import (
    count_of,
    figures,
    figures_with_interval,
    number,
    p_value,
    percent,
    plural,
    star_if_short,
    with_interval,
)
from evaluation.study.results import Declared, Results, worded
from evaluation.table import Table

_HOLM = "Holm p: over all levels of a rater."


@worded
def errors_table(found: Results, raters: Sequence[str] = ()) -> Table:
    """What some raters, or all, marked too much and too little."""
    rows = []
    for (rater, level), errors in _of(found[ERRORS_SUMMARY], raters).groupby(["rater", "level"], sort=False):
        each = errors.set_index("error")
        cells = [_ml_and_share(each.loc[error]) for error in ("fp_ml", "fn_ml") if error in each.index]
        rows.append([f"{level}, {rater}", *cells, str(int(errors.n.max()))])
    columns = ["Level, rater", "Too much, ml: median (range), share", "Too little, ml: median (range), share"]
    told = [
        f"An exam each, {_against(found)}. Too much: marked by the rater alone; too little: not marked by "
        "the rater. Share: of what is to be marked in all exams."
    ]
    title = f"Too much and too little, {plural(len(found.exams), 'exam')}"
    return Table(title, [*columns, "Exams"], rows, _notes(found, told), found[ERRORS_SUMMARY])


@worded
def outer_slices_table(found: Results, raters: Sequence[str] = ()) -> Table:
    """Dice of some raters, or of all, in the outer quarters of the slices and in the inner half."""
    table = _of(found[SLICES_PERIPHERAL_CENTRAL], raters)
    rows = [
        [
            f"{row.level}, {row.rater}", number(row.peripheral), number(row.central),
            with_interval(row.difference, row.low, row.high, sign=True) + star_if_short(row.coverage, 0.95),
            p_value(row.p), p_value(row.p_holm), count_of(row.n_pairs, row.n_pairs + row.n_left_out),
        ]
        for row in table.itertuples()
    ]  # fmt: skip
    columns = ["Level, rater", "Outer quarters", "Inner half", "Difference (95 % interval)"]
    told = [
        "Medians of Dice over exams, and outer minus inner exam by exam: Hodges-Lehmann estimate, exact "
        f"Wilcoxon test. {_HOLM} Exams: with a Dice in both parts, of all.",
    ]
    if any(star_if_short(coverage, 0.95) for coverage in table.coverage):
        told.append("*: too few exams; the widest interval that there is.")
    title = f"Dice in outer and inner slices, {plural(len(found.exams), 'exam')}"
    return Table(title, [*columns, "p", "Holm p", "Exams"], rows, _notes(found, told), table)


@worded
def volume_table(found: Results, raters: Sequence[str] = ()) -> Table:
    """Dice of some raters, or of all, where there is little to find and where there is much."""
    table = _of(found[DICE_SPARSE_AMPLE], raters)
    rows = [
        [
            f"{row.level}, {row.rater}", figures(row.split_ml), f"{number(row.dice_sparse)} ({row.n_sparse})",
            f"{number(row.dice_ample)} ({row.n_ample})", p_value(row.p), p_value(row.p_holm),
        ]
        for row in table.itertuples()
    ]  # fmt: skip
    columns = ["Level, rater", "Median volume, ml", "Dice up to it (exams)", "Dice above it (exams)"]
    told = [
        f"Medians of Dice by the volume to be marked, {_against(found)}; Mann-Whitney test by permutation. "
        f"{_HOLM}"
    ]
    title = f"Dice by volume, {plural(len(found.exams), 'exam')}"
    return Table(title, [*columns, "p", "Holm p"], rows, _notes(found, told), table)


@worded
def categories_table(found: Results, raters: Sequence[str] = ()) -> Table:
    """Dice of some raters, or of all, by site and group."""
    table = _of(found[DICE_BY_CATEGORY], raters)
    kinds = list(dict.fromkeys(zip(table.column, table.category, strict=True)))
    rows = []
    for (rater, level), own in table.groupby(["rater", "level"], sort=False):
        each = {(row.column, row.category): row for row in own.itertuples()}
        rows.append([f"{level}, {rater}", *(_of_category(each.get(kind)) for kind in kinds)])
    columns = ["Level, rater", *(f"{column}: {category}" for column, category in kinds)]
    told = ["Median Dice (range), and in how many of its exams it is defined where not in all."]
    title = f"Dice by {' and '.join(dict.fromkeys(table.column))}, {plural(len(found.exams), 'exam')}"
    return Table(title, columns, rows, _notes(found, told), table)


@worded
def age_table(found: Results, raters: Sequence[str] = ()) -> Table:
    """Correlation of Dice with age, of some raters or of all."""
    table = _of(found[DICE_AGAINST_AGE], raters)
    rows = [
        [f"{row.level}, {row.rater}", number(row.rho), p_value(row.p), p_value(row.p_holm), str(row.n)]
        for row in table.itertuples()
    ]
    columns = ["Level, rater", "Spearman's correlation", "p", "Holm p", "Exams"]
    told = [f"Of Dice with age in years; p by permutation. {_HOLM}"]
    title = f"Dice and age, {plural(len(found.exams), 'exam')}"
    return Table(title, columns, rows, _notes(found, told), table)


def _against(found: Results) -> str:
    own = "by yardsticks without the rater's own mask"
    return own if found.has_consensus else f"against {found.reference}"


def _of(table: pd.DataFrame, raters: Sequence[str]) -> pd.DataFrame:
    return table[table.rater.isin(raters)] if raters else table


def _notes(found: Results, told: Sequence[str]) -> list[str]:
    return [*told, *found.design.notes]


def _ml_and_share(row: Any) -> str:
    share = "" if pd.isna(row["share"]) else f", {percent(row['share'], 0)}"
    return f"{figures_with_interval(row['median'], row['minimum'], row['maximum'])}{share}"


def _of_category(row: Any) -> str:
    if row is None:
        return number(None)
    some = "" if row.n_defined == row.n else f", {count_of(row.n_defined, row.n)}"
    return with_interval(row.median, row.minimum, row.maximum) + some


ERRORS = Declared(
    "errors", "too much and too little, ml, by yardsticks without the own mask", volumes.COLUMNS
)
ERRORS_SUMMARY = Declared("errors_summary", "the same over exams", ["rater", "level", "error"], errors_table)
DICE_AGAINST_VOLUME = Declared(
    "dice_against_volume", "Spearman's correlation of Dice with the volume of the reference",
    CORRELATION_COLUMNS,
)  # fmt: skip
DICE_SPARSE_AMPLE = Declared(
    "dice_sparse_ample", "sparse exams against ample ones", volumes.SPARSE_COLUMNS, volume_table
)
SLICES = Declared("slices", "right and wrong voxels slice by slice", ["exam", "rater", "level"])
SLICE_PROFILE = Declared("slice_profile", "Dice and errors along the slices", places.PROFILE_COLUMNS)
SLICES_PERIPHERAL_CENTRAL = Declared(
    "slices_peripheral_central", "outer quarters against the inner half", places.PARTS_COLUMNS,
    outer_slices_table,
)  # fmt: skip
OUTSIDE_REGION = Declared(
    "outside_region", "marking outside the allowed region, where `--regions` gives one", ["exam", "rater"]
)
DICE_BY_CATEGORY = Declared(
    "dice_by_category", "Dice by site and group, where `--cohort` names them", ["rater", "level", "column"],
    categories_table,
)  # fmt: skip
DICE_CATEGORIES_COMPARED = Declared(
    "dice_categories_compared", "sites and groups against each other", ["rater", "level", "column"]
)
DICE_AGAINST_AGE = Declared(
    "dice_against_age", "Spearman's correlation of Dice with age, where known", CORRELATION_COLUMNS,
    age_table,
)  # fmt: skip
