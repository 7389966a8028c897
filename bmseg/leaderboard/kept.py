"""Tables of scores as a board keeps them, and reading them back."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bmseg.errors import WorkError
from bmseg.leaderboard.scoring import COLUMNS
from bmseg.outputs import provenance

# Reading back a table: pandas takes a reader called "1" for a number, and "" for nothing.
_TYPES = {
    "exam": str, "rater": str, "rule": str, "reader": str, "level": str, "measure": str, "left_out": str,
    "status": str,
    "tp": "Int64", "fp": "Int64", "fn": "Int64", "n_reference": "Int64", "n_rater": "Int64",
}  # fmt: skip


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
        return scores
    except (OSError, ValueError, TypeError) as error:
        raise WorkError(
            f"{path}: cannot be read as a table of scores ({str(error).splitlines()[0]}); restore it"
        ) from None


def as_kept(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores with the digits that a board keeps of them and ranks by."""
    return _parsed(scores_text(scores))


def _parsed(text: str) -> pd.DataFrame:
    types: Mapping[str, Any] = _TYPES
    empty = {name: [""] for name, kind in _TYPES.items() if kind == "Int64"}
    empty |= {name: [""] for name in ("dice", "value", "worst")}
    return pd.read_csv(io.StringIO(text), dtype=types, keep_default_na=False, na_values=empty)
