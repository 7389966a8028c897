"""The voxels of a volume, decoded and rescaled to displayed values."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.pixels import get_decoder
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dataset_conversion.dicom.files import DamagedError, NotDicomError, read_dataset
from dataset_conversion.dicom.found_volume import FoundVolume
from dataset_conversion.dicom.frame import Frame, frames_of
from dataset_conversion.volume import ConversionError, Volume

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

# Bits beyond BitsStored are checked here, not masked away in silence.
_AS_STORED: dict[str, Any] = {"correct_unused_bits": False}


def read_voxels(found: FoundVolume) -> Volume:
    """Decode a volume.

    Parameters
    ----------
    found : FoundVolume
        A usable one.

    Returns
    -------
    Volume
        ``array[column, row, slice]`` with slope and intercept of every frame applied: integers where
        all results are whole and fit 16 bits, otherwise single precision.

    Raises
    ------
    ConversionError
        When a file is damaged, its pixel data has another length than its header says, or no decoder
        reads its transfer syntax.
    """
    numbered = sorted(enumerate(found.frames), key=lambda pair: (pair[1].file, pair[0]))
    stored: np.ndarray | None = None
    for file, group in groupby(numbered, key=lambda pair: pair[1].file):
        places = list(group)
        for (k, _), pixels in zip(places, _read_frames(file, [frame for _, frame in places]), strict=True):
            if stored is None:
                stored = np.empty((len(found.frames), *pixels.shape), pixels.dtype)
            stored[k] = pixels
    if stored is None:
        raise ValueError("the volume has no frames")
    return Volume(_rescaled(stored, found.frames).transpose(2, 1, 0), found.affine)


def _read_frames(file: Path, frames: Sequence[Frame]) -> list[np.ndarray]:
    """The stored pixels of frames of one file, each of shape (rows, columns)."""
    try:
        dataset = read_dataset(file, pixels=True)
        now = frames_of(dataset, file)
        if any(frame not in now[frame.number : frame.number + 1] for frame in frames):
            raise ConversionError(f"{file}: found another header than before, expected the same; start again")
        if fault := _fault_of_pixels(dataset):
            raise ConversionError(f"{file}: {fault}")
        syntax = _syntax(dataset)
        decoder = get_decoder(syntax)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            images = [
                decoder.as_array(dataset, index=frame.number, raw=True, **_AS_STORED)[0] for frame in frames
            ]
        for image, frame in zip(images, frames, strict=True):
            _check_image(file, image, frame)
    except ConversionError:
        raise
    except (DamagedError, NotDicomError) as error:
        raise ConversionError(f"{file}: {error or 'found another kind of file than before'}") from None
    except Exception as error:  # decoders of damaged pixel data raise all kinds
        raise ConversionError(
            f"{file}: pixel data: cannot be decoded, truncated or damaged ({type(error).__name__}); "
            "export it again"
        ) from None
    return images


def _syntax(dataset: Dataset) -> UID:
    """The transfer syntax; without a file header, the one that pydicom recognised."""
    if stated := dataset.get("file_meta", Dataset()).get("TransferSyntaxUID"):
        return UID(str(stated))
    implicit, little = dataset.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _fault_of_pixels(dataset: Dataset) -> str:
    """Native pixel data has the length that the header says: a wrong Rows would shift every line."""
    present = [keyword for keyword in _PIXELS if keyword in dataset]
    if len(present) != 1:
        return f"PixelData: found {len(present)}, expected one; truncated or damaged: export it again"
    if _syntax(dataset).is_encapsulated:
        return ""
    length = len(dataset[present[0]].value)
    frames = int(dataset.get("NumberOfFrames") or 1)
    expected = frames * dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
    # A byte of padding makes the length even; some writers pad to four.
    if not expected <= length <= expected + 3:
        return f"PixelData: found {length} bytes, expected {expected}; truncated or damaged: export it again"
    return ""


def _check_image(file: Path, image: np.ndarray, frame: Frame) -> None:
    plane = frame.plane
    if plane is None or image.shape != (plane.rows, plane.columns):
        raise ConversionError(f"{file}: pixel data: found {image.shape}, expected the size in its header")
    _, bits, signed = frame.stored
    if image.dtype.kind == "f" or not bits:
        return
    lowest, highest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if image.min() < lowest or image.max() > highest:
        raise ConversionError(
            f"{file}: pixel data: found values {image.min()} to {image.max()}, expected {lowest} to "
            f"{highest} as BitsStored {bits} says; export it again"
        )


def _rescaled(stored: np.ndarray, frames: Sequence[Frame]) -> np.ndarray:
    """Displayed values of stored ones, both of shape (slices, rows, columns)."""
    slopes = np.array([frame.slope for frame in frames])[:, None, None]
    intercepts = np.array([frame.intercept for frame in frames])[:, None, None]
    if (slopes == 1).all() and (intercepts == 0).all():
        return stored
    if stored.dtype.kind in "iu" and not (slopes % 1).any() and not (intercepts % 1).any():
        whole = stored.astype(np.int64) * slopes.astype(np.int64) + intercepts.astype(np.int64)
        for kind in (np.int16, np.uint16):
            if np.iinfo(kind).min <= whole.min() and whole.max() <= np.iinfo(kind).max:
                return whole.astype(kind)
    return (stored * slopes + intercepts).astype(np.float32)
