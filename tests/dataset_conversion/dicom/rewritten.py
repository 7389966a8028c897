"""Classic series written again, in another transfer syntax or with other headers, and their voxels."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from dataset_conversion.dicom.pixels import read_voxels
from dataset_conversion.dicom.scan import scan
from dataset_conversion.dicom.volumes import find_volumes
from dataset_conversion.images import Volume
from tests.dataset_conversion.dicom.damage import lay_out

NATIVE = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]
COMPRESSED = [RLELossless, JPEGLSLossless, JPEG2000Lossless, JPEGLosslessSV1]


def voxels_of(folder: Path) -> Volume:
    (found,) = find_volumes(scan(folder).frames)
    assert found.reason == ""
    return read_voxels(found)


def assert_identical(found: Volume, expected: Volume) -> None:
    np.testing.assert_array_equal(found.array, expected.array)
    np.testing.assert_array_equal(found.affine, expected.affine)


def written(content: bytes, syntax: UID) -> bytes:
    """A classic file in another transfer syntax."""
    if syntax in (JPEG2000Lossless, JPEGLosslessSV1):
        return by_gdcm(content, syntax)
    header = pydicom.dcmread(io.BytesIO(content))
    pixels = header.pixel_array
    buffer = io.BytesIO()
    if syntax in (RLELossless, JPEGLSLossless):
        header.compress(
            syntax,
            encoding_plugin="pydicom" if syntax == RLELossless else "pyjpegls",
            generate_instance_uid=False,
        )
        header.save_as(buffer)
        return buffer.getvalue()
    header.file_meta.TransferSyntaxUID = syntax
    big = syntax == ExplicitVRBigEndian
    header.PixelData = pixels.astype(pixels.dtype.newbyteorder(">" if big else "<")).tobytes()
    header["PixelData"].VR = "OW"
    pydicom.dcmwrite(
        buffer, header, implicit_vr=syntax.is_implicit_VR, little_endian=not big, force_encoding=True
    )
    return buffer.getvalue()


def by_gdcm(content: bytes, syntax: UID) -> bytes:
    gdcm = pytest.importorskip("gdcm")
    with tempfile.TemporaryDirectory() as scratch:
        before, after = str(Path(scratch) / "a"), str(Path(scratch) / "b")
        Path(before).write_bytes(content)
        reader = gdcm.ImageReader()
        reader.SetFileName(before)
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        kind = "JPEG2000Lossless" if syntax == JPEG2000Lossless else "JPEGLosslessProcess14_1"
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, kind)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(after)
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return Path(after).read_bytes()


def edited_series(source: Path, folder: Path, edit: Callable[[Dataset, int], object]) -> Path:
    files = {}
    for number, path in enumerate(sorted(source.iterdir())):
        header = pydicom.dcmread(path)
        edit(header, number)
        buffer = io.BytesIO()
        header.save_as(buffer)
        files[path.name] = buffer.getvalue()
    return lay_out(files, folder)
