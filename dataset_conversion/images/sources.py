"""Volumes and label maps of whatever holds one: a path, an image of nibabel or SimpleITK, an array."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from dataset_conversion.images.volume import ConversionError, Volume, read_nifti

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


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
        Files are NIfTI. An array may have fewer than three dimensions and keeps its shape.
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
        return read_nifti(Path(source), name or str(source))
    if isinstance(source, nib.spatialimages.SpatialImage):
        return read_nifti(source, name or source.get_filename() or "nibabel image")
    if type(source).__module__.startswith("SimpleITK"):
        return _from_simpleitk(source, name or "SimpleITK image")
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
    wanted = np.min_scalar_type(max(labels or [255]))
    return replace(volume, array=volume.array.astype(wanted, copy=False))


def label_fault(array: np.ndarray, labels: Sequence[int] | None = None) -> str:
    """The first value of an array that is no label, in words; empty where all are."""
    known: Sequence[int] = range(256) if labels is None else labels
    if array.dtype.kind == "u" and sorted(known) == list(range(len(known))) and array.max(initial=0) in known:
        return ""
    values, counts = np.unique(array, return_counts=True)
    for value, count in zip(values, counts, strict=True):
        if value not in known:
            wanted = "whole numbers from 0 to 255" if labels is None else ", ".join(map(str, labels))
            return f"label: found {float(value):g} in {count} voxels, expected {wanted}"
    return ""


def _from_simpleitk(image: Any, name: str) -> Volume:
    """SimpleITK stores k first, and its world is LPS."""
    import SimpleITK as sitk

    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise ConversionError(
            f"{name}: found {image.GetDimension()} dimensions and {image.GetNumberOfComponentsPerPixel()} "
            "values a voxel, expected 3 and 1"
        )
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return Volume(sitk.GetArrayFromImage(image).T, _LPS_TO_RAS @ affine, name)
