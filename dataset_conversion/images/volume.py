"""A volume, the grid that it lies on, and NIfTI files of it, in one array order for everything written.

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
from typing import Any, Literal, NamedTuple

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
        return f"Grid({_by(self.shape)} voxels of {_by(self.spacing)} mm)"

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

    def difference(self, expected: Grid) -> Difference | None:
        """In what this grid differs from the one expected; None where the two are one.

        Size is exact, spacing to 0.001 mm, origin to 0.01 mm and direction cosines to 0.001 (less than half
        a voxel at the far corner of a knee exam). A value that is no number differs.
        """
        if self.shape != expected.shape:
            return Difference("size", _by(self.shape), f"{_by(expected.shape)} voxels")
        if _apart(self.spacing, expected.spacing, SPACING_TOLERANCE_MM):
            return Difference("spacing", f"{_by(self.spacing)} mm", f"{_by(expected.spacing)} mm")
        if _apart(self.direction, expected.direction, DIRECTION_TOLERANCE):
            return Difference("direction", _rows(self.direction), _rows(expected.direction))
        origins = self.affine[:3, 3], expected.affine[:3, 3]
        if _apart(*origins, ORIGIN_TOLERANCE_MM):
            found, wanted = (f"({_list(origin)}) mm" for origin in origins)
            return Difference("origin", found, wanted)
        return None


def _apart(found: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    # Not ">": every comparison with NaN is false.
    return not np.abs(found - expected).max() <= tolerance


def _rows(matrix: np.ndarray) -> str:
    return "[" + "; ".join(map(_list, matrix)) + "]"


def _by(values: tuple[int, ...] | np.ndarray) -> str:
    return " x ".join(f"{value:g}" for value in values)


def _list(values: np.ndarray) -> str:
    return ", ".join(f"{value:.6g}" for value in values)


@dataclass(frozen=True, eq=False, repr=False)
class Volume:
    """An image or a mask on its grid."""

    #: Shape (i, j, k).
    array: np.ndarray
    #: As of a `Grid`.
    affine: np.ndarray
    #: What messages call it, such as the file that it was read from.
    source: str = ""

    def __repr__(self) -> str:
        whence = f" of {self.source}" if self.source else ""
        return f"Volume({self.array.dtype} on {self.grid}{whence})"

    @property
    def grid(self) -> Grid:
        """Its size and place."""
        return Grid(self.array.shape, self.affine)

    @property
    def spacing(self) -> np.ndarray:
        """Voxel size along i, j, k in mm."""
        return self.grid.spacing

    @property
    def axis_order(self) -> str:
        """World directions of growing i, j, k, as in `STORAGE_ORDER`."""
        return self.grid.axis_order

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


def read_volume(path: Path) -> Volume:
    """Read a NIfTI file of three dimensions on a rectangular grid.

    Raises
    ------
    ConversionError
        When the file is missing, truncated, not NIfTI, not three-dimensional, or its axes are not at
        right angles (nnU-Net's reader refuses such a grid).
    """
    volume = read_nifti(path, str(path))
    if not np.isfinite(volume.affine).all() or (volume.spacing <= 0).any():
        raise ConversionError(f"{path}: affine: found {_rows(volume.affine)}, expected an invertible one")
    direction = volume.grid.direction
    skew = np.abs(direction.T @ direction - np.eye(3)).max()
    if skew > DIRECTION_TOLERANCE:
        raise ConversionError(
            f"{path}: direction: found axes {skew:.3g} off right angles, expected at most "
            f"{DIRECTION_TOLERANCE:g}; resample the image to a rectangular grid"
        )
    return volume


def read_nifti(holder: Any, source: str) -> Volume:
    """The volume of a path or nibabel image, whatever its affine; other errors are those of `read_volume`."""
    if isinstance(holder, Path) and not holder.is_file():
        raise ConversionError(f"{source}: no such file")
    try:
        image = nib.load(holder) if isinstance(holder, Path) else holder
        array = np.asanyarray(image.dataobj)
        affine = np.asarray(image.affine, dtype=float)
    except (OSError, EOFError, zlib.error, ValueError, ImageFileError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConversionError(
            f"{source}: cannot be read as NIfTI, truncated or damaged ({reason}); export it again"
        ) from None
    if array.dtype.kind not in "buif":
        raise ConversionError(
            f"{source}: found voxels of type {array.dtype}, expected plain numbers; export it again"
        )
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 3:
        size = " x ".join(map(str, array.shape))
        raise ConversionError(f"{source}: found {array.ndim} dimensions ({size}), expected 3")
    return Volume(array, affine, source)


def stored_spacing(path: Path) -> np.ndarray:
    """Voxel size along i, j, k in mm of a file that `write_volume` wrote; reads the header alone."""
    return np.array(nib.load(path).header.get_zooms()[:3], dtype=float)


def write_volume(path: Path, volume: Volume) -> None:
    """Write a gzip'd NIfTI file atomically; the grid stands in both of its header's forms."""
    image = nib.Nifti1Image(volume.array, volume.affine)
    image.set_sform(volume.affine, code=1)
    image.set_qform(volume.affine, code=1)
    image.header.set_xyzt_units("mm")
    with atomic_path(path) as temporary:
        # Four times as fast as nibabel's own, and no larger. No time stamp: equal images, equal files.
        temporary.write_bytes(igzip.compress(image.to_bytes(), compresslevel=3, mtime=0))
