"""Masks with the headers that people's programs write."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

AFFINE = np.diag([-0.9, -0.9, 3.5, 1.0])
#: 12 x 12 x 4 voxels of 0.9 x 0.9 x 3.5 mm.
ML = 1.63296


def block() -> np.ndarray:
    mask = np.zeros((24, 20, 6), np.uint8)
    mask[4:16, 4:16, 1:5] = 1
    return mask


def save(
    file: Path,
    affine: np.ndarray = AFFINE,
    edit: Callable[[nib.Nifti1Image], object] | None = None,
    array: np.ndarray | None = None,
) -> Path:
    """A mask with its place in both forms, then edited."""
    image = nib.Nifti1Image(block() if array is None else array, affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    image.header.set_xyzt_units("mm")
    if edit:
        edit(image)
    file.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, file)
    return file


def scaled(file: Path) -> Path:
    """The mask as of a program that spreads labels over all that 16 bits hold; a file that is not gzip'd."""
    save(file, array=21845 * block().astype(np.uint16))
    content = bytearray(file.read_bytes())
    # The header's scl_slope.
    content[112:116] = struct.pack("<f", 3 / 65535)
    file.write_bytes(content)
    return file
