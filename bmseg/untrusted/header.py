"""Judge a NIfTI header before a voxel is read: what it claims must be what the exam has."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError
from pydantic import BaseModel, ConfigDict, Field

from bmseg.untrusted.compressed import Bounded, DamagedError
from dataset_conversion import images

#: Room for what some programs write between header and voxels. It is skipped unread.
LARGEST_EXTENSIONS = 1 << 20
_HEADERS = {348: Nifti1Header, 540: Nifti2Header}
LARGEST_HEADER = 544
# From this level on, nibabel refuses a header that it loads.
_REFUSED = 40
_RULE = "(the exam's grid); masks are never resampled: export it on the exam's grid"
_QUIET = logging.Logger("bmseg.submission")
_QUIET.addHandler(logging.NullHandler())
_Row = Annotated[list[float], Field(min_length=4, max_length=4)]


class ExamGrid(BaseModel):
    """Size and position that an exam's masks must have."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    size: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=3, max_length=3)]
    affine: Annotated[list[_Row], Field(min_length=4, max_length=4)]

    @classmethod
    def of(cls, mask: images.Volume) -> ExamGrid:
        """The grid of a mask."""
        return cls(size=list(mask.array.shape), affine=mask.affine.tolist())

    @property
    def n_voxels(self) -> int:
        """How many voxels a mask on it has."""
        return int(np.prod(self.size))

    def faults_of(self, affine: np.ndarray) -> list[str]:
        """What is wrong with the position of a mask of this size; nothing where it lies on the grid."""
        if not np.isfinite(affine).all():
            return ["affine: found no finite numbers, expected numbers; export it again"]
        if not np.linalg.norm(affine[:3, :3], axis=0).all():
            return ["spacing: found 0 mm, expected the exam's; export it again"]
        difference = self.at(affine).difference(self.at(np.asarray(self.affine)))
        return [f"{difference} {_RULE}"] if difference else []

    def at(self, affine: np.ndarray) -> images.Grid:
        """As many voxels elsewhere."""
        return images.Grid(tuple(self.size), affine)


@dataclass(frozen=True)
class MaskHeader:
    """What a header says, as nibabel reads it."""

    dtype: np.dtype  # of a stored voxel, byte order included
    skip: int  # bytes between the header and the first voxel
    slope: float | None  # voxels are scaled by slope and inter; None: as stored
    inter: float | None
    affine: np.ndarray  # shape (4, 4)
    faults: list[str]  # on the position of the grid, which do not keep the voxels from being read
    notices: list[str]


def read_header(stream: Bounded, grid: ExamGrid) -> MaskHeader:
    """Read the header of a mask that should lie on a grid.

    Raises `DamagedError` where voxels cannot be read by it: no NIfTI header, another size, another kind of
    voxels, voxels that begin elsewhere than behind the header.
    """
    header = _parsed(stream)
    _check_size(header, grid)
    dtype = _dtype(header)
    offset = float(header["vox_offset"])
    first = header.single_vox_offset
    if not (first <= offset <= first + LARGEST_EXTENSIONS and offset.is_integer()):
        raise DamagedError(
            f"vox_offset: found {offset:g}, expected {first} to {first + LARGEST_EXTENSIONS}; export it again"
        )
    try:
        # Repaired is what nibabel repairs as it loads an image, refused what it refuses.
        header.check_fix(logger=_QUIET, error_level=_REFUSED)
    except (HeaderDataError, ValueError, OverflowError) as error:
        raise DamagedError(f"found a NIfTI header that breaks a rule ({error}); export it again") from None
    slope, inter = _scaling(header)
    notices = []
    if slope is not None and (slope, inter) != (1.0, 0.0):
        notices.append(f"scl_slope {slope:g} and scl_inter {inter:g}: voxels were read as scaled by them")
    affine, faults, more = _position(header, grid)
    skip = int(offset) - int(header["sizeof_hdr"])
    return MaskHeader(dtype, skip, slope, inter, affine, faults, notices + more)


def _parsed(stream: Bounded) -> Nifti1Header:
    """The header as it stands, in its own byte order."""
    block = stream.read(348)
    sizes = {"<": int.from_bytes(block[:4], "little"), ">": int.from_bytes(block[:4], "big")}
    order = next((order for order, size in sizes.items() if size in _HEADERS), None)
    if order is None:
        raise DamagedError("found no NIfTI header, expected a gzipped NIfTI file")
    size = sizes[order]
    block += stream.read(size - len(block))
    if len(block) < size:
        raise DamagedError(f"found {len(block)} bytes, expected a NIfTI header of {size}; export it again")
    header = _HEADERS[size](block, endianness=order, check=False)
    if header["magic"].item() != header.single_magic:
        raise DamagedError("found the header of a pair (.hdr and .img), expected a single NIfTI file")
    return header


def _check_size(header: Nifti1Header, grid: ExamGrid) -> None:
    """Trailing dimensions of one are left out, as some programs write them."""
    dims = [int(value) for value in header["dim"]]
    shape = dims[1 : dims[0] + 1] if 1 <= dims[0] <= 7 else []
    if len(shape) < 3 or shape[:3] != grid.size or any(more != 1 for more in shape[3:]):
        found = " x ".join(map(str, shape)) if shape else f"{dims[0]} dimensions"
        raise DamagedError(f"size: found {found}, expected {' x '.join(map(str, grid.size))} {_RULE}")


def _dtype(header: Nifti1Header) -> np.dtype:
    try:
        dtype: np.dtype = header.get_data_dtype()
    except (HeaderDataError, KeyError):
        dtype = np.dtype("V0")
    if dtype.kind in "uif" and dtype.itemsize <= 8:
        return dtype
    name = "colours" if dtype.names else dtype.name if dtype.itemsize else "an unknown type"
    code = int(header["datatype"])
    raise DamagedError(f"datatype: found {name} (code {code}), expected whole numbers; export it again")


def _scaling(header: Nifti1Header) -> tuple[float | None, float | None]:
    # Not a number stands for no scaling: so nibabel itself writes it.
    if np.isinf(header["scl_slope"]):
        raise DamagedError("scl_slope: found infinity, expected a number or 0 for none; export it again")
    try:
        return header.get_slope_inter()
    except HeaderDataError as error:
        raise DamagedError(f"scl_inter: {error}; export it again") from None


def _position(header: Nifti1Header, grid: ExamGrid) -> tuple[np.ndarray, list[str], list[str]]:
    """Affine in mm, faults, notices: as `dataset_conversion.images.position` decides."""
    try:
        affine = np.asarray(header.get_best_affine(), dtype=float)
    except (HeaderDataError, ValueError) as error:
        return np.full((4, 4), np.nan), [f"qform: {error}; export it again"], []
    place = images.position(header, affine, tuple(grid.size))
    faults, notices = grid.faults_of(place.affine), list(place.notes)
    if place.fault:
        # The exam's grid says which of two sizes is right.
        (faults or notices).append(place.fault)
    return place.affine, faults, notices
