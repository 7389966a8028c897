"""Read raters' label maps and refuse what cannot be compared: grids, labels, missing files."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError

SPACING_TOLERANCE_MM = 1e-3
ORIGIN_TOLERANCE_MM = 1e-2
# Quaternions of NIfTI headers are single precision: half turns come back up to 3e-4 off.
DIRECTION_TOLERANCE = 1e-3

ENDINGS = (".nii.gz", ".nii")


class MaskError(ValueError):
    """Masks cannot be compared; the message is one line that names file, field, found and expected."""


@dataclass(frozen=True)
class LabelMap:
    """A mask on its grid.

    Parameters
    ----------
    path : Path
    array : ndarray of uint8, shape (i, j, k)
    affine : ndarray, shape (4, 4)
        Voxel indices to world millimetres, RAS+.
    """

    path: Path
    array: np.ndarray
    affine: np.ndarray

    @property
    def spacing(self) -> np.ndarray:
        """Voxel size in mm."""
        return np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))


def list_masks(folder: Path) -> dict[str, Path]:
    """Case identifier to file, for the NIfTI files of a folder; other files are no masks.

    Raises
    ------
    MaskError
        When the folder is missing, holds no mask, or holds two files of one exam.
    """
    if not folder.is_dir():
        raise MaskError(f"{folder}: no such folder; expected one with <exam>.nii.gz files")
    masks: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        ending = next((ending for ending in ENDINGS if path.name.endswith(ending)), None)
        if ending is None or path.name.startswith("."):
            continue
        exam = path.name.removesuffix(ending)
        if exam in masks:
            raise MaskError(f"{path}: exam {exam}: found twice ({masks[exam].name}), expected once")
        masks[exam] = path
    if not masks:
        raise MaskError(f"{folder}: found no mask, expected <exam>.nii.gz files")
    return masks


def match_exams(masks: Mapping[str, Mapping[str, Path]], exams: Sequence[str] | None = None) -> list[str]:
    """The exams that every rater has masks of, sorted.

    Parameters
    ----------
    masks : mapping of str to mapping of str to Path
        Rater to exam to file.
    exams : sequence of str, optional
        The exams that are expected; by default those of the first rater.

    Raises
    ------
    MaskError
        When a rater lacks an exam or has one more: nothing is left out silently.
    """
    first = next(iter(masks))
    expected = set(masks[first] if exams is None else exams)
    whose = f"as {first} has" if exams is None else "as cohort.csv has"
    faults = []
    for rater, files in masks.items():
        if missing := sorted(expected - set(files)):
            faults.append(f"{rater}: missing {', '.join(missing)}")
        if extra := sorted(set(files) - expected):
            faults.append(f"{rater}: extra {', '.join(extra)}")
    if faults:
        raise MaskError(
            f"exams: {'; '.join(faults)}; expected the same {len(expected)} exams of every rater, {whose}: "
            "add or remove the files"
        )
    return sorted(expected)


def read_mask(path: Path, labels: Sequence[int]) -> LabelMap:
    """Read a mask whose values are all among `labels`.

    Floating-point files with integer values are accepted, as several viewers export them.

    Raises
    ------
    MaskError
        When the file is missing, truncated or not a three-dimensional NIfTI file, or holds a value
        that is not a label; names the value and in how many voxels it was found.
    """
    if not path.is_file():
        raise MaskError(f"{path}: no such file")
    try:
        image = nib.load(path)
        array = np.asanyarray(image.dataobj)  # type: ignore[attr-defined]
        affine = np.asarray(image.affine, dtype=float)  # type: ignore[attr-defined]
    except (OSError, EOFError, zlib.error, ValueError, ImageFileError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MaskError(
            f"{path}: cannot be read as NIfTI, truncated or damaged ({reason}); export it again"
        ) from None
    if array.dtype.kind not in "buif":
        raise MaskError(
            f"{path}: found voxels of type {array.dtype}, expected plain numbers; export it again"
        )
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 3:
        raise MaskError(f"{path}: found {array.ndim} dimensions, expected 3")
    return LabelMap(path, _as_labels(path, array, labels), affine)


def check_grid(found: LabelMap, expected: LabelMap) -> None:
    """Refuse a mask whose grid is not the other's.

    Size is compared exactly, spacing to 0.001 mm, origin to 0.01 mm and direction cosines to 0.001.
    Broadcasting (a mask of one slice against four) is thereby impossible.

    Raises
    ------
    MaskError
        Names both files, the field and both values.
    """
    difference = grid_difference(found, expected)
    if difference:
        field, value, wanted = difference
        raise MaskError(
            f"{found.path}: {field}: found {value}, expected {wanted} (the grid of {expected.path}); "
            "masks are never resampled: export it on the same grid"
        )


def grid_difference(found: LabelMap, expected: LabelMap) -> tuple[str, str, str] | None:
    """The first field by which two grids differ, as `check_grid` compares them.

    Returns
    -------
    tuple of str or None
        Field, value found, value expected; None where the grids are one. A value that is no number differs.
    """
    if found.array.shape != expected.array.shape:
        return "size", _by(found.array.shape), _by(expected.array.shape)
    if not np.abs(found.spacing - expected.spacing).max() <= SPACING_TOLERANCE_MM:
        return "spacing", f"{_by(found.spacing)} mm", f"{_by(expected.spacing)} mm"
    directions = [(one.affine[:3, :3] / one.spacing).ravel() for one in (found, expected)]
    if not np.abs(directions[0] - directions[1]).max() <= DIRECTION_TOLERANCE:
        return "direction", _list(directions[0]), _list(directions[1])
    origins = found.affine[:3, 3], expected.affine[:3, 3]
    if not np.abs(origins[0] - origins[1]).max() <= ORIGIN_TOLERANCE_MM:
        return "origin", f"({_list(origins[0])}) mm", f"({_list(origins[1])}) mm"
    return None


def _as_labels(path: Path, array: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    if array.dtype == np.uint8 and int(array.max(initial=0)) in labels and _consecutive(labels):
        return array
    values, counts = np.unique(array, return_counts=True)
    for value, count in zip(values, counts, strict=True):
        if value not in labels:
            raise MaskError(
                f"{path}: label: found {value:g} in {count} voxels, expected "
                f"{', '.join(map(str, labels))}; correct the mask or the study file's levels"
            )
    return array.astype(np.uint8)


def _consecutive(labels: Sequence[int]) -> bool:
    return sorted(labels) == list(range(len(labels)))


def _by(values: tuple[int, ...] | np.ndarray) -> str:
    return " x ".join(f"{value:g}" for value in values)


def _list(values: np.ndarray) -> str:
    return ", ".join(f"{value:.6g}" for value in values)
