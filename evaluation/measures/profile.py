"""How far apart two surfaces lie, kept small: what NSD at any tolerance, and a tolerance itself, are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.measures.surface import ROUNDING, SurfaceDistances

# Distances on a grid repeat; what differs by less, mm, is one.
_DECIMALS = 9
_SHARE = 1e-9


@dataclass(frozen=True, eq=False)
class Profile:
    """Distances between two surfaces, both directions together, each once."""

    #: Rising, mm.
    distances: np.ndarray
    #: Area of both surfaces at each.
    areas: np.ndarray

    @classmethod
    def of(cls, found: SurfaceDistances) -> Profile:
        """Of all elements of two surfaces."""
        return cls._merged([found.to_reference, found.to_rater], [found.rater_areas, found.reference_areas])

    @classmethod
    def pooled(cls, profiles: Sequence[Profile]) -> Profile:
        """Of several pairs of surfaces as one: a large surface weighs more."""
        return cls._merged([each.distances for each in profiles], [each.areas for each in profiles])

    @classmethod
    def _merged(cls, distances: Sequence[np.ndarray], areas: Sequence[np.ndarray]) -> Profile:
        each, place = np.unique(np.round(np.concatenate(distances), _DECIMALS), return_inverse=True)
        return cls(each, np.bincount(place, np.concatenate(areas), len(each)))

    def within(self, tolerance: float | np.ndarray) -> np.ndarray:
        """Share of both surfaces within a tolerance, mm, of the other: NSD."""
        reached = np.searchsorted(self.distances, np.asarray(tolerance) + ROUNDING, side="right")
        return np.append(0.0, np.cumsum(self.areas) / self.areas.sum())[reached]

    def quantile(self, share: float) -> float:
        """The smallest distance, mm, within which at least this share of both surfaces lies."""
        shares = np.cumsum(self.areas) / self.areas.sum()
        return float(self.distances[min(int(np.searchsorted(shares, share - _SHARE)), len(shares) - 1)])
