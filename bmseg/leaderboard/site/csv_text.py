"""Tables as CSV that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pandas as pd

# Rows from which on values are written once each: tables of pairs repeat them.
_MANY_ROWS = 5000
# What a spreadsheet takes for a formula where a cell begins with it (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_text(table: pd.DataFrame) -> str:
    """A table as CSV that a spreadsheet opens without running anything.

    Text that begins with ``= + - @``, a tab or a return gets an apostrophe in front; numbers are written so
    that they read back to the last bit.
    """
    safe = table.copy()
    for column in safe.columns:
        # Scores of a board without rows have no type: there is nothing to mask either.
        text = not pd.api.types.is_numeric_dtype(safe[column])
        # Most columns have no such text, and the same few names over and over.
        if text and any(_inert(cell) is not cell for cell in safe[column].unique()):
            safe[column] = safe[column].map(_inert)
    cells = [_cells(safe[column]) for column in safe.columns] if len(safe) > _MANY_ROWS else [None]
    if None in cells:
        return str(safe.to_csv(index=False, na_rep="", lineterminator="\n"))
    rows = map(",".join, zip(*filter(None, cells), strict=True))
    return str(safe.head(0).to_csv(index=False, lineterminator="\n")) + "\n".join(rows) + "\n"


def _cells(column: pd.Series) -> list[str] | None:
    """A column as `pandas.DataFrame.to_csv` writes it, each value once; None for one of mixed types."""
    if column.dtype == float:
        # Apart by bits, for 0 has a sign.
        bits, place = np.unique(column.to_numpy().view(np.int64), return_inverse=True)
        written = [repr(value) if value == value else "" for value in bits.view(float).tolist()]
    else:
        place, values = pd.factorize(column.to_numpy(object), use_na_sentinel=True)
        if {*map(type, values)} - {str} and column.dtype != int:
            return None
        written = [*map(_written, values), ""]
    return np.array(written, object)[place].tolist()


def _written(value: Any) -> str:
    """As the second last cell of a line."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([value, 0])
    return line.getvalue().removesuffix(",0\n")


def _inert(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
