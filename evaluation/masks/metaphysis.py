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

import nibabel as nib
import numpy as np

from evaluation.masks.reading import MaskError


@dataclass(frozen=True)
class Bone:
    """A bone's epiphysis in a label map.

    Parameters
    ----------
    name : str
    value : int
        Of the epiphysis's voxels.
    shaft : {"superior", "inferior"}
        Where the shaft is, seen from the epiphysis.
    """

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
    """The square over a bone's growth plate, in voxels of the array.

    Parameters
    ----------
    bone : str
    side_mm : float
        Largest width of the epiphysis.
    widest_slice : int
        Index of the coronal slice where it is that wide, the first if several are.
    box : tuple of slice
        Along the three array axes: square and coronal slices.
    is_cut : bool
        Whether the image ends before the square does.
    """

    bone: str
    side_mm: float
    widest_slice: int
    box: tuple[slice, slice, slice]
    is_cut: bool


@dataclass(frozen=True)
class _Axes:
    """Which array axis runs across, along and through the patient, and whether indices grow upwards."""

    across: int
    along: int
    through: int
    grows_up: bool
    spacing: np.ndarray


def allowed_region(
    epiphyses: np.ndarray,
    affine: np.ndarray,
    bones: Sequence[Bone] = KNEE_BONES,
    *,
    marrow: np.ndarray | None = None,
    leave_out: np.ndarray | None = None,
) -> np.ndarray:
    """Epiphyses and metaphyses, where a reader is to mark.

    Parameters
    ----------
    epiphyses : ndarray, shape (i, j, k)
        Label map: 0, and a value for each of `bones`.
    affine : ndarray, shape (4, 4)
        Voxel indices to world millimetres, RAS+. Any order and direction of axes; an oblique grid is taken
        by its nearest axes.
    bones : sequence of Bone
    marrow : ndarray of bool, shape (i, j, k), optional
        Limits the region; without it the squares reach into the soft tissue beside the shaft.
    leave_out : ndarray of bool, shape (i, j, k), optional
        Taken out: physes and vessels.

    Returns
    -------
    ndarray of bool, shape (i, j, k)

    Raises
    ------
    MaskError
        When a bone has no voxel, the label map holds another value, or shapes differ.
    """
    _check(epiphyses, bones, {"marrow": marrow, "leave_out": leave_out})
    region = epiphyses != 0
    for bone in bones:
        square = metaphysis_square(epiphyses, affine, bone)
        region[square.box] = True
        region |= _hollows(epiphyses == bone.value, square, _axes(affine), bone)
    if marrow is not None:
        region &= marrow != 0
    if leave_out is not None:
        region &= leave_out == 0
    return region


def metaphysis_square(epiphyses: np.ndarray, affine: np.ndarray, bone: Bone) -> MetaphysisSquare:
    """The square over one bone's growth plate; parameters and errors are those of `allowed_region`."""
    axes = _axes(affine)
    mask = epiphyses == bone.value
    if not mask.any():
        raise MaskError(
            f"epiphysis of {bone.name}: found no voxel of value {bone.value}, expected some; name only the "
            "bones that the mask holds"
        )
    spans = [_span(mask.take(index, axes.through), axes) for index in range(mask.shape[axes.through])]
    widths = [span.stop - span.start for span in spans]
    widest = int(np.argmax(widths))
    side_mm = float(widths[widest] * axes.spacing[axes.across])
    rows = np.flatnonzero(mask.any(axis=(axes.across, axes.through)))
    height = round(side_mm / float(axes.spacing[axes.along]))
    grows = axes.grows_up == (bone.shaft == "superior")
    start, stop = (rows[-1] + 1, rows[-1] + 1 + height) if grows else (rows[0] - height, rows[0])
    shown = np.flatnonzero(widths)
    n_rows = mask.shape[axes.along]
    box = [slice(None)] * 3
    box[axes.across] = spans[widest]
    box[axes.along] = slice(max(0, int(start)), min(n_rows, int(stop)))
    box[axes.through] = slice(int(shown[0]), int(shown[-1]) + 1)
    is_cut = bool(start < 0 or stop > n_rows)
    return MetaphysisSquare(bone.name, side_mm, widest, (box[0], box[1], box[2]), is_cut)


def _hollows(mask: np.ndarray, square: MetaphysisSquare, axes: _Axes, bone: Bone) -> np.ndarray:
    """What lies between the epiphysis and its square, in the columns of both: the plate is not straight."""
    # Seen from the shaft, everything before the epiphysis is reached first.
    from_shaft = np.flip(mask, axes.along) if axes.grows_up == (bone.shaft == "superior") else mask
    before = np.logical_or.accumulate(from_shaft, axis=axes.along)
    if from_shaft is not mask:
        before = np.flip(before, axes.along)
    column = mask.any(axis=axes.along, keepdims=True)
    hollow = column & ~before
    box = list(square.box)
    rows = np.flatnonzero(mask.any(axis=(axes.across, axes.through)))
    box[axes.along] = slice(int(rows[0]), int(rows[-1]) + 1)
    found = np.zeros_like(mask)
    found[tuple(box)] = hollow[tuple(box)]
    return found


def _axes(affine: np.ndarray) -> _Axes:
    codes = nib.aff2axcodes(affine)
    across, along, through = (
        next(axis for axis, code in enumerate(codes) if code in ends) for ends in ("LR", "SI", "AP")
    )
    spacing = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    return _Axes(across, along, through, codes[along] == "S", spacing)


def _span(coronal: np.ndarray, axes: _Axes) -> slice:
    """From the first to the last column of a coronal slice that holds the epiphysis; empty if none."""
    along = int(axes.along > axes.across)
    columns = np.flatnonzero(coronal.any(axis=along))
    return slice(int(columns[0]), int(columns[-1]) + 1) if len(columns) else slice(0, 0)


def _check(epiphyses: np.ndarray, bones: Sequence[Bone], others: dict[str, np.ndarray | None]) -> None:
    known = [0, *(bone.value for bone in bones)]
    if unknown := sorted(set(np.unique(epiphyses).tolist()) - set(known)):
        raise MaskError(
            f"epiphyses: found value {unknown[0]:g}, expected {', '.join(map(str, known))}; name its bone"
        )
    for name, array in others.items():
        if array is not None and array.shape != epiphyses.shape:
            raise MaskError(
                f"{name}: found an array of {array.shape}, expected {epiphyses.shape} as of the epiphyses"
            )
