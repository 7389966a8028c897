"""Foci of small masks as tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.measures.foci import ROW_COLUMNS, exam_foci
from evaluation.measures.foci_counts import counts

LEVELS = {"level1": 1, "level2": 2, "level3": 3}
MM = (1.0, 1.0, 1.0)


def table(reference, rater, levels=LEVELS, spacing=MM, rules=None, **how) -> pd.DataFrame:
    """Of `exam_foci`."""
    rows = exam_foci(np.asarray(reference), np.asarray(rater), levels, spacing, rules, **how)
    return pd.DataFrame(rows, columns=ROW_COLUMNS)


def counted(foci: pd.DataFrame) -> pd.DataFrame:
    """Of `counts`, by level."""
    return counts(foci.assign(exam="exam", rater="rater")).set_index("level")


def line(text: str) -> np.ndarray:
    """A mask of one row of voxels: a digit each, . for background."""
    return np.array([[[int(mark)] for mark in text.replace(".", "0")]])
