"""Which tests are adjusted together: those that a sentence, or the page that it stands on, speaks of.

A test of Dice and one of marking what is not there (`evaluation.comparison.absent`) stand in one family: a
sentence calls two raters different by either. Groups of levels repeat levels and are in no family.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluation.statistics.signed_rank import holm

#: The adjusted p of Dice and of marking what is not there.
HOLM = ["p_holm", "p_absent_holm"]


def adjusted(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of one family with ``p`` (Dice) and ``p_absent`` (marking what is not there) adjusted together.

    Holm's rule over the tests that could come out clear at all: of m exams with a difference an exact test
    has no p below 2 / 2**m, and where that is too large for the number of tests the test takes no part
    (Tarone, Biometrics 1990; 46:515, not opened; its p is multiplied by the number of those that do). Adds
    `HOLM` and ``threshold``: what p must be able to reach to take part.
    """
    alpha = round(1 - rows.confidence.iloc[0], 12) if len(rows) else 0.05
    p = np.concatenate([rows.p, rows.p_absent]).astype(float)
    exams = np.concatenate([rows.n_pairs - rows.n_equal, rows.n_false + rows.n_false_other]).astype(float)
    least = np.minimum(1, 2.0 ** (1 - exams))
    tests = range(1, len(p) + 1)
    size = next((k for k in tests if (least[~np.isnan(p)] <= alpha / k).sum() <= k), max(len(p), 1))
    able = least <= alpha / size
    found = holm(np.where(able, p, np.nan))
    found = np.where(able, found, np.minimum(1, p * size))
    halves = {HOLM[0]: found[: len(rows)], HOLM[1]: found[len(rows) :]}
    return rows.assign(**halves, threshold=alpha / size)


def in_families(table: pd.DataFrame, family: Any, spoken_of: Sequence[str] | None = None) -> pd.DataFrame:
    """The two columns of `HOLM` for a table of comparisons, NaN where a row is in no family.

    Parameters
    ----------
    table : DataFrame
        Of `evaluation.comparison.readers.compare` or `evaluation.comparison.models.compare_models`.
    family : array of hashable, shape (rows,)
        Rows with the same value are one family.
    spoken_of : sequence of str, optional
        The levels that sentences speak of; the others are in no family. By default all.
    """
    found = pd.DataFrame(np.nan, index=range(len(table)), columns=HOLM)
    rows, families = table.reset_index(drop=True), pd.Series(list(family), dtype=object)
    inside = rows.level.isin(list(rows.level) if spoken_of is None else list(spoken_of))
    for _, of_family in rows[inside].groupby(families[inside], sort=False):
        found.loc[of_family.index, HOLM] = adjusted(of_family)[HOLM].to_numpy()
    return found.set_index(table.index)
