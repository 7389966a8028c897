"""Distances between the surfaces of masks, in mm: normalised surface Dice, Hausdorff, average distance.

Conventions, since programs that name a measure alike differ (docs/measures.md):

- ``elements``: the surface is made of elements with areas (`evaluation.measures.surface_elements`), as in
  DeepMind's surface-distance. A Hausdorff percentile is the larger of the two directed ones, each by area.
- ``voxels``: the surface is made of border voxels, each counting alike, as in MedPy and panoptica. A Hausdorff
  percentile is that of both directions' distances together, interpolated.

In both the volume's own border closes a surface, NSD and average take both surfaces as one (`SurfaceDistances`),
and a volume of one slice is 2-D: its surface is a line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import get_args

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from evaluation.measures.kinds import Convention
from evaluation.measures.surface_elements import (
    Elements,
    border_voxels,
    element_areas,
    surface_elements,
)

#: What stands below tables.
CONVENTIONS: dict[Convention, str] = {
    "elements": "surface elements weighted by area",
    "voxels": "border voxels, each counting alike",
}
#: In mm: what a header rounds. A distance of one voxel is within a tolerance of one voxel.
ROUNDING = 1e-6
#: Shares of a surface that differ by less are the same.
_SHARE = 1e-9

# Points whose neighbours are counted to judge what a search costs, a cell of the search in voxels, and how
# many points are looked at in the time in which a transform passes a voxel.
_SAMPLE, _CELL, _POINTS_A_VOXEL = 32, 4, 11


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distances between two surfaces, an entry an element."""

    #: From the rater's elements to the reference's surface, mm.
    to_reference: np.ndarray
    #: From the reference's elements to the rater's surface, mm.
    to_rater: np.ndarray
    #: Of the rater's elements in mm^2 (in 2-D mm); 1 each where border voxels count.
    rater_areas: np.ndarray
    reference_areas: np.ndarray
    convention: Convention = "elements"

    def __repr__(self) -> str:
        sizes = f"{len(self.to_reference)} and {len(self.to_rater)}"
        return f"SurfaceDistances({sizes} {self.convention}, HD {self.hausdorff():.2f} mm)"

    def nsd(self, tolerance: float) -> float:
        """Share of both surfaces, by area, that lies within the tolerance (mm) of the other; 0 to 1.

        Nikolov and others' surface Dice (arXiv 1809.04430, as surface-distance computes it). A ValueError
        for a tolerance below 0.
        """
        if not tolerance >= 0:
            raise ValueError(f"tolerance: found {tolerance:g}, expected 0 mm or more")
        return float(self.nsd_at(np.array([tolerance]))[0])

    def nsd_at(self, tolerances: np.ndarray) -> np.ndarray:
        """`nsd` at many tolerances, none below 0."""
        reached = np.searchsorted(self._both.distances, np.asarray(tolerances) + ROUNDING, side="right")
        return np.append(0.0, self._both.shares)[reached]

    def hausdorff(self, percentile: float = 100) -> float:
        """How far apart the surfaces are, mm: 100 the largest distance, 95 of HD95.

        Of ``elements`` the larger of the two directed percentiles: the distance within which that share of a
        surface's area lies. A ValueError for a percentile that is not above 0 and at most 100.
        """
        if not 0 < percentile <= 100:
            raise ValueError(f"percentile: found {percentile:g}, expected one above 0 and at most 100")
        if self.convention == "voxels":
            return float(np.percentile(self._both.distances, percentile))
        return max(side.quantile(percentile / 100) for side in self._sides)

    def assd(self) -> float:
        """Average symmetric surface distance, mm: the mean over both surfaces as one, by area.

        As MedPy has it for border voxels. Panoptica calls so what is `masd` here.
        """
        return float(
            (self.to_reference @ self.rater_areas + self.to_rater @ self.reference_areas)
            / (self.rater_areas.sum() + self.reference_areas.sum())
        )

    def masd(self) -> float:
        """Mean of the two directed averages, mm: each surface counts alike, however small."""
        return float(np.mean([np.average(side.distances, weights=side.areas) for side in self._sides]))

    def reversed(self) -> SurfaceDistances:
        """With rater and reference exchanged; every measure stays."""
        return SurfaceDistances(
            self.to_rater, self.to_reference, self.reference_areas, self.rater_areas, self.convention
        )

    @cached_property
    def _sides(self) -> tuple[Ordered, Ordered]:
        return (
            Ordered.of(self.to_reference, self.rater_areas),
            Ordered.of(self.to_rater, self.reference_areas),
        )

    @cached_property
    def _both(self) -> Ordered:
        return Ordered.of(
            np.concatenate([self.to_reference, self.to_rater]),
            np.concatenate([self.rater_areas, self.reference_areas]),
        )


