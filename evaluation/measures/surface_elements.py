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
from functools import cached_property, lru_cache
from itertools import product

import numpy as np


@dataclass(frozen=True, eq=False)
class Frame:
    """The part of a grid that holds some masks, and empty voxels around: a place is a flat index into it."""

    box: tuple[slice, ...]
    #: Empty voxels on either side, an axis; 1 or more.
    margin: np.ndarray

    @classmethod
    def around(cls, masks: Sequence[np.ndarray], margin: np.ndarray) -> Frame:
        """Around what any mask holds, which has to be something."""
        marked = masks[0].copy()
        for mask in masks[1:]:
            marked |= mask
        box: list[slice] = []
        for axis in range(marked.ndim):
            others = tuple(other for other in range(marked.ndim) if other != axis)
            inside = np.flatnonzero(marked[tuple(box)].any(axis=others))
            box.append(slice(int(inside[0]), int(inside[-1]) + 1))
        return cls(tuple(box), margin)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Voxels an axis."""
        return tuple(
            part.stop - part.start + 2 * int(n) for part, n in zip(self.box, self.margin, strict=True)
        )

    @property
    def size(self) -> int:
        """Voxels."""
        return int(np.prod(self.shape))

    @cached_property
    def strides(self) -> np.ndarray:
        """Between places of neighbours, an axis."""
        return np.cumprod((1, *self.shape[:0:-1]))[::-1]

    def filled(self, mask: np.ndarray) -> np.ndarray:
        """The mask as 0 and 1, flat."""
        values = np.zeros(self.shape, np.uint8)
        inner = tuple(slice(n, size - n) for n, size in zip(self.margin, self.shape, strict=True))
        values[inner] = mask[self.box]
        return values.ravel()

    def filled_around(self, mask: np.ndarray) -> np.ndarray:
        """The same with what lies in the margin, where the grid has it."""
        values = np.zeros(self.shape, np.uint8)
        inside, here = [], []
        for part, n, size in zip(self.box, self.margin, mask.shape, strict=True):
            start, stop = max(0, part.start - int(n)), min(size, part.stop + int(n))
            inside.append(slice(start, stop))
            here.append(slice(start - part.start + int(n), stop - part.start + int(n)))
        values[tuple(here)] = mask[tuple(inside)]
        return values.ravel()

    def indices(self, places: np.ndarray) -> np.ndarray:
        """Along each axis, a row a place."""
        return np.column_stack(np.unravel_index(places, self.shape))


def surface_elements(
    mask: np.ndarray, frame: Frame, areas: np.ndarray, across: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """The elements of a mask: their places, rising, and areas (of the cells: `element_areas`).

    An element stands between its place and the next along every axis of `across`: those of the cells.
    """
    codes = frame.filled(mask)
    # Rows end in empty voxels, so that whole arrays can be shifted.
    for bit, stride in enumerate(frame.strides[list(across)]):
        shifted = codes[stride:] << (1 << (len(across) - 1 - bit))
        shifted |= codes[:-stride]
        codes = shifted
    # Neither without a voxel nor full: unsigned, 0 - 1 is the largest.
    codes -= 1
    places = np.flatnonzero(codes < len(areas) - 2)
    return places, areas[codes[places] + 1]


def cells_with(mask: np.ndarray, frame: Frame, across: Sequence[int]) -> np.ndarray:
    """Whether the cell of each place, along the axes named, holds a voxel of a mask: bool, flat."""
    found = frame.filled_around(mask)
    for stride in frame.strides[list(across)]:
        found[:-stride] |= found[stride:].copy()
    return found > 0


def border_voxels(
    mask: np.ndarray, frame: Frame, across: Sequence[int], ignored: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The voxels of a mask with a face to what is not marked, or outside of the volume; each counts 1.

    Faces across the axes named count, and none to an ignored voxel.
    """
    own = frame.filled(mask)
    values = own if ignored is None else own | frame.filled_around(ignored)
    far = int(frame.strides[0])
    inner = np.ones(len(values) - 2 * far, np.uint8)
    for stride in frame.strides[list(across)]:
        for shift in (far - stride, far + stride):
            inner &= values[shift : shift + len(inner)]
    places = far + np.flatnonzero(own[far:-far] > inner)
    return places, np.ones(len(places))


@lru_cache
def element_areas(spacing: tuple[float, ...]) -> np.ndarray:
    """Area in mm^2 of the element of each of the 256 cells, for a spacing in mm; in 2-D mm, of 16."""
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
