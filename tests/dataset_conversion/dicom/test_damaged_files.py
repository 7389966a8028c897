"""Damage at known places: what the fuzzer once found, files of nothing, and files that change."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_conversion import files
from dataset_conversion.dicom.exams import find_exams
from dataset_conversion.dicom.pixels import read_voxels
from dataset_conversion.dicom.scan import Other, Unreadable, read_headers, scan
from dataset_conversion.images import ConversionError
from tests.dataset_conversion.dicom.damage import Sound, lay_out, place_of
from tests.dataset_conversion.dicom.sound_series import CLASSIC, pick


@pytest.mark.parametrize("name", CLASSIC)
@pytest.mark.parametrize("size", [0, 1, 2, 100, 128, 131, 132, 136, 150, 200])
def test_the_first_bytes_of_an_end_slice(
    sound: Callable[[str], Sound], tmp_path: Path, name: str, size: int
) -> None:
    series = sound(name)
    file = pick(series, -1)
    outcome = series.outcome_with({file: series.files[file][:size]}, tmp_path / "x")
    assert series.judge(outcome) == "refused"
    assert outcome.refusals == [
        "found 1 damaged or unreadable file that may be a slice of this exam; export it again"
    ]


def test_bytes_that_shift_the_pixels(sound: Callable[[str], Sound], tmp_path: Path) -> None:
    """Found by hypothesis: a byte too many in the pixel data moved every voxel by half of one."""
    series = sound("ge")
    file = pick(series, 0)
    content = series.files[file]
    at = place_of(content, "PixelData").start
    for added in (b"\0", b"\0\0", bytes(8), bytes(512)):
        outcome = series.outcome_with({file: content[:at] + added + content[at:]}, tmp_path / "x")
        assert series.judge(outcome) == "refused"


@pytest.mark.parametrize(
    "syntax",
    [
        *("1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1.99"),
        *("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.100", "1.2.3", "x", ""),
    ],
)
def test_a_slice_that_names_another_transfer_syntax(
    sound: Callable[[str], Sound], tmp_path: Path, syntax: str
) -> None:
    series = sound("siemens")
    file = pick(series, -1)
    before = b"1.2.840.10008.1.2.1\0"
    assert series.files[file].count(before) == 1
    at = series.files[file].index(before) - 8
    value = (syntax + "\0" * (len(syntax) % 2)).encode()
    element = struct.pack("<HH2sH", 2, 0x10, b"UI", len(value)) + value
    changed = series.files[file][:at] + element + series.files[file][at + 8 + len(before) :]
    outcome = series.outcome_with({file: changed}, tmp_path / "x")
    # pydicom sees by itself when explicit data is called implicit, and reads what has no syntax.
    expected = "same" if syntax in ("1.2.840.10008.1.2", "") else "refused"
    assert series.judge(outcome) == expected


def _deep(levels: int) -> bytes:
    item = struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)  # fmt: skip  # noqa: E501
    return item * levels


@pytest.mark.parametrize(
    "beginning",
    [bytes(128) + b"DICM", b""],
    ids=["marked", "plain"],
)
@pytest.mark.parametrize(
    "content",
    [b"", bytes(10_000_000), b"\xff" * 1000, b" " * 1000, _deep(3000), _deep(3), b"\x08\0\x05\0"],
    ids=["nothing", "zeros", "ones", "spaces", "deep", "nested", "a tag"],
)
def test_files_of_nothing(tmp_path: Path, beginning: bytes, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(beginning + content)
    no_slice = not beginning and content.startswith(_deep(1))
    assert isinstance(read_headers(path), Other if no_slice else Unreadable)


def test_a_gzip_file_that_unpacks_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_UNPACKED", 2**22)
    header = bytes(128) + b"DICM" + struct.pack("<HH2sHI", 0x0009, 0x1001, b"OB", 0, 2**31 - 2)
    (tmp_path / "bomb").write_bytes(gzip.compress(header + bytes(2**23)))
    found = read_headers(tmp_path / "bomb")
    assert found == Unreadable("found more than 4194304 bytes when unpacked, expected no more")


def test_files_that_vanish_or_change_after_the_scan(sound: Callable[[str], Sound], tmp_path: Path) -> None:
    series = sound("siemens")
    folder = lay_out(series.files, tmp_path / "x")
    (exam,), _ = find_exams(scan(folder), [])
    (volume,) = exam.volumes
    first, second, *_ = series.files
    (folder / first).write_bytes(series.files[second])
    with pytest.raises(ConversionError, match=f"{first}: found another file than before"):
        read_voxels(volume)
    (folder / first).write_text("a note")
    with pytest.raises(ConversionError, match=f"{first}: found another file than before"):
        read_voxels(volume)
    (folder / first).unlink()
    with pytest.raises(ConversionError, match=f"{first}: cannot be read"):
        read_voxels(volume)


@pytest.mark.parametrize("size", [150, 166, 168, 171, 177, 373])
def test_a_cut_class_is_no_private_object(sound: Callable[[str], Sound], tmp_path: Path, size: int) -> None:
    """Found by the fuzzer: half of a SOPClassUID looked like a vendor's own, and was left out in silence."""
    for name in CLASSIC:
        series = sound(name)
        (tmp_path / "x").mkdir(exist_ok=True)
        (tmp_path / "x" / "IM1").write_bytes(series.files[pick(series, -1)][:size])
        assert isinstance(read_headers(tmp_path / "x" / "IM1"), Unreadable)


@pytest.mark.parametrize("byte", [b" ", b"\xff", b"\0", b"\n"])
@pytest.mark.parametrize("size", [4096, 10**7])
def test_a_blanked_beginning_is_no_text(
    sound: Callable[[str], Sound], tmp_path: Path, byte: bytes, size: int
) -> None:
    """Found by the fuzzer: spaces over the header made a slice "not DICOM", and the volume one shorter."""
    series = sound("siemens")
    file = pick(series, -1)
    content = series.files[file]
    outcome = series.outcome_with({file: byte * min(size, len(content)) + content[size:]}, tmp_path / "x")
    assert series.judge(outcome) == "refused"


def test_a_series_uid_that_swallowed_the_rest(sound: Callable[[str], Sound], tmp_path: Path) -> None:
    """Found by the fuzzer: a lost byte in a length made one value of all that follows."""
    for name in CLASSIC:
        series = sound(name)
        file = pick(series, -1)
        content = series.files[file]
        at = place_of(content, "SeriesInstanceUID").start
        for place in (at - 1, at - 2, at - 4, at + 5, at + 20):
            for lost in (1, 2, 4):
                shifted = content[:place] + content[place + lost :]
                outcome = series.outcome_with({file: shifted}, tmp_path / "x")
                assert series.judge(outcome) == "refused", (name, place, lost)
