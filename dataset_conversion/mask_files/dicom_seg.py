"""DICOM segmentations (SEG): every frame is one slice of one segment, laid on the image's grid.

highdicom puts the frames together. What does not fit the image it would crop or pad, so that is refused here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from highdicom.seg import Segmentation
from pydicom import Dataset
from pydicom.uid import generate_uid

from dataset_conversion.images import ConversionError, Grid, Volume
from dataset_conversion.mask_files.labels import Labels, combine, values_of_names

#: Parts of a voxel that pixels may lie beside the image's.
IN_PLANE_TOLERANCE = 0.01
#: The same across slices, whose own positions vary a little in scanner files while a grid's are even.
SLICE_TOLERANCE = 0.1
# Of even slices straight above each other; the second is the cosine's, a tenth of a voxel in a knee's depth.
_STACKED: dict[str, Any] = {"rtol": SLICE_TOLERANCE, "perpendicular_tol": 1e-6}

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_RESAMPLED = "nothing is resampled: export it on the image's grid"


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
    # Without one, highdicom takes no frame for a place in the patient.
    dataset.FrameOfReferenceUID = found or frame_of_reference or generate_uid()
    names = {
        int(item.SegmentNumber): str(item.SegmentLabel)
        for item in dataset.SegmentSequence
        # In label maps 0 is the background, described like a segment.
        if int(item.SegmentNumber) != 0
    }
    _refuse_lost_frames(path, dataset, names)
    values = values_of_names(path, list(names.values()), "segment", labels)
    across = _space_slices(dataset, image)
    segmentation = Segmentation.from_dataset(dataset, copy=False)
    affine, place = _place(path, segmentation, image, across)
    stack = partial(segmentation.get_volume, rescale_fractional=False, **_STACKED)
    label_map = None
    if str(segmentation.SegmentationType) == "LABELMAP":
        label_map = stack(combine_segments=True, dtype=np.uint16).array
        if unknown := set(np.unique(label_map).tolist()) - {0, *names}:
            raise ConversionError(
                f"{path}: segments: found pixels of segment {min(unknown)}, expected only segments that the "
                "file describes; export it again"
            )

    def voxels(number: int) -> np.ndarray:
        pixels = stack(segment_numbers=[number]).array[..., 0] if label_map is None else label_map == number
        _refuse_fractions(path, pixels, segmentation)
        whole = np.zeros(image.array.shape, dtype=bool)
        whole[place] = Volume(pixels, affine).in_order(image.axis_order).array
        return whole

    painted = (
        (name, value, voxels(number)) for (number, name), value in zip(names.items(), values, strict=True)
    )
    whole, notes = combine(path, image.array.shape, painted, "segments", labels.precedence)
    return Volume(whole, image.affine, notes=notes)


def _refuse_lost_frames(path: Path, dataset: Dataset, names: Mapping[int, str]) -> None:
    """Refuse frames that no segment would be given, which highdicom leaves out without a word."""
    frames, count = dataset.PerFrameFunctionalGroupsSequence, int(dataset.NumberOfFrames)
    if len(frames) != count:
        raise ConversionError(
            f"{path}: NumberOfFrames: found {count} and {len(frames)} frames described, expected both alike; "
            "export it again"
        )
    for frame in [*frames, *dataset.SharedFunctionalGroupsSequence]:
        for item in frame.get("SegmentIdentificationSequence", ()):
            if (number := int(item.ReferencedSegmentNumber)) not in names:
                raise ConversionError(
                    f"{path}: segments: found a frame of segment {number}, expected only segments that the "
                    "file describes; export it again"
                )


def _space_slices(dataset: Dataset, image: Volume) -> int:
    """Say in the header how far slices are apart, which missing ones hide; the image's axis across them."""
    frames = [*dataset.PerFrameFunctionalGroupsSequence, *dataset.SharedFunctionalGroupsSequence]
    plane = next(item for frame in frames for item in frame.get("PlaneOrientationSequence", ()))
    cosines = np.array(plane.ImageOrientationPatient, dtype=float)
    normal = _LPS_TO_RAS[:3, :3] @ np.cross(cosines[:3], cosines[3:])
    across = int(np.abs(image.grid.direction.T @ normal).argmax())
    for measures in (item for frame in frames for item in frame.get("PixelMeasuresSequence", ())):
        measures.SpacingBetweenSlices = round(float(image.spacing[across]), 9)
    return across


def _refuse_fractions(path: Path, pixels: np.ndarray, segmentation: Segmentation) -> None:
    kind = str(segmentation.SegmentationType)
    full = int(segmentation.MaximumFractionalValue) if kind == "FRACTIONAL" else 1
    if count := int(((pixels != 0) & (pixels != full)).sum()):
        raise ConversionError(
            f"{path}: segmentation type: found {count} pixels between 0 and {full} of a {kind} one, expected "
            f"only 0 and {full}; export a binary segmentation"
        )


def _place(
    path: Path, segmentation: Segmentation, image: Volume, across: int
) -> tuple[np.ndarray, tuple[slice, ...]]:
    """The affine of the stacked frames, and where they lie in the image; each pixel has to be a voxel."""
    geometry = segmentation.get_volume_geometry(allow_missing_positions=True, **_STACKED)
    if geometry is None:
        raise ConversionError(
            f"{path}: frames: found some beside or between the others' grid, expected slices a multiple of "
            f"{image.spacing[across]:g} mm apart (the image's); {_RESAMPLED}"
        )
    slices, *size = geometry.spatial_shape
    count, *expected = image.array.shape[across], *np.delete(image.array.shape, across)
    if slices > count or sorted(size) != sorted(expected):
        raise ConversionError(
            f"{path}: size: found {slices} slices of {size[0]} x {size[1]} pixels, expected at most {count} "
            f"of {expected[0]} x {expected[1]} (the image's); {_RESAMPLED}"
        )
    affine = _LPS_TO_RAS @ geometry.affine
    found = Volume(np.broadcast_to(False, geometry.spatial_shape), affine).in_order(image.axis_order)
    # Size, spacing and direction have to be the image's; of slices there may be fewer.
    shape = tuple(count if axis == across else n for axis, n in enumerate(found.array.shape))
    here = np.column_stack([found.affine[:, :3], image.affine[:, 3]])
    if difference := Grid(shape, here).difference(image.grid):
        raise ConversionError(f"{path}: {difference} (the image's); {_RESAMPLED}")
    corners = np.array([[0, 0, 0, 1], [*np.array(found.array.shape) - 1, 1]]).T
    moved = (np.linalg.inv(image.affine) @ found.affine - np.eye(4)) @ corners
    beside = np.abs(np.delete(moved[:3], across, axis=0)).max()
    if beside > IN_PLANE_TOLERANCE:
        raise ConversionError(
            f"{path}: origin: found pixels {beside:.3g} voxels beside the image's, expected at most "
            f"{IN_PLANE_TOLERANCE:g}; {_RESAMPLED}"
        )
    first = round(float(moved[across].mean()))
    off = np.abs(moved[across] - first).max()
    if off > SLICE_TOLERANCE:
        raise ConversionError(
            f"{path}: slice position: found {off:.3g} slices beside the image's, expected at most "
            f"{SLICE_TOLERANCE:g}; {_RESAMPLED}"
        )
    last = first + slices - 1
    if first < 0 or last >= count:
        raise ConversionError(
            f"{path}: slice position: found slice {first if first < 0 else last} of the image counted from "
            f"0, expected 0 to {count - 1}; name the mask that was drawn on this image"
        )
    place = [slice(None)] * 3
    place[across] = slice(first, last + 1)
    return affine, tuple(place)
