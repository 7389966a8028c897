"""Read a MetaImage file (.mha) that a stranger's program wrote.

MetaIO, which SimpleITK reads by, takes voxels from any file that a header names, and by a field without a
value a header can hide such a line from a check made beforehand (tried with SimpleITK 2.5.7). On
grand-challenge the readers' masks lie on the same disk. So the header is read here, and voxels come from the
file itself or not at all.

Source of the format: MetaIO's documentation, "MetaImage": lines of ``key = value``, ElementDataFile last.
Rows of TransformMatrix are the directions of the axes, in LPS+ as ITK has them.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bmseg.errors import InputError
from bmseg.untrusted.header import ExamGrid
from bmseg.untrusted.listing import shown
from dataset_conversion.images import Volume

_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
# The first name that is there counts; the others are older names of the same.
_SPACING = ("ElementSpacing", "ElementSize")
_OFFSET = ("Offset", "Position", "Origin")
_DIRECTIONS = ("TransformMatrix", "Rotation", "Orientation")
_MSB = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
# None: the field need not be there.
_ALLOWED: dict[str, list[str | None]] = {
    "NDims": ["3"], "BinaryData": ["True"], "ElementNumberOfChannels": [None, "1"], "HeaderSize": [None, "0"],
    "CompressedData": [None, "False", "True"], "ElementType": [*_TYPES],
}  # fmt: skip
_READ = {"DimSize", *_ALLOWED, *_SPACING, *_OFFSET, *_DIRECTIONS, *_MSB}
_LONGEST_HEADER = 1 << 16
# Of what does not compress.
_ZLIB_SLACK = 1 << 16
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_metaimage(path: Path, grid: ExamGrid) -> Volume:
    """Read a MetaImage in memory bounded by the grid; raises `InputError` where it is no whole one of it."""
    with path.open("rb") as file:
        return metaimage_in(file.read(_LONGEST_HEADER + 8 * grid.n_voxels + _ZLIB_SLACK), path, grid)


def metaimage_in(data: bytes, path: Path, grid: ExamGrid) -> Volume:
    """As `read_metaimage`, of a file's bytes; `path` names it and is not opened."""
    header, start = _header(path, data)
    size = [int(value) for value in _numbers(path, header, ("DimSize",), [0.0])]
    if size != grid.size:
        raise _fault(path, "DimSize", _by(size), f"{_by(grid.size)} voxels")
    for key, allowed in _ALLOWED.items():
        if header.get(key) not in allowed:
            wanted = " or ".join(value for value in allowed if value)
            raise _fault(path, key, shown(header.get(key, "none")), wanted)
    msb = next((header[key] for key in _MSB if key in header), "False") == "True"
    kind = np.dtype(_TYPES[header["ElementType"]]).newbyteorder(">" if msb else "<")
    voxels = _voxels(
        path, data[start:], kind.itemsize * grid.n_voxels, header.get("CompressedData") == "True"
    )
    array = np.frombuffer(voxels, kind).astype(kind.newbyteorder("=")).reshape(size, order="F")
    return Volume(array, _affine(path, header))


def _header(path: Path, data: bytes) -> tuple[dict[str, str], int]:
    """Fields, and where the voxels start."""
    header: dict[str, str] = {}
    start = 0
    while (end := data.find(b"\n", start, _LONGEST_HEADER)) >= 0:
        # Lines without "=" belong to some text that a program left; they end up under their own name.
        key, _, value = (part.strip() for part in data[start:end].decode("latin-1").partition("="))
        start = end + 1
        if key in header and key in _READ:
            raise _fault(path, shown(key), "it twice", "it once")
        if key == "ElementDataFile":
            if value != "LOCAL":
                raise _fault(path, key, shown(value), "LOCAL: the voxels in the same file")
            return header, start
        header[key] = value
    raise _fault(path, "ElementDataFile", "none", "LOCAL: a MetaImage with its voxels within")


def _voxels(path: Path, stored: bytes, n_bytes: int, is_compressed: bool) -> bytes:
    if is_compressed:
        try:
            stored = zlib.decompressobj().decompress(stored, n_bytes + 1)
        except zlib.error as error:
            raise _fault(path, "voxels", f"damaged data ({error})", "zlib data") from None
    if len(stored) != n_bytes:
        more = "more" if len(stored) > n_bytes else f"{len(stored)}"
        raise _fault(path, "voxels", f"{more} bytes", f"{n_bytes}")
    return stored


def _affine(path: Path, header: dict[str, str]) -> np.ndarray:
    spacing = _numbers(path, header, _SPACING, [1.0] * 3)
    directions = _numbers(path, header, _DIRECTIONS, np.eye(3).ravel().tolist())
    affine = np.eye(4)
    affine[:3, :3] = directions.reshape(3, 3).T * spacing
    affine[:3, 3] = _numbers(path, header, _OFFSET, [0.0] * 3)
    if (spacing <= 0).any() or np.linalg.det(affine) == 0:
        raise _fault(path, "TransformMatrix", "axes that span no volume", "three directions")
    return _LPS_TO_RAS @ affine


def _numbers(path: Path, header: dict[str, str], keys: Sequence[str], default: Sequence[float]) -> np.ndarray:
    key = next((key for key in keys if key in header), None)
    if key is None:
        return np.array(default)
    try:
        values = np.array([float(word) for word in header[key].split()])
    except ValueError:
        values = np.array([np.nan])
    if not np.isfinite(values).all() or (len(default) > 1 and len(values) != len(default)):
        raise _fault(path, key, shown(header[key]), f"{max(len(default), 3)} numbers")
    return values


def _fault(path: Path, field: str, found: str, expected: str) -> InputError:
    return InputError(f"{path.name}: {field}: found {found}, expected {expected}")


def _by(size: Sequence[int]) -> str:
    return " x ".join(map(str, size))
