"""The region that a study reads: epiphyses, and metaphyses as squares over their growth plates.

"The metaphysis is a square over the growth plate whose side is the largest width of the epiphysis" (von
Brandis et al. 2022, after the square of the AO paediatric classification: Slongo and Audige 2007, J Orthop
Trauma 21:S135). How the sentence is read here:

- The square is drawn in the coronal plane, one a bone, and is the same in every coronal slice from the first
  to the last that shows the epiphysis: there is one largest width, so there is one square.
- Its side is the epiphysis's width, left to right, in the slice where it is widest; it stands where the
  epiphysis does in that slice.
- It stands on the epiphysis's end towards the shaft (superior in the femur, inferior in the tibia), the
  furthest in any slice. Growth plates undulate: what lies between the epiphysis and the square, in the
  square's columns, is allowed too, or metaphyseal marrow in the hollows of the plate would not be.
- The epiphysis itself is allowed. Physes, vessels and whatever is not marrow are taken out where masks of
  them are given.

Squares follow the axes of the image: on a knee that lies oblique they do not turn with the bone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dataset_conversion.images import Grid, label_fault
from evaluation.masks.reading import MaskError


@dataclass(frozen=True)
class Bone:
    """A bone's epiphysis in a label map: its voxels' value, and where the shaft is, seen from it."""

    name: str
    value: int
    shaft: Literal["superior", "inferior"]


#: The bones of both knees, by the values that the label map is expected to use.
KNEE_BONES = (
    Bone("right femur", 1, "superior"),
    Bone("right tibia", 2, "inferior"),
    Bone("left femur", 3, "superior"),
    Bone("left tibia", 4, "inferior"),
)


@dataclass(frozen=True)
class MetaphysisSquare:
    """The square over a bone's growth plate, in voxels of the array."""

    bone: str
    #: Largest width of the epiphysis.
    side_mm: float
    #: Index of the coronal slice where it is that wide, the first if several are.
    widest_slice: int
    #: Along the three array axes: square and coronal slices.
    box: tuple[slice, slice, slice]
    #: Whether the image ends before the square does.
    is_cut: bool


@dataclass(frozen=True)
class _View:
    """Arrays seen with axes across the patient, towards a bone's shaft, and through the coronal slices."""

    axes: tuple[int, int, int]
    is_flipped: bool

    def of(self, array: np.ndarray) -> np.ndarray:
        turned = array.transpose(self.axes)
        return turned[:, ::-1] if self.is_flipped else turned


def allowed_region(
    epiphyses: np.ndarray,
    affine: np.ndarray,
    bones: Sequence[Bone] = KNEE_BONES,
    *,
    marrow: np.ndarray | None = None,
    leave_out: np.ndarray | None = None,
) -> np.ndarray:
    """Epiphyses and metaphyses, where a reader is to mark: bool, shape (i, j, k), as are the masks.

    `epiphyses` is a label map: 0, and a value for each of `bones`; `affine` takes voxel indices to world
    millimetres, RAS+, and an oblique grid is taken by its nearest axes. `marrow` limits the region: without
    it the squares reach into the soft tissue beside the shaft. `leave_out` is taken out: physes and
    vessels. A MaskError when a bone has no voxel, the label map holds another value, or shapes differ.
    """
    _check(epiphyses, bones, {"marrow": marrow, "leave_out": leave_out})
    region = epiphyses != 0
    for bone in bones:
        square = metaphysis_square(epiphyses, affine, bone)
        region[square.box] = True
        view = _view(Grid(epiphyses.shape, affine), bone)
        _fill_hollows(view.of(region), view.of(epiphyses == bone.value), [square.box[a] for a in view.axes])
    if marrow is not None:
        region &= marrow != 0
    if leave_out is not None:
        region &= leave_out == 0
    return region


def metaphysis_square(epiphyses: np.ndarray, affine: np.ndarray, bone: Bone) -> MetaphysisSquare:
    """The square over one bone's growth plate; parameters and errors are those of `allowed_region`."""
    grid = Grid(epiphyses.shape, affine)
    view = _view(grid, bone)
    mask = view.of(epiphyses == bone.value)
    if not mask.any():
        raise MaskError(
            f"epiphysis of {bone.name}: found no voxel of value {bone.value}, expected some; name only the "
            "bones that the mask holds"
        )
    columns = np.asarray(mask.any(axis=1))
    first, stop = columns.argmax(axis=0), len(columns) - columns[::-1].argmax(axis=0)
    shown = np.flatnonzero(columns.any(axis=0))
    widths = np.where(columns.any(axis=0), stop - first, 0)
    widest = int(widths.argmax())
    side_mm = float(widths[widest] * grid.spacing[view.axes[0]])
    height = round(side_mm / float(grid.spacing[view.axes[1]]))
    n_rows, begin = mask.shape[1], _top(mask)
    end = min(n_rows, begin + height)
    box = [slice(None)] * 3
    box[view.axes[0]] = slice(int(first[widest]), int(stop[widest]))
    box[view.axes[1]] = slice(n_rows - end, n_rows - begin) if view.is_flipped else slice(begin, end)
    box[view.axes[2]] = slice(int(shown[0]), int(shown[-1]) + 1)
    return MetaphysisSquare(bone.name, side_mm, widest, (box[0], box[1], box[2]), begin + height > n_rows)


def _fill_hollows(region: np.ndarray, mask: np.ndarray, box: Sequence[slice]) -> None:
    """Allow what lies between the epiphysis and its square, in the columns of both."""
    across, _, through = box
    rows = slice(None, _top(mask))
    part = mask[across, rows, through]
    reached = np.logical_or.accumulate(part[:, ::-1], axis=1)[:, ::-1]
    region[across, rows, through] |= part.any(axis=1, keepdims=True) & ~reached


def _top(mask: np.ndarray) -> int:
    """Where the epiphysis ends towards the shaft, the furthest in any slice."""
    return int(np.flatnonzero(mask.any(axis=(0, 2)))[-1]) + 1


def _view(grid: Grid, bone: Bone) -> _View:
    across, along, through = (grid.axis(ends) for ends in ("LR", "IS", "AP"))
    grows_up = grid.axis_order[along] == "S"
    return _View((across, along, through), grows_up != (bone.shaft == "superior"))


def _check(epiphyses: np.ndarray, bones: Sequence[Bone], others: dict[str, np.ndarray | None]) -> None:
    if fault := label_fault(epiphyses, [0, *(bone.value for bone in bones)]):
        raise MaskError(f"epiphyses: {fault}; name its bone")
    for name, array in others.items():
        if array is not None and array.shape != epiphyses.shape:
            raise MaskError(
                f"{name}: found an array of {array.shape}, expected {epiphyses.shape} as of the epiphyses"
            )
