"""Whether as many slices were found as a header states.

A volume that lost slices at its ends is as even as a whole one: nothing but such a number tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dataset_conversion.dicom.found_volume import SPACING_TOLERANCE, FoundVolume
from dataset_conversion.dicom.frame import Frame
from dataset_conversion.dicom.stated_counts import SCANNERS, Part


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
    twins = sum(other.lies_with(volume) for other in volumes)
    times = max(frame.stated.temporal_positions or 1 for frame in frames)
    # The scanner's own number of slices, where it is met, explains a larger one of images.
    met = any(count == found for name, count in stated.items() if name in SCANNERS)
    for name, count in stated.items():
        several = count % found == 0 and (count // found <= max(twins, times) or met)
        if count > found and not several and count not in (in_series, places, files):
            beside = f" ({in_series} in the series)" if in_series != found else ""
            return f"slices lost: {name} says {count}, found {found}{beside}; export it again"
    return ""


def fault_of_stated_spacing(frames: Sequence[Frame], spacing: float) -> str:
    """Whether the header says that every second or third slice is lost, or that two sets are mixed."""
    stated = {frame.stated for frame in frames}
    spacings, thicknesses = {one.spacing for one in stated}, {one.thickness for one in stated}
    if len(spacings) > 1 or len(thicknesses) > 1:
        return ""
    said, thickness = spacings.pop(), thicknesses.pop()
    if said and abs(said - spacing) < SPACING_TOLERANCE * spacing:
        return ""
    if said and (thickness is None or said < 0.99 * thickness):
        # Some write the gap between slices.
        said = None
    ratio = round(spacing / said) if said else 1
    if said and ratio >= 2 and abs(spacing / said - ratio) < SPACING_TOLERANCE * ratio:
        return (
            f"slices lost: SpacingBetweenSlices says {said:.4g} mm, found {spacing:.4g} between slices: "
            f"one in {ratio} is here; export it again"
        )
    acquisitions = len({frame.acquisition for frame in frames})
    own = acquisitions * spacing
    if acquisitions > 1 and _alternate(frames, acquisitions):
        name, value = ("SpacingBetweenSlices", said) if said else ("SliceThickness", thickness)
        # Packages of one stack are thin; slices that fill the gaps of their own set are not.
        if value and value >= (1 - SPACING_TOLERANCE) * own:
            return (
                f"mixed acquisitions: found slices of {acquisitions} AcquisitionNumbers in turn, "
                f"{spacing:.4g} mm apart, expected one set {own:.4g} mm apart as {name} {value:.4g} mm says"
            )
    return ""


def _alternate(frames: Sequence[Frame], count: int) -> bool:
    """Whether acquisitions take turns from slice to slice."""
    return all(one.acquisition == two.acquisition for one, two in zip(frames, frames[count:], strict=False))


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


def _rounded(frame: Frame) -> tuple[float, ...]:
    return tuple(round(value, 1) for value in frame.position or ())
