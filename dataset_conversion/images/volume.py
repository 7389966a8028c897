"""A volume, the grid that it lies on, and NIfTI files of it, in one array order for everything written.

A `Volume` follows NIfTI: ``array[i, j, k]`` with an affine to world millimetres (RAS+). Written volumes
have the slices of the study's plane along the last axis *k*. SimpleITK, and with it nnU-Net, reverses
the axes, so that *k* becomes the first axis of nnU-Net's arrays: the one its 2d configuration cuts along
(it takes the axis of largest spacing in array order and ignores each case's orientation, so two storage
orders in one data set would be cut in two planes).
"""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
from isal import igzip
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from dataset_conversion.files import write_bytes
from dataset_conversion.images import nifti_file
from dataset_conversion.images.errors import DENIED, ConversionError
from dataset_conversion.images.grid import DIRECTION_TOLERANCE, Grid
from dataset_conversion.images.header import position
from dataset_conversion.images.kinds import METAIMAGE, kind_of
from dataset_conversion.images.metaimage import read_metaimage

#: What is wrong with a file whose voxels no memory holds.
TOO_LARGE = (
    "found a header of more voxels than fit into memory; truncated or damaged, or larger than this machine "
    "can read"
)
# What nibabel raises of a file that is not what it should be.
_DAMAGED = (OSError, EOFError, zlib.error, ValueError, OverflowError, ImageFileError, HeaderDataError)

_log = logging.getLogger(__name__)

Plane = Literal["coronal", "axial", "sagittal"]

#: World directions of growing i, j, k a plane (nibabel's letters, RAS+): the upright radiological view,
#: the patient's right on the image's left, slices along k.
STORAGE_ORDER: dict[Plane, str] = {"coronal": "LIP", "axial": "LPS", "sagittal": "PIR"}


@dataclass(frozen=True, eq=False, repr=False)
class Volume:
    """An image or a mask on its grid."""

    #: Shape (i, j, k).
    array: np.ndarray
    #: As of a `Grid`.
    affine: np.ndarray
    #: What messages call it, such as the file that it was read from.
    source: str = ""
    #: What somebody who uses it should know of the file, such as two places in one header.
    notes: tuple[str, ...] = ()
    #: The axis order that it had before it was first brought to another; empty where it never was.
    own_order: str = ""

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
        array = nib.orientations.apply_orientation(self.array, self.grid.change_to(axis_order))
        # The order in memory that NIfTI writes, and that slices of DICOM come in.
        return replace(
            self,
            array=np.asfortranarray(array),
            affine=self.grid.in_order(axis_order).affine,
            own_order=self.own_order or self.axis_order,
        )

    def said(self) -> Volume:
        """Without its notes, which are logged as warnings."""
        for note in self.notes:
            _log.warning("warning: %s: %s", self.source or "image", note)
        return replace(self, notes=()) if self.notes else self


def read_volume(path: Path) -> Volume:
    """Read a file of an image, NIfTI or MetaImage, on a rectangular grid; its notes are logged.

    Raises
    ------
    ConversionError
        When the file is missing, truncated, of another kind, of more than three dimensions, its header gives
        two voxel sizes, or its axes are not at right angles (nnU-Net's reader refuses such a grid).
    """
    volume = read_image(path, str(path)).said()
    direction = volume.grid.direction
    skew = np.abs(direction.T @ direction - np.eye(3)).max()
    if skew > DIRECTION_TOLERANCE:
        raise ConversionError(
            f"{path}: direction: found axes {skew:.3g} off right angles, expected at most "
            f"{DIRECTION_TOLERANCE:g}; resample the image to a rectangular grid"
        )
    return volume


def read_image(holder: Any, source: str) -> Volume:
    """The volume of a path or nibabel image, at any angles of its axes; errors are those of `read_volume`."""
    if isinstance(holder, Path):
        if not holder.is_file():
            raise ConversionError(f"{source}: no such file")
        kind = kind_of(holder)
        if kind == METAIMAGE:
            return Volume(*read_metaimage(holder, source), source)
        if kind:
            raise ConversionError(
                f"{source}: found {kind}, expected NIfTI or MetaImage (.mha); export it as one of them"
            )
    image, array, affine, fault = read_nifti(holder, source)
    if array.dtype.kind not in "buif":
        raise ConversionError(
            f"{source}: found voxels of type {array.dtype}, expected plain numbers; export it again"
        )
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    # A slice is a volume of one.
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.ndim != 3 or not array.size:
        size = " x ".join(map(str, array.shape))
        raise ConversionError(f"{source}: found {array.ndim} dimensions ({size}), expected 3, none of them 0")
    place = position(image.header, affine, array.shape)
    if fault := fault or place.fault:
        raise ConversionError(f"{source}: {fault}")
    return Volume(array, place.affine, source, place.notes)


def read_nifti(holder: Any, source: str) -> tuple[Any, np.ndarray, np.ndarray, str]:
    """Image, voxels, affine, and a fault of its header, of a path or nibabel image of any dimensions.

    A ConversionError when it cannot be read whole.
    """
    try:
        if isinstance(holder, Path):
            image, array, fault = nifti_file.load(holder)
        else:
            image, array, fault = holder, np.asanyarray(holder.dataobj), ""
        return image, array, np.asarray(image.affine, dtype=float), fault
    except MemoryError:
        raise ConversionError(f"{source}: {TOO_LARGE}") from None
    except PermissionError:
        raise ConversionError(f"{source}: {DENIED}") from None
    except _DAMAGED as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConversionError(
            f"{source}: cannot be read as NIfTI, truncated or damaged ({reason}); export it again"
        ) from None


def stored_spacing(path: Path) -> np.ndarray:
    """Voxel size along i, j, k in mm of a file that `write_volume` wrote; reads the header alone."""
    return np.array(nib.load(path).header.get_zooms()[:3], dtype=float)


def write_volume(path: Path, volume: Volume) -> None:
    """Write a gzip'd NIfTI file atomically; the grid stands in both of its header's forms."""
    write_bytes(path, volume_bytes(volume))


def volume_bytes(volume: Volume) -> bytes:
    """The file that `write_volume` writes."""
    image = nib.Nifti1Image(volume.array, volume.affine)
    image.set_sform(volume.affine, code=1)
    image.set_qform(volume.affine, code=1)
    image.header.set_xyzt_units("mm")
    # Four times as fast as nibabel's own, and no larger. No time stamp: equal images, equal files.
    return bytes(igzip.compress(image.to_bytes(), compresslevel=3, mtime=0))
