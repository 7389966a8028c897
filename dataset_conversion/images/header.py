"""Where a NIfTI header puts its voxels: the one place that decides which form of it counts, and its unit.

A header may give the grid twice. The sform counts, else the qform, else the voxel size alone, as nibabel has
it; ITK, and with it other viewers, may take the qform, so a header whose two forms are not one grid is named.
Units are those of xyzt_units (nifti1.h: 1 metre, 2 millimetre, 3 micrometre, 0 unknown, which is taken for
millimetres).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError

from dataset_conversion.images.grid import Grid, by, rows

#: Millimetres of a unit of xyzt_units' spatial part.
_MILLIMETRES = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
_USED = "the sform was used"
_AGAIN = "export it again"
_UNIT_NAMES = {1: "m", 3: "micrometres"}
#: Voxel sizes that no scanner has, mm: below and above.
_SMALLEST, _LARGEST = 0.01, 100.0


@dataclass(frozen=True)
class Position:
    """Where an image lies."""

    #: Voxel indices to world millimetres, RAS+, shape (4, 4).
    affine: np.ndarray
    #: What somebody who looks at the image should know of its header.
    notes: tuple[str, ...] = ()
    #: Why nobody can say how large a voxel is; nothing where one can.
    fault: str = ""


def position(header: Any, affine: np.ndarray, shape: tuple[int, ...]) -> Position:
    """The place that a header of nibabel gives.

    Parameters
    ----------
    header : nibabel header
        One that is not NIfTI has a single form and is in mm.
    affine : ndarray, shape (4, 4)
        What nibabel makes of it, in the header's unit: sform before qform.
    shape : tuple of int
        Of the image.

    Returns
    -------
    Position
        With a fault where voxels have no size along an axis, the unit is none of the standard's, or sform
        and qform have voxels of different size: a volume would be wrong by one of the two.
    """
    if not np.isfinite(affine).all() or np.linalg.matrix_rank(affine[:3, :3]) < 3:
        return Position(affine, fault=f"affine: found {rows(affine)}, expected an invertible one; {_AGAIN}")
    if not isinstance(header, nib.Nifti1Header):
        return Position(affine)
    code = int(header["xyzt_units"]) & 7
    if code not in _MILLIMETRES:
        expected = f"expected 1 (m), 2 (mm), 3 (micrometres) or 0 (unknown); {_AGAIN}"
        return Position(affine, fault=f"xyzt_units: found {code}, {expected}")
    scale = np.diag([_MILLIMETRES[code]] * 3 + [1.0])
    placed = scale @ affine
    other, of_forms = _other_form(header, scale)
    notes = (*_of_unit(code, placed), *([of_forms] if of_forms else []))
    if other is None or not np.isfinite(other).all():
        return Position(placed, notes)
    used, unused = Grid(shape, placed), Grid(shape, other)
    if not (used.spacing > 0).all() or not (difference := unused.difference(used)):
        return Position(placed, notes)
    if difference.field == "spacing":
        found = f"sform and qform: found voxels of {difference.expected} and {difference.found}"
        advice = "correct the sform, or set its code to 0 where the qform is right"
        return Position(placed, notes, f"{found}, expected one size; {advice}")
    mirrored = np.sign(np.linalg.det(placed[:3, :3])) != np.sign(np.linalg.det(other[:3, :3]))
    what = "they are mirror images of each other" if mirrored else f"their {difference.field}s differ"
    return Position(placed, (*notes, f"sform and qform: {what}; {_USED}, some viewers use the qform"))


def without_size(stored: Any, shape: tuple[int, ...]) -> str:
    """Why the voxel size that a NIfTI header stores cannot be used, where it is needed; else nothing.

    `stored` is the header as it stands in the file: nibabel takes 1 for 0.
    """
    if int(stored["sform_code"]):
        return ""
    size = np.asarray(stored["pixdim"][1:4], float)
    needed = [axis for axis, n in enumerate(shape[:3]) if n > 1]
    if all(np.isfinite(size[axis]) and size[axis] for axis in needed):
        return ""
    return f"pixdim: found voxels of {by(size)} mm and no sform, expected mm above 0; {_AGAIN}"


def _of_unit(code: int, affine: np.ndarray) -> Iterator[str]:
    spacing = Grid((1, 1, 1), affine).spacing
    if code in _UNIT_NAMES:
        yield f"xyzt_units: found {_UNIT_NAMES[code]}; converted to mm: voxels of {by(spacing)} mm"
    if (spacing < _SMALLEST).any() or (spacing > _LARGEST).any():
        unit = "no unit, taken for mm" if code == 0 else "mm"
        yield (
            f"spacing: found {by(spacing)} ({unit}), expected {_SMALLEST:g} to {_LARGEST:g} mm, as scanners "
            "have it; volumes and distances are wrong if the header is"
        )


def _other_form(header: nib.Nifti1Header, scale: np.ndarray) -> tuple[np.ndarray | None, str]:
    """The qform in mm where both forms are there, or None; and what is wrong with it."""
    if not (int(header["sform_code"]) and int(header["qform_code"])):
        return None, ""
    try:
        return scale @ np.asarray(header.get_qform(), dtype=float), ""
    except (HeaderDataError, ValueError):
        return None, f"qform: found no rotation; {_USED}"
