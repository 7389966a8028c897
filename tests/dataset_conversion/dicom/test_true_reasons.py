"""What cannot be used is refused for its true reason, with numbers; what is a writer's habit is taken."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import UID, JPEGExtended12Bit, JPEGLSLossless, RLELossless, generate_uid

from dataset_conversion.dicom import streams
from dataset_conversion.dicom.scan import scan
from tests.dataset_conversion.dicom.damage import whole_way
from tests.dataset_conversion.dicom.rewritten import assert_identical, edited_series, voxels_of, written
from tests.support.dicom_series import SIDE, with_, write_slices

PLACES = [3.0 * k for k in range(6)]


def reason_of(folder: Path) -> str:
    outcome = whole_way(folder)
    assert not outcome.volumes
    return outcome.refusals[0]


@pytest.mark.parametrize(
    ("more", "count"),
    [(b"\n", 1), (b"\r\n", 2), (b"signature of a PACS", 19), (bytes(7), 7), (b"\xf0" * 30, 30)],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_bytes_after_the_pixels_are_counted(tmp_path: Path, more: bytes, count: int, zipped: bool) -> None:
    write_slices(tmp_path, PLACES)
    path = tmp_path / "IM002"
    content = path.read_bytes() + more
    path.write_bytes(gzip.compress(content) if zipped else content)
    assert reason_of(tmp_path).endswith(
        f"IM002: PixelData: found {count} bytes more in the file after the 512 that it states, expected "
        "none; its pixels may be shifted: export it again"
    )


def test_bytes_after_compressed_pixels(tmp_path: Path) -> None:
    write_slices(tmp_path, PLACES)
    path = tmp_path / "IM002"
    for file in tmp_path.iterdir():
        file.write_bytes(written(file.read_bytes(), RLELossless))
    path.write_bytes(path.read_bytes() + b"signature of a PACS")
    assert "found bytes after its end that are no element of DICOM" in reason_of(tmp_path)


@pytest.mark.parametrize("tag", [0xFFFCFFFC, 0x7FE11010])
def test_elements_may_follow_the_pixels(tmp_path: Path, tag: int) -> None:
    """Padding of the whole, and a vendor's own data."""

    def edit(header: Dataset, _: int) -> None:
        header.add_new(0x7FE10010, "LO", "SIEMENS CSA NON-IMAGE")
        header.add_new(tag, "OB", bytes(64))

    assert_identical(
        voxels_of(write_slices(tmp_path / "more", PLACES, edit)),
        voxels_of(write_slices(tmp_path / "a", PLACES)),
    )


def _compressed(folder: Path, syntax: str, change: Callable[[bytes], bytes]) -> None:
    for path in folder.iterdir():
        header = pydicom.dcmread(path)
        header.file_meta.TransferSyntaxUID = UID(syntax)
        header.PixelData = encapsulate([change(header.PixelData)])
        header["PixelData"].VR = "OB"
        header["PixelData"].is_undefined_length = True
        header.save_as(path, implicit_vr=False, little_endian=True, force_encoding=True)


def test_twelve_bits_of_jpeg_extended(tmp_path: Path) -> None:
    write_slices(tmp_path, PLACES)
    frame = struct.pack(">HHHBHHBBBB", 0xFFD8, 0xFFC1, 11, 12, SIDE, SIDE, 1, 1, 0x11, 0)
    stream = frame + bytes.fromhex("ffda000801010000 3f00") + bytes(40) + b"\xff\xd9"
    _compressed(tmp_path, JPEGExtended12Bit, lambda _: stream)
    assert (
        "TransferSyntaxUID: found JPEG Extended (Process 2 and 4) of 12 bits, expected one that a decoder "
        "here reads; export it uncompressed" in reason_of(tmp_path)
    )


@pytest.mark.parametrize(
    ("syntax", "said"),
    [
        ("1.2.840.113619.5.2", "a private one of GE"),
        ("1.3.46.670589.33.1.4.1", "a private one of Philips"),
        ("1.3.12.2.1107.5.99.1", "a private one of Siemens"),
        ("1.2.826.0.1.99", "a private one"),
        ("1.2.840.10008.1.2.4.999", "another"),
    ],
)
def test_private_transfer_syntaxes(tmp_path: Path, syntax: str, said: str) -> None:
    write_slices(tmp_path, PLACES)
    _compressed(tmp_path, syntax, lambda pixels: pixels)
    reason = reason_of(tmp_path)
    assert f"TransferSyntaxUID: found {said}, expected one that a decoder here reads" in reason
    assert syntax not in reason


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, False), (True, False)])
def test_a_private_syntax_of_another_encoding(tmp_path: Path, implicit: bool, little: bool) -> None:
    """GE's is implicit, and its pixels are big-endian."""
    write_slices(tmp_path, PLACES)
    for path in tmp_path.iterdir():
        header = pydicom.dcmread(path)
        header.file_meta.TransferSyntaxUID = UID("1.2.840.113619.5.2")
        with path.open("wb") as stream:
            pydicom.dcmwrite(stream, header, implicit_vr=implicit, little_endian=little, force_encoding=True)
    reason = reason_of(tmp_path)
    if little:
        assert "found a private one of GE" in reason
    else:
        assert "private" in reason or "cannot be read" in reason


