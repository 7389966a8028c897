"""One array order for everything written, and grids that are compared by name.

A `Volume` follows NIfTI: ``array[i, j, k]`` with an affine to world millimetres (RAS+). Written volumes
have the slices of the study's plane along the last axis *k*. SimpleITK, and with it nnU-Net, reverses
the axes, so that *k* becomes the first axis of nnU-Net's arrays: the one its 2d configuration cuts along
(it takes the axis of largest spacing in array order and ignores each case's orientation, so two storage
orders in one data set would be cut in two planes).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np
from isal import igzip
from nibabel.filebasedimages import ImageFileError

from dataset_conversion.files import atomic_path

Plane = Literal["coronal", "axial", "sagittal"]

#: World directions of growing i, j, k a plane (nibabel's letters, RAS+): the upright radiological view,
#: the patient's right on the image's left, slices along k.
STORAGE_ORDER: dict[Plane, str] = {"coronal": "LIP", "axial": "LPS", "sagittal": "PIR"}

SPACING_TOLERANCE_MM = 1e-3
ORIGIN_TOLERANCE_MM = 1e-2
# Quaternions of NIfTI headers are single precision: half turns come back up to 3e-4 off.
DIRECTION_TOLERANCE = 1e-3


class ConversionError(ValueError):
    """An input file or table breaks a rule; the message is one line that names it."""


@dataclass(frozen=True)
class Volume:
    """An image or a mask on its grid.

    Parameters
    ----------
    array : ndarray, shape (i, j, k)
    affine : ndarray, shape (4, 4)
        Voxel indices to world millimetres, RAS+.
    """

    array: np.ndarray
    affine: np.ndarray

    @property
    def spacing(self) -> np.ndarray:
        """Voxel size along i, j, k in mm."""
        return np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))

    @property
    def direction(self) -> np.ndarray:
        """Unit vectors of i, j, k as columns."""
        return self.affine[:3, :3] / self.spacing

    @property
    def axis_order(self) -> str:
        """World directions of growing i, j, k, as in `STORAGE_ORDER`."""
        return "".join(nib.aff2axcodes(self.affine))

    def stored_as(self, plane: Plane) -> Volume:
        """The same voxels at the same places in the storage order of a plane; nothing is resampled."""
        return self.in_order(STORAGE_ORDER[plane])

    def in_order(self, axis_order: str) -> Volume:
        """The same voxels at the same places with axes in another order, as in `STORAGE_ORDER`."""
        current = nib.orientations.io_orientation(self.affine)
        wanted = nib.orientations.axcodes2ornt(tuple(axis_order))
        change = nib.orientations.ornt_transform(current, wanted)
        array = nib.orientations.apply_orientation(self.array, change)
        to_old = nib.orientations.inv_ornt_aff(change, self.array.shape)
        # The order in memory that NIfTI writes, and that slices of DICOM come in.
        return replace(self, array=np.asfortranarray(array), affine=self.affine @ to_old)


def grid_difference(found: Volume, expected: Volume) -> str | None:
    """Say in which field two grids differ, with both values; None when they are the same.

    Size is compared exactly, spacing to 0.001 mm, origin to 0.01 mm and direction cosines to 0.001
    (less than half a voxel at the far corner of a knee exam).

    Examples
    --------
    >>> a = Volume(np.zeros((4, 4, 2)), np.diag([0.9, 0.9, 3.5, 1]))
    >>> b = Volume(np.zeros((4, 4, 2)), np.diag([0.9, 0.9, 3.0, 1]))
    >>> grid_difference(b, a)
    'spacing: found 0.9 x 0.9 x 3 mm, expected 0.9 x 0.9 x 3.5 mm'
    """
    if found.array.shape != expected.array.shape:
        return f"size: found {_by(found.array.shape)}, expected {_by(expected.array.shape)} voxels"
    if np.abs(found.spacing - expected.spacing).max() > SPACING_TOLERANCE_MM:
        return f"spacing: found {_by(found.spacing)} mm, expected {_by(expected.spacing)} mm"
    if np.abs(found.direction - expected.direction).max() > DIRECTION_TOLERANCE:
        return f"direction: found {_rows(found.direction)}, expected {_rows(expected.direction)}"
    origins = found.affine[:3, 3], expected.affine[:3, 3]
    if np.abs(origins[0] - origins[1]).max() > ORIGIN_TOLERANCE_MM:
        return f"origin: found ({_list(origins[0])}) mm, expected ({_list(origins[1])}) mm"
    return None


def read_volume(path: Path) -> Volume:
    """Read a NIfTI file of three dimensions.

    Raises
    ------
    ConversionError
        When the file is missing, truncated, not NIfTI, not three-dimensional, or its axes are not at
        right angles (nnU-Net's reader refuses such a grid).
    """
    if not path.is_file():
        raise ConversionError(f"{path}: no such file")
    try:
        image = nib.load(path)
        array = np.asanyarray(image.dataobj)  # type: ignore[attr-defined]
        affine = np.asarray(image.affine, dtype=float)  # type: ignore[attr-defined]
    except (OSError, EOFError, zlib.error, ValueError, ImageFileError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConversionError(
            f"{path}: cannot be read as NIfTI, truncated or damaged ({reason}); export it again"
        ) from None
    if array.dtype.kind not in "buif":
        raise ConversionError(
            f"{path}: found voxels of type {array.dtype}, expected plain numbers; export it again"
        )
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 3:
        raise ConversionError(f"{path}: found {array.ndim} dimensions ({_by(array.shape)}), expected 3")
    volume = Volume(array, affine)
    if not np.isfinite(affine).all() or (volume.spacing <= 0).any():
        raise ConversionError(f"{path}: affine: found {_rows(affine)}, expected an invertible one")
    skew = np.abs(volume.direction.T @ volume.direction - np.eye(3)).max()
    if skew > DIRECTION_TOLERANCE:
        raise ConversionError(
            f"{path}: direction: found axes {skew:.3g} off right angles, expected at most "
            f"{DIRECTION_TOLERANCE:g}; resample the image to a rectangular grid"
        )
    return volume


def stored_spacing(path: Path) -> np.ndarray:
    """Voxel size along i, j, k in mm of a file that `write_volume` wrote; reads the header alone."""
    return np.array(nib.load(path).header.get_zooms()[:3], dtype=float)  # type: ignore[attr-defined]


def write_volume(path: Path, volume: Volume) -> None:
    """Write a gzip'd NIfTI file atomically; the grid stands in both of its header's forms."""
    image = nib.Nifti1Image(volume.array, volume.affine)
    image.set_sform(volume.affine, code=1)
    image.set_qform(volume.affine, code=1)
    image.header.set_xyzt_units("mm")
    with atomic_path(path) as temporary:
        # Four times as fast as nibabel's own, and no larger. No time stamp: equal images, equal files.
        temporary.write_bytes(igzip.compress(image.to_bytes(), compresslevel=3, mtime=0))


def _by(values: tuple[int, ...] | np.ndarray) -> str:
    return " x ".join(f"{value:g}" for value in values)


def _list(values: np.ndarray) -> str:
    return ", ".join(f"{value:.6g}" for value in values)


def _rows(matrix: np.ndarray) -> str:
    return "[" + "; ".join(_list(row) for row in matrix) + "]"
