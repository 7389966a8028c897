"""Tables that a report makes of an evaluation's numbers: exams, foci, errors, who is ahead by which rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from bmseg.report.part import Cell, Shown
from bmseg.report.scores import by_exam, exam_means, median_reader, n_units
from evaluation.comparison.readers import MEDIAN_READER
from evaluation.measures.foci_counts import false_where_nothing, without_own
from evaluation.statistics.words import DASH, figures, number, plural, signed, star_if_short, with_interval
from evaluation.study import ReaderStudy
from evaluation.study import measure_tables as m
from evaluation.study import tables as t
from evaluation.study.brief import signs
from evaluation.study.incomplete import READERS_PER_EXAM

#: More exams are left to the CSV, but for the worst; more columns are means over levels.
_MOST_EXAMS, _MOST_COLUMNS = 20, 9
_MOST_FOCI = 5
#: More pairs by level are left to the CSV.
_MOST_PAIRS = 9
#: More raters are rows, more rows are left to the CSV.
_MOST_RATERS, _MOST_ROWS = 8, 80
Link = Callable[..., str]


class _ModelsFirst(Mapping[str, pd.DataFrame]):
    """Tables in which, of every level, models stand before readers."""

    def __init__(self, tables: Mapping[str, pd.DataFrame], models: Sequence[str]) -> None:
        self._tables, self._models = tables, {*models}

    def __getitem__(self, name: str) -> pd.DataFrame:
        table = self._tables[name]
        if "rater" not in table or "other" in table:
            return table
        keys = [key for key in ("way", "rule", "region", "measure", "level") if key in table]
        block = table.groupby(keys, sort=False).ngroup() if keys else pd.Series(0, table.index)
        order = np.lexsort((np.arange(len(table)), ~table.rater.isin(self._models), block))
        return table.iloc[order]

    def __iter__(self) -> Any:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


def models_first(found: ReaderStudy) -> ReaderStudy:
    """The same study, whose printed tables show models before readers."""
    return replace(found, tables=_ModelsFirst(found.tables, found.models))


def exam_table(found: ReaderStudy, link: Link) -> Shown:
    """Dice of every exam, models first; the worst exams where there are many."""
    fair, levels = t.FAIR_DICE in found, list(found.design.spoken_of)
    raters, means = list(found.models or found.readers), exam_means(found)
    beside = median_reader(found) if found.models else means[[]]
    columns: dict[str, pd.Series] = {}
    if len(levels) * (len(raters) + bool(len(beside.columns))) <= _MOST_COLUMNS:
        each = by_exam(found).set_index(["exam", "rater", "level"]).dice.unstack(["rater", "level"])
        for level in levels:
            columns |= {f"{level}: {rater}": each[rater, level] for rater in raters if (rater, level) in each}
            columns |= {f"{level}: {MEDIAN_READER}": beside[level]} if level in beside else {}
        about = "every level"
    else:
        columns = {rater: means[rater] for rater in raters[:_MOST_COLUMNS]}
        columns |= {MEDIAN_READER: beside[levels].mean(axis=1)} if len(beside.columns) else {}
        about = "mean over levels"
    some = len(found.exams) > _MOST_EXAMS
    order = means[raters].mean(axis=1).sort_values(kind="stable", na_position="last").index
    drew = found[READERS_PER_EXAM].set_index("exam").n_readers if READERS_PER_EXAM in found else None
    rows = []
    for exam in order[:_MOST_EXAMS] if some else found.exams:
        row = [Cell(exam, link=link(exam))]
        row += [Cell(str(drew[exam]))] if drew is not None else []
        rows.append([*row, *(Cell(number(column.get(exam))) for column in columns.values())])
    which = (
        f"the {_MOST_EXAMS} worst of {len(found.exams)} exams" if some else plural(len(found.exams), "exam")
    )
    heads = ["Exam", *(["Readers who drew it"] if drew is not None else []), *columns]
    notes = [f"{'By the fair scores' if fair else f'Against {found.reference}'}, {about}."]
    if len(raters) > _MOST_COLUMNS:
        notes.append(f"{plural(len(raters) - _MOST_COLUMNS, 'rater')} more: in the file.")
    file = (t.FAIR_DICE if fair else t.DICE).name
    return Shown(f"Dice exam by exam: {which}", heads, rows, notes, "exam-table", f"{file}.csv")


def fair_medians(found: ReaderStudy) -> Shown:
    """Median and interval of every rater by the fair scores: a row a level, models first."""
    data = found[t.TABLE1_FAIR].query("way == 'fair'")
    total = n_units(found)
    cells = {(row.level, row.rater): _with_count(row, total) for row in data.itertuples()}
    levels, raters = list(dict.fromkeys(data.level)), list(dict.fromkeys(data.rater))
    if len(raters) <= _MOST_RATERS:
        rows = [[Cell(level), *(Cell(cells[level, rater]) for rater in raters)] for level in levels]
        heads = ["Level", *raters]
    else:
        several = [(level, rater) for level in levels for rater in raters][:_MOST_ROWS]
        rows = [[Cell(f"{level}, {rater}"), Cell(cells[level, rater])] for level, rater in several]
        heads = ["Level, rater", "Median (interval)"]
    notes = list(found.printed(t.TABLE1_FAIR).notes)
    if (more := len(levels) * len(raters) - _MOST_ROWS) > 0 and len(raters) > _MOST_RATERS:
        notes.insert(0, f"{more} more rows: in the file.")
    title = f"Median Dice (interval) by the fair scores, {plural(len(found.exams), 'exam')}"
    return Shown(title, heads, rows, notes, "fair-table", f"{t.TABLE1_FAIR.name}.csv")


def _with_count(row: Any, total: int) -> str:
    """`total` are the study's exams: a rater who drew some of them has a row of these alone."""
    if not row.n_defined:
        return f"{DASH} (0 of {total})"
    some = f", {row.n_defined} of {total}" if row.n_defined < total else ""
    short = star_if_short(row.median_coverage, 0.95)
    return with_interval(row.median, row.median_low, row.median_high) + short + some


