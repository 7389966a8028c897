"""A frame: one slice of one image, and what its header says of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dataset_conversion.dicom.contrast import (
    ComponentName,
    Contrast,
    component_of,
    contrast_of,
    frame_type_of,
)
from dataset_conversion.dicom.scanner import Scanner, scanner_of, table_position_of
from dataset_conversion.dicom.stated_counts import NOTHING_STATED, Stated, stated_in
from dataset_conversion.dicom.values import number_of, numbers_of, private_value, text_of, whole_of

Point = tuple[float, float, float]

#: More rows or columns are a damaged number: they would be given memory before anything else is known.
LARGEST_SIDE = 8192
#: Between direction cosines.
ORIENTATION_TOLERANCE = 1e-3

_NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
# Siemens' and United Imaging's numbers of tiles in an image.
_TILES = (
    (0x0019100A, "SIEMENS MR HEADER", "NumberOfImagesInMosaic (0019,100A)"),
    (0x00651050, "IMAGE PRIVATE HEADER", "number of images in a grid (0065,1050)"),
)
_STORED = ("BitsAllocated", "BitsStored", "PixelRepresentation")


@dataclass(frozen=True, slots=True)
class Identity:
    """What groups frames to exams and series (PatientID and UIDs) and must never be written to an output."""

    patient: str
    study: str
    series: str
    frame_of_reference: str


@dataclass(frozen=True, slots=True)
class Plane:
    """A frame's pixels in space."""

    rows: int
    columns: int
    #: Between rows, and between columns, in mm.
    spacing: tuple[float, float]
    #: Unit vectors (LPS+) of growing column index, and of growing row index.
    along_row: Point
    along_column: Point

    def turned_as(self, other: Plane) -> bool:
        """Whether the two have one orientation."""
        own, others = (*self.along_row, *self.along_column), (*other.along_row, *other.along_column)
        return all(abs(a - b) <= ORIENTATION_TOLERANCE for a, b in zip(own, others, strict=True))


@dataclass(frozen=True, slots=True)
class Frame:
    """One slice, and what its header says of it; echo and repetition time in ms."""

    file: Path
    #: Place in a multi-frame file, from 0.
    number: int
    identity: Identity
    scanner: Scanner
    series_number: int | None
    #: SeriesDescription; free text, written by `clean_description` only.
    description: str
    body_part: str
    contrast: Contrast
    component: ComponentName
    #: FrameType or ImageType.
    frame_type: tuple[str, ...]
    echo_time: float | None
    repetition_time: float | None
    temporal_position: int | None
    acquisition: int | None
    plane: Plane | None
    #: Centre of the first pixel in mm, LPS+.
    position: Point | None
    #: Along the body in mm, in the vendor's direction.
    table_position: float | None
    #: Stored value to displayed value.
    slope: float
    intercept: float
    #: BitsAllocated, BitsStored and PixelRepresentation.
    stored: tuple[int | None, ...]
    #: Why the frame cannot be part of a volume; empty when it can.
    fault: str
    #: Which of RescaleSlope and RescaleIntercept the header states.
    rescaled: tuple[str, ...] = ()
    #: Whether the file states that its pixels are neither compressed nor big-endian.
    native: bool = False
    echo_number: int | None = None
    #: SeriesNumber as it is written, perhaps with zeros in front; never to be written.
    series_text: str = ""
    stated: Stated = NOTHING_STATED
    #: Size and time of change of the file when its header was read.
    stamp: tuple[int, int] = (0, 0)


def stamp_of(file: Path) -> tuple[int, int]:
    """Size and time of change of a file: others mean that it is not the one whose header was read."""
    status = file.stat()
    return status.st_size, status.st_mtime_ns


def frames_of(dataset: Dataset, file: Path) -> list[Frame]:
    """All frames of an image file: one of a classic file, several of an enhanced multi-frame one.

    A frame that cannot be used carries its fault. Damaged values raise whatever pydicom raises.
    """
    count = whole_of(dataset.get("NumberOfFrames")) or 1
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence")
    uids = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
    identity = Identity(*(text_of(dataset.get(keyword)) for keyword in uids))
    fault = _fault_of_file(dataset, count, per_frame)
    source = (file, stamp_of(file))
    if per_frame is None or fault:
        return [_frame(dataset, source, 0, identity, (), fault)]
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    return [
        _frame(dataset, source, number, identity, (groups, *shared[:1]), "")
        for number, groups in enumerate(per_frame)
    ]


def _fault_of_file(dataset: Dataset, count: int, per_frame: Sequence[Dataset] | None) -> str:
    if (samples := whole_of(dataset.get("SamplesPerPixel")) or 1) != 1:
        return f"SamplesPerPixel: found {samples} (colour), expected 1"
    if (photometric := text_of(dataset.get("PhotometricInterpretation"))) != "MONOCHROME2":
        return f"PhotometricInterpretation: found {_word(photometric)}, expected MONOCHROME2"
    if per_frame is None and count > 1:
        return f"NumberOfFrames: found {count}, expected per-frame functional groups with their positions"
    if per_frame is not None and len(per_frame) != count:
        return f"NumberOfFrames: found {count}, expected {len(per_frame)}, one a functional group"
    if mosaic := _mosaic(dataset):
        return f"{mosaic}, expected one slice an image: export it without tiling"
    return ""


