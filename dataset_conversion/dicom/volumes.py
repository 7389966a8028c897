"""Frames become volumes: grouped by what they show, sorted by place, refused where they do not fit.

The order of the checks names the true reason: one orientation in a series, then grouping, then equal
sizes, doubled places, the number of slices, and their spacing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from operator import attrgetter
from typing import TypeVar

import numpy as np

from dataset_conversion.dicom.doubled import fault_of_doubled
from dataset_conversion.dicom.found_volume import (
    FEWEST_SLICES,
    SPACING_TOLERANCE,
    FoundVolume,
    normal_of,
    places_along_normal,
)
from dataset_conversion.dicom.fragments import torn
from dataset_conversion.dicom.frame import ORIENTATION_TOLERANCE, Frame
from dataset_conversion.dicom.lost_slices import fault_of_counts, fault_of_parts, fault_of_stated_spacing
from dataset_conversion.dicom.values import may_be_date

Member = TypeVar("Member")

# Printed in more or fewer digits: well below what tells two echoes apart.
_ECHO_NOISE_MS = 0.005
# Positions nearer than this are the same place: well below any slice spacing, above printed rounding.
_SAME_PLACE_MM = 0.01


def find_volumes(frames: Iterable[Frame]) -> list[FoundVolume]:
    """All volumes of one exam's slices, each usable or with its reason, named and in a fixed order."""
    series = _split(frames, lambda frame: frame.identity.series)
    volumes = [volume for group in series for volume in _volumes_of_series(group)]
    volumes.sort(key=_order)
    return _named(_without_scattered(_without_lost(volumes)))


def _volumes_of_series(frames: Sequence[Frame]) -> list[FoundVolume]:
    if reason := _fault_of_series(frames) or fault_of_parts(frames):
        return [FoundVolume(tuple(frames), reason)]
    kinds = _split(_with_one_echo_time(frames), _kind)
    groups = [part for kind in kinds for part in _stations(kind)]
    for name in ("series_number", "temporal_position", "acquisition", "echo_number"):
        key = attrgetter(name)
        groups = [part for group in groups for part in (_split(group, key) if _doubled(group) else [group])]
    return [_volume(part) for group in groups for part in _times(group)]


def _kind(frame: Frame) -> tuple[Hashable, ...]:
    """What all slices of a volume share."""
    frame_type = tuple(term for term in frame.frame_type if term)
    return frame_type, frame.contrast.name, frame.component, frame.echo_time


def _with_one_echo_time(frames: Sequence[Frame]) -> list[Frame]:
    """Give echo times that differ by rounding one value, the smallest."""
    first: dict[float | None, float | None] = {None: None}
    times = sorted({frame.echo_time for frame in frames if frame.echo_time is not None})
    for time, before in zip(times, [-np.inf, *times], strict=False):
        first[time] = first[before] if time - before <= _ECHO_NOISE_MS else time
    if len(set(first.values())) == len(first):
        return list(frames)
    return [replace(frame, echo_time=first[frame.echo_time]) for frame in frames]


def _times(frames: list[Frame]) -> list[list[Frame]]:
    """Take time points apart whose slices lie between each other's, which makes a stack of both look even."""
    parts = _split(frames, attrgetter("temporal_position"))
    if len(parts) < 2 or min(map(len, parts)) < 2:
        return [frames]
    spans = sorted((along.min(), along.max()) for along in map(places_along_normal, parts))
    return parts if any(low < before for (_, before), (low, _) in pairwise(spans)) else [frames]


def _stations(frames: list[Frame]) -> list[list[Frame]]:
    """Take apart the stations of a moving table that stand in one series, by their place in the plane.

    Places a quarter of the field of view apart are stations. A few frames by themselves are none: they
    are slices that lost their place, and the volume is refused with them.
    """
    plane = frames[0].plane
    if plane is None:
        return [frames]
    for axis, extent in ((plane.along_column, plane.rows * plane.spacing[0]),
                         (plane.along_row, plane.columns * plane.spacing[1])):  # fmt: skip
        along = np.array([frame.position for frame in frames]) @ np.array(axis)
        order = np.argsort(along, kind="stable")
        ends = np.flatnonzero(np.diff(along[order]) > extent / 4) + 1
        parts = [[frames[i] for i in part] for part in np.split(order, ends)]
        if len(parts) > 1 and min(map(len, parts)) >= FEWEST_SLICES:
            return [station for part in parts for station in _stations(part)]
    return [frames]


