"""Tables: every CSV file is read here, people's and ours, so that a name is what stands in its cell.

pandas takes NA, None, null, nan and others for missing where it is not told otherwise.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dataset_conversion.images.errors import ConversionError

#: What may stand between cells; the first that makes all rows alike is taken.
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)", re.ASCII)
_NAMED_FAULTS = 5
# That of the longest path, and no cell means anything else as long.
_LONGEST_CELL = 4096


def read_table(path: Path, *, advice: str = "expected a CSV file", row_names: bool = False) -> pd.DataFrame:
    """A table of people: every cell as text, stripped; an empty one is an empty text.

    Cells are separated by commas, semicolons or tabs; text is UTF-8, with a byte order mark or without, or
    UTF-16 with one. Empty rows are left out.

    Parameters
    ----------
    advice : str
        Ends the message where there is no such file.
    row_names : bool
        Rows may have one cell more than the heading, in front, as R writes them: a column without name.

    Raises
    ------
    ConversionError
        When the file is missing, is no text, has no heading or a cell without end, names a column twice, or
        has rows of another length than the heading: the first few are named.
    """
    text = _text(path, advice)
    # Cells without any text are no heading either.
    if not (heading_line := next((line for line in text.splitlines() if line.strip(' \t,;"')), "")):
        raise ConversionError(f"{path}: found an empty file, {advice}")
    used = [sign for sign in _DELIMITERS if sign in heading_line] or [","]
    try:
        tables = {sign: _rows(text, sign) for sign in used}
    except csv.Error as error:
        raise ConversionError(f"{path}: cannot be read as a table ({error}); {advice}") from None
    alike = [sign for sign, (heading, *body) in tables.items() if not _odd(heading, body, row_names)]
    sign = alike[0] if alike else max(used, key=heading_line.count)
    heading, *body = tables[sign]
    if row_names and body and all(len(row) == len(heading) + 1 for row in body):
        heading = ["", *heading]
    if odd := _odd(heading, body, row_names=False):
        sizes = {place: len(body[place - 1]) for place in odd[:_NAMED_FAULTS]}
        named = [f"row {place}: found {n} cell{'s' * (n != 1)}" for place, n in sizes.items()]
        more = f" and {len(odd) - _NAMED_FAULTS} more" if len(odd) > _NAMED_FAULTS else ""
        raise ConversionError(
            f"{path}: {'; '.join(named)}{more}, expected {len(heading)} as in the heading, separated by "
            f"{_DELIMITERS[sign]}s; a cell that holds one stands in quotation marks"
        )
    for place, row in enumerate([heading, *body]):
        if (longest := max(map(len, row))) > _LONGEST_CELL:
            raise ConversionError(
                f"{path}: {f'row {place}' if place else 'heading'}: found a cell of {longest} characters, "
                f"expected at most {_LONGEST_CELL}; a quotation mark may be missing"
            )
    if repeated := sorted({name for name in heading if name and heading.count(name) > 1}):
        raise ConversionError(f"{path}: column: found {', '.join(repeated)} more than once, expected once")
    return pd.DataFrame(body, columns=heading, dtype=str)


def read_own(file: Any, text: Sequence[str] = ()) -> pd.DataFrame:
    """A table that we wrote, from a path or a file: `text` columns as text, an empty cell missing."""
    return pd.read_csv(file, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=[""])


def as_number(cell: str) -> float | None:
    """The number in a cell, written with digits and a decimal point or comma; None where it is none.

    Examples
    --------
    >>> as_number("8.5"), as_number("8,5"), as_number("12y"), as_number("nan")
    (8.5, 8.5, None, None)
    """
    return float(cell.replace(",", ".")) if _NUMBER.fullmatch(cell) else None


def _text(path: Path, advice: str) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConversionError(f"{path}: no such file, {advice}") from None
    except OSError as error:
        raise ConversionError(f"{path}: cannot be read as a table ({error.strerror}); {advice}") from None
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise ConversionError(
            f"{path}: found bytes that are not UTF-8, {advice}; save it as CSV in UTF-8"
        ) from None
    if "\0" in text:
        raise ConversionError(f"{path}: found a binary file, {advice}")
    return text


def _rows(text: str, delimiter: str) -> list[list[str]]:
    rows = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    return [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]


def _odd(heading: list[str], body: list[list[str]], row_names: bool) -> list[int]:
    """Rows, counted from 1, that are not as long as the heading."""
    if row_names and body and all(len(row) == len(heading) + 1 for row in body):
        return []
    return [place for place, row in enumerate(body, 1) if len(row) != len(heading)]
