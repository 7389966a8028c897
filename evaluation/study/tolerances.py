"""The tolerance of NSD from the readers of a study, level by level, and NSD over the tolerance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from evaluation.measures.kinds import READERS
from evaluation.measures.measure import Status
from evaluation.measures.surface_distances import SurfaceDistances
from evaluation.measures.tolerance import CURVE, OUTLINES, SURFACES, tolerance_curve, tolerance_of_pairs
from evaluation.statistics.words import number
from evaluation.study.measured import FAIR, USUAL, Measured

#: Columns of `study_tolerances`: ``tolerance`` in mm, ``source`` whose it is and ``notices`` what it cannot
#: carry, in words; ``n_pairs`` of readers who both marked the level, in ``n_exams``; voxels are from
#: ``smallest_step`` to ``largest_step`` mm apart.
TOLERANCE_COLUMNS = [
    "level", "tolerance", "source", "n_pairs", "n_exams", "notices", "smallest_step", "largest_step",
]  # fmt: skip
_HALF = 0.5
_NEITHER = str(Status.UNDEFINED)


def study_tolerances(
    exams: Sequence[Measured],
    readers: Sequence[str],
    levels: Sequence[str],
    *,
    quantile: float,
    given: Mapping[str, float],
) -> pd.DataFrame:
    """A tolerance a level: the quantile of distances between readers' surfaces, by area.

    Where readers miss each other's foci that is no distance between borders: in the synthetic cohort 95 % of
    the surfaces of level 3 lie within 51 mm, at which everything is right. Where it is more than the size of
    what they mark (`ReaderTolerance.is_of_borders`) the tolerance is the median distance, and says so.

    `given` are tolerances that were fixed before, in mm: readers are not asked then. A level that no two
    readers marked in one exam has none, and NSD is not scored.
    """
    asked = [level for level in levels if level not in given]
    found = [_Readers.of(exam, readers if asked else ()) for exam in exams]
    rows = [
        (level, given[level], "fixed before", 0, 0, "") if level in given else
        _of_readers(found, level, quantile)
        for level in levels
    ]  # fmt: skip
    steps = found[0].spacing
    table = pd.DataFrame(rows, columns=TOLERANCE_COLUMNS[:-2])
    return table.assign(smallest_step=min(steps), largest_step=max(steps))


@dataclass(frozen=True, eq=False)
class _Readers:
    """What an exam says of its readers' surfaces; of the other surfaces, which are many, nothing is held."""

    #: Level to how far the surfaces of any two lie apart.
    pairs: Mapping[str, Sequence[SurfaceDistances]]
    extents: Mapping[str, Mapping[str, tuple[float, float]]]
    spacing: tuple[float, ...]
    n: int

    @classmethod
    def of(cls, exam: Measured, readers: Sequence[str]) -> _Readers:
        pairs = exam.among(readers) if readers else {}
        return cls(pairs, exam.extents, exam.spacing, len(exam.readers))


def _of_readers(
    exams: Sequence[_Readers], level: str, quantile: float
) -> tuple[str, float, str, int, int, str]:
    pairs = [found for exam in exams for found in exam.pairs.get(level, ())]
    if not pairs:
        return level, np.nan, "no two readers marked it in one exam", 0, 0, ""
    extents = [exam.extents.get(level, {}) for exam in exams]
    known: dict[str, Any] = {
        "n_readers": [exam.n for exam in exams],
        "voxel": min(exams[0].spacing),
        "dimensions": len(exams[0].spacing),
    }
    found = tolerance_of_pairs(pairs, extents, level, quantile, **known)
    notices = []
    of_readers = "of the readers' surfaces lie this close to another reader's"
    if not found.is_of_borders and quantile > _HALF:
        notices.append(
            f"{level}: {100 * quantile:g} % of the readers' surfaces lie within {number(found.mm)} mm of "
            "another reader's, more than the size of what they mark (a ball with as much surface for its "
            f"volume has a radius of {number(found.radius)} mm): they differ in whole foci, not by borders "
            "alone. The tolerance is therefore the distance within which half of the surfaces lie, and at "
            "least a voxel."
        )
        found = tolerance_of_pairs(pairs, extents, level, _HALF, **known)
        found = replace(found, mm=max(found.mm, found.voxel))
        source = f"half {of_readers}, at least a voxel"
    else:
        source = f"{100 * found.quantile:g} % {of_readers}"
    return level, found.mm, source, found.n_pairs, found.n_exams, " ".join([*notices, *found.notices])


@dataclass(frozen=True, eq=False)
class _AtCurve:
    """NSD at the tolerances of `CURVE`, of one exam: the mean over yardsticks, of which some may be empty."""

    nsd: np.ndarray

    @classmethod
    def of(cls, surfaces: Sequence[SurfaceDistances], n: int) -> _AtCurve:
        return cls(np.sum([each.nsd_at(np.array(CURVE)) for each in surfaces], axis=0) / n)

    def nsd_at(self, tolerances: np.ndarray) -> np.ndarray:
        assert len(tolerances) == len(CURVE)
        return self.nsd


def nsd_curve(exams: Sequence[Measured], raters: Sequence[str], levels: Sequence[str]) -> pd.DataFrame:
    """NSD of each rater over the tolerance, fair (the usual way where there is one reader).

    Median of exams; of an exam with several yardsticks their mean. Where one marked nothing it is 0. Where
    outlines were measured, theirs follow.
    """
    way = FAIR if any((exam.rows.against == FAIR).any() for exam in exams) else USUAL
    # Surfaces of one exam at a time.
    found = [_by_rater(exam, way) for exam in exams]
    outlined = any(exam.outlines for exam in exams)
    curves = []
    for kind in (SURFACES, *([OUTLINES] if outlined else [])):
        scored = (
            (rater, level, of_exam[kind][rater, level])
            for level in levels
            for rater in raters
            for of_exam in found
            if (rater, level) in of_exam[kind]
        )
        curves.append(tolerance_curve(scored, of=kind))
    return pd.concat(curves, ignore_index=True)


def _by_rater(exam: Measured, way: str) -> dict[str, dict[tuple[str, str], _AtCurve | None]]:
    """Of each rater and level that somebody marked, surfaces and outlines; None where one is empty by all."""
    rows = exam.rows
    rows = rows[(rows.measure == f"nsd@{READERS}") & (rows.against == way) & (rows.status != _NEITHER)]
    found: dict[str, dict[tuple[str, str], _AtCurve | None]] = {}
    for kind, distances in ((SURFACES, exam.surfaces), (OUTLINES, exam.outlines)):
        of_kind = found.setdefault(kind, {})
        for (rater, level), mine in rows.groupby(["rater", "level"], sort=False):
            keys = mine[["against", "other", "rater", "level"]].itertuples(index=False, name=None)
            surfaces = [distances[key] for key in keys if key in distances]
            of_kind[rater, level] = _AtCurve.of(surfaces, len(mine)) if surfaces else None
    return found
