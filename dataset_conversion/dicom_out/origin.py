"""Where a mask comes from: patient, study and slices of its images, as DICOM objects made of it say them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.uid import UID, MRImageStorage

from dataset_conversion.dicom.found_volume import FoundVolume
from dataset_conversion.dicom.frame import Frame, stamp_of
from dataset_conversion.dicom.values import whole_of
from dataset_conversion.images import ConversionError
from dataset_conversion.images.dicom_file import DamagedError, NotDicomError, read_dataset

# Between direction cosines: a hundredth of a pixel across a thousand.
_ROUNDED = 1e-5


@dataclass(frozen=True)
class Slice:
    """One slice of the images, and how an object refers to it."""

    sop_class: str
    sop_instance: str
    #: From 1, of a multi-frame image; None of a file a slice.
    frame: int | None
    #: Centre of the first pixel in mm, LPS+.
    position: tuple[float, float, float]
    #: What viewers call it: its frame, or the InstanceNumber of its file.
    label: str = ""

    def reference(self) -> Dataset:
        """As DICOM refers to an image, and to the frame in it."""
        item = Dataset()
        item.ReferencedSOPClassUID = self.sop_class
        item.ReferencedSOPInstanceUID = self.sop_instance
        if self.frame is not None:
            item.ReferencedFrameNumber = self.frame
        return item


@dataclass(frozen=True, eq=False, repr=False)
class Origin:
    """The images of a volume; never to be written but into DICOM objects of the same patient."""

    volume: FoundVolume
    #: Of the first slice: its header, whatever it holds, as of an MR image.
    header: Dataset
    #: In the volume's order.
    slices: tuple[Slice, ...]
    #: Direction cosines of growing column and of growing row index, LPS+: as the images have them, unless
    #: they were rounded so much that pixels of the grid would lie elsewhere.
    orientation: tuple[float, ...]
    slice_thickness: float

    def __repr__(self) -> str:
        return f"Origin(volume {self.volume.name}, {len(self.slices)} slices)"

    @property
    def frame_of_reference(self) -> str:
        """Its UID; empty where the images have none."""
        return self.volume.identity.frame_of_reference

    @property
    def instances(self) -> list[Dataset]:
        """A reference to every image file, each once, in the volume's order."""
        first: dict[str, Dataset] = {}
        for one in self.slices:
            whole = Slice(one.sop_class, one.sop_instance, None, one.position)
            first.setdefault(one.sop_instance, whole.reference())
        return list(first.values())

    def identify(self, made: Any, *texts: str) -> None:
        """Give an object of highdicom the patient and study data of the images, as they stand there.

        Nothing is read into them or mended. `texts` are those that the object holds beside: it is in UTF-8
        where they need more than ASCII, and in the images' own character set otherwise.
        """
        header = self.header
        made.copy_patient_and_study_information(header)
        made.StudyInstanceUID = self.volume.identity.study
        if not all(map(str.isascii, texts)):
            made.SpecificCharacterSet = "ISO_IR 192"
        elif stated := header.get("SpecificCharacterSet"):
            made.SpecificCharacterSet = stated
        elif "SpecificCharacterSet" in made:
            del made.SpecificCharacterSet
        if self.frame_of_reference:
            made.FrameOfReferenceUID = self.frame_of_reference
            made.PositionReferenceIndicator = header.get("PositionReferenceIndicator") or ""


def origin_of(volume: FoundVolume) -> Origin:
    """Read again what objects made of a usable volume say of its images.

    Raises
    ------
    ConversionError
        When a file is not the one that was scanned, or has no SOP UIDs that could be referred to.
    """
    headers: dict[Path, Dataset] = {}
    slices = []
    for number, frame in enumerate(volume.frames, start=1):
        if frame.file not in headers:
            headers[frame.file] = _header(frame)
        header = headers[frame.file]
        sop_class, sop_instance = (str(header.get(key) or "") for key in ("SOPClassUID", "SOPInstanceUID"))
        if not (UID(sop_class).is_valid and UID(sop_instance).is_valid) or frame.position is None:
            raise ConversionError(
                f"SOPClassUID, SOPInstanceUID: found no valid ones in slice {number} of "
                f"{len(volume.frames)}, expected both: what is made of images refers to them; export it again"
            )
        place = frame.number + 1 if "PerFrameFunctionalGroupsSequence" in header else None
        stated = whole_of(header.get("InstanceNumber"))
        label = f"frame {place}" if place else f"image {'?' if stated is None else stated}"
        slices.append(Slice(sop_class, sop_instance, place, frame.position, label))
    first = headers[volume.first.file]
    # By the kind of image highdicom looks up which elements are the patient's and the study's; it does not
    # know all kinds.
    first.SOPClassUID = MRImageStorage
    return Origin(volume, first, tuple(slices), _orientation(volume.first, first), _thickness(volume, first))


def _header(frame: Frame) -> Dataset:
    try:
        if frame.stamp != stamp_of(frame.file):
            raise ConversionError(
                f"{frame.file}: found another file than before, expected the same; start again"
            )
        with warnings.catch_warnings():
            # They quote values, which can be the patient's.
            warnings.simplefilter("ignore")
            return read_dataset(frame.file, pixels=False)
    except OSError as error:
        raise ConversionError(f"{frame.file}: cannot be read any more ({error.strerror})") from None
    except (DamagedError, NotDicomError) as error:
        raise ConversionError(f"{frame.file}: {error or 'is no DICOM any more'}") from None


def _groups(frame: Frame, header: Dataset) -> Sequence[Dataset]:
    """Where elements of a frame may stand, the nearest first."""
    per_frame = header.get("PerFrameFunctionalGroupsSequence")
    shared = header.get("SharedFunctionalGroupsSequence") or []
    return [per_frame[frame.number], *shared[:1], header] if per_frame else [header]


def _found(frame: Frame, header: Dataset, sequence: str, keyword: str) -> Any:
    for group in _groups(frame, header):
        items = group.get(sequence) or [group]
        if (value := items[0].get(keyword)) not in (None, ""):
            return value
    return None


def _orientation(frame: Frame, header: Dataset) -> tuple[float, ...]:
    assert frame.plane is not None  # of a usable volume
    upright = (*frame.plane.along_row, *frame.plane.along_column)
    stated = _found(frame, header, "PlaneOrientationSequence", "ImageOrientationPatient")
    cosines = tuple(map(float, stated))
    return cosines if np.allclose(cosines, upright, rtol=0, atol=_ROUNDED) else upright


def _thickness(volume: FoundVolume, header: Dataset) -> float:
    """Of a slice in mm: what the header says, or the distance between slices where it says nothing."""
    try:
        stated = float(_found(volume.first, header, "PixelMeasuresSequence", "SliceThickness") or 0)
    except (TypeError, ValueError):
        stated = 0.0
    return stated if stated > 0 else volume.spacing[2]