def _fault_of_series(frames: Sequence[Frame]) -> str:
    """What forbids the use of any frame of a series."""
    if faulty := [frame.fault for frame in frames if frame.fault]:
        count, fault = len(faulty), Counter(faulty).most_common(1)[0][0]
        return fault if count == len(frames) else f"{fault} in {count} of {len(frames)} frames"
    orientations = _orientations(frames)
    if len(orientations) > 1:
        return (
            f"mixed orientation: found {len(orientations)} in one series "
            f"({_list(orientations.values())} slices), expected one"
        )
    return ""


def _orientations(frames: Sequence[Frame]) -> dict[tuple[float, ...], int]:
    """Different orientations and how many frames have each."""
    found: dict[tuple[float, ...], int] = {}
    for frame in frames:
        if frame.plane is None:
            continue
        cosines = (*frame.plane.along_row, *frame.plane.along_column)
        near = next(
            (known for known in found if np.allclose(known, cosines, rtol=0, atol=ORIENTATION_TOLERANCE)),
            cosines,
        )
        found[near] = found.get(near, 0) + 1
    return found


def _volume(frames: Sequence[Frame]) -> FoundVolume:
    """Sort slices along their normal and check that they make a rectangular grid."""
    along = places_along_normal(frames)
    order = np.argsort(along, kind="stable")
    ordered = tuple(frames[i] for i in order)
    return FoundVolume(ordered, _fault_of_grid(ordered, along[order]))


def _fault_of_grid(frames: Sequence[Frame], along: np.ndarray) -> str:
    sizes = Counter(f"{f.plane.columns} x {f.plane.rows}" for f in frames if f.plane)
    if len(sizes) > 1:
        return f"mixed sizes: found {_counted(sizes)}, expected one size"
    spacings = np.array([frame.plane.spacing for frame in frames if frame.plane])
    if np.ptp(spacings, axis=0).max() > 1e-3:
        lowest, highest = spacings.min(), spacings.max()
        return f"mixed sizes: found pixels of {lowest:g} to {highest:g} mm, expected one size"
    stored = Counter("/".join(str(part) for part in frame.stored) for frame in frames)
    if len(stored) > 1:
        return f"mixed BitsAllocated/BitsStored/PixelRepresentation: found {_counted(stored)}, expected one"
    spaces = Counter(frame.identity.frame_of_reference for frame in frames)
    if (blank := spaces.pop("", 0)) and spaces:
        return f"FrameOfReferenceUID: blank in {blank} of {len(frames)} slices, expected in all or none"
    if (count := len(spaces)) > 1:
        return f"FrameOfReferenceUID: found {count} in one volume, expected one; the slices share no space"
    for name in ("RescaleSlope", "RescaleIntercept"):
        stating = sum(name in frame.rescaled for frame in frames)
        if stating not in (0, len(frames)):
            return f"{name}: found in {stating} of {len(frames)} slices, expected in all or none"
    if doubled := fault_of_doubled(frames, along, _SAME_PLACE_MM):
        return doubled
    steps = np.diff(along)
    if len(frames) < FEWEST_SLICES:
        return f"too few slices: found {len(frames)}, expected at least {FEWEST_SLICES}"
    return _fault_of_spacing(frames, steps) or fault_of_stated_spacing(frames, float(np.median(steps)))


