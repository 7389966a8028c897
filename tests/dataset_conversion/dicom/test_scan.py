"""What lies below a folder: images, other objects, and what cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dataset_conversion.dicom import scan as scanning
from dataset_conversion.dicom.scan import Other, Unreadable, read_headers, scan
from dataset_conversion.images import ConversionError
from dataset_conversion.images.errors import DENIED


@pytest.fixture
def series(test_data: Path) -> Path:
    return test_data / "dicom2nifti_tests" / "siemens" / "anatomical" / "001"


def test_processes_do_not_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, series: Path) -> None:
    monkeypatch.setattr(scanning, "_FEW_FILES", 1)
    monkeypatch.setattr(scanning, "_CHUNK", 2)
    for path in series.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "note.txt").write_text("a note")
    (tmp_path / "half").write_bytes(next(series.iterdir()).read_bytes()[:200])
    alone, shared = scan(tmp_path, processes=1), scan(tmp_path, processes=2)
    assert alone == shared
    assert (len(alone.frames), alone.others, len(alone.damaged)) == (4, {"not DICOM": 1}, 1)


def test_one_file_is_a_source(series: Path) -> None:
    assert len(scan(next(series.iterdir())).frames) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".DS_Store", b"\0\0\0\1Bud1"),
        ("._IM1", b"\0\5\x16\7"),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0" + bytes(600)),
        ("note.txt", "Größe: 5\n".encode("latin-1")),
        ("note.html", b"<html>" * 1000),
        ("i.jpg", b"\xff\xd8\xff\xe0" + bytes(9)),
        ("x.nii", (348).to_bytes(4, "little") + bytes(400)),
        ("viewer.exe", b"MZ\x90\0"),
        ("a.zip", b"PK\x03\x04"),
    ],
)
def test_other_files(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert read_headers(tmp_path / name) == Other("not DICOM")


def test_no_image_at_all(tmp_path: Path, series: Path) -> None:
    with pytest.raises(ConversionError, match="no such folder"):
        scan(tmp_path / "absent")
    with pytest.raises(ConversionError, match=r"found no DICOM image \(files: 0\), expected"):
        scan(tmp_path)
    (tmp_path / "half").write_bytes(next(series.iterdir()).read_bytes()[:200])
    with pytest.raises(
        ConversionError,
        match=r"found no DICOM image \(files: 1\), expected some; 1 of 1 files cannot be read",
    ):
        scan(tmp_path)


def test_a_file_that_may_not_be_read(series: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    found = read_headers(next(series.iterdir()))
    assert found == Unreadable(DENIED)


def test_links_that_lead_nowhere_or_in_a_circle(tmp_path: Path, series: Path) -> None:
    (tmp_path / "gone").symlink_to(tmp_path / "absent")
    (tmp_path / "round").symlink_to(tmp_path)
    (tmp_path / "IM1").write_bytes(next(series.iterdir()).read_bytes())
    found = scan(tmp_path)
    assert len(found.frames) == 1
    assert found.others == {"links to folders or to nothing, not followed": 2}


def test_a_message_never_quotes_the_file(tmp_path: Path, series: Path) -> None:
    content = next(series.iterdir()).read_bytes().replace(b"dicom2nifti", b"Plantmann12")
    assert b"Plantmann12" in content
    for cut in range(132, 1500, 37):
        (tmp_path / "IM1").write_bytes(content[:cut])
        found = read_headers(tmp_path / "IM1")
        assert not isinstance(found, Unreadable) or "Plantmann" not in found.reason


def test_a_folder_that_may_not_be_looked_into(
    tmp_path: Path, series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "IM1").write_bytes(next(series.iterdir()).read_bytes())
    closed = tmp_path / "patient2"
    closed.mkdir()
    look = os.scandir

    def refuse(path: str) -> object:
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(closed))
        return look(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ConversionError, match=rf"^{closed}: permission denied, expected what may be read"):
        scan(tmp_path)
