"""MetaImage files: ITK reads them, after a look at what it takes on trust.

On a header that is damaged ITK 5 ends the process (NDims = 99), or gives whatever stood in memory (data that
is not compressed, called compressed). Source of the format: MetaIO's documentation, "MetaImage".
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dataset_conversion.files import LARGEST_UNPACKED
from dataset_conversion.images.errors import ConversionError
from dataset_conversion.images.itk import from_simpleitk

_LONGEST_HEADER = 1 << 16
_SPACING = ("ElementSpacing", "ElementSize")
_OFFSET = ("Offset", "Position", "Origin")
_DIRECTIONS = ("TransformMatrix", "Rotation", "Orientation")
# zlib or gzip, as MetaIO takes them.
_EITHER = 47


def read_metaimage(path: Path, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Array and affine of a MetaImage file; a ConversionError where it cannot be read."""
    import SimpleITK as sitk

    header, start = _header(path)
    if fault := _fault(path, header):
        raise ConversionError(f"{source}: {fault}")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("MetaImageIO")
    try:
        # ITK makes room for what the header says.
        reader.ReadImageInformation()
        values = math.prod(reader.GetSize()) * reader.GetNumberOfComponents()
        if values > LARGEST_UNPACKED:
            raise ConversionError(
                f"{source}: DimSize: found {values} values, expected at most {LARGEST_UNPACKED}; export it "
                "again"
            )
        wanted = values * sitk.Image([1, 1], reader.GetPixelID()).GetSizeOfPixelComponent()
        # ITK prints lines of its own where voxels are missing.
        _check_size(path, source, header, start, wanted)
        image = reader.Execute()
    except RuntimeError:
        raise ConversionError(
            f"{source}: cannot be read as MetaImage, truncated or damaged; export it again"
        ) from None
    return from_simpleitk(image, source)


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Fields, and where the voxels start if they are in the file."""
    header: dict[str, str] = {}
    with path.open("rb") as file:
        while line := file.readline(_LONGEST_HEADER):
            key, _, value = re.sub(r":", "=", line.decode("latin-1"), count=1).partition("=")
            header[key.strip()] = value.strip()
            if key.strip() == "ElementDataFile" or file.tell() > _LONGEST_HEADER:
                break
        return header, file.tell()


def _fault(path: Path, header: Mapping[str, str]) -> str:
    """What ITK would not find; empty where it will find the rest."""
    if not (found := header.get("ElementDataFile", "")):
        return "cannot be read as MetaImage, truncated or damaged (no ElementDataFile); export it again"
    # Of a header alone (.mhd) the voxels are in one file beside it.
    beside = path.name.lower().endswith(".mhd") and re.fullmatch(r"[^/\\%\s]+", found) and found != "LIST"
    # Whoever knows the file by its hash would not see others change.
    if found != "LOCAL" and not beside:
        return (
            f"ElementDataFile: found {found[:100]!r}, expected LOCAL, the voxels in the same file; save it "
            "as one .mha file"
        )
    if (count := header.get("NDims", "none")) not in ("1", "2", "3", "4"):
        return f"NDims: found {count[:20]!r}, expected 2, 3 or 4; export it again"
    if found == "LOCAL" and (skipped := header.get("HeaderSize", "0")) not in ("0", "-1"):
        return f"HeaderSize: found {skipped[:20]!r}, expected none; export it again"
    n = int(count)
    for keys, wanted in ((("DimSize",), n), (_SPACING, n), (_OFFSET, n), (_DIRECTIONS, n * n)):
        for key in keys:
            if key in header and _numbers(header[key]) != wanted:
                return f"{key}: found {header[key][:60]!r}, expected {wanted} numbers; export it again"
    return ""


def _numbers(text: str) -> int:
    """How many numbers a text holds; none where it holds anything else."""
    try:
        values = [float(word) for word in text.split()]
    except ValueError:
        return 0
    return len(values) if all(map(math.isfinite, values)) else 0


def _check_size(path: Path, source: str, header: Mapping[str, str], start: int, wanted: int) -> None:
    """Refuse a file of fewer bytes than its voxels; `wanted` is their number when unpacked."""
    is_local = header["ElementDataFile"] == "LOCAL"
    is_compressed = header.get("CompressedData", "False").lower() == "true"
    if is_local and is_compressed:
        _check_compressed(path, source, start, wanted)
    stored = header.get("CompressedDataSize", "0") if is_compressed else str(wanted)
    is_text = header.get("BinaryData", "False").lower() != "true"
    if is_text or not stored.isdecimal():
        return
    data = path if is_local else path.with_name(header["ElementDataFile"])
    found = data.stat().st_size - (start if is_local else 0) if data.is_file() else 0
    if found < int(stored):
        raise ConversionError(
            f"{source}: cannot be read as MetaImage, truncated or damaged (found {found} bytes of voxels, "
            f"expected {stored}); export it again"
        )


def _check_compressed(path: Path, source: str, start: int, wanted: int) -> None:
    """Refuse data that do not unpack to what is wanted, in bytes, with their checksum."""
    unpacker = zlib.decompressobj(_EITHER)
    with path.open("rb") as file:
        file.seek(start)
        packed = file.read()
    try:
        size = len(unpacker.decompress(packed, wanted + 1))
        # What is left are at most the last bits and the checksum.
        size += len(unpacker.decompress(unpacker.unconsumed_tail, 1)) if not unpacker.eof else 0
        reason = "" if unpacker.eof else "more or fewer bytes than voxels"
    except zlib.error as error:
        size, reason = wanted, str(error)
    if reason or size != wanted:
        raise ConversionError(
            f"{source}: CompressedData: found data that do not unpack to {wanted} bytes "
            f"({reason or f'{size} bytes'}), truncated or damaged; export it again"
        )