@dataclass(frozen=True, eq=False)
class Ordered:
    """Distances in rising order, with their areas."""

    distances: np.ndarray
    areas: np.ndarray

    @classmethod
    def of(cls, distances: np.ndarray, areas: np.ndarray) -> Ordered:
        """Of distances in any order."""
        order = np.argsort(distances)
        return cls(distances[order], areas[order])

    @cached_property
    def shares(self) -> np.ndarray:
        """Of the area, up to each distance."""
        summed = np.cumsum(self.areas)
        return summed / summed[-1]

    def quantile(self, share: float) -> float:
        """The smallest distance within which at least this share of the area lies."""
        place = int(np.searchsorted(self.shares, share - _SHARE))
        return float(self.distances[min(place, len(self.distances) - 1)])


class Surfaces:
    """Surfaces of several masks of one exam on one level, and the distances between any two.

    A mask's surface is made once, and distances to it are sought once, for the elements of all the masks.

    Parameters
    ----------
    masks : mapping of str to ndarray
        Masks by name: bool, of one shape (i, j, k) or (i, j).
    spacing : sequence of float
        Of the voxels in mm, an axis each, in the same order.
    convention : str
        ``elements`` or ``voxels``.

    Raises
    ------
    ValueError
        When a mask is not of bool, shapes differ, or a spacing is not above 0.

    Examples
    --------
    >>> anna = np.zeros((8, 8, 4), bool)
    >>> anna[2:5, 2:5, 1:3] = True
    >>> ben = np.roll(anna, 1, axis=0)
    >>> distances = Surfaces({"anna": anna, "ben": ben}, (0.9, 0.9, 3.5)).between("anna", "ben")
    >>> distances.hausdorff(), round(distances.nsd(0), 2)
    (0.9, 0.62)
    """

    #: mm, from one corner of the exam's grid to the opposite one.
    diagonal: float

    def __init__(
        self, masks: Mapping[str, np.ndarray], spacing: Sequence[float], convention: Convention = "elements"
    ) -> None:
        shape = _check(masks, spacing, convention)
        # A volume of one slice is 2-D.
        kept = [axis for axis in range(len(shape)) if axis != _one_slice(shape)]
        self.convention = convention
        self._spacing = np.array([spacing[axis] for axis in kept], float)
        self.diagonal = float(np.linalg.norm(self._spacing * [shape[axis] for axis in kept]))
        areas = element_areas(self._spacing) if convention == "elements" else np.empty(0)
        self._surfaces: dict[str, Elements | None] = {}
        for name, mask in masks.items():
            flat = mask.reshape([shape[axis] for axis in kept])
            self._surfaces[name] = None
            if flat.any():
                self._surfaces[name] = (
                    surface_elements(flat, areas) if convention == "elements" else border_voxels(flat)
                )
        longer = int(convention == "elements")
        self._lattice = tuple(shape[axis] + longer for axis in kept)
        self._to: dict[str, np.ndarray] = {}
        self._between: dict[tuple[str, str], SurfaceDistances] = {}

    def __repr__(self) -> str:
        found = {name: 0 if surface is None else len(surface) for name, surface in self._surfaces.items()}
        return f"Surfaces({', '.join(f'{name}: {n}' for name, n in found.items())} {self.convention})"

    @property
    def empty(self) -> frozenset[str]:
        """Names of the masks without a voxel."""
        return frozenset(name for name, surface in self._surfaces.items() if surface is None)

    def between(self, reference: str, rater: str) -> SurfaceDistances:
        """Distances between the surfaces of two masks; a ValueError where one of them is empty."""
        first, second = (self._surface(name) for name in (reference, rater))
        if (reference, rater) not in self._between:
            distances = SurfaceDistances(
                to_reference=self._distances_to(reference)[self._at[rater]],
                to_rater=self._distances_to(rater)[self._at[reference]],
                rater_areas=second.areas,
                reference_areas=first.areas,
                convention=self.convention,
            )
            self._between[reference, rater] = distances
            self._between[rater, reference] = distances.reversed()
        return self._between[reference, rater]

    def _surface(self, name: str) -> Elements:
        if name not in self._surfaces:
            raise ValueError(f"mask: found '{name}', expected one of {', '.join(self._surfaces)}")
        surface = self._surfaces[name]
        if surface is None:
            raise ValueError(f"mask '{name}': no voxel is marked, so that it has no surface")
        return surface

    @cached_property
    def _places(self) -> np.ndarray:
        """Of every element of any surface, as flat indices."""
        marked = [surface.places for surface in self._surfaces.values() if surface is not None]
        return np.unique(np.concatenate(marked))

    @cached_property
    def _at(self) -> dict[str, np.ndarray]:
        """Where a surface's elements are among `_places`."""
        return {
            name: np.searchsorted(self._places, surface.places)
            for name, surface in self._surfaces.items()
            if surface is not None
        }

    @cached_property
    def _indices(self) -> np.ndarray:
        """`_places` on the lattice, a row each."""
        return np.column_stack(np.unravel_index(self._places, self._lattice))

    def _distances_to(self, name: str) -> np.ndarray:
        """From every element of any surface to one surface, mm."""
        if name not in self._to:
            others = np.ones(len(self._places), bool)
            others[self._at[name]] = False
            distances = np.zeros(len(self._places))
            distances[others] = _nearest(self._indices[~others], self._indices[others], self._spacing)
            self._to[name] = distances
        return self._to[name]


