"""DICOM structure sets (RTSTRUCT): closed contours in the image's slices, drawn onto its grid.

Slices are matched by position, not by the image references of the contours: exports often refer to a
series that is not at hand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydicom import Dataset

from dataset_conversion.images import ConversionError, Volume
from dataset_conversion.mask_files.contours import crossing, meeting, rasterise
from dataset_conversion.mask_files.labels import Labels, combine, quoted, values_of_names

#: Slices that a contour may lie beside the middle of its slice.
SLICE_TOLERANCE = 0.1

_NESTED = "CLOSED_PLANAR"
_EXCLUSIVE = "CLOSEDPLANAR_XOR"


class _Polygon(NamedTuple):
    """A contour of a structure set: its geometric type and its points in voxels, one a row."""

    type: str
    points: np.ndarray


def read_structure_set(
    path: Path, dataset: Dataset, image: Volume, labels: Labels, frame_of_reference: str | None
) -> Volume:
    """Draw the contour sets of an RTSTRUCT onto the image's grid; a set without contours is empty.

    Raises
    ------
    ConversionError
        When a contour set's name is no level, sets overlap, a contour is no closed polygon or does not lie
        in a slice of the image. Damaged files raise other errors.
    """
    described = {int(roi.ROINumber): roi for roi in dataset.StructureSetROISequence}
    drawn = {int(item.ReferencedROINumber): item for item in dataset.ROIContourSequence}
    counts = len(dataset.StructureSetROISequence), len(dataset.ROIContourSequence)
    if (len(described), len(drawn)) != counts or set(drawn) - set(described):
        found = _list(item.ReferencedROINumber for item in dataset.ROIContourSequence)
        names = _list(roi.ROINumber for roi in dataset.StructureSetROISequence)
        raise ConversionError(
            f"{path}: contour sets: found contours of sets {found} and names of {names}, expected each "
            "number once and a name for each; export it again"
        )
    values = values_of_names(path, [str(roi.ROIName) for roi in described.values()], "contour set", labels)
    sets = []
    for (number, roi), value in zip(described.items(), values, strict=True):
        if value == 0:
            continue
        what = f"{path}: contour set '{roi.ROIName}'"
        stated = str(roi.get("ReferencedFrameOfReferenceUID") or "")
        if frame_of_reference and stated not in ("", frame_of_reference):
            raise ConversionError(
                f"{what}: found another frame of reference than the image's, expected the same; export the "
                "mask that was drawn on this image"
            )
        contours = drawn[number].get("ContourSequence") if number in drawn else None
        sets.append((what, str(roi.ROIName), value, _polygons(what, contours or [], image)))
    axes = _axes([polygon for *_, polygons in sets for polygon in polygons])
    painted = ((name, value, _voxels(what, polygons, axes, image)) for what, name, value, polygons in sets)
    whole, notes = combine(path, image.array.shape, painted, "contour sets", labels.precedence)
    return Volume(whole, image.affine, notes=notes)


def _polygons(what: str, contours: Iterable[Dataset], image: Volume) -> list[_Polygon]:
    to_voxels = np.linalg.inv(image.affine)
    polygons = []
    for number, item in enumerate(contours, start=1):
        kind = str(item.ContourGeometricType)
        if kind not in (_NESTED, _EXCLUSIVE):
            raise ConversionError(
                f"{what}: contour {number}: found type {quoted(kind)}, expected {_NESTED} or {_EXCLUSIVE}; "
                "leave it out, or ignore the set with --map-label NAME=0"
            )
        if any(float(part) for part in item.get("ContourOffsetVector") or []):
            raise ConversionError(
                f"{what}: contour {number}: found an offset vector, expected none; export it without"
            )
        points = _coordinates(item)
        expected = int(item.NumberOfContourPoints)
        if len(points) != 3 * expected or not expected or not np.isfinite(points).all():
            raise ConversionError(
                f"{what}: contour {number}: found {len(points)} coordinates, expected 3 finite ones for each "
                f"of {expected} points; export it again"
            )
        world = points.reshape(-1, 3) * [-1, -1, 1]
        polygons.append(_Polygon(kind, world @ to_voxels[:3, :3].T + to_voxels[:3, 3]))
    return polygons


def _coordinates(contour: Dataset) -> np.ndarray:
    """Coordinates of a contour, from the bytes of the file: pydicom makes an object of each, slowly."""
    stored = contour.get_item("ContourData").value
    return np.array(stored.split(b"\\") if isinstance(stored, bytes) else stored, dtype=float)


def _axes(polygons: list[_Polygon]) -> tuple[int, int, int]:
    """The image's axes along slices, rows and columns: slices are where contours hardly extend."""
    if not polygons:
        return 0, 1, 2
    extent = np.max([np.ptp(polygon.points, axis=0) for polygon in polygons], axis=0)
    across = int(extent.argmin())
    rows, columns = (axis for axis in range(3) if axis != across)
    return across, rows, columns


