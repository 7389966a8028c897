"""The tolerance of NSD from the readers of a study, level by level, and NSD over the tolerance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.measures.kinds import READERS
from evaluation.measures.measure import Status
from evaluation.measures.surface_distances import SurfaceDistances
from evaluation.measures.tolerance import CURVE, reader_tolerance, tolerance_curve, tolerance_warning
from evaluation.study.measured import FAIR, USUAL, Measured

#: Columns of `readers_tolerances`: ``tolerance`` in mm, ``source`` whose it is in words.
TOLERANCE_COLUMNS = ["level", "tolerance", "source", "n_pairs", "warning"]
#: mm: readers whose surfaces lie further apart differ on what is there, not on where its border runs.
LARGEST = CURVE[-1]
_NEITHER = str(Status.UNDEFINED)


def readers_tolerances(
    among: Mapping[str, Sequence[SurfaceDistances]],
    quantile: float,
    *,
    given: Mapping[str, float],
    spacing: Sequence[float],
) -> pd.DataFrame:
    """A tolerance a level: the quantile of distances between readers' surfaces, by area.

    Where readers miss each other's foci, that is no distance between borders: in the synthetic cohort 95 % of
    the surfaces of level 3 lie within 51 mm, at which everything is right. Above `LARGEST` the tolerance is
    therefore the median distance, and its source says so.

    Parameters
    ----------
    among : mapping of str to sequence of SurfaceDistances
        Level to the pairs of readers, of all exams, who both marked it. Where there is none a level has no
        tolerance, and NSD is not scored.
    given : mapping of str to float
        Tolerances that were fixed before; readers are not asked then.
    spacing : sequence of float
        Of voxels, mm.
    """
    rows = []
    for level, pairs in among.items():
        if level in given:
            tolerance, source = float(given[level]), "fixed before"
        else:
            tolerance, source = _of_readers(pairs, quantile)
        warning = "" if np.isnan(tolerance) else tolerance_warning(tolerance, spacing, level)
        rows.append((level, tolerance, source, len(pairs), warning))
    return pd.DataFrame(rows, columns=TOLERANCE_COLUMNS)


def _of_readers(pairs: Sequence[SurfaceDistances], quantile: float) -> tuple[float, str]:
    """The tolerance of a level, and in words whose it is."""
    if not pairs:
        return np.nan, "no two readers marked it in one exam"
    wanted = reader_tolerance(pairs, quantile)
    of_readers = "of the readers' surfaces lie this close to another reader's"
    if wanted <= LARGEST or quantile <= 0.5:
        return wanted, f"{100 * quantile:g} % {of_readers}"
    half = f"half {of_readers}; {100 * quantile:g} % only within {wanted:.1f} mm"
    return reader_tolerance(pairs, 0.5), half


@dataclass(frozen=True)
class _Mean:
    """Of one exam against several yardsticks, of which some may be empty."""

    found: Sequence[SurfaceDistances]
    n: int

    def nsd_at(self, tolerances: np.ndarray) -> np.ndarray:
        return np.sum([each.nsd_at(tolerances) for each in self.found], axis=0) / self.n


def nsd_curve(exams: Sequence[Measured], raters: Sequence[str], levels: Sequence[str]) -> pd.DataFrame:
    """NSD of each rater over the tolerance, fair (the usual way where there is one reader).

    Median of exams; of an exam with several yardsticks their mean. Where one marked nothing it is 0.
    """
    of_exams = [_by_rater(exam) for exam in exams]
    return tolerance_curve(
        (rater, level, of_exam[rater, level])
        for level in levels
        for rater in raters
        for of_exam in of_exams
        if (rater, level) in of_exam
    )


def _by_rater(exam: Measured) -> dict[tuple[str, str], _Mean | None]:
    """Of each rater and level that somebody marked: all yardsticks; None where one is empty by all."""
    rows = exam.rows[exam.rows.measure == f"nsd@{READERS}"]
    way = FAIR if (rows.against == FAIR).any() else USUAL
    rows = rows[(rows.against == way) & (rows.status != _NEITHER)]
    found: dict[tuple[str, str], _Mean | None] = {}
    for (rater, level), mine in rows.groupby(["rater", "level"], sort=False):
        keys = mine[["against", "other", "rater", "level"]].itertuples(index=False, name=None)
        surfaces = [exam.surfaces[key] for key in keys if key in exam.surfaces]
        found[rater, level] = _Mean(surfaces, len(mine)) if surfaces else None
    return found
