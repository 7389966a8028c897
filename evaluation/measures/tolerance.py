"""The tolerance of NSD, taken from the readers: how far their own surfaces lie apart.

Never from the models that are scored with it. Each level has its own: readers part further where the border
is faint. Where readers differ in whole foci, the distances are those between foci, and a tolerance made of
them says little of borders: `ReaderTolerance` tells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from evaluation.measures.kinds import QUANTILE
from evaluation.measures.surface_distances import ROUNDING, SurfaceDistances
from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.words import count_of, number

#: Tolerances are multiples of so many mm: what is printed is what is used, and a grid whose spacing differs
#: in the last digit is not cut off.
STEP = 0.01
#: mm, of a curve: 0 and KiTS21's fifty, 0.1 to 5.
CURVE = tuple(round(0.1 * n, 1) for n in range(51))
#: Columns of a curve.
CURVE_COLUMNS = ["rater", "level", "tolerance", "nsd", "n", "of"]
#: What the curve is of: whole surfaces, or outlines slice by slice.
SURFACES, OUTLINES = "surfaces", "outlines"


class AtTolerances(Protocol):
    """What knows NSD at many tolerances, such as `SurfaceDistances`."""

    def nsd_at(self, tolerances: np.ndarray) -> np.ndarray:
        """NSD at each."""


@dataclass(frozen=True)
class ReaderTolerance:
    """A level's tolerance, what it rests on, and what it cannot carry."""

    level: str
    #: Within which `quantile` of the readers' surfaces lies, see `reader_tolerance`.
    mm: float
    quantile: float
    #: Pairs of readers in an exam that both marked the level, of how many exams; and pairs of which one did,
    #: who have no distances.
    n_pairs: int
    n_exams: int
    n_one_empty: int
    #: The smallest step of the voxels, mm.
    voxel: float
    #: Of a ball (in 2-D a disc) that has as much surface for its volume as what readers marked; NaN of border
    #: voxels.
    radius: float

    @property
    def is_of_borders(self) -> bool:
        """Whether readers part by less than the size of what they mark, so that it is borders that differ."""
        return not self.mm >= self.radius

    @property
    def notices(self) -> list[str]:
        """What the tolerance cannot carry, in sentences."""
        found = []
        if self.mm < self.voxel - ROUNDING:
            found.append(
                f"{self.level}: the readers' tolerance of {number(self.mm)} mm is below a voxel "
                f"({number(self.voxel)} mm). Surfaces are apart by whole voxels, so that only what coincides "
                "is within it."
            )
        if not self.is_of_borders:
            found.append(
                f"{self.level}: the readers' tolerance of {number(self.mm)} mm is more than the size of what "
                "they mark (a ball with as much surface for its volume has a radius of "
                f"{number(self.radius)} mm). They differ in whole foci, not by borders alone: NSD at this "
                "tolerance takes one focus for another nearby and says little of borders."
            )
        if self.n_one_empty:
            found.append(
                f"{self.level}: in {count_of(self.n_one_empty, self.n_one_empty + self.n_pairs, 'pairs')} of "
                "readers and exams one reader alone marked something; they are not in the tolerance."
            )
        return found


def tolerance_of_pairs(
    pairs: Sequence[SurfaceDistances],
    extents: Sequence[Mapping[str, tuple[float, float]]],
    level: str,
    quantile: float = QUANTILE,
    *,
    n_readers: int | Sequence[int],
    voxel: float,
    dimensions: int = 3,
) -> ReaderTolerance:
    """The tolerance of one level, what it rests on and what it cannot carry.

    `pairs` are those of `reader_tolerance`; `extents`, an exam each, are reader to volume and area
    (`evaluation.measures.surface.Surfaces.extent`) of those who marked the level, of `n_readers` who drew
    the exam.
    """
    drew = [n_readers] * len(extents) if isinstance(n_readers, int) else n_readers
    try:
        mm = reader_tolerance(pairs, quantile)
    except StatisticsError as error:
        raise StatisticsError(f"{level}: {error}") from error
    n_exams = sum(len(exam) > 1 for exam in extents)
    n_one_empty = sum(len(exam) * (n - len(exam)) for exam, n in zip(extents, drew, strict=True))
    volume, area = np.sum([each for exam in extents for each in exam.values()], axis=0)
    radius = dimensions * volume / area if pairs[0].convention == "elements" else math.nan
    return ReaderTolerance(level, mm, quantile, len(pairs), n_exams, n_one_empty, voxel, float(radius))


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


def tolerance_curve(
    scored: Iterable[tuple[str, str, AtTolerances | None]],
    tolerances: Sequence[float] = CURVE,
    *,
    of: str = SURFACES,
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
    of : str
        What the distances are of.
    """
    exams: dict[tuple[str, str], list[np.ndarray]] = {}
    for rater, level, distances in scored:
        nsd = np.zeros(len(tolerances)) if distances is None else distances.nsd_at(np.array(tolerances))
        exams.setdefault((rater, level), []).append(nsd)
    rows = [
        (rater, level, tolerance, nsd, len(found), of)
        for (rater, level), found in exams.items()
        for tolerance, nsd in zip(tolerances, np.median(found, axis=0), strict=True)
    ]
    return pd.DataFrame(rows, columns=CURVE_COLUMNS)
