"""How far two surfaces are apart: normalised surface Dice, Hausdorff and average distances, in mm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evaluation.measures.kinds import Convention

#: In mm: a distance of one voxel is within a tolerance of one voxel, whatever a header rounded.
ROUNDING = 1e-6
#: Shares of a surface that differ by less are the same.
_SHARE = 1e-9


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distances between two surfaces, an entry an element, each side in rising order (else a ValueError)."""

    #: From the rater's elements to the reference's surface, mm.
    to_reference: np.ndarray
    #: From the reference's elements to the rater's surface, mm.
    to_rater: np.ndarray
    #: Of the rater's elements, mm^2 (in 2-D mm); 1 each of border voxels.
    rater_areas: np.ndarray
    reference_areas: np.ndarray
    convention: Convention = "elements"

    def __post_init__(self) -> None:
        for name, distances in (("to_reference", self.to_reference), ("to_rater", self.to_rater)):
            if not len(distances) or (distances[1:] < distances[:-1]).any():
                raise ValueError(f"{name}: expected one distance or more, in rising order")

    def __repr__(self) -> str:
        sizes = f"{len(self.to_reference)} and {len(self.to_rater)}"
        return f"SurfaceDistances({sizes} {self.convention}, HD {self.hausdorff():.2f} mm)"

    def nsd(self, tolerance: float) -> float:
        """Share of both surfaces, by area, that lies within the tolerance (mm) of the other: 0 to 1.

        The surface Dice of Nikolov and others (arXiv 1809.04430, not opened), as surface-distance computes
        it. A ValueError for a tolerance that is not 0 or more.
        """
        return float(self.nsd_at(np.array([tolerance]))[0])

    def nsd_at(self, tolerances: np.ndarray) -> np.ndarray:
        """`nsd` at many tolerances."""
        tolerances = np.asarray(tolerances, float)
        if not (tolerances >= 0).all():
            raise ValueError(f"tolerance: found {tolerances[~(tolerances >= 0)][0]:g}, expected 0 mm or more")
        within = sum(
            np.append(0.0, areas)[np.searchsorted(distances, tolerances + ROUNDING, side="right")]
            for distances, areas in self._sides
        )
        return np.asarray(within / sum(areas[-1] for _, areas in self._sides))

    def hausdorff(self, percentile: float = 100) -> float:
        """How far apart the surfaces are, mm: 100 the largest distance, 95 of HD95.

        Of elements the larger of the two directed percentiles, each the smallest distance within which that
        share of a surface's area lies; of border voxels the percentile of both directions' distances
        together, interpolated. A ValueError for a percentile that is not above 0 and at most 100.
        """
        if not 0 < percentile <= 100:
            raise ValueError(f"percentile: found {percentile:g}, expected one above 0 and at most 100")
        if self.convention == "voxels":
            return float(np.percentile(np.concatenate([self.to_reference, self.to_rater]), percentile))
        return max(_quantile(distances, areas, percentile / 100) for distances, areas in self._sides)

    def assd(self) -> float:
        """Average symmetric surface distance, mm: the mean over both surfaces as one, by area.

        So MedPy has it of border voxels. What panoptica calls ASSD is `masd`; surface-distance gives the two
        directed averages.
        """
        summed = sum(distances * areas for distances, areas in self._totals)
        return float(summed / sum(areas for _, areas in self._totals))

    def masd(self) -> float:
        """Mean of the two directed averages, mm: each surface counts alike, however small."""
        return float(np.mean([distances for distances, _ in self._totals]))

    def reversed(self) -> SurfaceDistances:
        """With rater and reference exchanged: every measure stays."""
        return SurfaceDistances(
            self.to_rater, self.to_reference, self.reference_areas, self.rater_areas, self.convention
        )

    @cached_property
    def _sides(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Rater's, then reference's: distances, and the area up to each."""
        return (
            (self.to_reference, np.cumsum(self.rater_areas)),
            (self.to_rater, np.cumsum(self.reference_areas)),
        )

    @cached_property
    def _totals(self) -> tuple[tuple[float, float], ...]:
        """Rater's, then reference's: mean distance, and whole area."""
        sides = (self.to_reference, self.rater_areas), (self.to_rater, self.reference_areas)
        return tuple((np.average(distances, weights=areas), areas.sum()) for distances, areas in sides)


def _quantile(distances: np.ndarray, areas: np.ndarray, share: float) -> float:
    """The smallest distance within which at least this share of the area (summed up) lies."""
    place = int(np.searchsorted(areas, (share - _SHARE) * areas[-1]))
    return float(distances[min(place, len(distances) - 1)])
