"""Volumes as text inside a page: nothing but voxels, without names, dates or headers.

A volume is written slice by slice and row by row, compressed as zlib and encoded as base64. An image is
first written as differences of 16-bit values from voxel to voxel, all low bytes before all high bytes,
which makes it a third smaller; the page's packing.js undoes it.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass

import numpy as np

_LEVEL = 6
_STEPS = 2**16 - 1


@dataclass(frozen=True)
class PackedImage:
    """An image as the page holds it.

    Parameters
    ----------
    text : str
        Base64.
    offset, scale : float
        Intensity = offset + scale * stored value.
    """

    text: str
    offset: float
    scale: float


def pack_image(image: np.ndarray) -> PackedImage:
    """An image in 16 bits: whole numbers exactly, others to 1/65535 of their range.

    Parameters
    ----------
    image : ndarray, shape (i, j, k)
        Finite numbers.
    """
    low, high = float(image.min()), float(image.max())
    exact = np.issubdtype(image.dtype, np.integer) and high - low <= _STEPS
    scale = 1.0 if exact or high == low else (high - low) / _STEPS
    stored = np.rint((image.astype(np.float64) - low) / scale).astype(np.uint16)
    steps = np.diff(_flat(stored), prepend=np.uint16(0))
    halves = np.concatenate([steps & 0xFF, steps >> 8]).astype(np.uint8)
    return PackedImage(_text(halves), low, scale)


def pack_mask(mask: np.ndarray) -> str:
    """A label map, a byte a voxel before compression; base64.

    Parameters
    ----------
    mask : ndarray of int, shape (i, j, k)
        Values 0 to 255.
    """
    return _text(_flat(mask.astype(np.uint8)))


def unpack_image(packed: PackedImage, shape: tuple[int, int, int]) -> np.ndarray:
    """The image of `pack_image`, float64, shape (i, j, k): what packing.js does, to check a page by."""
    halves = np.frombuffer(_data(packed.text), np.uint8).astype(np.uint16)
    low, high = np.split(halves, 2)
    # Sums of 16-bit values wrap round, as the differences did.
    stored = np.cumsum(low | (high << 8), dtype=np.uint16)
    return packed.offset + packed.scale * _volume(stored, shape).astype(np.float64)


def unpack_mask(text: str, shape: tuple[int, int, int]) -> np.ndarray:
    """The label map of `pack_mask`, uint8, shape (i, j, k)."""
    return _volume(np.frombuffer(_data(text), np.uint8), shape)


def _flat(volume: np.ndarray) -> np.ndarray:
    """Slices along k, in each the rows along j."""
    return np.ravel(volume.transpose(2, 1, 0))


def _volume(flat: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    return flat.reshape(shape[::-1]).transpose(2, 1, 0)


def _text(data: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(data.tobytes(), _LEVEL)).decode("ascii")


def _data(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))
