"""Binary files of other programs beside the slices: left out and counted, never damaged slices."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dataset_conversion.dicom.exams import find_exams
from dataset_conversion.dicom.scan import Other, Unreadable, read_headers, scan
from dataset_conversion.images import ConversionError
from tests.dataset_conversion.dicom.damage import whole_way
from tests.dataset_conversion.dicom.test_other_objects import directory_file
from tests.support.dicom_series import write_slices

PLACES = [3.0 * k for k in range(6)]


def _npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(100))
    return buffer.getvalue()


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("scan.txt")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"hello"))
    return buffer.getvalue()


FOREIGN = {
    "a.tif": b"II*\0\x08\0\0\0" + bytes(100),
    "b.tif": b"MM\0*\0\0\0\x08" + bytes(100),
    "big.tif": b"II+\0\x08\0\0\0" + bytes(100),
    "a.mat": b"MATLAB 5.0 MAT-file, from 1.2.840.10008.5.1.4".ljust(124, b" ") + b"\0\1IM" + bytes(99),
    "v73.mat": b"MATLAB 7.3 MAT-file".ljust(124, b" ") + b"\0\2IM" + bytes(99) + b"\x89HDF",
    "a.npy": _npy(),
    "a.h5": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "a.mp4": b"\0\0\0\x18ftypmp42" + bytes(100),
    "a.mgh": struct.pack(">7i", 1, 256, 256, 30, 1, 0, 0) + bytes(256),
    "a.nii.gz": gzip.compress((348).to_bytes(4, "little") + bytes(400)),
    "a.npy.gz": gzip.compress(_npy()),
    "a.tar": _tar(),
    "a.tar.gz": gzip.compress(_tar()),
    "a.bz2": b"BZh91AY&SY" + bytes(range(100)),
    "a.xz": b"\xfd7zXZ\0\0\x04" + bytes(range(100)),
    "a.zst": b"\x28\xb5\x2f\xfd" + bytes(range(100)),
    "a.pkl": b"\x80\x04\x95\x0b\0\0\0\0\0\0\0}\x94.",
    "a.class": b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(100),
    "a.ttf": b"\0\1\0\0\0\x0d\0\x80" + bytes(100),
    "a.wasm": b"\0asm\1\0\0\0" + bytes(100),
    "a.raw": np.random.default_rng(0).integers(1, 4000, 5000).astype("<i2").tobytes(),
    "a.par.rec": np.random.default_rng(1).normal(size=3000).astype("<f4").tobytes(),
    "a.jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100),
    "a.ismrmrd": b"\x89HDF\r\n\x1a\n" + bytes(600),
    "b.dat": b"\x08\0\0\0\0\x08\0\0\0\x08\0\0" + bytes(range(200)),
    "c.dat": np.arange(8, 500, dtype="<i4").tobytes(),
    "d.dat": bytes(90) + b"\1\2\3",
    "a.dat": b"\x20\0\0\0\x02\0\0\0\1\0\0\0" + bytes(range(200)),
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_binary_is_no_slice(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FOREIGN[name])
    assert read_headers(tmp_path / name) == Other("not DICOM")


def test_all_of_them_beside_the_slices(tmp_path: Path) -> None:
    write_slices(tmp_path, PLACES)
    for name, content in FOREIGN.items():
        (tmp_path / name).write_bytes(content)
    found = scan(tmp_path)
    assert (found.damaged, found.others) == ({}, {"not DICOM": len(FOREIGN)})
    outcome = whole_way(tmp_path)
    assert (len(outcome.volumes), outcome.refusals) == (1, [])


@pytest.mark.parametrize("size", [20_000, 400])
@pytest.mark.parametrize("end", [b"", b"\1\2\3"])
def test_a_dump_that_begins_with_zeros(tmp_path: Path, size: int, end: bytes) -> None:
    """A volume's background; a slice whose beginning was blanked is about as large as its neighbours."""
    write_slices(tmp_path, PLACES)
    (tmp_path / "volume.raw").write_bytes(bytes(size) + end)
    found = scan(tmp_path)
    assert [unreadable.reason for unreadable in found.damaged.values()] == [
        "begins with one byte over and over: damaged, or a dump of an image"
    ]
    (exam,), _ = find_exams(found, [])
    assert exam.reason == ""
    (tmp_path / "IM000").write_bytes(bytes((tmp_path / "IM000").stat().st_size))
    (exam,), _ = find_exams(scan(tmp_path), [])
    assert exam.reason.startswith("found 1 damaged or unreadable file that may be a slice")


@pytest.mark.parametrize("cut", [2, 8, 40, 130, 133, 140, 150, 200, 500])
def test_a_slice_without_its_first_bytes_is_damaged(tmp_path: Path, cut: int) -> None:
    write_slices(tmp_path, PLACES)
    content = (tmp_path / "IM003").read_bytes()
    (tmp_path / "IM003").write_bytes(content[cut:])
    found = read_headers(tmp_path / "IM003")
    # The mark is at another place, or gone; the header, or the pixels' tag, is still there.
    assert isinstance(found, Unreadable | list)
    outcome = whole_way(tmp_path)
    assert not outcome.volumes or outcome.volumes[0][1].array.shape[2] == 6


@pytest.mark.parametrize("damage", [b"DIC\0", b"\0\0\0\0", b"dicm", b"XXXX"])
@pytest.mark.parametrize("preamble", [bytes(128), b"\x89PREAMBLE OF A VENDOR\0".ljust(128, b"\1")])
def test_a_slice_that_lost_its_mark(tmp_path: Path, damage: bytes, preamble: bytes) -> None:
    write_slices(tmp_path, PLACES)
    content = (tmp_path / "IM005").read_bytes()
    (tmp_path / "IM005").write_bytes(preamble + damage + content[132:])
    assert not isinstance(read_headers(tmp_path / "IM005"), Other)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("export.zip", None, "is a ZIP archive, expected a folder: unpack it and name the folder"),
        ("export.tar", _tar(), "is a TAR archive, expected a folder"),
        ("export.tgz", gzip.compress(_tar()), "is a TAR archive, expected a folder"),
        ("export.7z", b"7z\xbc\xaf\x27\x1c" + bytes(9), "is a 7z archive, expected a folder"),
        ("export.rar", b"Rar!\x1a\x07\x01\0" + bytes(9), "is a RAR archive, expected a folder"),
    ],
)
def test_an_archive_as_source(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    path = tmp_path / name
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("IM0", "x")
    else:
        path.write_bytes(content)
    with pytest.raises(ConversionError, match=said):
        scan(path)


def test_archives_alone_in_a_folder_are_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "exam.zip", "w") as archive:
        archive.writestr("IM0", "x")
    (tmp_path / "notes.txt").write_text("a note")
    with pytest.raises(
        ConversionError, match=r"found no DICOM image \(files: 2\), .*; 1 ZIP archive: unpack it"
    ):
        scan(tmp_path)


def test_a_directory_file_as_source(tmp_path: Path) -> None:
    (tmp_path / "DICOMDIR").write_bytes(directory_file())
    with pytest.raises(ConversionError, match="is the list of a medium, expected a folder"):
        scan(tmp_path / "DICOMDIR")
