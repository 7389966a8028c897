"""Files that are no sound mask of an exam: each with what the check must say of it."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import nibabel as nib
import numpy as np

from bmseg.leaderboard.challenge import Contract
from bmseg.untrusted.header import ExamGrid

SIZE = (5, 4, 3)
#: Slices along the second axis of the world, as coronal exams have them.
AFFINE = np.array([[-0.9, 0, 0, 10], [0, 0, 3.5, 5], [0, 0.9, 0, -7], [0, 0, 0, 1]])
LABELS = [0, 1, 2, 3]
EXAMS = ["case_1", "case_2"]
GRID = ExamGrid(size=list(SIZE), affine=AFFINE.tolist())
CONTRACT = Contract(labels=LABELS, exams=dict.fromkeys(EXAMS, GRID))
ARRAY = (np.arange(60) % 4).astype(np.uint8).reshape(SIZE)

_MEGABYTE = b"\0" * (1 << 20)
# Where NIfTI-1 keeps its fields: place and struct format.
_FIELDS = {
    "dim": (40, "<8h"),
    "datatype": (70, "<h"),
    "bitpix": (72, "<h"),
    "pixdim": (76, "<8f"),
    "vox_offset": (108, "<f"),
    "scl_slope": (112, "<f"),
    "scl_inter": (116, "<f"),
    "qform_code": (252, "<h"),
    "sform_code": (254, "<h"),
    "quatern_b": (256, "<f"),
    "srow_x": (280, "<4f"),
    "magic": (344, "<4s"),
}


def nifti(array: np.ndarray = ARRAY, affine: np.ndarray = AFFINE, **fields: Any) -> bytes:
    """A NIfTI-1 file, with some fields of its header overwritten."""
    content = bytearray(nib.Nifti1Image(array, affine, dtype=array.dtype).to_bytes())
    for name, value in fields.items():
        place, form = _FIELDS[name]
        struct.pack_into(form, content, place, *(value if isinstance(value, tuple) else (value,)))
    return bytes(content)


def packed(content: bytes, level: int = 6) -> bytes:
    return gzip.compress(content, level, mtime=0)


def mask(array: np.ndarray = ARRAY, affine: np.ndarray = AFFINE, **fields: Any) -> bytes:
    return packed(nifti(array, affine, **fields))


def swelling(head: bytes, megabytes: int) -> bytes:
    """A gzip member of a few bytes a megabyte: a block of zeros that stands alone, again and again."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    start = deflate.compress(head) + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(_MEGABYTE) + deflate.flush(zlib.Z_FULL_FLUSH)
    return start + block * megabytes


