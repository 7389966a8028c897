"""Every two raters' agreement, as an array: the readers, and a model beside them.

A pair that both marked nothing agrees: it counts as perfect agreement in exams in which one of the raters
marked the level; exams in which none did are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.statistics.intervals import StatisticsError


@dataclass(frozen=True, eq=False)
class Pairs:
    """Agreement of every two raters on a level; the model is the last rater.

    Parameters
    ----------
    values : ndarray, shape (exams, raters, raters)
        Of the exams in which a rater marked the level; symmetric, higher is better, 0 on the diagonal.
    n_absent, n_invented : int
        Exams in which nobody marked the level, and in which the model alone did.
    """

    values: np.ndarray
    n_absent: int
    n_invented: int

    @property
    def n_readers(self) -> int:
        """How many readers there are beside the model."""
        return self.values.shape[1] - 1

    def without(self, place: int) -> Pairs:
        """Without a reader, on the same exams."""
        kept = np.delete(np.arange(self.n_readers + 1), place)
        return Pairs(self.values[:, kept][:, :, kept], self.n_absent, self.n_invented)

    def each_as_model(self) -> np.ndarray:
        """Each rater's mean agreement with the others minus theirs with each other, shape (exams, raters)."""
        n = self.n_readers
        sums = self.values.sum(axis=2)
        among_others = sums.sum(axis=1, keepdims=True) / 2 - sums
        # The last digits of floating point are no difference.
        return np.round(sums / n - among_others / (n * (n - 1) / 2), 12)

    def in_place(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Exam by exam: mean agreement of the model, and of the reader at `place`, with the other readers."""
        others = [n for n in range(self.n_readers) if n != place]
        return self.values[:, -1, others].mean(axis=1), self.values[:, place, others].mean(axis=1)


def side_by_side(
    pairs: pd.DataFrame,
    level: str,
    raters: Sequence[str],
    *,
    value: str = "dice",
    agreed: float = 1.0,
    higher_is_better: bool = True,
) -> Pairs:
    """The agreement of some raters on a level, the model last; exams in the order of their names.

    Parameters are those of `evaluation.scores.interchangeability.interchangeability`.

    Raises
    ------
    StatisticsError
        When a pair is missing in an exam, or there twice.
    """
    sign = 1 if higher_is_better else -1
    chosen = pairs[(pairs.level == level) & pairs.rater.isin(raters) & pairs.other.isin(raters)]
    place = {rater: n for n, rater in enumerate(raters)}
    exams = sorted(set(pairs.exam[pairs.level == level]))
    first, second = (chosen[column].map(place).to_numpy(dtype=int) for column in ("rater", "other"))
    cells = set(zip(chosen.exam, np.minimum(first, second), np.maximum(first, second), strict=True))
    expected = len(exams) * len(raters) * (len(raters) - 1) // 2
    if not len(chosen) == len(cells) == expected:
        raise StatisticsError(
            f"{level}: found {len(chosen)} pairs of {', '.join(raters)} in {len(exams)} exams, expected each "
            f"pair once in each exam, {expected}"
        )
    rows = pd.Index(exams).get_indexer(chosen.exam)
    values = np.full((len(exams), len(raters), len(raters)), np.nan)
    values[rows, first, second] = values[rows, second, first] = sign * chosen[value].to_numpy(dtype=float)
    return _marked(values, sign * agreed)


def _marked(values: np.ndarray, agreed: float) -> Pairs:
    """Without the exams in which nobody marked the level: every pair is undefined there."""
    upper = np.triu(np.ones(values.shape[1:], bool), 1)
    among_readers = upper.copy()
    among_readers[:, -1] = False
    defined = ~np.isnan(values)
    marked, by_readers = ((defined & cells).any(axis=(1, 2)) for cells in (upper, among_readers))
    filled = np.where(np.isnan(values), agreed, values)[marked]
    filled[:, np.arange(values.shape[1]), np.arange(values.shape[1])] = 0
    return Pairs(filled, int((~marked).sum()), int((marked & ~by_readers).sum()))
