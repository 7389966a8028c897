"""Read an NRRD file (.nrrd) that a stranger's program wrote: header and voxels, from the file alone.

NRRD may name other files for its voxels, and 3D Slicer's segmentations number their segments anew: both are
refused. Source of the format: teem's "Definition of NRRD File Format" (not opened); what SimpleITK 2.5.7
writes is read as SimpleITK reads it.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import numpy as np

from bmseg.errors import InputError
from bmseg.untrusted.header import ExamGrid
from bmseg.untrusted.listing import shown
from dataset_conversion.images import Volume

_TYPES = {
    "i1": ("signed char", "int8", "int8_t"), "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"), "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "uint64", "uint64_t"), "f4": ("float",), "f8": ("double",),
}  # fmt: skip
_KINDS = {name: kind for kind, names in _TYPES.items() for name in names}
#: Signs that turn a space's axes into RAS.
_SPACES = {
    "left-posterior-superior": (-1, -1, 1), "lps": (-1, -1, 1), "right-anterior-superior": (1, 1, 1),
    "ras": (1, 1, 1), "left-anterior-superior": (-1, 1, 1), "las": (-1, 1, 1),
}  # fmt: skip
_MAGIC = re.compile(rb"NRRD000[1-5]\r?\n")
_LONGEST_HEADER = 1 << 16
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_VECTOR = re.compile(rf"\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)", re.ASCII)


def read_nrrd(data: bytes, path: Path, grid: ExamGrid) -> Volume:
    """The voxels of a whole file's bytes, in memory bounded by the grid; `path` names it and is not opened.

    Raises `InputError` where it is no whole NRRD file of the grid's size.
    """
    header, start = _header(data, path)
    if any(key.startswith("Segment") for key in header):
        raise _fault(path, "Segment", "a segmentation of 3D Slicer", "a label map: export it as one")
    if other := [key for key in ("data file", "datafile", "line skip", "byte skip") if key in header]:
        raise _fault(path, other[0], shown(header[other[0]]), "none: the voxels in the same file")
    size = header.get("sizes", "none").split()
    if size != [str(count) for count in grid.size]:
        wanted = " x ".join(map(str, grid.size))
        raise _fault(path, "sizes", shown(" x ".join(size)), f"{wanted} voxels (the exam's grid)")
    kind = np.dtype(_KINDS.get(header.get("type", "").lower(), "V0"))
    if not kind.itemsize:
        raise _fault(path, "type", shown(header.get("type", "none")), "whole numbers or floats")
    endian = header.get("endian", "little" if kind.itemsize == 1 else "none").lower()
    if endian not in ("little", "big"):
        raise _fault(path, "endian", shown(endian), "little or big")
    encoding = header.get("encoding", "none").lower()
    voxels = _voxels(path, data[start:], encoding, kind.itemsize * grid.n_voxels)
    stored = np.frombuffer(voxels, kind.newbyteorder("<" if endian == "little" else ">"))
    return Volume(stored.astype(kind).reshape(grid.size, order="F"), _affine(path, header), str(path))


def _header(data: bytes, path: Path) -> tuple[dict[str, str], int]:
    """Fields, and where the voxels start."""
    magic = _MAGIC.match(data)
    if not magic:
        raise _fault(path, "magic", "no NRRD file", "one")
    header: dict[str, str] = {}
    start = magic.end()
    while (end := data.find(b"\n", start, _LONGEST_HEADER)) >= 0:
        line = data[start:end].decode("latin-1").rstrip("\r")
        start = end + 1
        if not line:
            return header, start
        if line.startswith("#"):
            continue
        key, _, value = line.partition(":")
        # Fields are "key: value"; "key:=value" is what a program added.
        key = key if value.startswith("=") else key.lower()
        if key in header:
            raise _fault(path, shown(key), "it twice", "it once")
        header[key] = value.removeprefix("=").strip()
    raise _fault(path, "header", "no empty line behind it", "one, and the voxels")


def _voxels(path: Path, stored: bytes, encoding: str, n_bytes: int) -> bytes:
    if encoding in ("gzip", "gz"):
        unpacker = zlib.decompressobj(31)
        try:
            stored = unpacker.decompress(stored, n_bytes + 1)
            # What is left are at most the last bits and the check sum.
            more = unpacker.decompress(unpacker.unconsumed_tail, 1) if not unpacker.eof else b""
        except zlib.error as error:
            raise _fault(path, "voxels", f"damaged data ({error})", "gzip data") from None
        if len(stored) == n_bytes and (more or not unpacker.eof or unpacker.unused_data):
            raise _fault(path, "voxels", "gzip data that ends early or late", "whole data and no more")
    elif encoding != "raw":
        raise _fault(path, "encoding", shown(encoding), "raw or gzip")
    if len(stored) != n_bytes:
        found = "more bytes" if len(stored) > n_bytes else f"{len(stored)} bytes"
        raise _fault(path, "voxels", found, f"{n_bytes}")
    return stored


def _affine(path: Path, header: dict[str, str]) -> np.ndarray:
    space = header.get("space", "none").lower()
    if space not in _SPACES:
        raise _fault(path, "space", shown(space), "left-posterior-superior, or as RAS or LAS")
    affine = np.eye(4)
    affine[:3, :3] = _vectors(path, header, "space directions", 3).T
    affine[:3, 3] = _vectors(path, header, "space origin", 1)[0]
    if np.linalg.det(affine) == 0:
        raise _fault(path, "space directions", "axes that span no volume", "three directions")
    return np.diag([*_SPACES[space], 1]) @ affine


def _vectors(path: Path, header: dict[str, str], key: str, count: int) -> np.ndarray:
    values = np.array(_VECTOR.findall(header.get(key, "")), dtype=float).reshape(-1, 3)
    if len(values) != count or not np.isfinite(values).all():
        raise _fault(path, key, shown(header.get(key, "none")), f"{count} of three numbers")
    return values


def _fault(path: Path, field: str, found: str, expected: str) -> InputError:
    return InputError(f"{path.name}: {field}: found {found}, expected {expected}")
