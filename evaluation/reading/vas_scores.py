"""Read a table of scores given on a visual analogue scale, and what a publication printed of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dataset_conversion.images import ConversionError, as_number, read_table

SCALE = 10.0
#: Columns that may stand beside the scores, and what they may hold (age in years).
FACTS = {"slices": (1.0, 10_000.0), "age": (0.0, 120.0)}
#: How a column's name ends, and what it holds; a difference is the model's score minus the consensus's.
SUFFIXES = {"gt": "consensus", "ai": "model", "diff": "difference"}
STATISTICS = ("mean", "sd")


class ScoreError(ValueError):
    """A table of scores breaks a rule; the message is one line with every fault of the file."""


@dataclass(frozen=True)
class Scores:
    """Scores of masks, read and checked."""

    #: What was scored, in the order of the file.
    items: tuple[str, ...]
    #: A row a mask: ``mask`` (text), those of ``slices`` and ``age`` that the file has, and for each item
    #: ``<item>_gt``, ``<item>_ai`` and ``<item>_diff`` (recomputed), in cm; NaN where nothing was scored.
    values: pd.DataFrame
    #: The differences as the file states them, in the columns and rows of `values`; empty text where none.
    printed: pd.DataFrame

    @property
    def numeric(self) -> list[str]:
        """The columns that have a mean."""
        return [column for column in self.values if column != "mask"]


def read_scores(path: Path) -> Scores:
    """Read a CSV of scores, a row a mask.

    Columns are ``mask``, if known ``slices`` and ``age`` (years), and for each item ``<item>_gt`` and
    ``<item>_ai``, 0 to 10 cm; ``<item>_diff`` may stand beside them. A cell may be empty: not scored. A
    ScoreError when the file cannot be read, lacks columns or has others, a number is text or out of range,
    or a mask stands there twice; one line names all of it.
    """
    text = _read(path)
    items = tuple(
        dict.fromkeys(item for item, suffix in map(split_column, text) if item and suffix != "diff")
    )
    if faults := _column_faults(text, items) or _cell_faults(text, "mask"):
        raise ScoreError(f"{path}: {'; '.join(faults)}")
    columns: dict[str, pd.Series] = {"mask": text["mask"]}
    columns |= {name: _numbers(text[name]) for name in FACTS if name in text}
    for item in items:
        consensus, model = _numbers(text[f"{item}_gt"]), _numbers(text[f"{item}_ai"])
        columns |= {f"{item}_gt": consensus, f"{item}_ai": model, f"{item}_diff": model - consensus}
    printed = text[[f"{item}_diff" for item in items if f"{item}_diff" in text]]
    return Scores(items, pd.DataFrame(columns), printed)


def read_printed_summary(path: Path, scores: Scores) -> pd.DataFrame:
    """Read the means and standard deviations that a publication printed, as text: their decimals matter.

    The CSV has ``statistic`` (``mean`` or ``sd``, a row each; the index of what is returned) and any
    numeric columns of the scores. An empty cell was not printed. A ScoreError as for `read_scores`.
    """
    text, known = _read(path), ["statistic", *scores.numeric]
    faults = [] if "statistic" in text else ["column: found none named statistic"]
    if unknown := [name for name in text if name not in known]:
        faults.append(f"column: found {', '.join(unknown)}, expected some of {', '.join(known)}")
    if not faults:
        faults = _cell_faults(text, "statistic")
        if other := [name for name in text["statistic"] if name and name not in STATISTICS]:
            faults.append(f"statistic: found {', '.join(other)}, expected {' or '.join(STATISTICS)}")
    if faults:
        raise ScoreError(f"{path}: {'; '.join(faults)}")
    return text.set_index("statistic")


def split_column(column: str) -> tuple[str, str]:
    """The item and suffix of a column of scores; two empty texts for another column.

    Examples
    --------
    >>> split_column("level2+3_ai"), split_column("age")
    (('level2+3', 'ai'), ('', ''))
    """
    item, _, suffix = column.rpartition("_")
    return (item, suffix) if item and suffix in SUFFIXES else ("", "")


def _read(path: Path) -> pd.DataFrame:
    try:
        text = read_table(path)
    except ConversionError as error:
        raise ScoreError(str(error)) from None
    if text.empty:
        raise ScoreError(f"{path}: found no row, expected a heading and one or more rows below it")
    return text


def _column_faults(text: pd.DataFrame, items: Sequence[str]) -> list[str]:
    needed = ["mask", *(f"{item}_{suffix}" for item in items for suffix in ("gt", "ai"))]
    known = [*needed, *FACTS, *(f"{item}_diff" for item in items)]
    faults = []
    if missing := [name for name in needed if name not in text]:
        faults.append(f"column: found none named {', '.join(missing)}")
    if not items:
        faults.append("column: found no scores, expected <item>_gt and <item>_ai, as overall_gt, overall_ai")
    if unknown := [name for name in text if name not in known]:
        faults.append(
            f"column: found {', '.join(unknown)}, expected only mask, {', '.join(FACTS)} and for each item "
            "<item>_gt (consensus), <item>_ai (model) and <item>_diff"
        )
    return faults


def _cell_faults(text: pd.DataFrame, key: str) -> list[str]:
    """Faults below the heading; `key` is the column that names the rows."""
    faults = []
    if empty := [str(place) for place, name in enumerate(text[key], 1) if not name]:
        faults.append(f"{key}: found none in row {', '.join(empty)}, expected a name")
    counts = text[key].value_counts()
    if repeated := [name for name in counts.index[counts > 1] if name]:
        faults.append(f"{key}: found {', '.join(repeated)} more than once, expected once")
    for row in text.to_dict("records"):
        for column, cell in row.items():
            if column != key and cell and (expected := _not(cell, column, printed=key == "statistic")):
                faults.append(f"{key} {row[key]}: {column}: found '{cell}', expected {expected}")
    return faults


def _not(cell: str, column: str, *, printed: bool) -> str:
    """What a cell was to hold and does not (a printed number may be anything); empty where it does."""
    number = as_number(cell)
    if printed or column.endswith("_diff"):
        return "a number" if number is None else ""
    low, high = FACTS.get(column, (0.0, SCALE))
    whole = column == "slices"
    if number is not None and low <= number <= high and (number.is_integer() or not whole):
        return ""
    return f"{'a whole number' if whole else 'a number'} from {low:g} to {high:g}"


def _numbers(column: pd.Series) -> pd.Series:
    return column.map(as_number).astype(float)
