"""What is asked of two masks on a level: a measure, and what it is where one of the masks, or both, is empty.

A measure is an object; everything that is done with scores (fair yardsticks, intervals, tests, figures) asks
it what it is called, which way is better and what an empty mask means. `evaluation.measures.named` lists all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evaluation.measures.pairs import Pair


class Status(StrEnum):
    """How a value came about."""

    SCORED = "scored"
    UNDEFINED = "undefined"
    """Both masks are empty, and the measure needs something to find."""
    ONE_EMPTY = "one_empty"
    """One of them is: the value is what `OneEmpty` says."""


class OneEmpty(StrEnum):
    """What a measure is where one of two masks is empty."""

    WORST = "worst"
    """Its worst value: 0 of 1; of a distance, the diagonal of the exam's grid."""
    LEFT_OUT = "left_out"
    """NaN: left out of medians and means, and counted."""


def always_there(_: Pair) -> tuple[int, int]:
    """`Measure.counts` of what is defined whether or not anybody marked the level."""
    return 1, 1


@dataclass(frozen=True)
class Measure:
    """A measure of two masks on one level.

    Parameters
    ----------
    name : str
        As in study files and tables, such as ``nsd@2``.
    title : str
        As people read it.
    convention : str
        How exactly it is defined, in a sentence that stands below tables.
    value : callable
        Of a `Pair` whose masks both mark the level.
    worst : callable
        Of a `Pair`: the worst that it can be in this exam.
    unit : str
        "mm", "ml" or none.
    best : float
        Where two masks agree perfectly.
    bounds : tuple of float
        What it can be: where intervals of means are cut.
    needs_both : bool
        Whether it is undefined where both masks are empty, and its worst where one is. A volume is not: it
        needs no mask to find anything, and its counts are `always_there`.
    needs_rater : bool
        False where it is asked of what the reference has: who marks nothing has found nothing.
    signed : bool
        Whether it has a direction, such as too much and too little: its size is then what is compared.
    counts : callable
        Of a `Pair`: what there is to find in the reference and in the rater's mask; none is an empty mask.
    pairwise : bool
        Whether two raters, neither of whom is a reference, are measured by it.
    directed : bool
        Whether it depends on which of two masks is the reference; of two raters the mean of both ways counts.
    of_groups : bool
        Whether levels scored as one have it too.
    of_foci : bool
        Whether it counts foci.
    of_surfaces : bool
        Whether it asks how far surfaces, or outlines, are apart.
    deferred : bool
        Whether its tolerance is known only when every exam has been read (`evaluation.measures.tolerance`).
    """

    name: str
    title: str
    convention: str
    value: Callable[[Pair], float]
    worst: Callable[[Pair], float]
    unit: str = ""
    higher_is_better: bool = True
    best: float = 1.0
    bounds: tuple[float, float] = (0.0, 1.0)
    needs_both: bool = True
    needs_rater: bool = True
    signed: bool = False
    counts: Callable[[Pair], tuple[int, int]] = lambda pair: (pair.n_reference, pair.n_rater)
    pairwise: bool = True
    directed: bool = False
    of_groups: bool = True
    of_foci: bool = False
    of_surfaces: bool = False
    deferred: bool = False

    def score(self, pair: Pair, one_empty: OneEmpty = OneEmpty.WORST) -> tuple[float, Status]:
        """Its value of a pair, and how that came about."""
        status = self.status(pair)
        if status is Status.SCORED:
            return np.nan if self.deferred else float(self.value(pair)), status
        if status is Status.UNDEFINED or one_empty is OneEmpty.LEFT_OUT:
            return np.nan, status
        return float(self.worst(pair)), status

    def status(self, pair: Pair) -> Status:
        """Whether a pair can be scored."""
        return self.status_of(*self.counts(pair))

    def status_of(self, n_reference: int, n_rater: int) -> Status:
        """The same of what there is to find in the reference and in the rater's mask."""
        there = [n_reference > 0, n_rater > 0][: 1 + self.needs_rater]
        if all(there):
            return Status.SCORED
        return Status.ONE_EMPTY if any(there) else Status.UNDEFINED

    @property
    def compared_by(self) -> str:
        """What differences are of, in words."""
        return f"size of the {self.title[0].lower()}{self.title[1:]}" if self.signed else self.title

    @property
    def with_unit(self) -> str:
        """Its title, and in what it is given."""
        return f"{self.title}, {self.unit}" if self.unit else self.title
