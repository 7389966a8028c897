"""What a model gives each label in every voxel: probability maps, as programs write them.

One file an exam with a map a label (NIfTI of four dimensions, nnU-Net's ``.npz``), or a folder an exam with a
file a label.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dataset_conversion.images import TOO_LARGE, ConversionError, Volume, read_image, read_nifti
from dataset_conversion.mask_files.labels import Labels, tidy, value_of_name
from dataset_conversion.mask_files.listing import check_name, list_masks, parts_of

#: How far off 1 the probabilities of a voxel may sum up to: nnU-Net keeps them in half precision.
NEAR = 5e-3
_NPZ = ".npz"
#: What nnU-Net 2 and 1 call them.
_ARRAYS = ("probabilities", "softmax")
_BACKGROUND = ("background", "0")


@dataclass(frozen=True, eq=False)
class Probabilities:
    """Of every label in every voxel of an exam."""

    #: Shape (labels, i, j, k), background first; sums are 1.
    shares: np.ndarray
    #: The likeliest label of every voxel, on the grid of the maps; of two alike the first.
    label: Volume

    def in_order(self, axis_order: str) -> Probabilities:
        """The same at the same places, with axes in another order."""
        label = self.label
        turned = [replace(label, array=share).in_order(axis_order).array for share in self.shares]
        return Probabilities(np.stack(turned), label.in_order(axis_order))


def list_probabilities(folder: Path) -> dict[str, Path]:
    """Case identifier to the file of an exam's maps, or to its folder of files.

    Where there are files of nnU-Net's (``.npz``) these are meant, and the masks beside them are not.

    Raises
    ------
    ConversionError
        When the folder is missing or holds none.
    """
    if not folder.is_dir():
        raise ConversionError(f"{folder}: no such folder; expected one with probability maps of every exam")
    archives = {path.name.removesuffix(_NPZ): path for path in sorted(folder.glob(f"[!.]*{_NPZ}"))}
    for path in archives.values():
        check_name(path)
    return archives or list_masks(folder)


def read_probabilities(path: Path, labels: Labels, first: Volume) -> Probabilities:
    """The maps of an exam, in the order of the labels.

    Parameters
    ----------
    path : Path
        As of `list_probabilities`. Files hold background and the labels, in the order of the study, or the
        labels alone; background then has what is left of 1.
    first : Volume
        A mask of the exam: on its grid lie maps that have none of their own (``.npz`` without nnU-Net's mask
        beside it). The maps' own grid is for the caller to compare.

    Raises
    ------
    ConversionError
        When a file is missing, damaged or of another kind, there are too few or too many maps, or numbers are
        no probabilities: below 0 or above 1, or off 1 in sum.
    """
    if not path.exists():
        raise ConversionError(f"{path}: no such file")
    if path.is_dir():
        maps, place = _read_parts(path, labels)
    elif path.name.endswith(_NPZ):
        maps, place = _read_archive(path, first)
    else:
        maps, place = _read_nifti(path)
    names = ["background", *labels.levels]
    if len(maps) not in (len(names), len(names) - 1):
        raise ConversionError(
            f"{path}: probabilities: found {len(maps)} maps, expected {len(names)} ({', '.join(names)}) or "
            f"{len(names) - 1} without background, in this order"
        )
    maps = _checked(path, maps, has_background=len(maps) == len(names))
    values = np.array([0, *labels.levels.values()])
    label = values[maps.argmax(axis=0)].astype(np.min_scalar_type(int(values.max())))
    return Probabilities(maps, replace(place, array=label, source=str(path)))


def _checked(path: Path, maps: np.ndarray, *, has_background: bool) -> np.ndarray:
    """The maps with background, each voxel's sum 1."""
    if not np.isfinite(maps).all():
        raise ConversionError(
            f"{path}: probabilities: found no finite number in {(~np.isfinite(maps)).sum()} of {maps.size} "
            "values, expected 0 to 1"
        )
    low, high = float(maps.min()), float(maps.max())
    if low < -NEAR or high > 1 + NEAR:
        advice = "divide them by their largest value" if low >= 0 and high <= 255 else "apply the softmax"
        raise ConversionError(
            f"{path}: probabilities: found {low:.3g} to {high:.3g}, expected 0 to 1; {advice} first"
        )
    total = maps.sum(axis=0)
    off = np.abs(total - 1) if has_background else total - 1
    if wrong := int((off > NEAR).sum()):
        worst = float(total.flat[int(off.argmax())])
        expected = "1" if has_background else "at most 1, for background has the rest"
        raise ConversionError(
            f"{path}: probabilities: found sums off 1 in {wrong} of {off.size} voxels (such as {worst:.3g}), "
            f"expected {expected}; labels that may overlap are scored each by itself, in a study of its own"
        )
    maps = np.clip(maps, 0, 1)
    if not has_background:
        maps = np.concatenate([np.clip(1 - maps.sum(axis=0, keepdims=True), 0, 1), maps])
    return np.asarray(maps / maps.sum(axis=0))


