"""A table of scores as challengeR takes it, read from a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bmseg.errors import InputError
from bmseg.outputs.provenance import file_hash
from bmseg.wording import meant
from dataset_conversion.images import read_table
from evaluation.statistics.words import plural

#: What a column of the matrix may be.
COLUMNS = ("task", "algorithm", "case", "value", "status")
# What stands in an empty cell.
_EMPTY = {"", "NA", "NaN", "nan"}
# The columns challengeR's examples have, where they differ from ours.
_ALSO = {"algorithm": "alg_name"}
# The name of a column without one.
_ROW_NAMES = ""
_DECIMAL_COMMA = re.compile(r"^([+-]?\d+),(\d+)$")


@dataclass(frozen=True)
class Matrix:
    """A table of scores: ``task, algorithm, case, value, status``, as `evaluation.ranking` takes it."""

    scores: pd.DataFrame
    sha256: str  # of its file
    columns: Mapping[str, str]  # what each is called in the file
    notes: list[str]  # what was left out or taken for granted, in words

    @property
    def tasks(self) -> list[str]:
        """The tasks, sorted."""
        return sorted(self.scores.task.dropna().unique())


def read_matrix(path: Path, names: Mapping[str, str | None], empty: str) -> Matrix:
    """Read a matrix as challengeR takes it: CSV, whose first column may be R's row names.

    `names` has each of `COLUMNS` with its name in the file (None: the usual one), `empty` (missing or
    undefined) says what a row without a value is where there is no column of statuses. Raises `InputError`
    where the file is not a table or lacks a column.
    """
    table = read_table(path, row_names=True)
    columns, notes = _columns(path, table, names)
    scores = pd.DataFrame({name: table[column] for name, column in columns.items()})
    scores[["algorithm", "case"]] = scores[["algorithm", "case"]].replace("", np.nan)
    scores["task"] = scores["task"].replace("", np.nan) if "task" in columns else "all"
    is_empty = scores.value.str.strip().isin(_EMPTY)
    scores["value"] = scores.value.str.replace(_DECIMAL_COMMA, r"\1.\2", regex=True).mask(is_empty)
    if "status" not in columns:
        scores["status"] = np.where(is_empty, empty, "scored")
        if is_empty.any():
            notes.append(f"No value in {plural(int(is_empty.sum()), 'row')}: {empty} (--empty).")
    return Matrix(scores, file_hash(path), columns, notes)


def _columns(
    path: Path, table: pd.DataFrame, names: Mapping[str, str | None]
) -> tuple[dict[str, str], list[str]]:
    found, notes = {}, []
    for name, asked in names.items():
        usual = [name, _ALSO[name]] if name in _ALSO else [name] if name != "status" else []
        column = next((column for column in ([asked] if asked else usual) if column in table), None)
        if column:
            found[name] = column
        elif asked:
            columns = ", ".join(table.columns)
            known = f"a column of {path}, which are {columns}{meant(asked, table.columns)}"
            raise InputError(f"{name} column: found '{asked}', expected {known}")
        elif name not in ("task", "status"):
            raise InputError(
                f"{path}: found the columns {', '.join(table.columns)}, expected {' or '.join(usual)}; "
                f"name it with --{name}-column"
            )
        elif name == "task":
            notes.append("No column task: all rows are one task.")
    unused = [column for column in table if column not in found.values()]
    if _ROW_NAMES in unused:
        unused.remove(_ROW_NAMES)
        notes.append("The first column has no name: row names, as R writes them; not used.")
    if unused:
        notes.append(f"Columns not used: {', '.join(unused)}.")
    return found, notes
