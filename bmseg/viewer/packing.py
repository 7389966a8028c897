"""Volumes as text inside a page: nothing but voxels, without names, dates or headers.

A volume is written slice by slice and row by row, compressed as zlib and encoded as base64. An image is
first written as differences of 16-bit values from voxel to voxel, all low bytes before all high bytes,
which makes it a third smaller; the page's packing.js undoes it.
"""

from __future__ import annotations

import base64
import zlib
from typing import NamedTuple

import numpy as np
from isal import isal_zlib

_LEVEL, _QUICK_LEVEL = 6, 3
_STEPS = 2**16 - 1


class PackedImage(NamedTuple):
    """An image as base64 `text`; intensity = `offset` + `scale` * stored value."""

    text: str
    offset: float
    scale: float


def pack_image(image: np.ndarray, *, quick: bool = False) -> PackedImage:
    """An image of finite numbers, shape (i, j, k), in 16 bits.

    Whole numbers are stored exactly, others to 1/65535 of their range. `quick` takes a tenth of the time; its
    text is a little longer, and not the same on every machine.
    """
    low, high = float(image.min()), float(image.max())
    exact = np.issubdtype(image.dtype, np.integer) and high - low <= _STEPS
    scale = 1.0 if exact or high == low else (high - low) / _STEPS
    stored = np.rint((image.astype(np.float64) - low) / scale).astype(np.uint16)
    steps = np.diff(_flat(stored), prepend=np.uint16(0))
    halves = np.concatenate([steps & 0xFF, steps >> 8]).astype(np.uint8)
    return PackedImage(_text(halves, quick), low, scale)


def pack_mask(mask: np.ndarray, *, quick: bool = False) -> str:
    """A label map of values 0 to 255, shape (i, j, k), a byte a voxel before compression; base64."""
    return _text(_flat(mask.astype(np.uint8)), quick)


def _flat(volume: np.ndarray) -> np.ndarray:
    """Slices along k, in each the rows along j."""
    return np.ravel(volume.transpose(2, 1, 0))


def _text(data: np.ndarray, quick: bool) -> str:
    packed = isal_zlib.compress(data.data, _QUICK_LEVEL) if quick else zlib.compress(data.data, _LEVEL)
    return base64.b64encode(packed).decode("ascii")
