"""Surfaces of several masks of an exam, and how far any two are apart.

Two conventions, since programs that name a measure alike differ (docs/reference/measures.md):

- ``elements``: surface elements with their areas, as in DeepMind's surface-distance.
- ``voxels``: border voxels that count alike, as in MedPy and panoptica.

In both the border of the volume closes a surface, and a volume of one slice is 2-D: its surfaces are lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import get_args

import numpy as np

from evaluation.measures.kinds import Convention
from evaluation.measures.surface_distances import SurfaceDistances
from evaluation.measures.surface_elements import (
    Frame,
    border_voxels,
    cells_with,
    element_areas,
    surface_elements,
)
from evaluation.measures.surface_search import search, short_steps

__all__ = ["Convention", "SurfaceDistances", "Surfaces"]

# Places that are looked at together.
_LOOKED_AT = 8192
# mm, more than any image measures: what lies in another slice is never the nearest.
_OTHER_SLICE = 1e6


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
    slices : int, optional
        The axis across which slices lie: surfaces are then the outlines in each of them, and distances are
        within a slice, infinite where the other mask has nothing there. In 2-D nothing changes.
    ignored : ndarray of bool, optional
        Voxels of which nobody knows whether they are marked, in none of the masks: a border with them is no
        surface. A mask that has no other border keeps it.

    Raises
    ------
    ValueError
        When a mask is not of bool, shapes differ, a spacing is not above 0, or there is no such axis.

    Examples
    --------
    >>> anna = np.zeros((8, 8, 4), bool)
    >>> anna[2:5, 2:5, 1:3] = True
    >>> ben = np.roll(anna, 1, axis=0)
    >>> distances = Surfaces({"anna": anna, "ben": ben}, (0.9, 0.9, 3.5)).between("anna", "ben")
    >>> distances.hausdorff(), round(distances.nsd(0), 2)
    (0.9, 0.64)
    """

    #: mm, from one corner of the exam's grid to the opposite one.
    diagonal: float
    #: mm of the axes that are used, in order: without that of a volume's only slice.
    spacing: tuple[float, ...]

    def __init__(
        self,
        masks: Mapping[str, np.ndarray],
        spacing: Sequence[float],
        convention: Convention = "elements",
        *,
        slices: int | None = None,
        ignored: np.ndarray | None = None,
    ) -> None:
        shape = _check(masks, spacing, convention)
        if slices is not None and slices not in range(len(shape)):
            raise ValueError(f"slices: found axis {slices}, expected one of 0 to {len(shape) - 1}")
        self._only = only = shape.index(1) if len(shape) == 3 and 1 in shape else None
        planes = {name: mask if only is None else mask.squeeze(only) for name, mask in masks.items()}
        steps = [step for axis, step in enumerate(spacing) if axis != only]
        shape = tuple(size for axis, size in enumerate(shape) if axis != only)
        self.convention = convention
        self.diagonal = float(np.linalg.norm(np.multiply(steps, shape)))
        self.spacing = tuple(map(float, steps))
        self._spacing = np.array(self.spacing)
        # What is 2-D has one slice.
        self._slices = slices if len(steps) == 3 else None
        self._across = [axis for axis in range(len(steps)) if axis != self._slices]
        within = tuple(self.spacing[axis] for axis in self._across)
        steps_within, self._near_mm = short_steps(within)
        self._near = np.zeros((len(steps_within), len(steps)), int)
        self._near[:, self._across] = steps_within
        self._masks = {name: plane for name, plane in planes.items() if plane.any()}
        self._names = list(masks)
        self._ignored = ignored if ignored is None or only is None else ignored.squeeze(only)
        self._between: dict[tuple[str, str], SurfaceDistances] = {}
        self._to: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def __repr__(self) -> str:
        return f"Surfaces({', '.join(self._names)}: {self.convention}; empty: {len(self.empty)})"

    @property
    def empty(self) -> frozenset[str]:
        """Names of the masks without a voxel."""
        return frozenset(name for name in self._names if name not in self._masks)

    def extent(self, name: str) -> tuple[float, float]:
        """Volume of a mask in mm^3 (in 2-D area in mm^2), and area of its surface in mm^2 (length in mm).

        Of border voxels their number; both 0 of an empty mask.
        """
        if name in self.empty:
            return 0.0, 0.0
        return float(self._masks[name].sum() * self._spacing.prod()), float(self._elements[name][1].sum())

    def between(self, reference: str, rater: str) -> SurfaceDistances:
        """Distances between the surfaces of two masks; a ValueError where one of them is empty."""
        for name in (reference, rater):
            if name not in self._names:
                raise ValueError(f"mask: found '{name}', expected one of {', '.join(self._names)}")
            if name not in self._masks:
                raise ValueError(f"mask '{name}': no voxel is marked, so that it has no surface")
        if (reference, rater) not in self._between:
            to_reference, rater_areas = self._from(rater, reference)
            to_rater, reference_areas = self._from(reference, rater)
            distances = SurfaceDistances(
                to_reference, to_rater, rater_areas, reference_areas, self.convention
            )
            self._between[reference, rater] = distances
            self._between[rater, reference] = distances.reversed()
        return self._between[reference, rater]

    def along(self, reference: str, rater: str, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """Where the elements of `between` lie along an axis, in voxels: the rater's, then the reference's.

        The middle of the first voxel is at 0; an element between two voxels is half-way.
        """
        if axis == self._only:
            raise ValueError(f"axis: found {axis}, along which there is one voxel, expected another")
        place = axis - (self._only is not None and axis > self._only)
        frame, half = self._frame, 0.5 * (self.convention == "elements" and place in self._across)
        start = frame.box[place].start - int(frame.margin[place]) + half

        def of(name: str, other: str) -> np.ndarray:
            order, _ = self._distances_to(other)
            own = order[self._areas[name][order] > 0]
            return frame.indices(self._places[own])[:, place] + start

        return of(rater, reference), of(reference, rater)

    def _from(self, name: str, other: str) -> tuple[np.ndarray, np.ndarray]:
        """From every element of a surface to another surface, in rising order; and their areas."""
        order, distances = self._distances_to(other)
        areas = self._areas[name][order]
        own = areas > 0
        return distances[own], areas[own]

    def _distances_to(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """From every element of any surface to one surface: their order, and distances in that order."""
        if name not in self._to:
            own = self._areas[name] > 0
            on, off = np.flatnonzero(own), np.flatnonzero(~own)
            distances = self._nearest(self._places[on], self._places[off])
            order = np.argsort(distances)
            self._to[name] = (
                np.concatenate([on, off[order]]),
                np.concatenate([np.zeros(len(on)), distances[order]]),
            )
        return self._to[name]

    @cached_property
    def _frame(self) -> Frame:
        # A short step from an element must not leave the frame.
        return Frame.around(list(self._masks.values()), np.abs(self._near).max(axis=0) + 1)

    @cached_property
    def _elements(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        found = {name: self._whole(mask) for name, mask in self._masks.items()}
        if self._ignored is None or not self._ignored.any():
            return found
        known = {name: self._known(self._masks[name], *of) for name, of in found.items()}
        return {name: known[name] if len(known[name][0]) else of for name, of in found.items()}

    def _whole(self, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All of a mask's surface: places and areas."""
        if self.convention == "voxels":
            return border_voxels(mask, self._frame, self._across)
        areas = element_areas(tuple(self.spacing[axis] for axis in self._across))
        return surface_elements(mask, self._frame, areas, self._across)

    def _known(
        self, mask: np.ndarray, places: np.ndarray, areas: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Without what borders on ignored voxels."""
        assert self._ignored is not None
        if self.convention == "voxels":
            return border_voxels(mask, self._frame, self._across, self._ignored)
        kept = ~self._beside_ignored[places]
        return places[kept], areas[kept]

    @cached_property
    def _beside_ignored(self) -> np.ndarray:
        assert self._ignored is not None
        return cells_with(self._ignored, self._frame, self._across)

    @cached_property
    def _places(self) -> np.ndarray:
        """Of the elements of all surfaces, in the frame."""
        marked = np.zeros(self._frame.size, bool)
        for places, _ in self._elements.values():
            marked[places] = True
        return np.flatnonzero(marked)

    @cached_property
    def _areas(self) -> dict[str, np.ndarray]:
        """Of each surface, the area at each of `_places`; 0 where it has no element."""
        spread = {}
        for name, (places, areas) in self._elements.items():
            spread[name] = np.zeros(len(self._places))
            spread[name][np.searchsorted(self._places, places)] = areas
        return spread

    def _nearest(self, surface: np.ndarray, points: np.ndarray) -> np.ndarray:
        """From each point to the nearest of a surface, mm: first by short steps, then by a search."""
        distances = np.empty(len(points))
        on_surface = np.zeros(self._frame.size, bool)
        on_surface[surface] = True
        left, places = np.arange(len(points)), points
        steps, tried = self._near @ self._frame.strides, 0
        while len(left) and tried < len(steps):
            # Of few points many steps at once: the shortest that meets the surface counts.
            n_steps = max(1, _LOOKED_AT // len(left))
            if n_steps == 1:
                met = on_surface[places + steps[tried]]
                distances[left[met]] = self._near_mm[tried]
            else:
                meets = on_surface[places[:, None] + steps[tried : tried + n_steps]]
                met = meets.any(axis=1)
                distances[left[met]] = self._near_mm[tried + meets[met].argmax(axis=1)]
            left, places = left[~met], places[~met]
            tried += n_steps
        if not len(left):
            return distances
        found, sought = self._frame.indices(surface), self._frame.indices(places)
        spacing = self._spacing
        if self._slices is not None:
            there = np.isin(sought[:, self._slices], found[:, self._slices])
            distances[left[~there]] = np.inf
            left, sought = left[there], sought[there]
            spacing = np.where(np.arange(len(spacing)) == self._slices, _OTHER_SLICE, spacing)
        if len(left):
            within = self._spacing[self._across]
            voxel = float(within.prod() ** (1 / len(within)))
            distances[left] = search(found, sought, spacing, voxel)
        return distances


def _check(masks: Mapping[str, np.ndarray], spacing: Sequence[float], convention: str) -> tuple[int, ...]:
    """The one shape of the masks."""
    if convention not in get_args(Convention):
        raise ValueError(
            f"convention: found '{convention}', expected one of {', '.join(get_args(Convention))}"
        )
    if not masks:
        raise ValueError("masks: found none, expected one or more")
    shape = next(iter(masks.values())).shape
    if len(shape) not in (2, 3):
        raise ValueError(f"masks: found {len(shape)} dimensions, expected 2 or 3")
    for name, mask in masks.items():
        if mask.dtype != bool:
            raise ValueError(f"mask '{name}': found values of {mask.dtype}, expected bool")
        if mask.shape != shape:
            raise ValueError(
                f"mask '{name}': found a shape of {mask.shape}, expected {shape} as of the first"
            )
    if len(spacing) != len(shape):
        raise ValueError(f"spacing: found {len(spacing)} numbers, expected {len(shape)}, one an axis")
    for axis, step in enumerate(spacing):
        if not (np.isfinite(step) and step > 0):
            raise ValueError(f"spacing: found {step:g} along axis {axis}, expected mm above 0")
    return shape