def _nearest(surface: np.ndarray, points: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """From each point to the nearest of the surface, mm; both are places on the lattice, a row each.

    A search in a tree takes a microsecond a point where the other surface is near, but looks at all of a surface
    that is equally far everywhere, as a sphere from its centre. A transform passes every voxel instead.
    """
    if not len(points):
        return np.empty(0)
    found, sought = surface * spacing, points * spacing
    tree = cKDTree(found, balanced_tree=False, compact_nodes=False)
    sample = sought[:: max(1, len(sought) // _SAMPLE)]
    reach = tree.query(sample)[0] + _CELL * spacing.prod() ** (1 / len(spacing))
    looked_at = tree.query_ball_point(sample, reach, return_length=True).mean() * len(points)
    low = np.minimum(surface.min(axis=0), points.min(axis=0))
    size = np.maximum(surface.max(axis=0), points.max(axis=0)) - low + 1
    if looked_at <= _POINTS_A_VOXEL * size.prod():
        return tree.query(sought)[0]
    background = np.ones(size, bool)
    background[tuple((surface - low).T)] = False
    return ndimage.distance_transform_edt(background, sampling=spacing)[tuple((points - low).T)]


def _one_slice(shape: Sequence[int]) -> int | None:
    """The axis of a volume's only slice."""
    return shape.index(1) if len(shape) == 3 and 1 in shape else None


def _check(masks: Mapping[str, np.ndarray], spacing: Sequence[float], convention: str) -> tuple[int, ...]:
    """The one shape of the masks."""
    if convention not in get_args(Convention):
        raise ValueError(f"convention: found '{convention}', expected one of {', '.join(get_args(Convention))}")
    if not masks:
        raise ValueError("masks: found none, expected one or more")
    shape = next(iter(masks.values())).shape
    if len(shape) not in (2, 3):
        raise ValueError(f"masks: found {len(shape)} dimensions, expected 2 or 3")
    for name, mask in masks.items():
        if mask.dtype != bool:
            raise ValueError(f"mask '{name}': found values of {mask.dtype}, expected bool")
        if mask.shape != shape:
            raise ValueError(f"mask '{name}': found a shape of {mask.shape}, expected {shape} as of the first")
    if len(spacing) != len(shape):
        raise ValueError(f"spacing: found {len(spacing)} numbers, expected {len(shape)}, one an axis")
    for axis, step in enumerate(spacing):
        if not (np.isfinite(step) and step > 0):
            raise ValueError(f"spacing: found {step:g} along axis {axis}, expected mm above 0")
    return shape