def foci_table(found: ReaderStudy) -> Shown:
    """What became of the foci of every level, models first, and the range of the readers."""
    data = without_own(found[m.FOCI_SUMMARY])
    data = data.assign(nothing=false_where_nothing(data))
    lower = bool(found.design.ordered and data.lower.any())
    columns = ["n_foci", "found", *(["lower"] if lower else []), "missed", "nothing", "false_called"]
    names = {model: [model] for model in found.models[:_MOST_RATERS]} | {"readers": list(found.readers)}
    rows = []
    for level, rater in product(dict.fromkeys(data.level), names):
        of = data[(data.level == level) & data.rater.isin(names[rater])]
        if len(of):
            rows.append([Cell(f"{level}, {rater}"), *(Cell(_range(of[name])) for name in columns)])
    heads = ["Level, rater", "Foci", "Found", *(["Called lower"] if lower else []), "Missed"]
    other = "a lower level" if found.design.ordered else "another label"
    heads += ["Marked where nothing is", f"Marked where {other} is"]
    notes = [found.design.foci.in_words]
    if len(found.readers) > 1:
        notes.append(
            "Ranges: over yardsticks without one reader each, and over readers, each by the others'."
        )
    title = f"Foci in {plural(len(found.exams), 'exam')}"
    return Shown(title, heads, rows, notes, "foci-table", f"{m.FOCI_SUMMARY.name}.csv")


def _range(values: pd.Series) -> str:
    low, high = int(values.min()), int(values.max())
    return str(low) if low == high else f"{low} to {high}"


def largest_faults(found: ReaderStudy, link: Link, slices: Callable[[Any], int | None]) -> Shown | None:
    """The largest foci of the highest level that a model missed, called lower or invented; None without."""
    rows = found[m.FOCI]
    level = found.design.spoken_of[-1]
    left_out = rows.left_out.fillna("") if "left_out" in rows else pd.Series("", rows.index)
    of_all = rows[
        (left_out == "")
        & (rows.level == level)
        & (rows.outcome != "found")
        & rows.rater.isin(list(found.models))
    ]
    of_all = of_all[of_all.outcome.isin(list(_OUTCOMES))]
    if of_all.empty:
        return None
    shown = []
    for model in found.models[:4]:
        worst = of_all[of_all.rater == model].sort_values("volume_ml", ascending=False, kind="stable")
        for row in worst.head(_MOST_FOCI).itertuples():
            number_ = slices(row)
            where = Cell(row.exam, link=link(row.exam, slice=number_, rater=model, level=level))
            shown.append(
                [Cell(model), where, Cell(DASH if number_ is None else str(number_)),
                 Cell(_OUTCOMES[row.outcome]), Cell(f"{figures(row.volume_ml)} ml")]
            )  # fmt: skip
    title = f"The largest {level} foci that went wrong, {_MOST_FOCI} a model"
    columns = ["Model", "Exam", "Slice", "What happened", "Volume"]
    return Shown(title, columns, shown, [], "largest-foci", f"{m.FOCI.name}.csv")


_OUTCOMES = {"missed": "missed", "lower": "called lower", "false": "marked, not in the yardstick"}


def rule_grid(found: ReaderStudy) -> Shown | None:
    """Who is ahead of whom by each rule and without each reader: a row a way, a column a pair and level."""
    table = signs(found)
    if table.empty:
        return None
    table = table[table.level.isin(found.design.spoken_of)]
    pairs = table[table.other != MEDIAN_READER]
    chosen = pairs if len(pairs) else table
    beside = table if len(pairs) and _columns(table) <= _MOST_PAIRS else chosen
    keys = list(dict.fromkeys(zip(beside.level, beside.model, beside.other, strict=True)))[:_MOST_PAIRS]
    cells = {(row.way, row.level, row.model, row.other): row for row in beside.itertuples()}
    rows = []
    for way in dict.fromkeys(beside.way):
        own = bool(beside[beside.way == way].own.any())
        label = f"{way[0].upper()}{way[1:]}{' (the yardstick)' if own else ''}"
        rows.append([Cell(label), *(_sign(cells.get((way, *key))) for key in keys)])
    heads = ["Way", *(f"{level}: {model} minus {other}" for level, model, other in keys)]
    notes = [
        "The sign says who is ahead: + the first, − the second. Whether a difference is clear is said by the "
        "verdicts, which call none settled that another way turns round.",
    ]
    if (more := _columns(beside) - len(keys)) > 0:
        notes.append(f"{more} more pairs and levels: in the file.")
    return Shown("Who is ahead, by each rule and without each reader", heads, rows, notes, "rule-grid",
                 f"{t.OTHER_WAYS.name}.csv")  # fmt: skip


def _columns(table: pd.DataFrame) -> int:
    return len(table.drop_duplicates(["level", "model", "other"]))


def _sign(row: Any) -> Cell:
    if row is None or pd.isna(row.difference):
        return Cell(DASH)
    difference = round(float(row.difference), 2)
    kind = "ahead" if difference > 0 else "behind" if difference < 0 else "even"
    return Cell(signed(difference, typeset=True), kind=kind)