def _read_nifti(path: Path) -> tuple[np.ndarray, Volume]:
    image, found, affine, fault = read_nifti(path, str(path))
    if fault:
        raise ConversionError(f"{path}: {fault}")
    # NIfTI keeps the fourth axis for time, and maps in the fifth; one map needs neither.
    if found.ndim == 5 and found.shape[3] == 1:
        found = found[:, :, :, 0]
    found = found[..., np.newaxis] if found.ndim == 3 else found
    if found.ndim != 4 or found.dtype.kind not in "buif":
        size = " x ".join(map(str, found.shape))
        raise ConversionError(
            f"{path}: probabilities: found {size} voxels of {found.dtype}, expected numbers in four "
            "dimensions, the last of them the labels"
        )
    place = read_image(image.__class__(found[..., 0], affine, image.header), str(path))
    return np.moveaxis(found, -1, 0).astype(np.float32), place


def _read_archive(path: Path, first: Volume) -> tuple[np.ndarray, Volume]:
    """nnU-Net's: axes are (label, k, j, i), on the grid of the mask beside them."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            name = next((name for name in _ARRAYS if name in archive.files), None)
            found = archive[name] if name else None
    except MemoryError:
        raise ConversionError(f"{path}: {TOO_LARGE}") from None
    except (OSError, EOFError, zlib.error, ValueError, zipfile.BadZipFile, KeyError) as error:
        raise ConversionError(
            f"{path}: cannot be read, truncated or damaged ({type(error).__name__}); predict it again"
        ) from None
    if found is None or found.ndim != 4 or found.dtype.kind not in "uif":
        what = "no array of that name" if found is None else f"{found.ndim} dimensions of {found.dtype}"
        raise ConversionError(f"{path}: {_ARRAYS[0]}: found {what}, expected nnU-Net's, a map a label")
    place = _beside(path) or first
    maps = found.transpose(0, 3, 2, 1).astype(np.float32)
    if maps.shape[1:] != place.array.shape:
        raise ConversionError(
            f"{path}: {_ARRAYS[0]}: found maps of {' x '.join(map(str, maps.shape[1:]))} voxels, expected "
            f"{' x '.join(map(str, place.array.shape))} as of {place.source or 'the first mask'}"
        )
    return maps, place


def _beside(path: Path) -> Volume | None:
    """The mask that nnU-Net wrote beside its maps."""
    exam = path.name.removesuffix(_NPZ)
    masks = (path.with_name(f"{exam}{ending}") for ending in (".nii.gz", ".nii", ".mha"))
    return next((read_image(mask, str(mask)) for mask in masks if mask.is_file()), None)


def _read_parts(folder: Path, labels: Labels) -> tuple[np.ndarray, Volume]:
    """A folder with a map a label, called after it."""
    by_value: dict[int, Volume] = {}
    for name, path in parts_of(folder).items():
        value = 0 if tidy(name).casefold() in _BACKGROUND else value_of_name(name, labels)
        if value is None:
            raise ConversionError(
                f"{path}: label: found '{name}', expected background or one of {', '.join(labels.levels)}"
            )
        if value in by_value:
            raise ConversionError(
                f"{path}: label: found a second map of it ({by_value[value].source}), expected one"
            )
        by_value[value] = read_image(path, str(path))
    if missing := [name for name, value in labels.levels.items() if value not in by_value]:
        raise ConversionError(f"{folder}: label: found no map of {', '.join(missing)}, expected one a label")
    first = next(iter(by_value.values()))
    for part in by_value.values():
        if difference := part.grid.difference(first.grid):
            raise ConversionError(f"{part.source}: {difference} (the grid of {first.source})")
    order = [value for value in (0, *labels.levels.values()) if value in by_value]
    return np.stack([by_value[value].array for value in order]).astype(np.float32), first
