"""How many images, slices and parts a header says there are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydicom import Dataset

from dataset_conversion.dicom.values import number_of, private_value, text_of, whole_of

# Of the standard, by tag.
_PUBLIC = {
    "ImagesInAcquisition": 0x00201002, "ImagesInSeries": 0x00201003, "NumberOfSlices": 0x00540081,
    "NumberOfSeriesRelatedInstances": 0x00201209,
}  # fmt: skip
# By tag too: keywords take four times as long to look up, and most files have none of these.
_TEMPORAL_POSITIONS, _SPACING, _THICKNESS = 0x00200105, 0x00180088, 0x00180050
_CONCATENATION_UID, _CONCATENATION_NUMBER, _ACQUISITION_TYPE = 0x00209161, 0x00209162, 0x00180023
# Slices of a volume, or images of a series: private tag, its creator, and what it is called here.
_PRIVATE = (
    (0x0021104F, "GEMS_RELA_01", "GE LocationsInAcquisition (0021,104F)"),
    (0x00251007, "GEMS_SERS_01", "GE ImagesInSeries (0025,1007)"),
    (0x20011018, "PHILIPS IMAGING DD 001", "Philips NumberOfSlicesMR (2001,1018)"),
)
#: Count the slices of one volume.
SCANNERS = {"GE LocationsInAcquisition (0021,104F)", "Philips NumberOfSlicesMR (2001,1018)"}
# Siemens writes its protocol as text; in three dimensions the number is that of slabs.
_SIEMENS_PROTOCOLS = ((0x00291020, "SIEMENS CSA HEADER"), (0x00211019, "SIEMENS MR SDS 01"))
_SIEMENS_SLICES = re.compile(rb"sSliceArray\.lSize[ \t]*=[ \t]*(0x[0-9a-fA-F]{1,4}|\d{1,5})")
_SIEMENS_NAME = "Siemens sSliceArray.lSize"
# Images computed on other planes keep the numbers of those that they come from.
_COMPUTED = {"SECONDARY", "REFORMATTED", "MPR", "CURVED_MPR", "MIP", "MINIP", "PROJECTION_IMAGE", "RESAMPLED"}
_COMPUTED |= {"COMPOSED", "COMP", "COMP_SP", "COMP_AD", "COMP_MIP", "AVERAGE", "MEAN", "SUBTRACTION"}
_LARGEST = 100_000


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a concatenation: one enhanced object that was written as several files."""

    #: ConcatenationUID; never to be written.
    whole: str
    number: int | None
    total: int | None
    #: Frames in the parts before it, and in it.
    offset: int | None
    frames: int


@dataclass(frozen=True, slots=True)
class Stated:
    """What a header says of numbers."""

    #: Elements' names and numbers of images or slices.
    counts: tuple[tuple[str, int], ...] = ()
    temporal_positions: int | None = None
    #: SpacingBetweenSlices, from centre to centre or the gap, and SliceThickness, in mm.
    spacing: float | None = None
    thickness: float | None = None
    part: Part | None = None


NOTHING_STATED = Stated()


def stated_in(dataset: Dataset, groups: Sequence[Dataset], frame_type: Sequence[str]) -> Stated:
    """Read what the header of a frame says of numbers."""
    part = _part(dataset)
    if not _COMPUTED.isdisjoint(frame_type[1:]):
        return Stated(part=part)
    counts = [(name, whole_of(dataset[tag].value)) for name, tag in _PUBLIC.items() if tag in dataset]
    counts += [(name, whole_of(private_value(dataset, tag, creator))) for tag, creator, name in _PRIVATE]
    counts.append((_SIEMENS_NAME, _siemens_slices(dataset)))
    content = groups[0].get("FrameContentSequence") if groups else None
    if content:
        counts.append(("InStackPositionNumber", whole_of(content[0].get("InStackPositionNumber"))))
    known = tuple((name, count) for name, count in counts if count is not None and 0 < count < _LARGEST)
    times = whole_of(dataset[_TEMPORAL_POSITIONS].value) if _TEMPORAL_POSITIONS in dataset else None
    spacing, thickness = (
        number_of(dataset[tag].value) if tag in dataset else None for tag in (_SPACING, _THICKNESS)
    )
    return Stated(known, times, spacing, thickness, part)


def _part(dataset: Dataset) -> Part | None:
    if _CONCATENATION_UID not in dataset and _CONCATENATION_NUMBER not in dataset:
        return None
    keywords = ("InConcatenationNumber", "InConcatenationTotalNumber", "ConcatenationFrameOffsetNumber")
    number, total, offset = (whole_of(dataset.get(keyword)) for keyword in keywords)
    frames = whole_of(dataset.get("NumberOfFrames")) or 1
    return Part(text_of(dataset.get("ConcatenationUID")), number, total, offset, frames)


def _siemens_slices(dataset: Dataset) -> int | None:
    protocols = [private_value(dataset, tag, creator) for tag, creator in _SIEMENS_PROTOCOLS]
    texts = [text for text in protocols if isinstance(text, bytes)]
    if not texts or _ACQUISITION_TYPE not in dataset or dataset[_ACQUISITION_TYPE].value != "2D":
        return None
    return next(filter(None, map(_slices_in, texts)), None)


def _slices_in(protocol: bytes) -> int | None:
    found = _SIEMENS_SLICES.search(protocol)
    return int(found[1], 16 if found[1].startswith(b"0x") else 10) if found else None
