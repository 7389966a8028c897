"""Our Table 1 beside the one that the study printed, with the differences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from bmseg.errors import InputError
from bmseg.study import Study
from evaluation.table import DASH, Table


def read_published(study: Study, study_file: Path) -> pd.DataFrame | None:
    """The printed Table 1 beside a study file: level, rater, median, minimum, maximum, mean; None without.

    Raises
    ------
    InputError
        When the study file names one that is not there.
    """
    if not study.published.table1:
        return None
    path = study_file.parent / Path(study.published.table1).name
    if not path.is_file():
        raise InputError(
            f"{study_file}: published.table1: no such file: {path}; copy it too, or leave it out"
        )
    return pd.read_csv(path, dtype={"rater": str, "level": str})


def published_beside(
    summary: pd.DataFrame, published: pd.DataFrame | None, citation: str, synthetic: str = ""
) -> Table | None:
    """Our Table 1 beside the study's printed one; None where the study has none, or no rater in common."""
    if published is None:
        return None
    note = f"{synthetic.capitalize()}: readers were fitted to the printed table." if synthetic else ""
    return compare_with_published(summary, published, citation=citation, note=note)


def compare_with_published(
    summary: pd.DataFrame, published: pd.DataFrame, *, citation: str, note: str = ""
) -> Table | None:
    """Median and mean of the raters that both tables have, and ours minus the printed ones.

    Parameters
    ----------
    summary : DataFrame
        Of `evaluation.measures.dice.summarise`.
    published : DataFrame
        Of `read_published`.
    citation : str
    note : str
        A line below the table.

    Returns
    -------
    Table or None
        None when no level and rater stands in both.
    """
    both = summary.merge(published, on=["level", "rater"], suffixes=("", "_published"))
    if both.empty:
        return None
    for name in ("median", "mean"):
        both[f"{name}_difference"] = both[name] - both[f"{name}_published"]
    rows = [
        [
            f"{row['level']}, {row['rater']}",
            *(
                cell
                for name in ("median", "mean")
                for cell in (
                    _number(row[name]),
                    _number(row[f"{name}_published"]),
                    _number(row[f"{name}_difference"], signed=True),
                )
            ),
        ]
        for row in both.to_dict("records")
    ]
    columns = ["Level, rater", "Median", "printed", "difference", "Mean", "printed", "difference"]
    absolute = both[["median_difference", "mean_difference"]].abs()
    notes = [
        f"Mean absolute difference: medians {absolute.median_difference.mean():.3f}, means "
        f"{absolute.mean_difference.mean():.3f}; largest {absolute.median_difference.max():.2f} and "
        f"{absolute.mean_difference.max():.2f}."
    ]
    if note:
        notes.append(note)
    return Table(f"Beside the published table: {citation}", columns, rows, notes, both)


def _number(value: float, *, signed: bool = False) -> str:
    if np.isnan(value):
        return DASH
    rounded = round(value, 2) + 0.0
    return f"{rounded:+.2f}" if signed else f"{rounded:.2f}"
