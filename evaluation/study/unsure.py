"""Voxels that a reader was unsure of: left out of every count, and said how many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluation.masks.reading import MaskError
from evaluation.statistics.words import count_of, plural
from evaluation.study.design import Design
from evaluation.study.results import Declared

COLUMNS = ["rater", "voxels", "left_out"]


def ignored_voxels(
    design: Design, exam: str, masks: Mapping[str, np.ndarray], models: Sequence[str]
) -> tuple[np.ndarray | None, pd.DataFrame]:
    """Where a reader of an exam wrote the label to ignore (bool; None of nowhere), and how often each did.

    A MaskError when a model did, which could choose what it is scored on, or nothing is left.
    """
    nothing = pd.DataFrame(columns=COLUMNS)
    if design.ignore is None:
        return None, nothing
    if design.ignore in design.labels:
        raise MaskError(f"ignore: found {design.ignore}, expected a value that is no level's")
    where = {rater: mask == design.ignore for rater, mask in masks.items()}
    told_of = f"label: found {design.ignore} (ignore)"
    for model in models:
        if n := int(where[model].sum()):
            raise MaskError(
                f"exam {exam}: {model}: {told_of} in {plural(n, 'voxel')}, expected a level or background: "
                "readers may be unsure, a model would choose what it is scored on"
            )
    ignored = np.logical_or.reduce(list(where.values()))
    left_out = int(ignored.sum())
    if left_out == ignored.size:
        raise MaskError(f"exam {exam}: {told_of} everywhere, expected some voxels to be scored")
    if not left_out:
        return None, nothing
    rows = [(rater, int(of.sum()), left_out) for rater, of in where.items() if rater not in models]
    return ignored, pd.DataFrame(rows, columns=COLUMNS)


def ignored_table(exams: Sequence[Any]) -> pd.DataFrame:
    """Of all exams: ``exam, rater, voxels`` of each reader, ``left_out`` of all of them together."""
    return pd.concat([exam.ignored.assign(exam=exam.name) for exam in exams], ignore_index=True)[
        list(IGNORED.columns)
    ]


def told(table: pd.DataFrame, n_exams: int, design: Design) -> list[str]:
    """What is left out, as it stands below every table."""
    by_exam = table.drop_duplicates("exam")
    of_each = table.groupby("rater", sort=False).voxels.sum()
    named = ", ".join(f"{rater} {n}" for rater, n in of_each.items() if n)
    why = f"marked as unsure (label {design.ignore}: {named})"
    if design.undrawn:
        why = f"did not look at, or marked as unsure ({named})"
    return [
        f"Left out of every count: {plural(int(by_exam.left_out.sum()), 'voxel')} in "
        f"{count_of(len(by_exam), n_exams, 'exams')} that a reader {why}. A border with them is no surface."
    ]


IGNORED = Declared(
    "ignored", "voxels that readers were unsure of, which are left out of every count",
    ["exam", "rater", "voxels", "left_out"],
)  # fmt: skip

TABLES = [IGNORED]
