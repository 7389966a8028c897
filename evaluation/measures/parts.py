"""Two masks of an exam in its outer slices, or in the others: every measure, of what lies there.

Nothing is cut: a surface element or a focus of a part is held against all of the other mask, so that no
border of a part becomes a surface.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from evaluation.measures.foci import ROW_COLUMNS
from evaluation.measures.kinds import Convention
from evaluation.measures.measure import Measure, OneEmpty, Status
from evaluation.measures.pairs import Pair
from evaluation.measures.surface_distances import SurfaceDistances

_CENTRE = slice(ROW_COLUMNS.index("x_mm"), ROW_COLUMNS.index("z_mm") + 1)


def is_peripheral(places: np.ndarray, first: float, n: int) -> np.ndarray:
    """Which places along the slices, in voxels, are in the outer quarters of `n` slices from `first` on."""
    # In whole numbers: 1/4 of six slices is a slice's middle, which is central on both sides.
    twice = 2 * (np.asarray(places) - first) + 1
    return np.asarray(4 * np.minimum(twice, 2 * n - twice) < 2 * n)


class NoSurfaceError(ValueError):
    """Neither of two masks has a surface in a part."""


@dataclass(frozen=True)
class Part:
    """The outer quarters of some slices, or the inner half."""

    #: Index of the first slice, along the array's axis.
    first: int
    n: int
    peripheral: bool

    def holds(self, places: np.ndarray) -> np.ndarray:
        """Which places along the slices, in voxels, lie in it."""
        return is_peripheral(places, self.first, self.n) == self.peripheral


@dataclass(frozen=True, eq=False)
class PairInPart(Pair):
    """Two masks of an exam on one level, of which a part of the slices counts."""

    part: Part
    _found: dict[tuple[Convention, bool], SurfaceDistances] = field(default_factory=dict, init=False)

    def score(self, measure: Measure, one_empty: OneEmpty) -> tuple[float, Status]:
        """A measure of the part, as `Measure.score` of the whole.

        Whether both have a surface is asked of the exam: who stops a slice short has a distance to show, not
        the worst value.
        """
        if not measure.of_surfaces:
            return measure.score(self, one_empty)
        whole = self.exam.pair(self.level, self.reference, self.rater)
        if measure.status(whole) is not Status.SCORED:
            there = self.n_reference + self.n_rater > 0
            return measure.score(whole, one_empty) if there else (np.nan, Status.UNDEFINED)
        try:
            value = measure.value(self)
        except NoSurfaceError:
            return np.nan, Status.UNDEFINED
        return np.nan if measure.deferred else float(value), Status.SCORED

    @cached_property
    def n_reference(self) -> int:
        """Voxels of the reference in the part."""
        return int(np.count_nonzero(self._inside(self.reference)))

    @cached_property
    def n_rater(self) -> int:
        """Voxels of the rater in the part."""
        return int(np.count_nonzero(self._inside(self.rater)))

    @cached_property
    def both(self) -> int:
        """Voxels of both in the part."""
        return int(np.count_nonzero(self._inside(self.reference) & self._inside(self.rater)))

    @cached_property
    def foci(self) -> list[tuple]:
        """The foci of the level whose middle lies in the part; the outcome is that in the whole exam."""
        rows = self.exam.pair(self.level, self.reference, self.rater).foci
        return [row for row in rows if self._holds(row[_CENTRE])]

    def distances(self, convention: Convention = "elements", *, in_plane: bool = False) -> SurfaceDistances:
        """From what of each surface lies in the part to the whole of the other.

        Where one of them has nothing there, the other speaks for both; a `NoSurfaceError` where neither has.
        """
        key = convention, in_plane
        if key not in self._found:
            # Every measure of surfaces asks for them.
            self._found[key] = self._distances(convention, in_plane)
        return self._found[key]

    def _distances(self, convention: Convention, in_plane: bool) -> SurfaceDistances:
        surfaces = self.exam.surfaces(self.level, convention, in_plane=in_plane)
        whole = surfaces.between(self.reference, self.rater)
        along = surfaces.along(self.reference, self.rater, self.exam.slice_axis)
        sides = []
        for distances, areas, places in zip(
            (whole.to_reference, whole.to_rater),
            (whole.rater_areas, whole.reference_areas),
            along,
            strict=True,
        ):
            there = self.part.holds(places + self.exam.places[0])
            if there.any():
                sides.append((distances[there], areas[there]))
        if not sides:
            raise NoSurfaceError(f"part: neither '{self.reference}' nor '{self.rater}' has a surface there")
        (to_reference, rater_areas), (to_rater, reference_areas) = sides[0], sides[-1]
        return SurfaceDistances(to_reference, to_rater, rater_areas, reference_areas, convention)

    def _inside(self, name: str) -> np.ndarray:
        chosen = self.part.holds(self.exam.places)
        return np.compress(chosen, self.exam.inside(self.level, name), axis=self.exam.slice_axis)

    def _holds(self, centre: tuple[float, ...]) -> bool:
        return bool(np.isfinite(centre).all() and self.part.holds(np.array(self.exam.place(centre))))
