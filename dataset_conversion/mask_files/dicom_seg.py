"""DICOM segmentations (SEG): every frame is one slice of one segment, laid on the image's grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from highdicom.seg import Segmentation
from pydicom import Dataset

from dataset_conversion.images import (
    DIRECTION_TOLERANCE,
    SPACING_TOLERANCE_MM,
    ConversionError,
    Volume,
)
from dataset_conversion.mask_files.labels import Labels, combine, values_of_names

#: Parts of a voxel that a frame's pixels may lie beside the image's.
IN_PLANE_TOLERANCE = 0.01
#: The same across slices, whose own positions vary a little in scanner files while a grid's are even.
SLICE_TOLERANCE = 0.1


@dataclass(frozen=True)
class _Plane:
    """Where the pixels of a frame are, in DICOM's millimetres (LPS)."""

    position: np.ndarray
    down: np.ndarray
    right: np.ndarray


@dataclass(frozen=True)
class _Place:
    """Where a frame goes: the image's axes along rows, columns and slices, and which are reversed."""

    axes: tuple[int, int, int]
    flips: tuple[slice, slice]
    slice_index: int


def read_segmentation(
    path: Path, dataset: Dataset, image: Volume, labels: Labels, frame_of_reference: str | None
) -> Volume:
    """Read a SEG, binary or a label map, onto the image's grid; slices without a frame are empty.

    Raises
    ------
    ConversionError
        When a segment's label is no level, segments overlap, values are fractions, or the pixels of a
        frame are not the image's. Damaged files raise other errors.
    """
    found = str(dataset.get("FrameOfReferenceUID") or "")
    if frame_of_reference and found not in ("", frame_of_reference):
        raise ConversionError(
            f"{path}: frame of reference: found another frame of reference than the image's, expected the "
            "same; export the mask that was drawn on this image"
        )
    names = {
        int(item.SegmentNumber): str(item.SegmentLabel)
        for item in dataset.SegmentSequence
        # In label maps 0 is the background, described like a segment.
        if int(item.SegmentNumber) != 0
    }
    values = values_of_names(path, list(names.values()), "segment", labels)
    segmentation = Segmentation.from_dataset(dataset, copy=False)
    frames = list(_frames(path, segmentation))
    places = _places(path, dataset, image, len(frames))
    painted = (
        (name, value, _voxels(number, frames, places, image))
        for (number, name), value in zip(names.items(), values, strict=True)
    )
    return Volume(combine(path, image.array.shape, painted, "segments"), image.affine)


def _frames(path: Path, segmentation: Segmentation) -> Iterator[np.ndarray]:
    """Per frame the segment number of each pixel, 0 for none."""
    kind = str(segmentation.SegmentationType)
    numbers = {int(item.SegmentNumber) for item in segmentation.SegmentSequence}
    full = int(segmentation.MaximumFractionalValue) if kind == "FRACTIONAL" else 1
    for index, pixels in enumerate(segmentation.get_stored_frames()):
        if kind == "LABELMAP":
            if unknown := set(np.unique(pixels).tolist()) - numbers - {0}:
                raise ConversionError(
                    f"{path}: segments: found pixels of segment {min(unknown)}, expected only segments that "
                    "the file describes; export it again"
                )
            yield pixels
            continue
        if count := int(((pixels != 0) & (pixels != full)).sum()):
            raise ConversionError(
                f"{path}: segmentation type: found {count} pixels between 0 and {full} in frame {index + 1} "
                f"of a {kind} one, expected only 0 and {full}; export a binary segmentation"
            )
        identification = _group(segmentation, index, "SegmentIdentificationSequence")
        number = int(identification.ReferencedSegmentNumber)
        yield np.where(pixels != 0, number, 0)


def _voxels(number: int, frames: list[np.ndarray], places: list[_Place], image: Volume) -> np.ndarray:
    voxels = np.zeros(image.array.shape, dtype=bool)
    for frame, place in zip(frames, places, strict=True):
        # A view: rows, columns and slices of the frame are axes of the image.
        canvas = voxels.transpose(place.axes)[..., place.slice_index][place.flips]
        canvas |= frame == number
    return voxels


def _places(path: Path, dataset: Dataset, image: Volume, count: int) -> list[_Place]:
    shape = int(dataset.Rows), int(dataset.Columns)
    return [_place(f"{path}: frame {i + 1}", _plane(dataset, i), shape, image) for i in range(count)]


