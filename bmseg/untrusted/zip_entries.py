"""Open a ZIP from elsewhere: bounded reads of its directory, and what is wrong with an entry."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

#: Most bytes read at once. A directory of this size lists up to 90,000 entries, which take about 65 MB.
LARGEST_READ = 4 << 20
#: What zipfile raises as it reads damaged entries.
ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, OverflowError,
    RuntimeError,  # of a compression, version or encryption that it does not know
)  # fmt: skip
_ENCRYPTED = 0x1
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LOCAL_HEADER = 30


class _BoundedFile(io.FileIO):
    """A file that refuses to be read in one piece, as zipfile reads a directory of any declared size."""

    def read(self, size: int | None = -1, /) -> bytes:
        left = os.fstat(self.fileno()).st_size - self.tell()
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > LARGEST_READ:
            raise zipfile.BadZipFile(f"its directory is larger than {LARGEST_READ} bytes")
        return super().read(size) or b""


@contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A ZIP whose directory is of a bearable size.

    Raises `zipfile.BadZipFile` where it is no ZIP, is damaged, or declares a directory of more than
    `LARGEST_READ` bytes.
    """
    with _BoundedFile(path) as file:
        try:
            archive = zipfile.ZipFile(file)
        except ZIP_ERRORS as error:
            raise zipfile.BadZipFile(str(error)) from None
        with archive:
            yield archive


def entry_fault(info: zipfile.ZipInfo, *, folders: bool = False) -> str | None:
    """What makes an entry unfit to be read, whatever it holds; None where nothing does.

    With `folders` an entry may be a folder.
    """
    # The name as it stands in the file: zipfile cuts it at a null byte and turns separators.
    name = info.orig_filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or any(mark in name for mark in "\\:\0"):
        return "found a path that leads out of its folder, expected one inside"
    is_folder = folders and name.endswith("/")
    if str(path) != (name[:-1] if is_folder else name) or not name.isprintable():
        return "found a folder or an unusual path, expected a plain file"
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if is_folder else stat.S_IFREG):
        return "found a link or device, expected a plain file"
    if info.flag_bits & _ENCRYPTED:
        return "found it encrypted, expected a plain file"
    if info.compress_type not in _COMPRESSIONS:
        return f"found compression {info.compress_type}, expected stored or deflated"
    return None


def overlapping(archive: zipfile.ZipFile) -> set[int]:
    """The places in the directory of entries whose contents reach into what follows them.

    One compressed stream that many entries share is how a small file swells to petabytes.

    References
    ----------
    D. Fifield, A better zip bomb, 13th USENIX Workshop on Offensive Technologies (2019).
    """
    infos = archive.infolist()
    order = sorted(range(len(infos)), key=lambda place: infos[place].header_offset)
    starts = [*(infos[place].header_offset for place in order), archive.start_dir]
    found = set()
    for place, following in zip(order, starts[1:], strict=True):
        info = infos[place]
        if info.header_offset + _LOCAL_HEADER + len(info.orig_filename) + info.compress_size > following:
            found.add(place)
    return found
