"""Our Table 1 beside the one that the study printed, with the differences."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from bmseg.errors import InputError
from bmseg.study import Study
from dataset_conversion.images import read_own
from evaluation.statistics.words import number, signed
from evaluation.study.titles import renamed
from evaluation.table import Table


def read_published(study: Study, study_file: Path) -> pd.DataFrame | None:
    """The printed Table 1 beside a study file: level, rater, median, minimum, maximum, mean; None without.

    InputError when the study file names one that is not there.
    """
    if not study.published.table1:
        return None
    path = study_file.parent / Path(study.published.table1).name
    if not path.is_file():
        raise InputError(
            f"{study_file}: published.table1: no such file: {path}; copy it too, or leave it out"
        )
    return read_own(path, ["rater", "level"])


def published_beside(
    summary: pd.DataFrame,
    published: pd.DataFrame | None,
    citation: str,
    synthetic: str = "",
    titles: Mapping[str, str] = MappingProxyType({}),
) -> Table | None:
    """Median and mean of the raters that both tables have, and ours minus the printed ones.

    None where the study has no printed table, or no level and rater stands in both. The tables are those of
    `evaluation.measures.dice.summarise` and `read_published`; `synthetic` is what a simulated cohort is
    called, empty for any other; `titles` are what names are shown as.
    """
    if published is None:
        return None
    both = summary.merge(published, on=["level", "rater"], suffixes=("", "_published"))
    if both.empty:
        return None
    for name in ("median", "mean"):
        both[f"{name}_difference"] = both[name] - both[f"{name}_published"]
    rows = [
        [f"{row['level']}, {row['rater']}", *_cells(row, "median"), *_cells(row, "mean")]
        for row in renamed(both, titles).to_dict("records")
    ]
    columns = [
        "Level, rater",
        "Median",
        "Median, printed",
        "Difference",
        "Mean",
        "Mean, printed",
        "Difference of means",
    ]
    absolute = both[["median_difference", "mean_difference"]].abs()
    notes = [
        f"Mean absolute difference: medians {absolute.median_difference.mean():.3f}, means "
        f"{absolute.mean_difference.mean():.3f}; largest {absolute.median_difference.max():.2f} and "
        f"{absolute.mean_difference.max():.2f}."
    ]
    if synthetic:
        notes.append(f"{synthetic.capitalize()}: readers were fitted to the printed table.")
    return Table(f"Beside the published table: {citation}", columns, rows, notes, both)


def _cells(row: Mapping[str, Any], name: str) -> list[str]:
    ours, printed, difference = (row[f"{name}{end}"] for end in ("", "_published", "_difference"))
    return [number(ours), number(printed), signed(difference)]