@pytest.fixture
def padded(test_data: Path, tmp_path: Path) -> Path:
    """JPEG-LS with a byte before its end, as in DICOM's own sample MR1_JLSL: CharLS refuses it."""
    pytest.importorskip("gdcm")
    folder = tmp_path / "padded"
    folder.mkdir()
    for path in (test_data / "dicom2nifti_tests" / "ge" / "anatomical" / "001").iterdir():
        (folder / path.name).write_bytes(written(path.read_bytes(), JPEGLSLossless))
        header = pydicom.dcmread(folder / path.name)
        stream = get_frame(header.PixelData, 0, number_of_frames=1).rstrip(b"\0")
        assert stream.endswith(b"\xff\xd9")
        header.PixelData = encapsulate([stream[:-2] + b"\0" + stream[-2:]])
        header.save_as(folder / path.name)
    return folder


def test_jpeg_ls_that_a_second_decoder_reads(test_data: Path, padded: Path) -> None:
    plain = test_data / "dicom2nifti_tests" / "ge" / "anatomical" / "001"
    assert_identical(voxels_of(padded), voxels_of(plain))


@pytest.mark.parametrize(
    ("seconds", "plugin", "what"),
    [(0.01, "gdcm", "took more than 0.01 s"), (30, "no such plugin", "refused it (ValueError)")],
)
def test_a_second_decoder_that_never_ends_or_fails(
    padded: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, plugin: str, what: str
) -> None:
    monkeypatch.setattr(streams, "_LONGEST", seconds)
    monkeypatch.setattr(streams, "_SAFEST_FIRST", ("pyjpegls", "gdcm"))
    frame = scan(padded).frames[0]
    assert streams._ask_apart(frame.file, [frame], plugin) == what
    if plugin == "gdcm":
        reason = f"cannot be decoded, truncated or damaged (RuntimeError; gdcm {what})"
        assert reason in reason_of(padded)


