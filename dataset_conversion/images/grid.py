"""Size and place of an image, and when two are one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import nibabel as nib
import numpy as np

SPACING_TOLERANCE_MM = 1e-3
ORIGIN_TOLERANCE_MM = 1e-2
# Quaternions of NIfTI headers are single precision: half turns come back up to 3e-4 off.
DIRECTION_TOLERANCE = 1e-3


class Difference(NamedTuple):
    """The first field in which two grids differ, and both values in words."""

    field: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.field}: found {self.found}, expected {self.expected}"


@dataclass(frozen=True, eq=False, repr=False)
class Grid:
    """Size and place of an image.

    Examples
    --------
    >>> grid = Grid((4, 4, 2), np.diag([-0.9, 0.9, 3.5, 1]))
    >>> grid
    Grid(4 x 4 x 2 voxels of 0.9 x 0.9 x 3.5 mm)
    >>> grid.axis("LR"), round(grid.voxel_ml, 6)
    (0, 0.002835)
    >>> print(Grid((4, 4, 2), np.diag([-0.9, 0.9, 3, 1])).difference(grid))
    spacing: found 0.9 x 0.9 x 3 mm, expected 0.9 x 0.9 x 3.5 mm
    """

    #: Voxels along i, j, k.
    shape: tuple[int, ...]
    #: Voxel indices to world millimetres, RAS+, shape (4, 4).
    affine: np.ndarray

    def __repr__(self) -> str:
        return f"Grid({by(self.shape)} voxels of {by(self.spacing)} mm)"

    @property
    def spacing(self) -> np.ndarray:
        """Voxel size along i, j, k in mm."""
        return np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))

    @property
    def direction(self) -> np.ndarray:
        """Unit vectors of i, j, k as columns."""
        return self.affine[:3, :3] / self.spacing

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel, ml (1000 cubic mm)."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    @property
    def axis_order(self) -> str:
        """World directions of growing i, j, k, as in `STORAGE_ORDER`."""
        return "".join(nib.aff2axcodes(self.affine))

    def axis(self, ends: str) -> int:
        """The array axis along "LR", "AP" or "IS" of the patient; of an oblique grid the nearest."""
        return next(axis for axis, code in enumerate(self.axis_order) if code in ends)

    def in_order(self, axis_order: str) -> Grid:
        """The same places with axes in another order, as in `STORAGE_ORDER`."""
        change = self.change_to(axis_order)
        shape = nib.orientations.apply_orientation(np.empty(self.shape, np.bool_), change).shape
        return Grid(shape, self.affine @ nib.orientations.inv_ornt_aff(change, self.shape))

    def change_to(self, axis_order: str) -> np.ndarray:
        """The orientation of nibabel, shape (3, 2), that brings an array's axes into another order."""
        current = nib.orientations.io_orientation(self.affine)
        return nib.orientations.ornt_transform(current, nib.orientations.axcodes2ornt(tuple(axis_order)))

    def difference(self, expected: Grid) -> Difference | None:
        """In what this grid differs from the one expected; None where the two are one.

        Size is exact, spacing to 0.001 mm, origin to 0.01 mm and direction cosines to 0.001 (less than half
        a voxel at the far corner of a knee exam). A value that is no number differs. Of two grids of the same
        places whose axes stand in another order, the order differs.
        """
        difference = self._difference(expected)
        if not difference or not len(self.shape) == len(expected.shape) == 3:
            return difference
        orders = [nib.aff2axcodes(grid.affine) for grid in (self, expected) if np.isfinite(grid.affine).all()]
        # Damaged numbers have no order.
        if len(orders) == 2 and None not in orders[0] + orders[1] and orders[0] != orders[1]:
            found, wanted = self.axis_order, expected.axis_order
            if not self.in_order(wanted)._difference(expected):
                return Difference("axis order", found, f"{wanted}, in which it has the same places")
        return difference

    def _difference(self, expected: Grid) -> Difference | None:
        if self.shape != expected.shape:
            return Difference("size", by(self.shape), f"{by(expected.shape)} voxels")
        if _apart(self.spacing, expected.spacing, SPACING_TOLERANCE_MM):
            return Difference("spacing", f"{by(self.spacing)} mm", f"{by(expected.spacing)} mm")
        if _apart(self.direction, expected.direction, DIRECTION_TOLERANCE):
            return Difference("direction", rows(self.direction), rows(expected.direction))
        origins = self.affine[:3, 3], expected.affine[:3, 3]
        if _apart(*origins, ORIGIN_TOLERANCE_MM):
            found, wanted = (f"({_list(origin)}) mm" for origin in origins)
            return Difference("origin", found, wanted)
        return None


def _apart(found: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    # Not ">": every comparison with NaN is false.
    return not np.abs(found - expected).max() <= tolerance


def rows(matrix: np.ndarray) -> str:
    """A matrix in one line."""
    return "[" + "; ".join(map(_list, matrix)) + "]"


def by(values: tuple[int, ...] | np.ndarray) -> str:
    """As 0.9 x 0.9 x 3.5."""
    return " x ".join(f"{value:g}" for value in values)


def _list(values: np.ndarray) -> str:
    return ", ".join(f"{value:.6g}" for value in values)