def _plane(dataset: Dataset, frame: int) -> _Plane:
    position = _group(dataset, frame, "PlanePositionSequence").ImagePositionPatient
    orientation = _group(dataset, frame, "PlaneOrientationSequence").ImageOrientationPatient
    spacing = _group(dataset, frame, "PixelMeasuresSequence").PixelSpacing
    # Cosines come first along a row (to the right), spacing first between rows (down).
    return _Plane(
        position=np.array(position, dtype=float),
        down=np.array(orientation[3:], dtype=float) * float(spacing[0]),
        right=np.array(orientation[:3], dtype=float) * float(spacing[1]),
    )


def _group(dataset: Dataset, frame: int, name: str) -> Any:
    """An item of a frame's functional groups, its own or shared by all."""
    own = dataset.PerFrameFunctionalGroupsSequence[frame]
    shared = dataset.SharedFunctionalGroupsSequence[0]
    return (own if name in own else shared)[name].value[0]


def _place(what: str, plane: _Plane, shape: tuple[int, int], image: Volume) -> _Place:
    """Where a frame lies on the image's grid; refused unless each pixel is a voxel."""
    to_ras = np.array([-1.0, -1.0, 1.0])
    steps = np.column_stack([plane.down, plane.right]) * to_ras[:, np.newaxis]
    cosines = image.grid.direction.T @ (steps / np.linalg.norm(steps, axis=0))
    down, right = (int(axis) for axis in np.abs(cosines).argmax(axis=0))
    beside = 1 - np.abs(cosines).max(axis=0)
    # Told by the sine, as the cosine hardly changes; a smaller angle shows at the corners, below.
    if down == right or np.sqrt(2 * beside.clip(0)).max() > 10 * DIRECTION_TOLERANCE:
        raise ConversionError(
            f"{what}: direction: found rows and columns {_angle(cosines):.3g} degrees off the image's axes, "
            "expected 0; nothing is resampled: export it on the image's grid"
        )
    across = 3 - down - right
    expected_shape = image.array.shape[down], image.array.shape[right]
    if shape != expected_shape:
        raise ConversionError(
            f"{what}: size: found {shape[0]} x {shape[1]}, expected {expected_shape[0]} x "
            f"{expected_shape[1]} pixels (the image's); nothing is resampled: export it on the image's grid"
        )
    found, expected = np.linalg.norm(steps, axis=0), image.spacing[[down, right]]
    if np.abs(found - expected).max() > SPACING_TOLERANCE_MM:
        raise ConversionError(
            f"{what}: spacing: found {found[0]:g} x {found[1]:g} mm, expected {expected[0]:g} x "
            f"{expected[1]:g} mm (the image's); nothing is resampled: export it on the image's grid"
        )
    index = _slice_of(what, plane.position * to_ras, steps, shape, (down, right, across), image)
    flips = tuple(
        slice(None, None, -1 if cosines[axis, column] < 0 else 1) for column, axis in enumerate((down, right))
    )
    return _Place((down, right, across), (flips[0], flips[1]), index)


def _slice_of(
    what: str,
    corner: np.ndarray,
    steps: np.ndarray,
    shape: tuple[int, int],
    axes: tuple[int, int, int],
    image: Volume,
) -> int:
    """The slice that holds a frame; all four corners must be the corner voxels of that slice."""
    ends = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) * (np.array(shape) - 1)
    corners = np.linalg.inv(image.affine) @ np.vstack([corner[:, np.newaxis] + steps @ ends.T, np.ones(4)])
    corners = corners[list(axes)]
    last = np.array(shape)[:, np.newaxis] - 1
    beside = np.minimum(np.abs(corners[:2]), np.abs(corners[:2] - last)).max()
    if beside > IN_PLANE_TOLERANCE:
        raise ConversionError(
            f"{what}: origin: found pixels {beside:.3g} voxels beside the image's, expected at most "
            f"{IN_PLANE_TOLERANCE:g}; nothing is resampled: export it on the image's grid"
        )
    index, count = round(float(corners[2].mean())), image.array.shape[axes[2]]
    off = np.abs(corners[2] - index).max()
    if off > SLICE_TOLERANCE:
        raise ConversionError(
            f"{what}: slice position: found {off:.3g} slices beside the image's, expected at most "
            f"{SLICE_TOLERANCE:g}; nothing is resampled: export it on the image's grid"
        )
    if not 0 <= index < count:
        raise ConversionError(
            f"{what}: slice position: found slice {index} of the image counted from 0, expected 0 to "
            f"{count - 1}; name the mask that was drawn on this image"
        )
    return index


def _angle(cosines: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.abs(cosines).max(axis=0).clip(0, 1).min())))