def _overlay(position: int, *, data: bool = False) -> Callable[[Dataset, int], None]:
    def edit(header: Dataset, number: int) -> None:
        header.add_new(0x60000010, "US", SIDE)
        header.add_new(0x60000011, "US", SIDE)
        header.add_new(0x60000100, "US", 1 if data else 16)
        header.add_new(0x60000102, "US", 0 if data else position)
        if data:
            header.add_new(0x60003000, "OW", bytes(SIDE * SIDE // 8))
        if number == 3:
            pixels = np.frombuffer(header.PixelData, "<u2").copy()
            pixels[::3] |= 1 << position
            header.PixelData = pixels.tobytes()

    return edit


@pytest.mark.parametrize("position", [12, 13, 15])
def test_overlays_in_the_pixels_own_words_are_taken_off(tmp_path: Path, position: int) -> None:
    plain = voxels_of(write_slices(tmp_path / "plain", PLACES))
    assert_identical(voxels_of(write_slices(tmp_path / "overlay", PLACES, _overlay(position))), plain)


def test_bits_that_no_overlay_declares_are_refused(tmp_path: Path) -> None:
    write_slices(tmp_path / "a", PLACES, _overlay(14, data=True))
    assert "86 of 256 too large or small, expected 0 to 4095 as BitsStored 12 says" in reason_of(
        tmp_path / "a"
    )
    assert "and the header declares no overlay or padding" in reason_of(tmp_path / "a")


@pytest.mark.parametrize(
    ("padding", "word", "signed"),
    [(63536, 63536, 0), (0xFFFF, 0xFFFF, 0), (-32768, 0x8000, 1), (-2000 & 0xFFFF, -2000 & 0xFFFF, 0)],
)
def test_padding_stays_as_it_is(tmp_path: Path, padding: int, word: int, signed: int) -> None:
    def edit(header: Dataset, _: int) -> None:
        pixels = np.frombuffer(header.PixelData, "<u2").copy()
        pixels[:20] = word
        header.PixelData, header.PixelRepresentation = pixels.tobytes(), signed
        header.add_new(0x00280120, "SS" if signed else "US", padding)

    array = voxels_of(write_slices(tmp_path, PLACES, edit)).array
    assert (array == (word - 65536 if signed else word)).sum() == 20 * len(PLACES)


def test_values_that_the_padding_does_not_explain(tmp_path: Path) -> None:
    def edit(header: Dataset, _: int) -> None:
        header.PixelData = b"\xff\x7f" + header.PixelData[2:]
        header.add_new(0x00280120, "US", 63536)

    write_slices(tmp_path, PLACES, edit)
    assert "found values 1 to 32767, 1 of 256 too large or small" in reason_of(tmp_path)


@pytest.mark.parametrize("numbers", [[5] * 6, range(5, 11)])
def test_a_series_a_slice(tmp_path: Path, numbers: list[int]) -> None:
    def edit(header: Dataset, k: int) -> None:
        header.SeriesInstanceUID, header.SeriesNumber = generate_uid(), numbers[k]

    write_slices(tmp_path, PLACES, edit)
    reasons = whole_way(tmp_path).refusals
    assert (
        reasons
        == [
            "too few slices: found 1, expected at least 3; 6 series of one slice each stand at even spacing, "
            "3 mm: export them as one series"
        ]
        * 6
    )


def test_single_slices_of_other_scans_make_no_stack(tmp_path: Path) -> None:
    def edit(header: Dataset, k: int) -> None:
        header.SeriesInstanceUID, header.SeriesNumber = generate_uid(), k + 1

    write_slices(tmp_path, [0, 3, 9, 40], edit)
    assert whole_way(tmp_path).refusals == ["too few slices: found 1, expected at least 3"] * 4


@pytest.mark.parametrize("which", [[0], [5], [1, 2, 3]])
@pytest.mark.parametrize("blank", [None, ""])
def test_a_blank_frame_of_reference(tmp_path: Path, which: list[int], blank: str | None) -> None:
    def edit(header: Dataset, k: int) -> None:
        if k in which:
            header.FrameOfReferenceUID = blank

    write_slices(tmp_path, PLACES, edit)
    assert reason_of(tmp_path) == (
        f"FrameOfReferenceUID: blank in {len(which)} of 6 slices, expected in all or none"
    )
    assert_identical(
        voxels_of(write_slices(tmp_path / "all", PLACES, with_(FrameOfReferenceUID=blank))),
        voxels_of(write_slices(tmp_path / "plain", PLACES)),
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"RescaleSlope": "2"}, lambda a: 2 * a),
        ({"RescaleIntercept": "-5"}, lambda a: a - 5),
        ({"RescaleSlope": "2", "RescaleIntercept": None}, lambda a: 2 * a),
        ({"RescaleSlope": "0.5"}, lambda a: a / 2),
    ],
)
def test_a_lone_slope_or_intercept(tmp_path: Path, values: dict[str, Any], expected: Any) -> None:
    plain = voxels_of(write_slices(tmp_path / "plain", PLACES)).array.astype(float)
    lone = voxels_of(write_slices(tmp_path / "lone", PLACES, with_(**values))).array
    np.testing.assert_allclose(lone, expected(plain), rtol=1e-6)


def test_a_slope_that_some_slices_lack(tmp_path: Path) -> None:
    def edit(header: Dataset, k: int) -> None:
        header.RescaleSlope = "2"
        if k != 3:
            header.RescaleIntercept = "0"

    write_slices(tmp_path, PLACES, edit)
    assert reason_of(tmp_path) == "RescaleIntercept: found in 5 of 6 slices, expected in all or none"


@pytest.mark.parametrize("value", ["0", "NaN", "x"])
def test_an_unusable_slope(siemens: Path, tmp_path: Path, value: str) -> None:
    def edit(header: Dataset, _: int) -> None:
        raw = value.encode().ljust(4)
        header[0x00281053] = pydicom.dataelem.RawDataElement(
            pydicom.tag.Tag(0x00281053), "DS", 4, raw, 0, False, True
        )

    edited_series(siemens, tmp_path / "x", edit)
    assert "RescaleSlope, RescaleIntercept: found no two usable numbers" in reason_of(tmp_path / "x")


def _private(owner: int, creator: str, tag: int, vr: str, value: Any) -> Callable[[Dataset, int], None]:
    def edit(header: Dataset, _: int) -> None:
        header.add_new(owner, "LO", creator)
        header.add_new(tag, vr, value)

    return edit


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (with_(ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]), "ImageType: found MOSAIC"),
        (
            _private(0x00190010, "SIEMENS MR HEADER", 0x0019100A, "US", 30),
            "NumberOfImagesInMosaic (0019,100A): found 30",
        ),
        (
            _private(0x00650010, "Image Private Header", 0x00651050, "DS", "36"),
            "number of images in a grid (0065,1050): found 36",
        ),
    ],
)
def test_mosaics_of_any_vendor(tmp_path: Path, edit: Callable[[Dataset, int], None], said: str) -> None:
    write_slices(tmp_path, PLACES, edit)
    reason = reason_of(tmp_path)
    assert reason.startswith(said)
    assert reason.endswith("expected one slice an image: export it without tiling")


def test_one_image_in_a_mosaic_is_none(tmp_path: Path) -> None:
    write_slices(tmp_path, PLACES, _private(0x00190010, "SIEMENS MR HEADER", 0x0019100A, "US", 1))
    assert whole_way(tmp_path).refusals == []
