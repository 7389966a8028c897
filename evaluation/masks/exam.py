"""An exam's masks as arrays, and its slices in the order in which they lie in the patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dataset_conversion.images import Grid
from evaluation.masks.reading import MaskError

#: The plane of the slices, and where their relative position begins (0) and ends (1) in the patient.
ENDS = {
    "coronal": ("anterior", "posterior"),
    "sagittal": ("right", "left"),
    "axial": ("superior", "inferior"),
}


def slice_axis(grid: Grid, plane: str) -> int:
    """The array axis across which slices of a plane lie."""
    return grid.axis("".join(end[0].upper() for end in ENDS[plane]))


@dataclass(frozen=True, eq=False)
class ExamMasks:
    """An exam's masks on one grid; a MaskError when the plane is unknown or shapes differ."""

    exam: str
    #: The label map that raters are scored against, such as the consensus, of shape (i, j, k).
    reference: np.ndarray
    raters: Mapping[str, np.ndarray]
    #: Voxel indices to world millimetres, RAS+.
    affine: np.ndarray
    #: Of the slices: coronal, sagittal or axial.
    plane: str = "coronal"
    #: Slices that hold it (bool) count; without it those between the first and the last with any marking.
    marrow: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.plane not in ENDS:
            raise MaskError(f"plane: found '{self.plane}', expected one of {', '.join(ENDS)}")
        for name, array in self._placed.items():
            self.check_shape(name, array)

    def __repr__(self) -> str:
        return f"ExamMasks({self.exam}: {', '.join(self.raters)}; {self.plane} slices of {self.grid})"

    @property
    def grid(self) -> Grid:
        """Size and place of the masks."""
        return Grid(self.reference.shape, self.affine)

    @cached_property
    def order(self) -> np.ndarray:
        """Indices of the slices that count, from the first of `ENDS` to the second; empty if none."""
        axis = self.slice_axis
        others = tuple(place for place in range(3) if place != axis)
        masks = [self.reference, *self._placed.values()]
        inside = np.flatnonzero(np.logical_or.reduce([(mask != 0).any(axis=others) for mask in masks]))
        if not len(inside):
            return inside
        run = np.arange(inside[0], inside[-1] + 1)
        # A letter of the axis order names where indices grow to.
        return run if self.grid.axis_order[axis] == ENDS[self.plane][1][0].upper() else run[::-1]

    @property
    def slice_axis(self) -> int:
        """The array axis across the slices."""
        return slice_axis(self.grid, self.plane)

    @property
    def _placed(self) -> dict[str, np.ndarray]:
        """What has to have the reference's shape."""
        return dict(self.raters) | ({} if self.marrow is None else {"marrow": self.marrow})

    def check_shape(self, name: str, array: np.ndarray) -> None:
        """Refuse an array whose shape is not that of the reference, with a `MaskError` that names it."""
        if array.shape != self.reference.shape:
            raise MaskError(
                f"exam {self.exam}: {name}: found an array of {array.shape}, expected "
                f"{self.reference.shape} as of the reference"
            )
