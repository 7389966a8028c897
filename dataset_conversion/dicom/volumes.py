"""Frames become volumes: grouped by what they show, sorted by place, refused where they do not fit.

The order of the checks names the true reason: one orientation in a series, then grouping, then equal
sizes, doubled places, the number of slices, and their spacing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from operator import attrgetter

import numpy as np

from dataset_conversion.dicom.found_volume import FoundVolume, normal_of, places_along_normal
from dataset_conversion.dicom.frame import Frame

#: Fewer slices give no spacing that could be checked.
FEWEST_SLICES = 3
SPACING_TOLERANCE = 0.02
ORIENTATION_TOLERANCE = 1e-3
# Positions nearer than this are the same place: well below any slice spacing, above printed rounding.
_SAME_PLACE_MM = 0.01


def find_volumes(frames: Iterable[Frame]) -> list[FoundVolume]:
    """All volumes of one exam's slices, each usable or with its reason, named and in a fixed order."""
    series = _split(frames, lambda frame: frame.identity.series)
    volumes = [volume for group in series for volume in _volumes_of_series(group)]
    volumes.sort(key=_order)
    return _named(_without_torn(volumes))


def _volumes_of_series(frames: Sequence[Frame]) -> list[FoundVolume]:
    if reason := _fault_of_series(frames):
        return [FoundVolume(tuple(frames), reason)]
    kinds = _split(frames, lambda frame: (frame.frame_type, frame.component, frame.echo_time))
    groups = [part for kind in kinds for part in _stations(kind)]
    for key in (attrgetter("temporal_position"), attrgetter("acquisition")):
        groups = [part for group in groups for part in (_split(group, key) if _doubled(group) else [group])]
    return [_volume(group) for group in groups]


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
            (known for known in found if np.allclose(known, cosines, atol=ORIENTATION_TOLERANCE)), cosines
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
    if (spaces := len({frame.identity.frame_of_reference for frame in frames})) > 1:
        return f"FrameOfReferenceUID: found {spaces} in one volume, expected one; the slices share no space"
    rescaled = sum(frame.rescaled for frame in frames)
    if rescaled not in (0, len(frames)):
        return f"RescaleSlope: found in {rescaled} of {len(frames)} slices, expected in all or none"
    steps = np.diff(along)
    if repeats := int((steps < _SAME_PLACE_MM).sum()):
        return (
            f"duplicates: found {repeats} of {len(frames)} slices at the place of another, alike in image "
            "type, echo time, temporal position and acquisition, expected one a place; remove the copies"
        )
    if len(frames) < FEWEST_SLICES:
        return f"too few slices: found {len(frames)}, expected at least {FEWEST_SLICES}"
    return _fault_of_spacing(frames, steps)


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


def _without_torn(volumes: list[FoundVolume]) -> list[FoundVolume]:
    """Refuse a volume that other frames of its series continue: a tag has torn it apart.

    One slice whose echo time, type or series differs (a damaged or edited header) would otherwise leave
    a volume that looks whole, one slice short.
    """
    return [replace(volume, reason=volume.reason or torn(volume, volumes)) for volume in volumes]


def torn(volume: FoundVolume, volumes: Iterable[FoundVolume]) -> str:
    """Say which slices among other volumes are lost ones of this usable one; empty when none are."""
    others = [other for other in volumes if other is not volume]
    if other := next((other for other in others if _continues(other, volume)), None):
        return (
            f"torn: {len(other.frames)} further slices continue this volume and differ in "
            f"{_difference(other.first, volume.first)}; expected one volume"
        )
    unplaced = [frame for other in others for frame in other.frames if other.reason]
    if lost := sum(_may_belong(frame, volume.first) for frame in unplaced):
        return f"torn: {lost} further frames that lack their place may be slices of it; export it again"
    return ""


def _may_belong(frame: Frame, own: Frame) -> bool:
    """Whether a frame that lost its place, and perhaps its series, is like those of a volume."""
    return (
        (frame.plane is None or frame.position is None)
        and frame.series_number in (None, own.series_number)
        and (frame.frame_type == own.frame_type or frame.echo_time == own.echo_time is not None)
    )


def _continues(other: FoundVolume, volume: FoundVolume) -> bool:
    """Whether another's frames (a fragment, a twin) go on just beyond an end of the volume, on its grid."""
    places = [frame.position for frame in other.frames if frame.position and _related(frame, other, volume)]
    if not places:
        return False
    world = np.array([[-x, -y, z, 1.0] for x, y, z in places])
    columns, rows, slices, _ = np.linalg.inv(volume.affine) @ world.T
    slices = slices[np.maximum(np.abs(columns), np.abs(rows)) < 0.5]
    count = volume.shape[2]
    beyond = (np.minimum(np.abs(slices + 1), np.abs(slices - count)) < 2 * SPACING_TOLERANCE).any()
    inside = set(np.rint(slices[(slices > -0.5) & (slices < count - 0.5)]))
    return bool(beyond and len(inside) in (0, count))


def _related(frame: Frame, other: FoundVolume, volume: FoundVolume) -> bool:
    """Whether another's frame may be a lost slice of the volume.

    It may be one of the same series; or, where the other is no good either, any of a few, or one of the
    same SeriesNumber.
    """
    plane, own = frame.plane, volume.first.plane
    if plane is None or own is None or (plane.rows, plane.columns) != (own.rows, own.columns):
        return False
    if frame.identity.series == volume.identity.series:
        return True
    numbered = frame.series_number in (None, volume.first.series_number)
    suspect = bool(other.reason) and (numbered or len(other.frames) < FEWEST_SLICES)
    return suspect and len(_orientations([frame, volume.first])) == 1


def _difference(a: Frame, b: Frame) -> str:
    named = {
        "SeriesInstanceUID": a.identity.series != b.identity.series,
        "image type": a.frame_type != b.frame_type,
        "complex component": a.component != b.component,
        "echo time": a.echo_time != b.echo_time,
        "acquisition": a.acquisition != b.acquisition or a.temporal_position != b.temporal_position,
    }
    return ", ".join(name for name, differs in named.items() if differs) or "nothing that was looked at"


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
        tuple(round(value, 3) for value in frame.position or ()),
        frame.identity.series,
    )


def _named(volumes: Sequence[FoundVolume]) -> list[FoundVolume]:
    counts: Counter[str] = Counter()
    named = []
    for volume in volumes:
        number = "?" if volume.first.series_number is None else str(volume.first.series_number)
        named.append(replace(volume, name=f"{number}{_letters(counts[number])}"))
        counts[number] += 1
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


def _split(frames: Iterable[Frame], key: Callable[[Frame], Hashable]) -> list[list[Frame]]:
    groups: dict[Hashable, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[key(frame)].append(frame)
    return list(groups.values())


def _doubled(frames: Sequence[Frame]) -> bool:
    return bool(len(frames) > 1 and np.diff(np.sort(places_along_normal(frames))).min() < _SAME_PLACE_MM)


def _list(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values)


def _counted(counts: Counter[str]) -> str:
    return _list(f"{name} ({count})" for name, count in counts.items())
