"""What a mask holds before anybody said what its values mean: values or names, and where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset_conversion.images import NEAR, ConversionError, Grid, Volume, label_fault
from dataset_conversion.mask_files.labels import Labels, value_of_name
from dataset_conversion.mask_files.listing import parts_of
from dataset_conversion.mask_files.nrrd import segment_names
from dataset_conversion.mask_files.reading import kind_of_mask, marked_in, read_as_stored, read_mask

#: Labels beside background that a study can have, and the largest value of one.
MOST_LABELS, LARGEST_VALUE = 254, 65535
# Of a picture whose borders were smoothed: values between the two that it was drawn with, and their share.
_BLENDED_VALUES, _BLENDED_SHARE = 8, 0.2


@dataclass(frozen=True)
class Surveyed:
    """What one mask holds."""

    #: Values beside 0, after the label map; none of a file that names its labels.
    values: frozenset[int]
    #: Names of labels as the file has them, without those that are mapped to 0; None of a file of values.
    names: tuple[str, ...] | None
    #: None of DICOM, which needs an image.
    grid: Grid | None
    picture: bool = False
    #: The one value beside 0, where it fills most of the mask and of its border; else 0.
    framed_by: int = 0


def survey(path: Path, labels: Labels, spacing: Sequence[float] | None = None) -> Surveyed:
    """What the mask in a file, or in an exam's folder, holds; `labels` has a label map and no levels.

    Raises
    ------
    ConversionError
        When it cannot be read, or is no mask by its values: probabilities, an image, a smoothed picture.
    """
    if path.is_dir():
        parts = {name: part for name, part in parts_of(path).items() if value_of_name(name, labels) != 0}
        read = [read_as_stored(part, labels, spacing) for part in parts.values()]
        for part, volume in zip(parts.values(), read, strict=True):
            marked_in(part, volume.array)
        return Surveyed(frozenset(), tuple(parts), read[0].grid if read else None)
    kind = kind_of_mask(path)
    if kind == "nrrd" and (names := segment_names(path)) is not None:
        return Surveyed(frozenset(), _used(names, labels), read_as_stored(path, labels).grid)
    if kind == "dicom":
        from dataset_conversion.mask_files.dicom_file import names_in

        if (found := names_in(path)) is not None:
            return Surveyed(frozenset(), _used(found, labels), None)
    mask = read_mask(path, None, labels, spacing=spacing, keep_notes=True)
    values = _values(path, mask, picture=kind == "picture")
    return Surveyed(values, None, mask.grid, kind == "picture", framed_by(mask) if len(values) == 1 else 0)


def _used(names: Sequence[str], labels: Labels) -> tuple[str, ...]:
    return tuple(name for name in names if value_of_name(name, labels) != 0)


def _values(path: Path, mask: Volume, *, picture: bool) -> frozenset[int]:
    found, counts = np.unique(mask.array, return_counts=True)
    nearest = np.rint(found.astype(float))
    with np.errstate(invalid="ignore"):
        near = np.abs(found - nearest) <= NEAR
    if not near.all() or (found.any() and not nearest.any()):
        fault = label_fault(mask.array)
        raise ConversionError(f"{path}: {fault or 'label: found values that are no whole numbers'}")
    if nearest[0] < 0 or nearest[-1] > LARGEST_VALUE:
        wrong = nearest[0] if nearest[0] < 0 else nearest[-1]
        raise ConversionError(f"{path}: label: found {wrong:g}, expected 0 to {LARGEST_VALUE}")
    if len(nearest) > MOST_LABELS + 1:
        raise ConversionError(
            f"{path}: label: found {len(nearest)} different values, as of an image, expected at most "
            f"{MOST_LABELS} labels beside 0; name the folder of masks"
        )
    between = counts[1:-1]
    if picture and len(between) >= _BLENDED_VALUES and between.sum() < _BLENDED_SHARE * counts.sum():
        raise ConversionError(
            f"{path}: label: found {len(between)} values between {nearest[0]:g} and {nearest[-1]:g} in "
            f"{between.sum()} pixels, as of a smoothed or compressed picture, expected labels; cut it at a "
            "threshold"
        )
    return frozenset(int(value) for value in nearest if value)


def framed_by(mask: Volume) -> int:
    """The one value of a mask that fills most of it and of its border, as of an inverted one; else 0."""
    marked = mask.array != 0
    if not marked.mean() > 0.5:
        return 0
    border = np.ones(marked.shape, dtype=bool)
    border[tuple(slice(1, -1) if size > 1 else slice(None) for size in marked.shape)] = False
    value = mask.array.max()
    return int(value) if marked[border].mean() > 0.5 and (mask.array[marked] == value).all() else 0
