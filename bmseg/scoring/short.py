"""What an evaluation comes to on a terminal: a few sentences and one small table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evaluation.statistics.words import DASH, count_of, percent, plural, star_if_short, with_interval
from evaluation.study import ReaderStudy
from evaluation.study.brief import answers, look_out
from evaluation.study.tables import TABLE1, TABLE1_FAIR
from evaluation.table import Table


def in_short(found: ReaderStudy) -> list[str]:
    """The answer and what to look out for, each with what it is about."""
    return [f"{one.about}: {one.words}" for one in (*answers(found), *look_out(found, 2))]


def short_table(found: ReaderStudy, models: Sequence[str] = ()) -> Table:
    """Medians of Dice, a row a rater and a column a level: fair ones where there are readers enough."""
    fair = TABLE1_FAIR in found
    data = found[TABLE1_FAIR].query("way == 'fair'") if fair else found[TABLE1]
    raters = list(dict.fromkeys([*found.readers, *(models or found.models)]))
    data = data[data.rater.isin(raters)]
    cells = {(row.rater, row.level): row for row in data.itertuples()}
    levels = list(dict.fromkeys(data.level))
    rows = [
        [found.shown(rater), *(_cell(cells.get((rater, level)), fair=fair) for level in levels)]
        for rater in raters
    ]
    spread = f"{percent(0.95)} interval" if fair else "range"
    how = "fair: against consensuses without the own mask" if fair else f"against {found.titled.reference}"
    n = len(found.exams)
    notes = [
        "Where a Dice is not defined in every exam, it says in how many.",
        *found.titled.design.notes,
    ]
    if any("*" in cell for row in rows for cell in row[1:]):
        notes.insert(0, f"*: too few exams for {percent(0.95)}; the widest interval.")
    title = f"Median Dice ({spread}), {how}, {plural(n, 'exam')}"
    return found.titled.own_words(Table(title, ["", *map(found.shown, levels)], rows, notes, data))


def _cell(row: pd.Series | None, *, fair: bool) -> str:
    if row is None or not row.n_defined:
        return DASH
    ends = ("median_low", "median_high") if fair else ("minimum", "maximum")
    shown = with_interval(row.median, *(getattr(row, end) for end in ends))
    shown += star_if_short(row.median_coverage, 0.95) if fair else ""
    return shown if row.n_defined == row.n else f"{shown}, {count_of(row.n_defined, row.n)}"
