"""Every transfer syntax that can be written here, files in odd shapes, and what is no plain MR image."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    generate_uid,
)

from dataset_conversion.dicom.pixels import read_voxels
from dataset_conversion.dicom.scan import scan
from dataset_conversion.dicom.volumes import find_volumes
from dataset_conversion.volume import Volume
from tests.dataset_conversion.dicom.damage import lay_out, whole_way

NATIVE = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]
COMPRESSED = [RLELossless, JPEGLSLossless, JPEG2000Lossless, JPEGLosslessSV1]


@pytest.fixture(params=["siemens", "ge"])
def source(request: pytest.FixtureRequest, test_data: Path) -> Path:
    """Unsigned 12 of 16 bits, and signed 16 of 16."""
    return test_data / "dicom2nifti_tests" / request.param / "anatomical" / "001"


@pytest.fixture
def siemens(test_data: Path) -> Path:
    return test_data / "dicom2nifti_tests" / "siemens" / "anatomical" / "001"


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
    import tempfile

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
        ("1.2.826.0.1.99", "another"),
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


def other_objects(series: Path) -> dict[str, bytes]:
    """Objects that lie beside images: each with study and series, none with a slice."""
    first = pydicom.dcmread(next(series.iterdir()))
    classes = {
        "PS": ("1.2.840.10008.5.1.4.1.1.11.1", "PR"),
        "RTSTRUCT": ("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT"),
        "SEG": ("1.2.840.10008.5.1.4.1.1.66.4", "SEG"),
        "SR": ("1.2.840.10008.5.1.4.1.1.88.22", "SR"),
        "private": ("1.3.46.670589.11.0.0.12.2", "MR"),
    }
    found = {}
    for name, (uid, modality) in classes.items():
        header = Dataset()
        header.SOPClassUID, header.SOPInstanceUID = UID(uid), generate_uid(entropy_srcs=[name])
        header.PatientID, header.StudyInstanceUID = first.PatientID, first.StudyInstanceUID
        header.SeriesInstanceUID = generate_uid(entropy_srcs=["series", name])
        header.Modality = modality
        if name == "SEG":
            header.Rows, header.Columns, header.NumberOfFrames = 256, 256, 1
            header.SegmentSequence = [Dataset()]
            header.PixelData = bytes(256 * 256 // 8)
            header["PixelData"].VR = "OB"
        buffer = io.BytesIO()
        header.file_meta = pydicom.dataset.FileMetaDataset()
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        pydicom.dcmwrite(buffer, header, enforce_file_format=True)
        found[name] = buffer.getvalue()
    return found


def test_other_objects_are_counted_by_kind(siemens: Path, tmp_path: Path) -> None:
    files = {path.name: path.read_bytes() for path in siemens.iterdir()} | other_objects(siemens)
    directory = Dataset()
    directory.file_meta = pydicom.dataset.FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.1.3.10")
    directory.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["directory"])
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.DirectoryRecordSequence = [Dataset()]
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, directory, enforce_file_format=True)
    files |= {
        "DICOMDIR": buffer.getvalue(),
        "readme.txt": "Übersicht\n".encode("latin-1"),
        "a.pdf": b"%PDF-1.7\n\0",
    }
    folder = lay_out(files, tmp_path / "x")
    found = scan(folder)
    assert found.damaged == {}
    assert found.others == {
        "Enhanced SR Storage": 1,
        "Grayscale Softcopy Presentation State Storage": 1,
        "Media Storage Directory Storage": 1,
        "RT Structure Set Storage": 1,
        "Segmentation Storage": 1,
        "not DICOM": 2,
        "private object of the vendor": 1,
    }
    assert_identical(voxels_of(folder), voxels_of(siemens))


def edited_series(source: Path, folder: Path, edit: Callable[[Dataset, int], object]) -> Path:
    files = {}
    for number, path in enumerate(sorted(source.iterdir())):
        header = pydicom.dcmread(path)
        edit(header, number)
        buffer = io.BytesIO()
        header.save_as(buffer)
        files[path.name] = buffer.getvalue()
    return lay_out(files, folder)


def _without_geometry(header: Dataset, _: int) -> None:
    header.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    del header.ImagePositionPatient, header.ImageOrientationPatient


def _colour(header: Dataset, _: int) -> None:
    header.SamplesPerPixel, header.PhotometricInterpretation, header.PlanarConfiguration = 3, "RGB", 0
    header.PixelData = header.PixelData * 3


def _put(keyword: str, value: Any) -> Callable[[Dataset, int], object]:
    return lambda header, _: setattr(header, keyword, value)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (_put("PhotometricInterpretation", "MONOCHROME1"), "PhotometricInterpretation: found MONOCHROME1,"),
        (_put("PhotometricInterpretation", "PALETTE COLOR"), "PhotometricInterpretation: found PALETTE"),
        (_colour, "SamplesPerPixel: found 3 (colour), expected 1"),
        (_put("ImageType", ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]), "ImageType: found MOSAIC, expected one"),
        (_without_geometry, "no usable ImageOrientationPatient"),
        (_put("NumberOfFrames", 2), "NumberOfFrames: found 2, expected per-frame functional groups"),
    ],
)
def test_what_is_no_plain_slice_is_named(
    siemens: Path, tmp_path: Path, edit: Callable[[Dataset, int], object], reason: str
) -> None:
    outcome = whole_way(edited_series(siemens, tmp_path / "x", edit))
    assert not outcome.volumes
    assert outcome.refusals[0].startswith(reason)


def test_rubbish_above_the_stored_bits(siemens: Path, tmp_path: Path) -> None:
    """Overlay bits in the unused part of a word are named, not taken for signal."""

    def edit(header: Dataset, number: int) -> None:
        if number == 2:
            header.PixelData = (header.pixel_array | 0x8000).tobytes()

    outcome = whole_way(edited_series(siemens, tmp_path / "x", edit))
    assert not outcome.volumes
    assert "expected 0 to 4095 as BitsStored 12 says" in outcome.refusals[0]


def test_slope_and_intercept_of_every_slice(siemens: Path, tmp_path: Path) -> None:
    def edit(header: Dataset, number: int) -> None:
        header.RescaleSlope, header.RescaleIntercept = str(1.5 * (number + 1)), "-1024"

    before = voxels_of(siemens)
    after = voxels_of(edited_series(siemens, tmp_path / "x", edit))
    slopes = {1.5 * (number + 1) for number in range(4)}
    found = []
    for k in range(4):
        plain, scaled = before.array[:, :, k].astype(float), after.array[:, :, k]
        (slope,) = (s for s in slopes if np.array_equal((plain * s - 1024).astype(np.float32), scaled))
        found.append(slope)
    assert found in (sorted(slopes), sorted(slopes)[::-1])


@pytest.mark.parametrize(
    ("values", "slope", "intercept", "kind"),
    [
        ((0, 65535), "1", "0", np.uint16),
        ((0, 65535), "1", "-1024", np.float32),
        ((0, 4095), "1", "-1024", np.int16),
        ((0, 30000), "2", "0", np.uint16),
        ((0, 4095), "0.5", "0", np.float32),
    ],
)
def test_values_keep_their_range(
    siemens: Path, tmp_path: Path, values: tuple[int, int], slope: str, intercept: str, kind: type
) -> None:
    def edit(header: Dataset, number: int) -> None:
        pixels = np.linspace(*values, 256 * 256).astype(np.uint16).reshape(256, 256)
        header.BitsStored, header.HighBit = 16, 15
        header.PixelData = np.roll(pixels, number).tobytes()
        header.RescaleSlope, header.RescaleIntercept = slope, intercept

    array = voxels_of(edited_series(siemens, tmp_path / "x", edit)).array
    assert array.dtype == kind
    expected = [value * float(slope) + float(intercept) for value in values]
    assert [array.min(), array.max()] == expected


@pytest.mark.parametrize("zipped_bytes", [2**23])
def test_a_deflated_file_that_unpacks_without_end(
    siemens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped_bytes: int
) -> None:
    from dataset_conversion.dicom import files as dicom_files

    monkeypatch.setattr(dicom_files, "LARGEST_UNPACKED", 2**22)
    content = written(next(siemens.iterdir()).read_bytes(), DeflatedExplicitVRLittleEndian)
    end_of_meta = 144 + int.from_bytes(content[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = packer.compress(bytes(zipped_bytes)) + packer.flush()
    folder = lay_out({"a": content[:end_of_meta] + bomb}, tmp_path / "x")
    outcome = whole_way(folder)
    assert "1 files cannot be read" in outcome.refusals[0]


DAMAGE_COMPRESSED = textwrap.dedent(
    """
    import random, sys
    from pathlib import Path
    from tests.dataset_conversion.dicom.damage import Sound, place_of
    from tests.dataset_conversion.dicom.test_damaged import edited, put
    random.seed(1)
    folder, scratch, cases = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    series = Sound.of(folder, scratch)
    assert len(series.outcome.volumes) == 1
    names = list(series.files)
    for _ in range(cases):
        name = random.choice(names)
        content = bytearray(series.files[name])
        start = content.rindex(b"\\xe0\\x7f\\x10\\x00") + 12
        kind = random.choice(["flip", "blank", "cut", "lose"])
        at = random.randrange(start, len(content)) if random.random() < 0.5 else start + random.randrange(200)
        if kind == "flip":
            for _ in range(random.randrange(1, 6)):
                content[min(at + random.randrange(64), len(content) - 1)] ^= 1 << random.randrange(8)
        elif kind == "blank":
            content[at : at + 16] = bytes(len(content[at : at + 16]))
        elif kind == "cut":
            del content[at:]
        else:
            del content[at : at + random.randrange(1, 9)]
        print(kind, at, flush=True)
        # Damaged compressed bytes can decode to anything, in that slice alone.
        series.judge(series.outcome_with({name: bytes(content)}, scratch), values_of=[name])
    for rows in (1, 255, 257, 8192):
        # All slices claim it, so that nothing but the compressed data contradicts.
        changed = {
            name: edited(content, lambda header: put(header, "Rows", rows))
            for name, content in series.files.items()
        }
        outcome = series.outcome_with(changed, scratch)
        assert not outcome.volumes, f"{rows} rows"
    """
)


@pytest.mark.parametrize("syntax", COMPRESSED, ids=lambda uid: uid.name.split(",")[0])
def test_damaged_compressed_pixels(siemens: Path, tmp_path: Path, syntax: UID) -> None:
    """In a process of its own: a decoder in C that is driven to abort would take the tests with it."""
    files = {path.name: written(path.read_bytes(), syntax) for path in siemens.iterdir()}
    folder = lay_out(files, tmp_path / "sound")
    call = [sys.executable, "-c", DAMAGE_COMPRESSED, str(folder), str(tmp_path / "x"), "40"]
    done = subprocess.run(
        call, capture_output=True, text=True, cwd=Path(__file__).parents[3], timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-2000:]