def _fault_of_spacing(frames: Sequence[Frame], steps: np.ndarray) -> str:
    usual = float(np.median(steps))
    if np.abs(steps - usual).max() > SPACING_TOLERANCE * usual:
        widest = int(steps.argmax())
        missing = round(float(steps[widest] / usual)) - 1
        gap = f"; {missing} missing after slice {widest + 1} of {len(frames)}" if missing > 0 else ""
        found = f"{steps.min():.4g} to {steps.max():.4g} mm"
        return f"uneven spacing: found {found} between slices, expected one{gap}"
    places = np.array([frame.position for frame in frames])
    normal = normal_of(frames[0])
    offsets = places - places[0]
    sideways = offsets - np.outer(offsets @ normal, normal)
    worst = float(np.sqrt((sideways**2).sum(axis=1)).max())
    if worst > SPACING_TOLERANCE * usual + _SAME_PLACE_MM:
        return f"sheared: found slices {worst:.3g} mm off the line along their normal, expected 0"
    return ""


def _without_lost(volumes: list[FoundVolume]) -> list[FoundVolume]:
    """Refuse a volume that other frames continue, or that lacks slices which its header counts.

    One slice whose echo time, type or series differs (a damaged or edited header) would otherwise leave
    a volume that looks whole, one slice short.
    """
    return [
        replace(volume, reason=volume.reason or torn(volume, volumes) or fault_of_counts(volume, volumes))
        for volume in volumes
    ]


def _without_scattered(volumes: list[FoundVolume]) -> list[FoundVolume]:
    """Say of slices that stand in a series each that they make a stack together."""
    single = [volume for volume in volumes if len(volume.frames) == 1 and volume.first.plane]
    kinds = _split(single, lambda volume: _kind(volume.first))
    reasons: dict[int, str] = {}
    for kind in kinds:
        frames = [volume.first for volume in kind if volume.first.plane and volume.first.position]
        if len(frames) < FEWEST_SLICES or len(_orientations(frames)) > 1:
            continue
        stack = _volume(frames)
        if not stack.reason:
            reason = (
                f"too few slices: found 1, expected at least {FEWEST_SLICES}; {len(frames)} series of one "
                f"slice each stand at even spacing, {stack.spacing[2]:.4g} mm: export them as one series"
            )
            reasons |= {id(volume): reason for volume in kind}
    return [replace(volume, reason=reasons.get(id(volume), volume.reason)) for volume in volumes]


def _order(volume: FoundVolume) -> tuple[Hashable, ...]:
    """A fixed order, independent of file names: the same exam is named the same in any folder."""
    frame = volume.first
    return (
        frame.series_number is None,
        frame.series_number or 0,
        frame.echo_time or 0.0,
        frame.component,
        frame.frame_type,
        frame.temporal_position or 0,
        frame.acquisition or 0,
        frame.echo_number or 0,
        frame.contrast.name,
        tuple(round(value, 3) for value in frame.position or ()),
        frame.identity.series,
    )


def _named(volumes: Sequence[FoundVolume]) -> list[FoundVolume]:
    """Give names of the series' numbers; one that may be a date, or somebody's, is replaced by its order."""
    order = sorted({n for volume in volumes if (n := volume.first.series_number) is not None})
    counts: Counter[str] = Counter()
    named = []
    for volume in volumes:
        number = volume.first.series_number
        series = "" if number is None else str(number)
        if number is not None and any(map(may_be_date, (series, volume.first.series_text))):
            series = f"s{order.index(number) + 1}"
        name = f"{series or '?'}{_letters(counts[series])}"
        named.append(replace(volume, name=name, series=series))
        counts[series] += 1
    return named


def _letters(number: int) -> str:
    """Letters in a row: a to z, then aa, ab and on.

    Examples
    --------
    >>> _letters(0), _letters(25), _letters(26)
    ('a', 'z', 'aa')
    """
    letters = chr(ord("a") + number % 26)
    return letters if number < 26 else _letters(number // 26 - 1) + letters


def _split(members: Iterable[Member], key: Callable[[Member], Hashable]) -> list[list[Member]]:
    groups: dict[Hashable, list[Member]] = defaultdict(list)
    for member in members:
        groups[key(member)].append(member)
    return list(groups.values())


def _doubled(frames: Sequence[Frame]) -> bool:
    return bool(len(frames) > 1 and np.diff(np.sort(places_along_normal(frames))).min() < _SAME_PLACE_MM)


def _list(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values)


def _counted(counts: Counter[str]) -> str:
    return _list(f"{name} ({count})" for name, count in counts.items())
