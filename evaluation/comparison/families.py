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
_ASKED = ("p", "p_absent", "n_pairs", "n_equal", "n_absent", "confidence")


def adjusted(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of one family with ``p`` (Dice) and ``p_absent`` (marking what is not there) adjusted together.

    Holm's rule over the tests that could come out clear at all: of m exams with a difference an exact test
    has no p below 2 / 2**m, and where that is too large for the number of tests the test takes no part
    (Tarone, Biometrics 1990; 46:515, not opened; its p is multiplied by the number of those that do). Adds
    `HOLM` and ``threshold``: what p must be able to reach to take part.
    """
    p_holm, p_absent_holm, threshold = _adjusted(*(rows[name].to_numpy(float) for name in _ASKED))
    return rows.assign(**dict(zip(HOLM, (p_holm, p_absent_holm), strict=True)), threshold=threshold)


def _adjusted(
    p: np.ndarray,
    p_absent: np.ndarray,
    n_pairs: np.ndarray,
    n_equal: np.ndarray,
    n_absent: np.ndarray,
    confidence: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, float]:
    alpha = round(1 - float(confidence[0]), 12) if len(p) else 0.05
    both = np.concatenate([p, p_absent])
    exams = np.concatenate([n_pairs - n_equal, n_absent])
    least = np.minimum(1, 2.0 ** (1 - exams))
    tests, possible = range(1, len(both) + 1), least[~np.isnan(both)]
    size = next((k for k in tests if (possible <= alpha / k).sum() <= k), max(len(both), 1))
    able = least <= alpha / size
    found = holm(np.where(able, both, np.nan))
    found = np.where(able, found, np.minimum(1, both * size))
    return found[: len(p)], found[len(p) :], alpha / size


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
    found = np.full((len(table), len(HOLM)), np.nan)
    asked = [table[name].to_numpy(float) for name in _ASKED]
    spoken = None if spoken_of is None else {*spoken_of}
    families: dict[Any, list[int]] = {}
    for row, (level, of) in enumerate(zip(table.level, family, strict=True)):
        if spoken is None or level in spoken:
            families.setdefault(of, []).append(row)
    for rows in families.values():
        found[rows, 0], found[rows, 1], _ = _adjusted(*(column[rows] for column in asked))
    return pd.DataFrame(found, index=table.index, columns=HOLM)
