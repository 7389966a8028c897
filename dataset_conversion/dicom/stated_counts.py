"""How many images, slices and parts a header says there are, and whether so many were found.

A volume that lost slices at its ends is as even as a whole one: nothing but such a number tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom import Dataset

from dataset_conversion.dicom.values import number_of, private_value, text_of, whole_of

if TYPE_CHECKING:
    from dataset_conversion.dicom.found_volume import FoundVolume
    from dataset_conversion.dicom.frame import Frame

_PUBLIC = ("ImagesInAcquisition", "ImagesInSeries", "NumberOfSlices", "NumberOfSeriesRelatedInstances")
# Slices of a volume: private tag, its creator, and what it is called here.
_PRIVATE = (
    (0x0021104F, "GEMS_RELA_01", "GE LocationsInAcquisition (0021,104F)"),
    (0x20011018, "PHILIPS IMAGING DD 001", "Philips NumberOfSlicesMR (2001,1018)"),
)
# Siemens writes its protocol as text; in three dimensions the number is that of slabs.
_SIEMENS_PROTOCOLS = ((0x00291020, "SIEMENS CSA HEADER"), (0x00211019, "SIEMENS MR SDS 01"))
_SIEMENS_SLICES = re.compile(rb"sSliceArray\.lSize[ \t]*=[ \t]*(0x)?(\d{1,5})")
_SIEMENS_NAME = "Siemens sSliceArray.lSize"
# Images computed on other planes keep the numbers of those that they come from.
_COMPUTED = {"SECONDARY", "REFORMATTED", "MPR", "CURVED_MPR", "MIP", "MINIP", "PROJECTION_IMAGE", "RESAMPLED"}
_COMPUTED |= {"COMPOSED", "COMP_SP", "COMP_AD", "COMP_MIP", "AVERAGE", "MEAN", "SUBTRACTION", "VOLUME"}
_SPACING_TOLERANCE = 0.02
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
    #: From centre to centre in mm; None where it may be the gap.
    spacing: float | None = None
    part: Part | None = None


NOTHING_STATED = Stated()


def stated_in(dataset: Dataset, groups: Sequence[Dataset], frame_type: Sequence[str]) -> Stated:
    """Read what the header of a frame says of numbers."""
    part = _part(dataset)
    if not _COMPUTED.isdisjoint(frame_type[1:]):
        return Stated(part=part)
    counts = [(name, whole_of(dataset[name].value)) for name in _PUBLIC if name in dataset]
    counts += [(name, whole_of(private_value(dataset, tag, creator))) for tag, creator, name in _PRIVATE]
    counts.append((_SIEMENS_NAME, _siemens_slices(dataset)))
    content = groups[0].get("FrameContentSequence") if groups else None
    if content:
        counts.append(("InStackPositionNumber", whole_of(content[0].get("InStackPositionNumber"))))
    known = tuple((name, count) for name, count in counts if count is not None and 0 < count < _LARGEST)
    times = whole_of(dataset.get("NumberOfTemporalPositions"))
    spacing, thickness = (
        number_of(dataset.get("SpacingBetweenSlices")),
        number_of(dataset.get("SliceThickness")),
    )
    # Some write the gap between slices.
    centres = spacing if spacing and thickness and spacing >= 0.99 * thickness else None
    if not (known or times or centres or part):
        return NOTHING_STATED
    return Stated(known, times, centres, part)


def fault_of_counts(volume: FoundVolume, volumes: Iterable[FoundVolume]) -> str:
    """Which number of a header says that a volume lacks slices; empty when none does.

    A header may count the slices, the images of all contrasts, echoes and times at those places, or all of
    the series: each is whole. More than it states are never a fault.
    """
    frames = volume.frames
    found = len(frames)
    stated: dict[str, int] = {}
    for frame in frames:
        for name, count in frame.stated.counts:
            stated[name] = max(count, stated.get(name, 0))
    if not any(count > found for count in stated.values()):
        return ""
    same = [other for other in volumes if other.identity.series == volume.identity.series]
    in_series = sum(len(other.frames) for other in same)
    places = len({_rounded(frame) for other in same for frame in other.frames})
    files = len({frame.file for other in same for frame in other.frames})
    twins = sum(_is_twin(other, volume) for other in volumes)
    times = max(frame.stated.temporal_positions or 1 for frame in frames)
    # The scanner's own number of slices, where it is met, explains a larger one of images.
    met = any(count == found for name, count in stated.items() if name not in _PUBLIC)
    for name, count in stated.items():
        several = count % found == 0 and (count // found <= max(twins, times) or met)
        if count > found and not several and count not in (in_series, places, files):
            beside = f" ({in_series} in the series)" if in_series != found else ""
            return f"slices lost: {name} says {count}, found {found}{beside}; export it again"
    return ""


def fault_of_stated_spacing(frames: Sequence[Frame], spacing: float) -> str:
    """Whether SpacingBetweenSlices says that every second or third slice is lost, or two sets are mixed."""
    stated = {frame.stated.spacing for frame in frames}
    if len(stated) > 1 or (said := stated.pop()) is None:
        return ""
    ratio = spacing / said
    if round(ratio) >= 2 and abs(ratio - round(ratio)) < _SPACING_TOLERANCE * ratio:
        return (
            f"slices lost: SpacingBetweenSlices says {said:.4g} mm, found {spacing:.4g} between slices: "
            f"one in {round(ratio)} is here; export it again"
        )
    acquisitions = len({frame.acquisition for frame in frames})
    if acquisitions > 1 and abs(ratio * acquisitions - 1) < _SPACING_TOLERANCE:
        return (
            f"mixed acquisitions: found slices of {acquisitions} AcquisitionNumbers {spacing:.4g} mm apart, "
            f"expected one set {said:.4g} mm apart as SpacingBetweenSlices says"
        )
    return ""


def fault_of_parts(frames: Sequence[Frame]) -> str:
    """Which part of a concatenation is not among the frames of a series; empty when all are."""
    wholes: dict[str, set[Part]] = {}
    for frame in frames:
        if frame.stated.part:
            wholes.setdefault(frame.stated.part.whole, set()).add(frame.stated.part)
    for parts in wholes.values():
        numbers = {part.number for part in parts if part.number is not None}
        total = max([part.total or 0 for part in parts] + list(numbers))
        if numbers and len(numbers) < total:
            said = f"InConcatenationTotalNumber says {total} parts"
            return f"slices lost: {said}, found {len(numbers)}; export it again"
        spans = sorted((part.offset, part.frames) for part in parts if part.offset is not None)
        expected = 0
        for offset, count in spans:
            if offset > expected:
                return (
                    f"slices lost: ConcatenationFrameOffsetNumber says {offset} frames before a part, found "
                    f"{expected}; export it again"
                )
            expected = max(expected, offset + count)
    return ""


def _part(dataset: Dataset) -> Part | None:
    if "ConcatenationUID" not in dataset and "InConcatenationNumber" not in dataset:
        return None
    keywords = ("InConcatenationNumber", "InConcatenationTotalNumber", "ConcatenationFrameOffsetNumber")
    number, total, offset = (whole_of(dataset.get(keyword)) for keyword in keywords)
    frames = whole_of(dataset.get("NumberOfFrames")) or 1
    return Part(text_of(dataset.get("ConcatenationUID")), number, total, offset, frames)


def _siemens_slices(dataset: Dataset) -> int | None:
    if dataset.get("MRAcquisitionType") != "2D":
        return None
    for tag, creator in _SIEMENS_PROTOCOLS:
        text = private_value(dataset, tag, creator)
        if isinstance(text, bytes) and (found := _slices_in(text)):
            return found
    return None


def _slices_in(protocol: bytes) -> int | None:
    found = _SIEMENS_SLICES.search(protocol)
    return int(found[2], 16 if found[1] else 10) if found else None


def _rounded(frame: Frame) -> tuple[float, ...]:
    return tuple(round(value, 1) for value in frame.position or ())


def _is_twin(other: FoundVolume, volume: FoundVolume) -> bool:
    """Whether a volume shows the same places: another contrast, echo or time."""
    return len(other.frames) == len(volume.frames) and all(
        _rounded(one) == _rounded(two)
        for one, two in ((other.frames[0], volume.frames[0]), (other.frames[-1], volume.frames[-1]))
    )
