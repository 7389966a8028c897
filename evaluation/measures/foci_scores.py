"""Foci of an exam as measures: how many were found, how many are false, and both in one number."""

from __future__ import annotations

import numpy as np

from evaluation.measures.foci import FALSE as FALSE_FOCUS
from evaluation.measures.foci import FOUND, LOWER, MISSED, ROW_COLUMNS
from evaluation.measures.measure import Measure, always_there
from evaluation.measures.pairs import Pair

_OUTCOME, _MATCHED, _PIECES = (ROW_COLUMNS.index(name) for name in ("outcome", "matched", "pieces"))


def _count(pair: Pair, outcome: str) -> int:
    return sum(row[_OUTCOME] == outcome for row in pair.foci)


def _n_reference(pair: Pair) -> int:
    return sum(row[_OUTCOME] in (FOUND, LOWER, MISSED) for row in pair.foci)


def _matched(pair: Pair) -> int:
    return sum(row[_MATCHED] for row in pair.foci if row[_OUTCOME] in (FOUND, LOWER, MISSED))


def _there(pair: Pair) -> tuple[int, int]:
    """Foci of the reference and of the rater: those matched, their further pieces, and the false ones."""
    pieces = sum(row[_PIECES] for row in pair.foci if row[_OUTCOME] in (FOUND, LOWER, MISSED))
    return _n_reference(pair), _matched(pair) + pieces + _count(pair, FALSE_FOCUS)


F1 = Measure(
    "foci_f1",
    "F1 of foci",
    "twice the foci matched one to one, divided by those of the reference and of the rater; one has none: 0",
    lambda pair: 2 * _matched(pair) / sum(_there(pair)),
    lambda _: 0.0,
    counts=_there,
    directed=True,
    of_groups=False,
    of_foci=True,
)
SENSITIVITY = Measure(
    "foci_sensitivity",
    "Sensitivity to foci",
    "share of the reference's foci of which the rater calls a voxel the level or more; undefined without one",
    lambda pair: _count(pair, FOUND) / _n_reference(pair),
    lambda _: 0.0,
    counts=lambda pair: (_n_reference(pair), 0),
    needs_rater=False,
    pairwise=False,
    of_groups=False,
    of_foci=True,
)
FALSE = Measure(
    "foci_false",
    "False foci",
    "foci of the rater that touch none of the reference; none where the rater marks nothing",
    lambda pair: float(_count(pair, FALSE_FOCUS)),
    lambda _: np.nan,
    higher_is_better=False,
    best=0.0,
    bounds=(0.0, np.inf),
    counts=always_there,
    needs_both=False,
    pairwise=False,
    of_groups=False,
    of_foci=True,
)
#: What ``foci`` in a study file stands for.
FOCI = (F1, SENSITIVITY, FALSE)
