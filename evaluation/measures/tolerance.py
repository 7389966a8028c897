"""The tolerance of NSD, taken from the readers: how far their own surfaces lie apart.

Never from the models that are scored with it. Each level has its own: readers part further where the border
is faint.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from evaluation.measures.surface_distances import ROUNDING, SurfaceDistances
from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.words import number

#: Of readers' surfaces that is to lie within the tolerance.
QUANTILE = 0.95
#: Tolerances are multiples of so many mm: what is printed is what is used, and a grid whose spacing differs
#: in the last digit is not cut off.
STEP = 0.01
#: mm, of a curve: 0 and KiTS21's fifty, 0.1 to 5.
CURVE = tuple(round(0.1 * n, 1) for n in range(51))
#: Columns of a curve.
CURVE_COLUMNS = ["rater", "level", "tolerance", "nsd", "n"]


class AtTolerances(Protocol):
    """What knows NSD at many tolerances, such as `SurfaceDistances`."""

    def nsd_at(self, tolerances: np.ndarray) -> np.ndarray:
        """NSD at each."""


def reader_tolerance(pairs: Sequence[SurfaceDistances], quantile: float = QUANTILE) -> float:
    """The distance within which a share of the readers' surfaces lies of each other, mm.

    The distances of all pairs of readers of all exams, both directions, are taken as one, each element by its
    area: exams with more surface weigh more. The smallest distance that holds the share is rounded up to the
    next `STEP`.

    Parameters
    ----------
    pairs : sequence of SurfaceDistances
        Of one level: every pair of readers in every exam in which both marked the level.
    quantile : float
        The share, above 0 and at most 1.

    Raises
    ------
    StatisticsError
        When there is no pair, or the quantile is no such share.
    """
    if not 0 < quantile <= 1:
        raise StatisticsError(f"quantile: found {quantile:g}, expected a share above 0 and at most 1")
    if not pairs:
        raise StatisticsError(
            "tolerance: no exam in which two readers marked the level, so that there is none"
        )
    distances = np.concatenate([side for pair in pairs for side in (pair.to_reference, pair.to_rater)])
    areas = np.concatenate([side for pair in pairs for side in (pair.rater_areas, pair.reference_areas)])
    order = np.argsort(distances)
    shares = np.cumsum(areas[order]) / areas.sum()
    place = min(int(np.searchsorted(shares, quantile - 1e-9)), len(order) - 1)
    return round(math.ceil((distances[order][place] - ROUNDING) / STEP) * STEP, 2)


def kits21_tolerance(exams: Iterable[Sequence[SurfaceDistances | None]], quantile: float = QUANTILE) -> float:
    """The tolerance as the KiTS21 challenge computed it, to compare with published ones.

    Of a pair the mean of the two directed quantiles, each element counting alike whatever its area; of an
    exam the mean of its pairs; then the mean of exams (kits21/evaluation/compute_tolerances.py of
    github.com/neheller/kits21, commit 21698f97). An exam with a pair in which one reader marked nothing
    (None) is left out. A StatisticsError when none is left.
    """
    found = []
    for exam in exams:
        pairs = [pair for pair in exam if pair is not None]
        if pairs and len(pairs) == len(exam):
            sides = [(pair.to_reference, pair.to_rater) for pair in pairs]
            found.append(np.mean([np.quantile(side, quantile) for pair in sides for side in pair]))
    if not found:
        raise StatisticsError(
            "tolerance: no exam in which all readers marked the level, so that there is none"
        )
    return float(np.mean(found))


def tolerance_warning(tolerance: float, spacing: Sequence[float], level: str = "") -> str:
    """What a tolerance (mm) cannot carry on voxels of a spacing, in a sentence; "" where it can."""
    voxel = min(spacing)
    if tolerance >= voxel - ROUNDING:
        return ""
    of_level = f" of {level}" if level else ""
    return (
        f"The tolerance{of_level}, {number(tolerance)} mm, is below a voxel ({number(voxel)} mm): surfaces "
        "are apart by whole voxels, so that only what coincides is within it."
    )


def tolerance_curve(
    scored: Iterable[tuple[str, str, AtTolerances | None]], tolerances: Sequence[float] = CURVE
) -> pd.DataFrame:
    """NSD over the tolerance: the median of exams, `CURVE_COLUMNS`, raters and levels in order.

    Parameters
    ----------
    scored : iterable of tuple
        Rater, level, and the distances between the rater and what it is scored against in one exam; None
        where one of the two marked nothing, which counts as 0 at every tolerance. Exams in which neither did
        are left out.
    tolerances : sequence of float
        In mm.
    """
    exams: dict[tuple[str, str], list[np.ndarray]] = {}
    for rater, level, distances in scored:
        nsd = np.zeros(len(tolerances)) if distances is None else distances.nsd_at(np.array(tolerances))
        exams.setdefault((rater, level), []).append(nsd)
    rows = [
        (rater, level, tolerance, nsd, len(found))
        for (rater, level), found in exams.items()
        for tolerance, nsd in zip(tolerances, np.median(found, axis=0), strict=True)
    ]
    return pd.DataFrame(rows, columns=CURVE_COLUMNS)
