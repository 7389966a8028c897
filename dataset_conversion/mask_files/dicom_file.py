"""Masks in DICOM: which kind a file is, and the one place where faults of damaged files are caught."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.uid import UID, RTStructureSetStorage, SegmentationStorage

from dataset_conversion.files import TooLargeError, open_unpacked
from dataset_conversion.images import ConversionError, Volume
from dataset_conversion.images.dicom_file import DamagedError, NotDicomError, read_dataset
from dataset_conversion.mask_files.dicom_seg import read_segmentation
from dataset_conversion.mask_files.labels import Labels
from dataset_conversion.mask_files.rtstruct import read_structure_set

# The second is newer than pydicom 3.0's dictionary.
_SEGMENTATIONS = (SegmentationStorage, "1.2.840.10008.5.1.4.1.1.66.7")


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
        with _faults_told(path):
            # To the check sum of a gzip'd file: pydicom takes one that ends early for a short one.
            with open_unpacked(path) as stream:
                while stream.read(2**20):
                    pass
            dataset = read_dataset(path, pixels=True)
            kind = str(dataset.get("SOPClassUID", ""))
            if kind in _SEGMENTATIONS:
                return read_segmentation(path, dataset, image, labels, frame_of_reference)
            if kind == RTStructureSetStorage:
                return read_structure_set(path, dataset, image, labels, frame_of_reference)
    except NotDicomError:
        return None
    raise _other_kind(path, kind)


def names_in(path: Path) -> list[str] | None:
    """Names of the segments or contour sets of a DICOM mask; None when the file is no DICOM at all.

    A ConversionError when it is damaged or holds another kind of object.
    """
    try:
        with _faults_told(path):
            dataset = read_dataset(path, pixels=False)
            kind = str(dataset.get("SOPClassUID", ""))
            if kind in _SEGMENTATIONS:
                return [str(item.SegmentLabel) for item in dataset.SegmentSequence if item.SegmentNumber]
            if kind == RTStructureSetStorage:
                return [str(roi.ROIName) for roi in dataset.StructureSetROISequence]
    except NotDicomError:
        return None
    raise _other_kind(path, kind)


@contextmanager
def _faults_told(path: Path) -> Iterator[None]:
    """Whatever is wrong with a file as a ConversionError; NotDicomError is for the caller."""
    try:
        with warnings.catch_warnings():
            # pydicom's warnings quote values of the file, a patient's among them.
            warnings.simplefilter("ignore")
            yield
    except (NotDicomError, ConversionError):
        raise
    except (DamagedError, TooLargeError) as error:
        raise ConversionError(f"{path}: {error}; export it again") from None
    except Exception as error:
        # pydicom and highdicom raise nearly anything on a damaged file, and quote its values: only the
        # kind of fault is told.
        raise ConversionError(
            f"{path}: cannot be read as a DICOM mask, truncated or damaged ({type(error).__name__}); "
            "export it again"
        ) from None


def _other_kind(path: Path, kind: str) -> ConversionError:
    found = UID(kind).name if UID(kind).type == "SOP Class" else "object of unknown kind"
    return ConversionError(
        f"{path}: found a DICOM {found}, expected a segmentation (SEG) or a structure set "
        "(RTSTRUCT); name the mask's own file"
    )
