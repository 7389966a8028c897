"""What to say of slices at one place: are they copies, or other images, and what tells these apart?

Advice to remove copies deletes data where the images are not: a diffusion, a time, an echo.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from warnings import catch_warnings, simplefilter

import numpy as np
from pydicom import Dataset
from pydicom.datadict import keyword_for_tag
from pydicom.tag import BaseTag, Tag

from dataset_conversion.dicom.frame import Frame
from dataset_conversion.dicom.pixels import read_frames
from dataset_conversion.images import ConversionError
from dataset_conversion.images.dicom_file import DamagedError, NotDicomError, read_dataset

# Places that are looked at when one of them shows that the images are no copies.
_LOOKED_AT = 16

# What tells images of one place apart, by element: the first that differ are named.
_TELLING = {
    "b-value": ("DiffusionBValue", 0x0019100C, 0x00431039, 0x20011003, 0x00651009),
    "diffusion direction": ("DiffusionGradientOrientation", "DiffusionDirectionality", 0x0019100E),
    "echo number": ("EchoNumbers",),
    "echo time": ("EchoTime", "EffectiveEchoTime"),
    "inversion time": ("InversionTime", "InversionTimes"),
    "flip angle": ("FlipAngle",),
    "repetition time": ("RepetitionTime",),
    "trigger time": ("TriggerTime", "NominalCardiacTriggerDelayTime", "NominalPercentageOfCardiacPhase"),
    "time point": ("TemporalPositionIndex", "TemporalPositionIdentifier", "TemporalPositionTimeOffset"),
    "contrast agent": ("ContrastBolusAgent", "ContrastBolusAgentPhase"),
    "spin labelling": ("ASLContext", "ASLTechniqueDescription"),
    "coil": ("ReceiveCoilName", "MultiCoilElementName", 0x0051100F),
    "series description": ("SeriesDescription",),
    "protocol": ("ProtocolName", "SequenceName", "PulseSequenceName"),
    "image comments": ("ImageComments", "FrameComments"),
    "time of acquisition": ("AcquisitionTime", "AcquisitionDateTime", "FrameAcquisitionDateTime",
                            "FrameReferenceDateTime", "AcquisitionNumber", "FrameAcquisitionNumber"),
    "image type": ("ImageType", "FrameType", "ComplexImageComponent"),
}  # fmt: skip
_NAMES = {Tag(element): name for name, elements in _TELLING.items() for element in elements}
_SOP_INSTANCE = Tag("SOPInstanceUID")


# Differ between any two images and tell nothing.
_DULL = {
    "SOPInstanceUID", "InstanceNumber", "InstanceCreationDate", "InstanceCreationTime", "WindowCenter",
    "WindowWidth", "SmallestImagePixelValue", "LargestImagePixelValue", "SliceLocation", "Rows", "Columns",
    "RescaleSlope", "RescaleIntercept", "DimensionIndexValues", "InStackPositionNumber", "ContentTime",
    "ContentDate", "ImagePositionPatient", "PixelData", "OtherPatientIDs", "SourceImageSequence",
}  # fmt: skip


def fault_of_doubled(frames: Sequence[Frame], along: np.ndarray, same_place: float) -> str:
    """Say of slices, in order of their places, which are copies of others and what tells the rest apart.

    Copies are one SOP instance, or have equal pixels. Empty when no two lie at one place.
    """
    ends = np.flatnonzero(np.diff(along) >= same_place) + 1
    places = [part for part in np.split(np.arange(len(frames)), ends) if len(part) > 1]
    if not places:
        return ""
    repeats = sum(len(place) - 1 for place in places)
    doubled = f"found {repeats} of {len(frames)} slices at the place of another"
    copies = extra = 0
    told = Counter[str]()
    for number, place in enumerate(_spread(places)):
        # All have to be copies before anyone is told to remove them; of others, some tell what they are.
        if told and number >= _LOOKED_AT:
            break
        images = _images([frames[i] for i in place])
        for i, image in enumerate(images[1:], start=1):
            extra += 1
            if any(image.is_copy_of(earlier) for earlier in images[:i]):
                copies += 1
            else:
                told.update(image.differences(images[0]) or ["their pixels alone"])
    if copies == extra:
        return f"duplicates: {doubled} with its pixels or SOP instance, expected one; remove the copies"
    apart = " and ".join(name for name, _ in told.most_common(3))
    which = f"{copies} of {extra} are copies, the others" if copies else "none is a copy, they"
    some = f"of {extra} looked at " if extra < repeats else ""
    return (
        f"doubled places: {doubled}, expected one; {some}{which} differ in {apart}: remove none, export each "
        "set as a series of its own"
    )


def _spread(places: list[np.ndarray]) -> list[np.ndarray]:
    """The same places, some from all over first."""
    step = max(len(places) // _LOOKED_AT, 1)
    return [place for start in range(step) for place in places[start::step]]


def _images(frames: Sequence[Frame]) -> list[_Image]:
    """Read frames again, and every file once."""
    found: dict[Frame, _Image] = {}
    for _, group in groupby(sorted(frames, key=attrgetter("file", "number")), key=attrgetter("file")):
        own = list(group)
        pixels: Sequence[np.ndarray | None] = [None] * len(own)
        with suppress(ConversionError):
            pixels = read_frames(own[0].file, own)
        images = map(_Image, _headers(own), pixels)
        found |= dict(zip(own, images, strict=True))
    return [found[frame] for frame in frames]


def _headers(frames: Sequence[Frame]) -> list[dict[BaseTag, str]]:
    """The headers of frames of one file, with their own functional groups; empty where it cannot be read."""
    with suppress(DamagedError, NotDicomError, OSError), catch_warnings():
        simplefilter("ignore")
        dataset = read_dataset(frames[0].file, pixels=False)
        whole = dict(_elements(dataset, nested=False))
        groups = dataset.get("PerFrameFunctionalGroupsSequence") or []
        instance = whole.get(_SOP_INSTANCE)
        return [
            whole
            | dict(pair for group in groups[frame.number :][:1] for pair in _elements(group, nested=True))
            | ({_SOP_INSTANCE: f"{instance} {frame.number}"} if instance else {})
            for frame in frames
        ]
    return [{} for _ in frames]


@dataclass(frozen=True, eq=False)
class _Image:
    """One of several slices at a place: its header, by element, and its pixels where they can be read."""

    header: dict[BaseTag, str]
    pixels: np.ndarray | None

    def is_copy_of(self, other: _Image) -> bool:
        """Whether it is the same SOP instance, or has the same pixels and shows something."""
        if _SOP_INSTANCE in self.header and self.header[_SOP_INSTANCE] == other.header.get(_SOP_INSTANCE):
            return True
        if self.pixels is None or other.pixels is None or not np.array_equal(self.pixels, other.pixels):
            return False
        return bool(np.ptp(self.pixels) > 0) or not self.differences(other)

    def differences(self, other: _Image) -> list[str]:
        """What tells the two apart, in words or by the names of elements; never their values."""
        tags = sorted(
            tag for tag in self.header.keys() | other.header if self.header.get(tag) != other.header.get(tag)
        )
        if named := list(dict.fromkeys(_NAMES[tag] for tag in tags if tag in _NAMES)):
            return named
        known = [keyword_for_tag(tag) for tag in tags if not tag.is_private]
        if others := [name for name in known if name and name not in _DULL]:
            return others
        return [f"private element ({tag.group:04X},{tag.element:04X})" for tag in tags if tag.is_private][:1]


def _elements(dataset: Dataset, *, nested: bool) -> Iterator[tuple[BaseTag, str]]:
    """Elements and their values as text, and those of a frame's functional groups."""
    # Iterating over the data set itself decodes it, and damaged values raise.
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
            if element.VR != "SQ":
                yield tag, str(element.value)[:200]
        except Exception:  # values are decoded here: damaged ones say nothing
            continue
        if element.VR == "SQ" and nested:
            for item in element.value:
                yield from _elements(item, nested=True)
