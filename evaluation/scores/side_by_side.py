"""Every two raters' agreement, as an array: the readers, and a model beside them.

A pair that both marked nothing agrees: it counts as perfect agreement in exams in which one of the raters
marked the level; exams in which none did are left out. Where readers drew some of the exams each, an exam
speaks for those who drew it; one that a single reader drew holds no two readers and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.words import plural


@dataclass(frozen=True, eq=False)
class Pairs:
    """Agreement of every two raters on a level; the model is the last rater.

    Parameters
    ----------
    values : ndarray, shape (exams, raters, raters)
        Of the exams in which a rater marked the level; symmetric, higher is better, 0 on the diagonal and
        where one of the two has no mask.
    there : ndarray of bool, shape (exams, raters)
        Who has a mask; the model always, of the readers two at least.
    absent : ndarray of bool, shape (exams without the level, raters)
        The same of the exams in which nobody marked the level.
    n_invented : int
        Exams in which the model alone marked it.
    """

    values: np.ndarray
    there: np.ndarray
    absent: np.ndarray
    n_invented: int

    @property
    def n_readers(self) -> int:
        """How many readers there are beside the model."""
        return self.values.shape[1] - 1

    @property
    def n_absent(self) -> int:
        """Exams in which nobody marked the level."""
        return len(self.absent)

    @property
    def is_complete(self) -> bool:
        """Whether every reader drew every exam."""
        return bool(self.there.all())

    def without(self, place: int) -> Pairs:
        """Without a reader, on the same exams; those that leave fewer than two readers are left out."""
        kept = np.delete(np.arange(self.n_readers + 1), place)
        there, absent = self.there[:, kept], self.absent[:, kept]
        enough = there[:, :-1].sum(axis=1) > 1
        absent = absent[absent[:, :-1].sum(axis=1) > 1]
        return Pairs(self.values[enough][:, kept][:, :, kept], there[enough], absent, self.n_invented)

    def each_as_model(self) -> np.ndarray:
        """Each rater's mean agreement with the others minus theirs with each other, shape (exams, raters).

        NaN of who has no mask.
        """
        n = self.there.sum(axis=1, keepdims=True) - 1
        sums = self.values.sum(axis=2)
        among_others = sums.sum(axis=1, keepdims=True) / 2 - sums
        # The last digits of floating point are no difference.
        found = np.round(sums / n - among_others / (n * (n - 1) / 2), 12)
        return np.where(self.there, found, np.nan)

    def of_model(self) -> np.ndarray:
        """The model's mean agreement with the readers, exam by exam."""
        if self.is_complete:
            return self.values[:, -1, :-1].mean(axis=1)
        return self.values[:, -1, :-1].sum(axis=1) / self.there[:, :-1].sum(axis=1)

    def in_place(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean agreement of the model, and of the reader at `place`, with the other readers.

        Exam by exam, of those that the reader drew.
        """
        others = [n for n in range(self.n_readers) if n != place]
        if self.is_complete:
            return self.values[:, -1, others].mean(axis=1), self.values[:, place, others].mean(axis=1)
        drawn = self.there[:, place]
        n = self.there[drawn][:, others].sum(axis=1)
        ours, theirs = (self.values[drawn][:, of, others].sum(axis=1) / n for of in (-1, place))
        return ours, theirs


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

    Parameters are those of `evaluation.scores.interchangeability.interchangeability`. Who is in no pair of an
    exam has no mask there.

    Raises
    ------
    StatisticsError
        When a pair of two who have masks of an exam is missing or there twice, a rater has none anywhere, or
        the model lacks an exam.
    """
    return OfLevel(pairs, level, value=value, agreed=agreed, higher_is_better=higher_is_better).of(raters)


class OfLevel:
    """The pairs of a level, taken apart once for whoever is set side by side: models by the hundred."""

    def __init__(
        self,
        pairs: pd.DataFrame,
        level: str,
        *,
        value: str = "dice",
        agreed: float = 1.0,
        higher_is_better: bool = True,
    ) -> None:
        sign = 1 if higher_is_better else -1
        self._level, self._agreed = level, sign * agreed
        chosen = pairs[pairs.level == level]
        exams = chosen.exam.to_numpy(object)
        names = pd.Index(sorted(set(exams)))
        self._n_exams, self._exams = len(names), names.get_indexer(exams)
        both = np.concatenate([chosen.rater.to_numpy(object), chosen.other.to_numpy(object)])
        codes, raters = pd.factorize(both, use_na_sentinel=False)
        self._codes = {rater: code for code, rater in enumerate(raters)}
        self._first, self._second = codes.reshape(2, -1)
        self._values = sign * chosen[value].to_numpy(dtype=float)
        # The rows in which each takes part.
        order = np.argsort(codes, kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=len(raters)))[:-1]
        self._rows_of = np.split(order % max(1, len(chosen)), ends)
        self._of_readers: dict[tuple[str, ...], np.ndarray] = {}

    def of(self, raters: Sequence[str]) -> Pairs:
        """`side_by_side` of some raters."""
        place = np.full(len(self._codes), -1)
        known = [self._codes[rater] for rater in raters if rater in self._codes]
        place[known] = [n for n, rater in enumerate(raters) if rater in self._codes]
        readers = tuple(raters[:-1])
        if readers not in self._of_readers:
            among = place.copy()
            among[[code for code in known if place[code] == len(readers)]] = -1
            self._of_readers[readers] = np.flatnonzero((among[self._first] >= 0) & (among[self._second] >= 0))
        of_model = np.empty(0, int)
        if raters[-1] in self._codes:
            of_model = np.unique(self._rows_of[self._codes[raters[-1]]])
            is_in = (place[self._first[of_model]] >= 0) & (place[self._second[of_model]] >= 0)
            of_model = of_model[is_in]
        chosen = np.concatenate([self._of_readers[readers], of_model])
        return self._pairs(chosen, place[self._first[chosen]], place[self._second[chosen]], raters)

    def _pairs(
        self, chosen: np.ndarray, first: np.ndarray, second: np.ndarray, raters: Sequence[str]
    ) -> Pairs:
        rows, n_raters = self._exams[chosen], len(raters)
        there = np.zeros((self._n_exams, n_raters), bool)
        there[rows, first] = there[rows, second] = True
        low, high = np.minimum(first, second), np.maximum(first, second)
        n_cells = len(np.unique((rows * n_raters + low) * n_raters + high))
        n = there.sum(axis=1)
        expected = int((n * (n - 1) // 2).sum())
        everyone = bool(there.any(axis=0).all() and there[n > 0, -1].all())
        if not everyone or not len(chosen) == n_cells == expected:
            raise StatisticsError(
                f"{self._level}: found {plural(len(chosen), 'pair')} of {', '.join(raters)} in "
                f"{plural(self._n_exams, 'exam')}, expected each pair once of those who drew an exam, "
                f"{raters[-1]} in all of them"
            )
        values = np.full((self._n_exams, n_raters, n_raters), np.nan)
        values[rows, first, second] = values[rows, second, first] = self._values[chosen]
        # With three raters or more the readers are held against each other.
        enough = there[:, :-1].sum(axis=1) > (1 if n_raters > 2 else 0)
        return _marked(values[enough], there[enough], self._agreed)


def _marked(values: np.ndarray, there: np.ndarray, agreed: float) -> Pairs:
    """Without the exams in which nobody marked the level: every pair is undefined there."""
    upper = np.triu(np.ones(values.shape[1:], bool), 1)
    among_readers = upper.copy()
    among_readers[:, -1] = False
    defined = ~np.isnan(values)
    marked, by_readers = (defined[:, cells].any(axis=1) for cells in (upper, among_readers))
    both = there[:, :, None] & there[:, None, :]
    filled = np.where(np.isnan(values), np.where(both, agreed, 0), values)[marked]
    filled[:, np.arange(values.shape[1]), np.arange(values.shape[1])] = 0
    return Pairs(filled, there[marked], there[~marked], int((marked & ~by_readers).sum()))
