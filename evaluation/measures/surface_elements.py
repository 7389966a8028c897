"""What the surface of a mask is made of: elements with their areas, or border voxels.

An element is where the surface crosses a cell, the cube of eight voxel centres around a voxel's corner (in
2-D the square of four): the piece that marching cubes lays through the middles of the cell's edges, of known
area (in 2-D length), standing at the corner. The volume is closed: what is marked in its outermost voxels
has its surface there. Corners of one face that are cut off crosswise are two pieces. These areas are those of
DeepMind's surface-distance 0.1 (PyPI surface-distance-based-measures), to rounding, in all 256 cells; they
are derived here from the shapes that pieces have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import ndimage


@dataclass(frozen=True, eq=False)
class Elements:
    """The elements of one surface, on a lattice of places."""

    #: Flat indices into the lattice, rising.
    places: np.ndarray
    #: Of each, mm^2 (in 2-D mm); 1 of a border voxel.
    areas: np.ndarray

    def __len__(self) -> int:
        return len(self.places)


def surface_elements(mask: np.ndarray, areas: np.ndarray) -> Elements:
    """The elements of a mask with a voxel set, on the lattice of voxel corners: one longer an axis."""
    box = _box(mask)
    codes = np.pad(mask[box], 1).view(np.uint8)
    for axis in range(mask.ndim):
        # Bits of a corner's voxels rise from the last axis to the first, as of `_corners`.
        first, second = (_along(axis, slice(*ends)) for ends in ((None, -1), (1, None)))
        codes = codes[first] | codes[second] << (1 << (mask.ndim - 1 - axis))
    # Neither without a voxel nor full; below 0 unsigned integers wrap.
    places = np.flatnonzero(codes - np.uint8(1) < len(areas) - 2)
    return Elements(_on_lattice(places, codes.shape, box, _longer(mask.shape)), areas[codes.ravel()[places]])


def border_voxels(mask: np.ndarray) -> Elements:
    """The voxels of a mask with a neighbour across a face outside of it, or of the volume; each counts 1."""
    box = _box(mask)
    inside = np.ascontiguousarray(mask[box])
    border = inside & ~ndimage.binary_erosion(inside)
    places = np.flatnonzero(border)
    return Elements(_on_lattice(places, border.shape, box, mask.shape), np.ones(len(places)))


def element_areas(spacing: Sequence[float]) -> np.ndarray:
    """Area of the element of each of the 256 cells in mm^2, for a spacing in mm; in 2-D length of 16 in mm."""
    corners = _corners(len(spacing))
    piece = _piece_3d if len(spacing) == 3 else _piece_2d
    areas = np.zeros(1 << len(corners))
    for code in range(len(areas)):
        within = [corner for bit, corner in enumerate(corners) if code >> bit & 1]
        if len(within) > len(corners) // 2:
            within = [corner for corner in corners if corner not in within]
        areas[code] = sum(piece(part, np.asarray(spacing, float)) for part in _parts(within))
    return areas


def _corners(dimensions: int) -> list[tuple[int, ...]]:
    return list(product((0, 1), repeat=dimensions))


def _parts(corners: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """Corners that hang together along edges of the cell: each part has a piece of its own."""
    left, parts = list(corners), []
    while left:
        part = [left.pop()]
        for one in part:
            near = [other for other in left if np.abs(np.subtract(one, other)).sum() == 1]
            part += near
            left = [other for other in left if other not in near]
        parts.append(np.array(part))
    return parts


def _piece_2d(part: np.ndarray, spacing: np.ndarray) -> float:
    """The line that cuts off one corner, or two along an edge."""
    if len(part) == 1:
        return float(np.linalg.norm(spacing) / 2)
    return float(spacing[np.ptp(part, axis=0) == 1].item())


def _piece_3d(part: np.ndarray, spacing: np.ndarray) -> float:
    """The polygon that cuts off one to four corners."""
    # Of the cell, across each axis: what a triangle looks like along the axes adds up to its area.
    faces = spacing.prod() / spacing
    whole = float(np.linalg.norm(faces))
    flat = np.ptp(part, axis=0) == 0
    if len(part) == 1:
        return whole / 8
    if len(part) == 2:
        return float(np.linalg.norm(faces[flat]) / 2)
    if len(part) == 3:
        return float(faces[flat].item() / 2 + 3 / 8 * whole)
    if flat.any():
        return float(faces[flat].item())
    neighbours = [part[np.abs(part - one).sum(axis=1) == 1] for one in part]
    if max(map(len, neighbours)) == 3:
        return 3 / 4 * whole
    # Four along a path: a hexagon that is not flat, cut into triangles in one of several ways.
    inner = np.array([one for one, near in zip(part, neighbours, strict=True) if len(near) == 2])
    middle = np.ptp(inner, axis=0) == 1
    return float(whole / 2 + np.hypot(faces[~middle], faces[middle]).sum() / 4)


def _box(mask: np.ndarray) -> tuple[slice, ...]:
    """The smallest part of the array that holds the mask."""
    box: list[slice] = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        inside = np.flatnonzero(mask[tuple(box)].any(axis=others))
        box.append(slice(int(inside[0]), int(inside[-1]) + 1))
    return tuple(box)


def _along(axis: int, part: slice) -> tuple[slice, ...]:
    return (slice(None),) * axis + (part,)


def _longer(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(size + 1 for size in shape)


def _on_lattice(
    places: np.ndarray, within: Sequence[int], box: Sequence[slice], lattice: Sequence[int]
) -> np.ndarray:
    """Flat indices into a box of the lattice as those into the lattice."""
    indices = np.unravel_index(places, tuple(within))
    return np.ravel_multi_index(
        tuple(index + part.start for index, part in zip(indices, box, strict=True)), tuple(lattice)
    )
