"""Volumes and label maps of whatever holds one: a path, an image of nibabel or SimpleITK, an array."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from dataset_conversion.images.errors import ConversionError
from dataset_conversion.images.itk import from_simpleitk
from dataset_conversion.images.volume import Volume, read_image

#: How far from a whole number a label may be stored.
NEAR = 1e-3


def as_volume(
    source: Any,
    *,
    name: str = "",
    affine: np.ndarray | None = None,
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
) -> Volume:
    """The volume that a source holds; nothing is resampled.

    Parameters
    ----------
    source : path, nibabel or SimpleITK image, array or nested list, Volume
        Files are NIfTI or MetaImage (.mha). An array of fewer than three dimensions keeps its shape.
    name : str
        What messages call it; by default its file, or its kind.
    affine : ndarray, shape (4, 4), optional
        Of an array: voxel indices to world millimetres, RAS+.
    spacing : sequence of float
        Of an array without affine: voxel size in mm, along the patient's axes R, A and S.

    Raises
    ------
    ConversionError
        When the source cannot be read, or is no image of up to three dimensions of plain numbers.

    Examples
    --------
    >>> as_volume(np.zeros((4, 4, 2), np.uint8), spacing=(0.9, 0.9, 3.5))
    Volume(uint8 on Grid(4 x 4 x 2 voxels of 0.9 x 0.9 x 3.5 mm) of array)
    """
    if isinstance(source, Volume):
        return replace(source, source=name) if name else source
    if isinstance(source, str | os.PathLike):
        return read_image(Path(source), name or str(source))
    if isinstance(source, nib.spatialimages.SpatialImage):
        return read_image(source, name or source.get_filename() or "nibabel image")
    if type(source).__module__.startswith("SimpleITK"):
        name = name or "SimpleITK image"
        return Volume(*from_simpleitk(source, name), name)
    name = name or "array"
    try:
        array = np.asarray(source)
    except ValueError as error:
        raise ConversionError(
            f"{name}: found rows of different lengths ({error}), expected an array"
        ) from None
    if array.dtype.kind not in "buif" or not 1 <= array.ndim <= 3:
        raise ConversionError(
            f"{name}: found {type(source).__name__} of type {array.dtype} and {array.ndim} dimensions, "
            "expected a path, a nibabel or SimpleITK image, or an array of numbers of up to three dimensions"
        )
    place = np.diag([*spacing, 1.0]) if affine is None else np.asarray(affine, dtype=float)
    if place.shape != (4, 4):
        raise ConversionError(f"{name}: affine or spacing: found {place.shape}, expected (4, 4) or 3 numbers")
    return Volume(array, place, name)


def as_labels(
    source: Any, labels: Sequence[int] | None = None, *, name: str = "", advice: str = ""
) -> Volume:
    """A label map, as unsigned integers, of what `as_volume` takes; whole numbers stored as floats will do.

    Parameters
    ----------
    labels : sequence of int, optional
        The values that it may hold; by default whole numbers from 0 to 255.
    advice : str
        Ends the message where a value is none of them.

    Raises
    ------
    ConversionError
        As `as_volume`, and when a voxel holds another value: names it, and in how many voxels it was found.
    """
    volume = as_volume(source, name=name)
    if fault := label_fault(volume.array, labels):
        raise ConversionError(f"{volume.source or 'mask'}: {fault}{advice}")
    volume = whole(volume)
    wanted = np.min_scalar_type(max(labels or [255]))
    return replace(volume, array=volume.array.astype(wanted, copy=False))


def whole(mask: Volume) -> Volume:
    """A mask whose values are whole numbers within `NEAR` as those numbers, with a note; others as they are.

    Programs that store labels scaled (scl_slope) give 0.99999999977 for 1.
    """
    if mask.array.dtype.kind != "f":
        return mask
    rounded = np.rint(mask.array)
    # An infinite value is off by no number, which is not near.
    with np.errstate(invalid="ignore"):
        off = float(np.abs(mask.array - rounded).max(initial=0))
    # Of values that all become 0 the scale is lost: `label_fault` says so.
    if off == 0 or not off <= NEAR or not rounded.any():
        return mask
    note = f"label: found values up to {off:.1g} off whole numbers; they were rounded"
    return replace(mask, array=rounded, notes=(*mask.notes, note))


@dataclass(frozen=True)
class LabelFault:
    """What is no label in a mask."""

    text: str
    #: Whether a whole number stands for something: a map could say for what.
    mappable: bool

    def __str__(self) -> str:
        return self.text


def label_fault(array: np.ndarray, labels: Sequence[int] | None = None) -> LabelFault | None:
    """What is no label in an array; None where every value is one, within `NEAR`."""
    known: Sequence[int] = range(256) if labels is None else labels
    if array.dtype.kind == "u" and sorted(known) == list(range(len(known))) and array.max(initial=0) in known:
        return None
    values, counts = np.unique(array, return_counts=True)
    nearest = np.rint(values.astype(float))
    with np.errstate(invalid="ignore"):
        strange = ~(np.isin(nearest, known) & (np.abs(values - nearest) <= NEAR))
    expected = f"expected {'whole numbers from 0 to 255' if labels is None else ', '.join(map(str, labels))}"
    if not strange.any():
        if values.any() and not nearest.any():
            return LabelFault(
                f"label: found values up to {np.abs(values).max():.3g} and none that is a label, {expected}; "
                "its scale (scl_slope) may be lost: export it again",
                mappable=False,
            )
        return None
    found = values[strange]
    voxels = f"{counts[strange].sum()} of {counts.sum()} voxels"
    is_whole = found == nearest[strange]
    if len(found) > 1 and not is_whole.any() and found[0] > 0 and found[-1] < 1:
        return LabelFault(
            f"label: found values between 0 and 1 ({found[0]:.6g} to {found[-1]:.6g}) in {voxels}, as "
            f"of probabilities, {expected}; cut them at a threshold",
            mappable=False,
        )
    if is_whole.all() and _is_spread(values):
        listed = ", ".join(f"{value:g}" for value in values)
        return LabelFault(
            f"label: found {listed}, as of a picture whose labels are spread over 0 to 255, in {voxels}, "
            f"{expected}",
            mappable=True,
        )
    first = f"{counts[strange][0]} of {counts.sum()} voxels"
    text = f"label: found {found[0].item():.12g} in {first}, {expected}"
    return LabelFault(text, bool(is_whole[0]))


def _is_spread(values: np.ndarray) -> bool:
    """Whether values are 0 and equal steps up to 255, as of 2 to 6 labels."""
    steps = np.diff(values.astype(float))
    return 2 <= len(values) <= 6 and values[0] == 0 and values[-1] == 255 and bool(np.ptp(steps) <= 1)
