"""Tables of scores as a board keeps them, and reading them back."""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bmseg.errors import WorkError
from bmseg.leaderboard.scoring import COLUMNS, MISSING, SCORED, UNDEFINED
from bmseg.outputs import provenance
from evaluation.statistics.words import plural

# Reading back a table: pandas takes a reader called "1" for a number, and "" for nothing.
_TYPES = {
    "exam": str, "rater": str, "rule": str, "reader": str, "level": str, "measure": str, "left_out": str,
    "status": str,
    "tp": "Int64", "fp": "Int64", "fn": "Int64", "n_reference": "Int64", "n_rater": "Int64",
}  # fmt: skip
_NUMBERS = {"dice", "value", "worst"}


def scores_text(scores: pd.DataFrame) -> str:
    """Scores as the CSV that the board keeps; what is ranked is read back from it."""
    return str(scores.to_csv(index=False, float_format="%.9g"))


def read_scores(path: Path, columns: Sequence[str] = COLUMNS, *, sha256: str = "") -> pd.DataFrame:
    """Read back what `scores_text` wrote; `sha256` is what its record says of the file, if anything.

    Raises `WorkError` where the file is missing, damaged or another one.
    """
    try:
        if sha256 and provenance.file_hash(path) != sha256:
            raise ValueError("other contents than its record has the hash of")
        scores = _parsed(path.read_text(encoding="utf-8"))
        if absent := [column for column in columns if column not in scores]:
            raise ValueError(f"no column {', '.join(absent)}")
        for name in _NUMBERS & {*scores}:
            if len(scores) and not pd.api.types.is_numeric_dtype(scores[name]):
                raise ValueError(f"{name}: found text, expected numbers")
        return scores
    except (OSError, ValueError, TypeError, OverflowError) as error:
        raise WorkError(
            f"{path}: cannot be read as a table of scores ({str(error).splitlines()[0]}); restore it"
        ) from None


def check_rows(
    path: Path, scores: pd.DataFrame, names: Mapping[str, Collection[str]], *, whole: bool = False
) -> None:
    """A `WorkError` for what no table of scores holds, whoever wrote its hash into the record.

    `names` are column to what may stand there. Each of their combinations stands there once at most, with
    `whole` exactly once; a Dice is between 0 and 1 where the status is scored, and nowhere else.
    """
    columns = {name: scores[name].tolist() for name in names}
    rows = set(zip(*columns.values(), strict=True))
    fault = _fault_of_values(scores)
    for name, cells in columns.items():
        if unknown := {*map(str, cells)} - {*names[name]}:
            fault = f"{name}: found {', '.join(sorted(unknown)[:3])!a}, expected others"
    if len(rows) < len(scores):
        fault = f"found {plural(len(scores) - len(rows), 'row')} more than once"
    elif whole and len(rows) < (n := math.prod(map(len, names.values()))):
        fault = f"found {plural(len(rows), 'row')}, expected {n}"
    if fault:
        raise WorkError(f"{path}: {fault}; restore it ('bmseg leaderboard verify' says more)")


def _fault_of_values(scores: pd.DataFrame) -> str:
    dice, status = scores.dice.to_numpy(float), scores.status.to_numpy(object)
    defined = ~np.isnan(dice)
    if unknown := {*status.tolist()} - {SCORED, UNDEFINED, MISSING}:
        return f"status: found {', '.join(sorted(map(str, unknown))[:3])!a}"
    if (outside := defined & ~((dice >= 0) & (dice <= 1))).any():
        return f"dice: found {dice[outside][0]:g}, expected 0 to 1"
    if (wrong := defined != (status == SCORED)).any():
        return f"dice: found {dice[wrong][0]:g} where the status is {status[wrong][0]}"
    return ""


def as_kept(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores with the digits that a board keeps of them and ranks by."""
    return _parsed(scores_text(scores))


def _parsed(text: str) -> pd.DataFrame:
    types: Mapping[str, Any] = _TYPES
    empty = {name: [""] for name, kind in _TYPES.items() if kind == "Int64"}
    empty |= {name: [""] for name in _NUMBERS}
    return pd.read_csv(io.StringIO(text), dtype=types, keep_default_na=False, na_values=empty)
