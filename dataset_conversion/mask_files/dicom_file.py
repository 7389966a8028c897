"""Masks in DICOM: which kind a file is, and the one place where faults of damaged files are caught."""

from __future__ import annotations

import gzip
import warnings
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import UID, RTStructureSetStorage, SegmentationStorage

from dataset_conversion.images.volume import ConversionError, Volume
from dataset_conversion.mask_files.dicom_seg import read_segmentation
from dataset_conversion.mask_files.labels import Labels
from dataset_conversion.mask_files.rtstruct import read_structure_set

_GZIP_MAGIC = b"\x1f\x8b"
# Newer than pydicom 3.0's dictionary.
_LABEL_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"


def read_dicom_mask(
    path: Path, image: Volume, labels: Labels, frame_of_reference: str | None
) -> Volume | None:
    """Read a DICOM SEG or RTSTRUCT onto the image's grid; None when the file is no DICOM at all.

    Raises
    ------
    ConversionError
        When the file is damaged, holds another kind of object, belongs to another frame of reference or
        does not fit the image.
    """
    try:
        with warnings.catch_warnings():
            # pydicom's warnings quote values of the file, a patient's among them.
            warnings.simplefilter("ignore")
            return _read(path, image, labels, frame_of_reference)
    except ConversionError:
        raise
    except Exception as error:
        # pydicom and highdicom raise nearly anything on a damaged file, and quote its values: only the
        # kind of fault is told.
        raise ConversionError(
            f"{path}: cannot be read as a DICOM mask, truncated or damaged ({type(error).__name__}); "
            "export it again"
        ) from None


def _read(path: Path, image: Volume, labels: Labels, frame_of_reference: str | None) -> Volume | None:
    content = path.read_bytes()
    if content.startswith(_GZIP_MAGIC):
        content = gzip.decompress(content)
    dataset = dcmread(BytesIO(content), force=True)
    kind = str(dataset.get("SOPClassUID", ""))
    if kind in (SegmentationStorage, _LABEL_MAP_STORAGE):
        return read_segmentation(path, dataset, image, labels, frame_of_reference)
    if kind == RTStructureSetStorage:
        return read_structure_set(path, dataset, image, labels, frame_of_reference)
    if not kind and not content[128:].startswith(b"DICM"):
        return None
    raise ConversionError(
        f"{path}: found a DICOM {_name(dataset)}, expected a segmentation (SEG) or a structure set "
        "(RTSTRUCT); name the mask's own file"
    )


def _name(dataset: Dataset) -> str:
    kind = UID(dataset.get("SOPClassUID", ""))
    return kind.name if kind.type == "SOP Class" else "object of unknown kind"
