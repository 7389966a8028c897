"""What is printed on a terminal: a few sentences, and tables that fit its width; Markdown is for pipes."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import click

from evaluation.statistics.words import plural
from evaluation.table import Table

#: Of a line of text.
Style = Callable[[str], str]
#: Sentences that stand above a table.
MOST = 5
_GAP = "  "
# Cells are not broken into columns narrower than this; nor is a row's name.
_NARROW, _NARROW_NAME = 8, 12
_NARROWEST_TERMINAL = 40


def on_terminal() -> bool:
    """Whether somebody looks at what is printed: a file or another program gets Markdown."""
    return sys.stdout.isatty()


def show(sentences: Sequence[str], *tables: Table, more: str = "") -> None:
    """Print sentences and tables, fitted to the terminal.

    Where `more` says in which folder all sentences are to be read, `MOST` of them stand here.
    """
    width = max(_columns(), _NARROWEST_TERMINAL)
    most = MOST if more else len(sentences)
    for sentence in sentences[:most]:
        click.echo(_wrapped(sentence, width, "- "))
    if (left := len(sentences) - most) > 0:
        click.echo(_wrapped(f"and {plural(left, 'sentence')} more in {more}", width, "  "))
    for table in tables:
        click.echo()
        click.echo("\n".join(fitted(table, width, bold=_bold, soft=_soft)))


def _columns() -> int:
    """How wide the terminal is, or is said to be."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except OSError:
        return 80


def led_by(table: Table, heading: str) -> Table:
    """A table with the column of a heading in front: what names its rows in every block."""
    place = list(table.columns).index(heading)
    moved = [[row[place], *row[:place], *row[place + 1 :]] for row in map(list, [table.columns, *table.rows])]
    return replace(table, columns=moved[0], rows=moved[1:])


def fitted(table: Table, width: int, *, bold: Style = str, soft: Style = str) -> list[str]:
    """A table in lines of at most `width` characters.

    Long cells are broken into lines; columns that fit even so not beside each other come in blocks, one below
    the other, each with the rows' names. Notes come last. `bold` and `soft` style headings and notes.
    """
    lines = [bold(line) for line in textwrap.wrap(table.title, width)]
    cells = [list(table.columns), *map(list, table.rows)]
    for block in _blocks(cells, width):
        widths = _widths(block, width)
        rule = "-" * min(width, sum(widths) + len(_GAP) * (len(widths) - 1))
        head, *rows = [_row(row, widths) for row in block]
        lines += [rule, *map(bold, head), rule]
        lines += [line for row in rows for line in row]
        lines.append(rule)
    return lines + [soft(line) for note in table.notes for line in _wrapped(note, width, "- ").split("\n")]


def _blocks(cells: list[list[str]], width: int) -> Iterator[list[list[str]]]:
    """Columns that have room beside each other, always with the first."""
    least = _least(cells, width)
    chosen: list[int] = []
    used = least[0]
    for place in range(1, len(least)):
        if chosen and used + len(_GAP) + least[place] > width:
            yield [[row[0], *(row[one] for one in chosen)] for row in cells]
            chosen, used = [], least[0]
        chosen.append(place)
        used += len(_GAP) + least[place]
    yield [[row[0], *(row[one] for one in chosen)] for row in cells]


def _least(cells: list[list[str]], width: int) -> list[int]:
    """How narrow columns may be: as their longest word, so that no number is broken.

    A word that leaves no room for another column beside the names is broken all the same.
    """
    found: list[int] = []
    for column in zip(*cells, strict=True):
        most = width - len(_GAP) - found[0] if found else width // 3
        words = max((len(word) for cell in column for word in cell.split()), default=0)
        narrow = max(words, _NARROW if found else _NARROW_NAME)
        found.append(max(1, min(max(map(len, column)), narrow, most)))
    return found


def _widths(block: list[list[str]], width: int) -> list[int]:
    """As wide as the cells; where that is too much, the widest columns give."""
    least = _least(block, width)
    widths = [max(max(map(len, column)), 1) for column in zip(*block, strict=True)]
    room = width - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room:
        giving = [place for place, (now, low) in enumerate(zip(widths, least, strict=True)) if now > low]
        widths[max(giving, key=lambda place: widths[place])] -= 1
    return widths


def _row(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    broken = [
        textwrap.wrap(cell, width, break_on_hyphens=False) or [""]
        for cell, width in zip(row, widths, strict=True)
    ]
    height = max(map(len, broken))
    padded = [[*cell, *[""] * (height - len(cell))] for cell in broken]
    return [
        _GAP.join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip()
        for line in zip(*padded, strict=True)
    ]


def _wrapped(text: str, width: int, before: str) -> str:
    return textwrap.fill(text, width, initial_indent=before, subsequent_indent=" " * len(before))


def _bold(text: str) -> str:
    return text if "NO_COLOR" in os.environ else click.style(text, bold=True)


def _soft(text: str) -> str:
    return text if "NO_COLOR" in os.environ else click.style(text, dim=True)