def _mosaic(dataset: Dataset) -> str:
    """What says that slices stand as tiles in one image, in words."""
    if tiling := {"MOSAIC", "VFRAME"} & {*frame_type_of(dataset)}:
        return f"ImageType: found {' '.join(tiling)}"
    for tag, creator, name in _TILES:
        if (tiles := whole_of(private_value(dataset, tag, creator)) or 0) > 1:
            return f"{name}: found {tiles}"
    return ""


def _frame(
    dataset: Dataset, source: tuple[Path, tuple[int, int]], number: int, identity: Identity,
    groups: Sequence[Dataset], fault: str,
) -> Frame:  # fmt: skip
    get = partial(_look_up, dataset, groups)
    plane, missing = (None, "") if fault else _plane(get, dataset)
    position = numbers_of(get("PlanePositionSequence", "ImagePositionPatient"), 3)
    if not fault and not missing and position is None:
        missing = "no usable ImagePositionPatient"
    slope = get("PixelValueTransformationSequence", "RescaleSlope")
    intercept = get("PixelValueTransformationSequence", "RescaleIntercept")
    pair = {"RescaleSlope": slope, "RescaleIntercept": intercept}
    # A lone one stands beside the other's neutral value.
    scale = tuple(
        neutral if value is None else number_of(value)
        for value, neutral in zip(pair.values(), (1.0, 0.0), strict=True)
    )
    if None in scale or scale[0] == 0:
        missing = missing or "RescaleSlope, RescaleIntercept: found no two usable numbers"
    frame_type = frame_type_of(dataset, groups)
    content = partial(get, "FrameContentSequence")
    return Frame(
        file=source[0],
        number=number,
        identity=identity,
        scanner=scanner_of(dataset),
        series_number=whole_of(dataset.get("SeriesNumber")),
        description=text_of(dataset.get("SeriesDescription")),
        body_part=text_of(get("FrameAnatomySequence", "BodyPartExamined")),
        contrast=contrast_of(dataset, groups),
        component=component_of(dataset, groups),
        frame_type=frame_type,
        echo_time=number_of(get("MREchoSequence", "EffectiveEchoTime", "EchoTime")),
        repetition_time=number_of(get("MRTimingAndRelatedParametersSequence", "RepetitionTime")),
        temporal_position=whole_of(content("TemporalPositionIndex", "TemporalPositionIdentifier")),
        acquisition=whole_of(content("FrameAcquisitionNumber", "AcquisitionNumber")),
        plane=plane,
        position=position,  # type: ignore[arg-type]
        table_position=table_position_of(dataset, groups),
        slope=scale[0] or 1.0,
        intercept=scale[1] or 0.0,
        stored=tuple(whole_of(dataset.get(key)) for key in _STORED),
        fault=fault or missing,
        rescaled=tuple(name for name, value in pair.items() if value is not None),
        native=dataset.get("file_meta", {}).get("TransferSyntaxUID") in _NATIVE,
        series_text=text_of(dataset.get("SeriesNumber")),
        echo_number=whole_of(dataset.get("EchoNumbers")),
        stated=stated_in(dataset, groups, frame_type),
        stamp=source[1],
    )


def _look_up(dataset: Dataset, groups: Sequence[Dataset], sequence: str, *keywords: str) -> Any:
    """The first keyword's value in a frame's functional groups or, classic, any's in the data set itself."""
    for group in groups:
        items = group.get(sequence)
        if items and (value := items[0].get(keywords[0])) is not None:
            return value
    values = (dataset.get(keyword) for keyword in keywords)
    return next((value for value in values if value is not None), None)


def _plane(get: Callable[..., Any], dataset: Dataset) -> tuple[Plane | None, str]:
    """A frame's plane or, in words, what it lacks."""
    rows, columns = whole_of(dataset.get("Rows")) or 0, whole_of(dataset.get("Columns")) or 0
    if min(rows, columns) < 1 or max(rows, columns) > LARGEST_SIDE:
        return None, f"Rows, Columns: found {rows} x {columns}, expected 1 to {LARGEST_SIDE}"
    spacing = numbers_of(get("PixelMeasuresSequence", "PixelSpacing"), 2)
    if spacing is None or min(spacing) <= 0:
        return None, "no usable PixelSpacing"
    cosines = numbers_of(get("PlaneOrientationSequence", "ImageOrientationPatient"), 6)
    if cosines is None:
        return None, "no usable ImageOrientationPatient"
    row, column = cosines[:3], cosines[3:]
    lengths = math.hypot(*row), math.hypot(*column)
    if max(abs(length - 1) for length in lengths) > 1e-2:
        found = f"{lengths[0]:.3g} and {lengths[1]:.3g}"
        return None, f"ImageOrientationPatient: found vectors of length {found}, expected 1"
    row = tuple(value / lengths[0] for value in row)
    skew = sum(a * b for a, b in zip(row, column, strict=True)) / lengths[1]
    if abs(skew) > 1e-2:
        return None, f"ImageOrientationPatient: found axes {skew:.3g} off a right angle, expected 0"
    # Printed cosines are rounded: the column is made exactly perpendicular, as NIfTI readers demand.
    column = tuple(b / lengths[1] - skew * a for a, b in zip(row, column, strict=True))
    length = math.hypot(*column)
    column = tuple(value / length for value in column)
    return Plane(rows, columns, spacing, row, column), ""  # type: ignore[arg-type]


def _word(value: str) -> str:
    """A code string of the standard; anything else is not quoted: it could be a name."""
    known = ("MONOCHROME1", "RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422")
    return value if value in known else "another"
