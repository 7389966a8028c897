"""Dice a level and rater: how much a mask and a reference overlap.

Dice (1945), Ecology 26:297: ``2 |A and B| / (|A| + |B|)``. Where both are empty it is undefined; what
then counts is an explicit choice, `EmptyMask`, and its name stands in every output.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from evaluation.consensus.all_votes import AllVotes
from evaluation.consensus.votes import Votes
from evaluation.measures.measure import Measure

#: Columns of dice.csv, in order.
COLUMNS = ["exam", "rater", "level", "dice", "tp", "fp", "fn", "n_reference", "n_rater"]


class EmptyMask(StrEnum):
    """What Dice is where both masks are empty. One of them empty is always 0."""

    UNDEFINED = "undefined"
    """NaN: left out of medians and means, and counted."""
    ONE = "one"
    """1: agreement that there is nothing."""
    ZERO = "zero"

    @property
    def value_when_empty(self) -> float:
        """The Dice of two empty masks."""
        return {EmptyMask.UNDEFINED: np.nan, EmptyMask.ONE: 1.0, EmptyMask.ZERO: 0.0}[self]


@dataclass(frozen=True)
class Dice:
    """Dice of one level, or of levels as one.

    Examples
    --------
    >>> reference = np.array([0, 1, 2, 3])
    >>> mask = np.array([0, 1, 3, 3])
    >>> Dice(level=3)(reference, mask)
    0.6666666666666666
    >>> Dice(level=(2, 3))(reference, mask)
    1.0
    >>> Dice(level=(2, 3))
    Dice(level=(2, 3))
    """

    level: int | tuple[int, ...]
    empty_mask: EmptyMask = EmptyMask.UNDEFINED

    def __repr__(self) -> str:
        extra = "" if self.empty_mask is EmptyMask.UNDEFINED else f", empty_mask='{self.empty_mask}'"
        return f"Dice(level={self.level}{extra})"

    @property
    def values(self) -> tuple[int, ...]:
        """The mask values that count as foreground."""
        return self.level if isinstance(self.level, tuple) else (self.level,)

    def __call__(self, reference: np.ndarray, mask: np.ndarray) -> float:
        """Dice of two label maps; a ValueError where the shapes differ, which NumPy would broadcast."""
        if reference.shape != mask.shape:
            raise ValueError(f"shape: found {mask.shape}, expected {reference.shape}")
        in_reference, in_mask = np.isin(reference, self.values), np.isin(mask, self.values)
        both = int((in_reference & in_mask).sum())
        return float(self.of_counts(both, int(in_reference.sum()), int(in_mask.sum())))

    def of_counts(self, both: int, n_reference: int, n_mask: int) -> float:
        """Dice from the number of voxels in both masks and in each."""
        total = n_reference + n_mask
        return 2 * both / total if total else self.empty_mask.value_when_empty


#: As a study chooses it beside other measures.
DICE = Measure(
    "dice",
    "Dice",
    "twice what both masks mark, divided by what each does; one mask empty: 0",
    lambda pair: 2 * pair.both / (pair.n_reference + pair.n_rater),
    lambda _: 0.0,
)


def score(
    votes: Votes | AllVotes,
    reference: np.ndarray,
    levels: Mapping[str, Sequence[int]],
    empty_mask: EmptyMask = EmptyMask.UNDEFINED,
) -> pd.DataFrame:
    """Score every rater of an exam on every level against one reference: `COLUMNS` without ``exam``.

    The reference is a label value a pattern of the votes; `levels` are level or group to mask values.
    """
    return pd.DataFrame(score_rows(votes, reference, levels, empty_mask), columns=COLUMNS[1:])


def score_rows(
    votes: Votes | AllVotes,
    reference: np.ndarray,
    levels: Mapping[str, Sequence[int]],
    empty_mask: EmptyMask = EmptyMask.UNDEFINED,
    raters: Collection[str] | None = None,
) -> list[tuple]:
    """The rows of `score`, of some raters where asked: making small tables takes longer than counting."""
    asked, tables, start = [], [], 0
    places = _places(votes.labels, reference)
    for part, whose in votes.parts():
        some = [rater for rater in whose if raters is None or rater in raters]
        asked += some
        here = slice(start, start := start + len(part.counts))
        if some:
            tables.append(part.against(places[here], some))
    counted = np.concatenate(tables)
    rows: list[tuple] = []
    for name, foreground in levels.items():
        measure = Dice(tuple(foreground), empty_mask)
        inside = np.isin(votes.labels, foreground)
        in_reference = counted[:, inside].sum(axis=1)
        n_reference = in_reference.sum(axis=1).tolist()
        both = in_reference[:, inside].sum(axis=1).tolist()
        n_rater = counted[:, :, inside].sum(axis=(1, 2)).tolist()
        for rater, tp, of, n in zip(asked, both, n_reference, n_rater, strict=True):
            rows.append((rater, name, measure.of_counts(tp, of, n), tp, n - tp, of - tp, of, n))
    return rows


def _places(labels: Sequence[int], values: np.ndarray) -> np.ndarray:
    """Label values as their places among the labels."""
    places = np.zeros(max(labels) + 1, int)
    places[list(labels)] = range(len(labels))
    return places[values]


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Table 1 as numbers: a row a level and rater, in order of appearance.

    Undefined Dice (NaN) are left out of ``median, minimum, maximum, mean``; ``n_defined`` of ``n`` exams are
    in them.
    """
    grouped = scores.groupby(["level", "rater"], sort=False).dice
    summary = grouped.agg(["median", "min", "max", "mean", "count", "size"]).reset_index()
    return summary.set_axis(
        ["level", "rater", "median", "minimum", "maximum", "mean", "n_defined", "n"], axis=1
    )
