from __future__ import annotations

import gzip
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dataset_conversion import files
from dataset_conversion.images import ConversionError, Volume
from dataset_conversion.mask_files.labels import values_of_names
from dataset_conversion.mask_files.reading import Labels, read_mask, relabel

LABELS = Labels({"level1": 1, "level2": 2}, {"255": 1, "1": 2, "GTV": 3})
IMAGE = Volume(np.zeros((3, 4, 5)), np.eye(4))


@pytest.mark.parametrize("name", ["mask.nii", "mask.nii.gz"])
def test_nifti_comes_by_value(tmp_path: Path, write_mask: Callable[..., Path], name: str) -> None:
    array = np.zeros((3, 4, 5), dtype=np.uint8)
    array[0], array[1] = 255, 1
    found = read_mask(write_mask(tmp_path / name, array), IMAGE, LABELS).array
    assert found.dtype == np.uint8
    assert found[:, 0, 0].tolist() == [1, 2, 0]


def test_relabel_reads_the_original_and_widens_the_type() -> None:
    mask = Volume(np.array([[[0, 1, 2]]], dtype=np.uint8), np.eye(4))
    assert relabel(mask, {"1": 2, "2": 1}).array.tolist() == [[[0, 2, 1]]]
    assert relabel(mask, {"1": 300, "999": 1, "-4": 1}).array.tolist() == [[[0, 300, 2]]]
    assert relabel(mask, {"level1": 3}) is mask


def test_names_map_first_then_are_levels_in_any_case() -> None:
    labels = Labels({"level1": 1, "A": 2, "a": 3}, {"Level1": 2, "gtv": 1})
    names = ["level1", "A", "a", "GTV ", "LEVEL1"]
    assert values_of_names(Path("x"), names, "segment", labels) == [2, 2, 3, 1, 2]
    with pytest.raises(ConversionError) as error:
        values_of_names(Path("x"), ["B", "a", "C\n", "B"], "segment", labels)
    assert str(error.value) == (
        "x: segment: found 'B', 'C', expected the name of a level (level1, A, a); map each with "
        "--map-label NAME=VALUE (0 ignores it)"
    )


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mask.nii.gz"
    with pytest.raises(ConversionError, match="no such file"):
        read_mask(path, IMAGE, LABELS)
    for content in (b"", b"hello", b"\x08\x00 hello" * 40, gzip.compress(b"hello"), b"\x1f\x8b\x08\x00"):
        path.write_bytes(content)
        with pytest.raises(ConversionError) as error:
            read_mask(path, IMAGE, LABELS)
        assert str(error.value).startswith(f"{path}: ")
        assert "\n" not in str(error.value)


def test_dicom_without_pydicom_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "dataset_conversion.mask_files.dicom_file", raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] == "pydicom"] or ["pydicom"]:
        monkeypatch.setitem(sys.modules, name, None)
    path = tmp_path / "RS.dcm"
    path.write_bytes(bytes(128) + b"DICM")
    with pytest.raises(ConversionError, match=r"install bmseg\[dicom\] to read DICOM masks"):
        read_mask(path, IMAGE, LABELS)


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes that gzip gave, read by read; more than 2**20 of them are too many for a file."""
    sizes: list[int] = []
    read = gzip.GzipFile.read

    def counted(file: gzip.GzipFile, size: int | None = -1) -> bytes:
        sizes.append(len(content := read(file, size)))
        return content

    monkeypatch.setattr(files, "LARGEST_UNPACKED", 2**20)
    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    return sizes


@pytest.mark.parametrize("kind", ["1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.481.3", ""])
def test_masks_that_unpack_without_end_are_refused(tmp_path: Path, unpacked: list[int], kind: str) -> None:
    """A SEG, an RTSTRUCT and zeros: 16 MiB in 16 kB."""
    path = tmp_path / "mask"
    header = bytes(128) + b"DICM" + struct.pack("<HH2sH", 8, 0x16, b"UI", len(kind)) + kind.encode()
    path.write_bytes(gzip.compress(header + bytes(2**24)))
    assert path.stat().st_size < 20_000
    with pytest.raises(ConversionError) as error:
        read_mask(path, IMAGE, LABELS)
    assert str(error.value) == (
        f"{path}: found more than 1048576 bytes when unpacked, expected no more; export it again"
    )
    assert 2**20 < sum(unpacked) < 2**20 + 10_000


def test_nrrd_of_more_values_than_an_exam_has_is_refused(tmp_path: Path, unpacked: list[int]) -> None:
    path = tmp_path / "mask.nrrd"
    header = "NRRD0004\ntype: uchar\ndimension: 4\nsizes: 3 1000 1000 100\nencoding: gzip\n\n"
    path.write_bytes(header.encode() + gzip.compress(bytes(1000)))
    with pytest.raises(ConversionError) as error:
        read_mask(path, IMAGE, LABELS)
    assert str(error.value) == (
        f"{path}: sizes: found 300000000 values, expected at most 1048576; export it again"
    )
    assert not unpacked
