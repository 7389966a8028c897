"""One table model, several renderers: CSV, Markdown, HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

DASH = "–"


@dataclass(frozen=True)
class Table:
    """A table as it is printed, and the numbers behind it.

    Parameters
    ----------
    title : str
    columns : sequence of str
        Headings; the first column holds row names.
    rows : sequence of sequence of str
    notes : sequence of str
        Lines below the table.
    data : DataFrame
        The numbers, unrounded: what the CSV file holds.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]
    data: pd.DataFrame

    def to_csv(self) -> str:
        """The numbers, one row a cell of the printed table."""
        return self.data.to_csv(index=False, float_format="%.6f", na_rep="")

    def to_markdown(self) -> str:
        """A GitHub-style pipe table, aligned for reading as text."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[place]) for line in lines) for place in range(len(self.columns))]

        def line(cells: Sequence[str]) -> str:
            return "| " + " | ".join(f"{cell:<{w}}" for cell, w in zip(cells, widths, strict=True)) + " |"

        rule = "| " + " | ".join("-" * width for width in widths) + " |"
        body = "\n".join([line(self.columns), rule, *(line(row) for row in self.rows)])
        notes = "\n".join(f"- {note}" for note in self.notes)
        return "\n\n".join(part for part in (f"**{self.title}**", body, notes) if part) + "\n"

    def to_html(self) -> str:
        """A ``<table>`` with a caption and row headings, notes below; text is escaped."""
        head = "".join(f'<th scope="col">{escape(column)}</th>' for column in self.columns)
        body = "\n".join(
            f'<tr><th scope="row">{escape(first)}</th>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
            + "</tr>"
            for first, *rest in self.rows
        )
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return (
            f"<table>\n<caption>{escape(self.title)}</caption>\n<thead><tr>{head}</tr></thead>\n"
            f'<tbody>\n{body}\n</tbody>\n</table>\n<ul class="notes">{notes}</ul>\n'
        )


def dice_table(summary: pd.DataFrame, *, title: str, notes: Sequence[str] = ()) -> Table:
    """Table 1 of the study: a level's median (range) and mean a rater.

    Where a Dice is undefined, a further row says in how many exams it is defined.

    Parameters
    ----------
    summary : DataFrame
        Of `evaluation.measures.dice.summarise`; columns ``n_defined`` and ``n`` may be absent, as in
        published tables.
    title : str
    notes : sequence of str
        Lines below the table: consensus rule, empty-mask policy, "synthetic cohort".

    Examples
    --------
    >>> summary = pd.DataFrame({"level": ["level3"], "rater": ["model"], "median": [0.4], "minimum": [0.0],
    ...     "maximum": [0.71], "mean": [0.38], "n_defined": [9], "n": [10]})
    >>> print(dice_table(summary, title="Dice").to_markdown(), end="")
    **Dice**
    <BLANKLINE>
    | Level                  | model            |
    | ---------------------- | ---------------- |
    | level3, median (range) | 0.40 (0.00–0.71) |
    | level3, mean           | 0.38             |
    | level3, defined in     | 9 of 10 exams    |
    """
    raters = list(dict.fromkeys(summary.rater))
    cells = {(row.level, row.rater): row for row in summary.itertuples()}
    rows = []
    for level in dict.fromkeys(summary.level):
        found = [cells.get((level, rater)) for rater in raters]
        rows.append([f"{level}, median (range)", *(_median_and_range(cell) for cell in found)])
        rows.append([f"{level}, mean", *(_number(cell, "mean") for cell in found)])
        if any(_is_partly_undefined(cell) for cell in found):
            rows.append([f"{level}, defined in", *(_defined(cell) for cell in found)])
    return Table(title, ["Level", *raters], rows, list(notes), summary)


def _median_and_range(cell: Any) -> str:
    if cell is None or pd.isna(cell.median):
        return DASH
    return f"{_number(cell, 'median')} ({_number(cell, 'minimum')}{DASH}{_number(cell, 'maximum')})"


def _number(cell: Any, name: str) -> str:
    value = getattr(cell, name, None)
    return DASH if value is None or pd.isna(value) else f"{value:.2f}"


def _is_partly_undefined(cell: Any) -> bool:
    return hasattr(cell, "n_defined") and cell.n_defined < cell.n


def _defined(cell: Any) -> str:
    return f"{cell.n_defined} of {cell.n} exams" if hasattr(cell, "n_defined") else DASH
