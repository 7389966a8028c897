"""A reader's mask, whatever program saved it."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

from dataset_conversion.files import open_unpacked
from dataset_conversion.images import ConversionError, Volume, read_volume, whole
from dataset_conversion.images.kinds import DICOM_MAGIC, DICOM_MAGIC_AT, NRRD_MAGIC
from dataset_conversion.mask_files.labels import Labels, relabel
from dataset_conversion.mask_files.nrrd import read_nrrd

__all__ = ["Labels", "read_mask", "relabel"]

# A NIfTI file begins with the size of its header: version 1 and 2, in either byte order.
_NIFTI_MAGICS = {size.to_bytes(4, order) for size in (348, 540) for order in ("little", "big")}


def read_mask(path: Path, image: Volume, labels: Labels, *, frame_of_reference: str | None = None) -> Volume:
    """Read a mask in the values of the study; the format is told by the file's content, not its name.

    Nothing is resampled. NIfTI and NRRD (also ``.seg.nrrd`` of 3D Slicer) come on their own grid and of their
    own number type, for the caller to compare; DICOM SEG and RTSTRUCT, also gzip'd, come on the image's, and
    their frame of reference must be the image's where that is known.

    Raises
    ------
    ConversionError
        When the file is missing, damaged or of another kind, names what is no level, holds overlapping
        levels, or, for DICOM, does not lie on the image's grid.
    """
    if not path.is_file():
        raise ConversionError(f"{path}: no such file")
    try:
        with open_unpacked(path) as file:
            head = file.read(DICOM_MAGIC_AT + len(DICOM_MAGIC))
    except (OSError, EOFError, zlib.error) as error:
        raise ConversionError(
            f"{path}: cannot be read, truncated or damaged ({type(error).__name__}); export it again"
        ) from None
    # DICOM is worth a try: its magic, or a first group 0002 or 0008 of a file without preamble.
    may_be_dicom = head[DICOM_MAGIC_AT:] == DICOM_MAGIC or head[:2] in (b"\x02\x00", b"\x08\x00")
    if head.startswith(NRRD_MAGIC):
        return replace(read_nrrd(path, image, labels), source=str(path))
    if head[:4] not in _NIFTI_MAGICS and may_be_dicom:
        # pydicom comes with an optional part of the package.
        try:
            from dataset_conversion.mask_files.dicom_file import read_dicom_mask
        except ModuleNotFoundError:
            raise ConversionError(
                f"{path}: found a file that is neither NIfTI nor NRRD, expected one of these as pydicom and "
                "highdicom are not installed; install bmseg[dicom] to read DICOM masks"
            ) from None
        mask = read_dicom_mask(path, image, labels, frame_of_reference)
        if mask is not None:
            return replace(mask, source=str(path))
    return relabel(whole(read_volume(path)).said(), labels.label_map)
