"""Every transfer syntax that can be written here, in files with and without what usually stands around."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, JPEGLSLossless, RLELossless

from dataset_conversion import files
from tests.dataset_conversion.dicom.damage import lay_out, whole_way
from tests.dataset_conversion.dicom.rewritten import COMPRESSED, NATIVE, assert_identical, voxels_of, written


@pytest.fixture(params=["siemens", "ge"])
def source(request: pytest.FixtureRequest, test_data: Path) -> Path:
    """Unsigned 12 of 16 bits, and signed 16 of 16."""
    return test_data / "dicom2nifti_tests" / request.param / "anatomical" / "001"


@pytest.mark.parametrize("syntax", [*NATIVE, *COMPRESSED], ids=lambda uid: uid.name.split(",")[0])
@pytest.mark.parametrize("zipped", [False, True])
def test_the_same_voxels_in_every_syntax(source: Path, tmp_path: Path, syntax: UID, zipped: bool) -> None:
    files = {path.name: written(path.read_bytes(), syntax) for path in source.iterdir()}
    assert all(pydicom.dcmread(io.BytesIO(f)).file_meta.TransferSyntaxUID == syntax for f in files.values())
    if zipped:
        files = {f"{name}.gz": gzip.compress(content, 1) for name, content in files.items()}
    assert_identical(voxels_of(lay_out(files, tmp_path / "x")), voxels_of(source))


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless], ids=lambda uid: uid.name.split(",")[0])
@pytest.mark.parametrize("rows", [None, 255, 257, 128, 512, 8192])
def test_a_compressed_enhanced_object(test_data: Path, tmp_path: Path, syntax: UID, rows: int | None) -> None:
    """Nothing but the compressed data contradicts the one Rows of all frames."""
    source = test_data / "dicom2nifti_tests" / "philips_enhanced" / "anatomical" / "001"
    header = pydicom.dcmread(next(source.iterdir()))
    plugin = "pydicom" if syntax == RLELossless else "pyjpegls"
    header.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False)
    header.Rows = rows or header.Rows
    header.save_as(tmp_path / "IM1")
    if rows is None:
        assert_identical(voxels_of(tmp_path), voxels_of(source))
        return
    outcome = whole_way(tmp_path)
    assert not outcome.volumes
    assert str(tmp_path / "IM1") in outcome.refusals[0]


@pytest.mark.parametrize("syntax", NATIVE[:3], ids=lambda uid: uid.name)
def test_without_preamble_file_header_and_ending(siemens: Path, tmp_path: Path, syntax: UID) -> None:
    files = {}
    for number, path in enumerate(sorted(siemens.iterdir())):
        content = written(path.read_bytes(), syntax)
        end_of_meta = 144 + int.from_bytes(content[140:144], "little")
        files[f"IM{number}"] = content[end_of_meta:]
    assert_identical(voxels_of(lay_out(files, tmp_path / "x")), voxels_of(siemens))


@pytest.mark.parametrize(
    ("syntax", "said"),
    [
        ("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile / Main Level"),
        ("1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000 Image Compression (Lossless Only)"),
        ("1.2.826.0.1.99", "a private one"),
    ],
)
def test_a_syntax_that_no_decoder_reads(siemens: Path, tmp_path: Path, syntax: str, said: str) -> None:
    files = {}
    for path in siemens.iterdir():
        header = pydicom.dcmread(path)
        header.file_meta.TransferSyntaxUID = UID(syntax)
        header.PixelData = pydicom.encaps.encapsulate([header.PixelData])
        header["PixelData"].VR = "OB"
        header["PixelData"].is_undefined_length = True
        buffer = io.BytesIO()
        pydicom.dcmwrite(buffer, header, implicit_vr=False, little_endian=True, force_encoding=True)
        files[path.name] = buffer.getvalue()
    outcome = whole_way(lay_out(files, tmp_path / "x"))
    assert not outcome.volumes
    assert f"TransferSyntaxUID: found {said}, expected one that a decoder here reads" in outcome.refusals[0]


@pytest.mark.parametrize("zipped_bytes", [2**23])
def test_a_deflated_file_that_unpacks_without_end(
    siemens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped_bytes: int
) -> None:
    monkeypatch.setattr(files, "LARGEST_UNPACKED", 2**22)
    content = written(next(siemens.iterdir()).read_bytes(), DeflatedExplicitVRLittleEndian)
    end_of_meta = 144 + int.from_bytes(content[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = packer.compress(bytes(zipped_bytes)) + packer.flush()
    folder = lay_out({"a": content[:end_of_meta] + bomb}, tmp_path / "x")
    outcome = whole_way(folder)
    assert "1 of 1 files cannot be read" in outcome.refusals[0]
