"""What is shared by those who open ZIPs from elsewhere."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from bmseg.untrusted.compressed import LARGEST_READ, entry_fault, opened_zip, overlapping


def test_a_folder_is_an_entry_only_where_it_may_be() -> None:
    info = zipfile.ZipInfo("masks/")
    assert entry_fault(info, folders=True) is None
    assert entry_fault(info) == "found a folder or an unusual path, expected a plain file"


def test_no_more_is_read_at_once_than_is_bearable(tmp_path: Path) -> None:
    """A directory that says it is larger than that, in a file that is; and entries that are larger yet."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("large", bytes(LARGEST_READ + 1))
    with opened_zip(path) as archive, pytest.raises(zipfile.BadZipFile, match="larger than"):
        archive.read("large")
    with opened_zip(path) as archive, archive.open("large") as stream:
        assert len(stream.read(1 << 20)) == 1 << 20
    content = bytearray(path.read_bytes())
    content[-10:-6] = (LARGEST_READ + 1).to_bytes(4, "little")
    path.write_bytes(content)
    with (
        pytest.raises(zipfile.BadZipFile, match="its directory is larger than 4194304 bytes"),
        opened_zip(path),
    ):
        pass


def test_entries_written_as_a_stream_do_not_overlap(tmp_path: Path) -> None:
    """Their sizes follow the contents, which leaves gaps between entries."""

    class Pipe(io.RawIOBase):
        def write(self, content: bytes) -> int:
            written.append(bytes(content))
            return len(content)

    written: list[bytes] = []
    with zipfile.ZipFile(Pipe(), "w") as archive:
        for name in "abc":
            archive.writestr(name, name * 100)
    path = tmp_path / "a.zip"
    path.write_bytes(b"".join(written))
    with opened_zip(path) as archive:
        assert archive.infolist()[0].flag_bits & 8
        assert overlapping(archive) == set()
