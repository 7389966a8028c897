"""Slices that belong to a volume and stand in another group: a tag has torn the volume apart.

What is left can look whole: a slice shorter, or every second slice at twice the spacing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from dataset_conversion.dicom.found_volume import FEWEST_SLICES, SPACING_TOLERANCE, FoundVolume
from dataset_conversion.dicom.frame import Frame

#: Nearer to a slice than this, in steps between slices, is its place, shaken by rounding.
_BETWEEN = 0.2


def torn(volume: FoundVolume, volumes: Iterable[FoundVolume]) -> str:
    """Say which slices among other volumes are lost ones of this usable one; empty when none are."""
    # What lies on the very places of the volume has none that it lacks.
    others = [
        other for other in volumes if other is not volume and (other.reason or not other.lies_with(volume))
    ]
    if other := next((other for other in others if _continues(other, volume)), None):
        return (
            f"torn: {len(other.frames)} further slices continue this volume and differ in "
            f"{_difference(other.first, volume.first)}; expected one volume"
        )
    if between := _between(others, volume):
        return (
            f"torn: {len(between)} further slices lie between those of this volume, which are "
            f"{volume.spacing[2]:.4g} mm apart, and differ in {_difference(between[0], volume.first)}; "
            "expected one volume"
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
    """Whether another's frames (a fragment, a twin) go on beyond an end of the volume, on its grid.

    Between the two a few slices may be lost altogether.
    """
    _, slices = _on_grid([frame for frame in other.frames if _related(frame, other, volume)], volume)
    count = volume.shape[2]
    on_steps = np.abs(slices - np.rint(slices)) < 2 * SPACING_TOLERANCE
    near = (np.rint(slices) >= -FEWEST_SLICES) & (np.rint(slices) < count + FEWEST_SLICES)
    outside = (np.rint(slices) < 0) | (np.rint(slices) >= count)
    inside = set(np.rint(slices[(slices > -0.5) & (slices < count - 0.5)]))
    return bool((on_steps & near & outside).any() and len(inside) in (0, count))


def _between(others: Sequence[FoundVolume], volume: FoundVolume) -> list[Frame]:
    """Slices of other groups of the series in the gaps between those of the volume.

    One in a gap here and there is an image of its own: a volume that a tag has halved has them in all.
    """
    frames = [frame for other in others for frame in other.frames if _shares_series(frame, volume.first)]
    placed, slices = _on_grid(frames, volume)
    gaps = np.floor(slices)
    off = np.abs(slices - np.rint(slices)) > _BETWEEN
    filled = len(set(gaps[off & (gaps >= 0) & (gaps < volume.shape[2] - 1)]))
    if not filled or 2 * filled < volume.shape[2] - 1:
        return []
    fragment = off & (gaps >= -1) & (gaps < volume.shape[2])
    return [frame for frame, here in zip(placed, fragment, strict=True) if here]


def _on_grid(frames: Sequence[Frame], volume: FoundVolume) -> tuple[list[Frame], np.ndarray]:
    """Frames that lie over the volume's own pixels, and their places in slices of it."""
    frames = [frame for frame in frames if frame.position and _same_size(frame, volume.first)]
    if not frames:
        return [], np.empty(0)
    world = np.array([[-frame.position[0], -frame.position[1], frame.position[2], 1.0] for frame in frames])  # type: ignore[index]
    columns, rows, slices, _ = np.linalg.inv(volume.affine) @ world.T
    over = np.maximum(np.abs(columns), np.abs(rows)) < 0.5
    return [frame for frame, here in zip(frames, over, strict=True) if here], slices[over]


def _same_size(frame: Frame, own: Frame) -> bool:
    return (
        frame.plane is not None
        and own.plane is not None
        and (frame.plane.rows, frame.plane.columns) == (own.plane.rows, own.plane.columns)
    )


def _shares_series(frame: Frame, own: Frame) -> bool:
    """Whether a frame is of a volume's series, or of one of the same number and kind."""
    if frame.identity.series == own.identity.series:
        return True
    return (
        frame.series_number is not None
        and frame.series_number == own.series_number
        and (frame.contrast.name, frame.component) == (own.contrast.name, own.component)
        and frame.echo_time == own.echo_time
        and _one_orientation(frame, own)
    )


def _related(frame: Frame, other: FoundVolume, volume: FoundVolume) -> bool:
    """Whether another's frame may be a lost slice of the volume.

    It may be one of the same series; or, where the other is no good either, any of a few, or one of the
    same SeriesNumber.
    """
    if frame.identity.series == volume.identity.series:
        return True
    numbered = frame.series_number in (None, volume.first.series_number)
    suspect = bool(other.reason) and (numbered or len(other.frames) < FEWEST_SLICES)
    return suspect and _one_orientation(frame, volume.first)


def _one_orientation(frame: Frame, own: Frame) -> bool:
    return frame.plane is not None and own.plane is not None and frame.plane.turned_as(own.plane)


def _difference(a: Frame, b: Frame) -> str:
    named = {
        "SeriesInstanceUID": a.identity.series != b.identity.series,
        "image type": a.frame_type != b.frame_type,
        "contrast": a.frame_type == b.frame_type and a.contrast.name != b.contrast.name,
        "complex component": a.component != b.component,
        "echo time": a.echo_time != b.echo_time,
        "echo number": a.echo_number != b.echo_number,
        "temporal position": a.temporal_position != b.temporal_position,
        "acquisition": a.acquisition != b.acquisition,
    }
    return ", ".join(name for name, differs in named.items() if differs) or "nothing that was looked at"