def _voxels(what: str, polygons: list[_Polygon], axes: tuple[int, int, int], image: Volume) -> np.ndarray:
    voxels = np.zeros(image.array.shape, dtype=bool)
    count, rows, columns = (image.array.shape[axis] for axis in axes)
    canvas = voxels.transpose(axes)
    slices: dict[int, list[_Polygon]] = defaultdict(list)
    for number, polygon in enumerate(polygons, start=1):
        points = polygon.points[:, axes]
        index = _slice_of(f"{what}: contour {number}", points, (count, rows, columns))
        slices[index].append(_Polygon(polygon.type, points[:, 1:]))
    for index, members in slices.items():
        contours = [member.points for member in members]
        nested = [member.points for member in members if member.type == _NESTED]
        _refuse_crossing(f"{what}: slice {index} of the image counted from 0", nested, (rows, columns))
        canvas[index] = rasterise(contours, (rows, columns))
    return voxels


def _slice_of(what: str, points: np.ndarray, shape: tuple[int, int, int]) -> int:
    """The slice of the image that holds a contour; `points` are (slice, row, column)."""
    index = round(float(points[:, 0].mean()))
    beside = np.abs(points[:, 0] - index).max()
    if beside > SLICE_TOLERANCE:
        raise ConversionError(
            f"{what}: found points up to {beside:.3g} slices beside the nearest slice of the image, expected "
            f"at most {SLICE_TOLERANCE:g}; export the mask that was drawn on this image"
        )
    if not 0 <= index < shape[0]:
        raise ConversionError(
            f"{what}: found it at slice {index} of the image counted from 0, expected 0 to {shape[0] - 1}; "
            "export the mask that was drawn on this image"
        )
    low, high = points[:, 1:].min(axis=0), points[:, 1:].max(axis=0)
    if (high < -0.5).any() or (low > np.array(shape[1:]) - 0.5).any():
        raise ConversionError(
            f"{what}: found it wholly beside the image, from voxel ({low[0]:.4g}, {low[1]:.4g}) to "
            f"({high[0]:.4g}, {high[1]:.4g}) of slice {index}, expected within {shape[1]} x {shape[2]}; "
            "export the mask that was drawn on this image"
        )
    return index


def _refuse_crossing(what: str, contours: list[np.ndarray], shape: tuple[int, int]) -> None:
    """Refuse nested contours that cross or come twice: the standard does not say what they mean together."""
    pairs = [(contours[one], contours[other]) for one, other in meeting(contours)]
    if any(a.shape == b.shape and np.allclose(a, b) for a, b in pairs):
        raise ConversionError(f"{what}: found the same contour twice, expected it once; remove one")
    if len(contours) > 1 and (count := crossing(contours, shape)):
        raise ConversionError(
            f"{what}: found two contours that cross and share {count} pixels, expected them apart or one "
            "within the other; unite them"
        )


def _list(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"
