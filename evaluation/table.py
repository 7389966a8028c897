"""One table model, several renderers: text, CSV, Markdown, HTML, LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from evaluation.statistics.words import DASH, count_of, number, with_interval

__all__ = ["DASH", "Table", "dice_table"]


#: Of LaTeX, in text.
_ESCAPED = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "\N{MINUS SIGN}": "$-$", "≤": r"$\leq$", "≥": r"$\geq$", DASH: "--",
    "…": r"\dots{}", "[": "{[}", **{character: f"\\{character}" for character in "&%$#_{}"},
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Table:
    """A table as it is printed, and the numbers behind it; it prints itself, in notebooks as HTML.

    Parameters
    ----------
    columns : sequence of str
        Headings; the first column holds row names.
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

    def __str__(self) -> str:
        head, *body = ["  ".join(line) for line in self._padded()]
        rule = "-" * len(head)
        head, *body = [line.rstrip() for line in (head, *body)]
        return "\n".join([self.title, rule, head, rule, *body, rule, *self.notes])

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_csv(self) -> str:
        """The numbers, one row a cell of the printed table."""
        return self.data.to_csv(index=False, float_format="%.6f", na_rep="")

    def to_markdown(self) -> str:
        """A GitHub-style pipe table, aligned for reading as text."""
        head, *rows = self._padded()
        rule = ["-" * len(cell) for cell in head]
        body = "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *rows))
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

    def to_latex(self) -> str:
        """A ``table`` in the style of the package booktabs, notes below; text is escaped."""
        head, *body = [" & ".join(map(_latex, line)) + r" \\" for line in (self.columns, *self.rows)]
        notes = [rf"\par\smallskip\footnotesize {_latex(note)}" for note in self.notes]
        return "\n".join([
            r"\begin{table}", r"\centering", rf"\caption{{{_latex(self.title)}}}",
            rf"\begin{{tabular}}{{{'l' * len(self.columns)}}}", r"\toprule", head, r"\midrule", *body,
            r"\bottomrule", r"\end{tabular}", *notes, r"\end{table}", "",
        ])  # fmt: skip

    def _padded(self) -> list[list[str]]:
        """The headings and rows, every column as wide as its longest cell."""
        lines = [self.columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return [[f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)] for line in lines]


def _latex(text: str) -> str:
    return "".join(_ESCAPED.get(character, character) for character in text)


def dice_table(summary: pd.DataFrame, *, title: str, notes: Sequence[str] = ()) -> Table:
    """Table 1 of the study: a level's median (range) and mean a rater.

    Where a Dice is undefined, or raters drew different numbers of exams, a further row says in how many exams
    it is defined.

    Parameters
    ----------
    summary : DataFrame
        Of `evaluation.measures.dice.summarise`; columns ``n_defined`` and ``n`` may be absent, as in
        published tables.
    notes : sequence of str
        Lines below the table: consensus rule, empty-mask policy, "synthetic cohort".

    Examples
    --------
    >>> summary = pd.DataFrame({"level": ["level3"], "rater": ["model"], "median": [0.4], "minimum": [0.0],
    ...     "maximum": [0.71], "mean": [0.38], "n_defined": [9], "n": [10]})
    >>> print(dice_table(summary, title="Dice"))
    Dice
    ----------------------------------------
    Level                   model
    ----------------------------------------
    level3, median (range)  0.40 (0.00–0.71)
    level3, mean            0.38
    level3, defined in      9 of 10 exams
    ----------------------------------------
    """
    raters = list(dict.fromkeys(summary.rater))
    cells = {(row.level, row.rater): row for row in summary.itertuples()}
    rows = []
    for level in dict.fromkeys(summary.level):
        found = [cells.get((level, rater)) for rater in raters]
        rows.append([f"{level}, median (range)", *(_median_and_range(cell) for cell in found)])
        rows.append([f"{level}, mean", *(DASH if cell is None else number(cell.mean) for cell in found)])
        if (
            any(_is_partly_undefined(cell) for cell in found)
            or len({_n(cell) for cell in found if cell is not None}) > 1
        ):
            rows.append([f"{level}, defined in", *(_defined(cell) for cell in found)])
    return Table(title, ["Level", *raters], rows, list(notes), summary)


def in_order(groups: Sequence[Sequence[str]]) -> list[str]:
    """All raters, each once, in the order of groups that are parts of one order, as of an exam each."""
    found: list[str] = []
    for group in groups:
        for place, rater in enumerate(group):
            if rater not in found:
                after = [found.index(other) for other in group[place + 1 :] if other in found]
                found.insert(min(after, default=len(found)), rater)
    return found


def _median_and_range(cell: Any) -> str:
    return DASH if cell is None else with_interval(cell.median, cell.minimum, cell.maximum)


def _n(cell: Any) -> int | None:
    return getattr(cell, "n", None)


def _is_partly_undefined(cell: Any) -> bool:
    return hasattr(cell, "n_defined") and cell.n_defined < cell.n


def _defined(cell: Any) -> str:
    return count_of(cell.n_defined, cell.n, "exams") if hasattr(cell, "n_defined") else DASH