class _Trap:
    """Leaves a trace where it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, ("unpickled",)


def _pickled_array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([_Trap()], dtype=object), allow_pickle=True)
    return file.getvalue()


def _with_voxel(value: float) -> bytes:
    array = ARRAY.astype(np.float32)
    array[1, 1, 1] = value
    return mask(array)


def _moved(place: tuple[int, int], by: float) -> np.ndarray:
    affine = AFFINE.copy()
    affine[place] += by
    return affine


def hostile_masks() -> Iterator[tuple[str, bytes, str]]:
    """Name, content of ``case_1.nii.gz``, part of the fault."""
    yield from _wrong_types()
    yield from _wrong_gzip()
    yield from _wrong_headers()
    yield from _wrong_voxels()


def _wrong_types() -> Iterator[tuple[str, bytes, str]]:
    png = b"\x89PNG\r\n\x1a\n" + bytes(500)
    yield "png", png, "found no gzip data"
    yield "png in gzip", packed(png), "found no NIfTI header"
    yield "html", b"<html><script>alert(1)</script></html>", "found no gzip data"
    yield "pickle", pickle.dumps(_Trap()), "found no gzip data"
    yield "pickle in gzip", packed(pickle.dumps(_Trap())), "found no NIfTI header"
    yield "pickled numpy", packed(_pickled_array()), "found no NIfTI header"
    yield "not compressed", nifti(), "found no gzip data"
    yield "empty", b"", "found an empty file"
    yield "empty in gzip", packed(b""), "found no NIfTI header"
    yield "Analyze", packed(nib.AnalyzeImage(ARRAY, np.eye(4)).header.binaryblock), "header of a pair"
    yield "header of a pair", mask(magic=b"ni1\0"), "header of a pair"
    for name, code, bits in [("colour", 128, 24), ("complex", 32, 64), ("float128", 1536, 128)]:
        content = nifti(datatype=code, bitpix=bits) + bytes(60 * bits // 8)
        yield name, packed(content), "datatype: found"
    yield "bits", mask(datatype=1, bitpix=1), "datatype: found an unknown type (code 1)"
    yield "unknown type", mask(datatype=9999), "datatype: found an unknown type (code 9999)"


def _wrong_gzip() -> Iterator[tuple[str, bytes, str]]:
    whole = mask()
    yield "cut gzip", whole[:-12], "ends early"
    yield "cut in the header", packed(nifti()[:200]), "expected a NIfTI header of 348"
    yield "cut to four bytes", packed(nifti()[:4]), "expected a NIfTI header of 348"
    yield "wrong checksum", whole[:-8] + b"\1\2\3\4" + whole[-4:], "found damaged gzip data"
    yield "bytes behind gzip", whole + b"MZ" + bytes(100), "found bytes after the gzip data"
    yield "a second mask behind", whole + whole, "found bytes after the last voxel"
    yield "bomb behind the voxels", swelling(nifti(), 900), "found bytes after the last voxel"
    members = packed(nifti()) + packed(_MEGABYTE, 9) * 900
    yield "bomb of members", members, "found bytes after the last voxel"
    huge = nifti(dim=(3, 32767, 32767, 32767, 1, 1, 1, 1))
    yield "bomb as large as it says", swelling(huge, 900), "size: found 32767 x 32767 x 32767"
    yield "bomb of zeros", swelling(b"", 900), "found no NIfTI header"
    yield "empty members", packed(b"") * 50_000, "in more than 20000 pieces"
    start = packed(b"")[:10]
    yield "empty blocks", start + b"\0\0\0\xff\xff" * 200_000, "ends early"
    yield "too many bytes", whole + bytes(2 << 20), "expected at most"


def _wrong_headers() -> Iterator[tuple[str, bytes, str]]:
    ones = (1, 1, 1, 1)
    for name, dim in {
        "huge grid": (3, 32767, 32767, 32767, *ones),
        "negative size": (3, -5, 4, 3, *ones),
        "FreeSurfer's size": (3, -1, 1, 1, *ones),
        "no size": (0, 5, 4, 3, *ones),
        "too many dimensions": (8, 5, 4, 3, *ones),
        "plane": (2, 5, 12, 1, *ones),
        "two volumes": (4, 5, 4, 3, 2, 1, 1, 1),
        "other size": (3, 5, 3, 4, *ones),
    }.items():
        yield name, mask(dim=dim), "size: found "
    yield "one slice", mask(ARRAY[:, :, :1]), "size: found 5 x 4 x 1, expected 5 x 4 x 3"
    double = nib.Nifti2Image(ARRAY, AFFINE)
    double.header["dim"][:4] = 3, 2**62, 2**62, 2**62
    yield "huge NIfTI-2", packed(bytes(double.header.binaryblock)), f"size: found {2**62} x"
    for value in (np.nan, np.inf):
        yield f"affine {value}", mask(srow_x=(value, 0, 0, 10)), "affine: found no finite numbers"
        yield f"offset {value}", mask(vox_offset=value), "vox_offset: found"
    yield "spacing 0", mask(srow_x=(0, 0, 0, 0)), "spacing: found 0 mm"
    yield "quaternion", mask(sform_code=0, qform_code=1, quatern_b=9.0), "qform: "
    yield "infinite slope", mask(scl_slope=np.inf), "scl_slope: found infinity"
    yield "no inter", mask(scl_slope=2, scl_inter=np.nan), "scl_inter: "
    for value in (-352, 0, 100, 353.5, 3e9):
        yield f"offset {value}", mask(vox_offset=value), "vox_offset: found"
    yield "offset behind the end", mask(vox_offset=352 + (1 << 20)), "cut short"
    yield "other spacing", mask(affine=_moved((1, 2), 0.1)), "spacing: found 0.9 x 0.9 x 3.6 mm"
    yield "other origin", mask(affine=_moved((0, 3), 0.5)), "origin: found (10.5, 5, -7) mm"
    flipped = AFFINE @ np.diag([-1, 1, 1, 1])
    yield "flipped", mask(affine=flipped), "direction: found"


def _wrong_voxels() -> Iterator[tuple[str, bytes, str]]:
    yield "cut voxels", packed(nifti()[:-7]), "found 53 voxels, expected 60: cut short"
    yield "more voxels", packed(nifti() + b"\0"), "found bytes after the last voxel"
    yield "voxel nan", _with_voxel(np.nan), "label: found no finite number in 1 voxel"
    yield "voxel inf", _with_voxel(-np.inf), "label: found no finite number in 1 voxel"
    yield "voxel 1.5", _with_voxel(1.5), "label: found 1.5 in 1 voxel, expected 0, 1, 2, 3"
    yield "voxel -1", _with_voxel(-1), "label: found -1 in 1 voxel"
    yield "voxel 258", mask(np.full(SIZE, 258, np.int16)), "label: found 258 in 60 voxels"
    noise = np.random.default_rng(0).normal(size=SIZE)
    yield "noise", mask(noise), "others in 55 voxels"
    yield "scaled by a half", mask(scl_slope=0.5, scl_inter=0), "label: found 0.5 in 15 voxels, 1.5"
    yield "scaled to infinity", mask(scl_slope=3e38, scl_inter=3e38), "label: found 3e+38"
