"""Compressed bytes from elsewhere, a ZIP's entries or gzip: never more is read than is asked for."""

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
from typing import IO, Protocol

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
_CHUNK = 1 << 16
#: Block-wise writers (bgzip, pigz) make a member of each 64 KiB or more.
MOST_MEMBERS = 20_000


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
    """A ZIP; raises `BadZipFile` where it is none, or its directory is damaged or over `LARGEST_READ`."""
    with _BoundedFile(path) as file:
        try:
            archive = zipfile.ZipFile(file)
        except ZIP_ERRORS as error:
            raise zipfile.BadZipFile(str(error)) from None
        with archive:
            yield archive


def entry_fault(info: zipfile.ZipInfo, *, folders: bool = False) -> str | None:
    """What makes an entry unfit to be read, None where nothing does; with `folders` it may be a folder."""
    # The name as it stands in the file: zipfile cuts it at a null byte and turns separators.
    name = info.orig_filename
    path = PurePosixPath(name)
    if "\\" in name and not {"", "..", "."} & {*name.split("\\")} and ":" not in name:
        return "found a backslash in its name, expected '/' between folders; pack it with another program"
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

    One compressed stream that many entries share is how a small file swells to petabytes (D. Fifield, A
    better zip bomb, 13th USENIX Workshop on Offensive Technologies, 2019).
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


class DamagedError(Exception):
    """The bytes are not what they should be; the message says how, and what was expected."""


def unreadable(error: Exception) -> str:
    """What is said of a file that cannot be opened or read to its end."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"cannot be read ({reason}); make the submission again"


class Bounded(Protocol):
    """A stream of which a reader takes as many bytes as it wants."""

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end; raises `DamagedError`."""
        ...


class BoundedPlain:
    """A stream of a declared size, as it is."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end; raises `DamagedError` where more or fewer were listed."""
        parts = []
        while size:
            try:
                part = self._stream.read(min(size, _CHUNK))
            except (*ZIP_ERRORS, OSError) as error:
                raise DamagedError(unreadable(error)) from None
            self._left -= len(part)
            if self._left < 0 or (not part and self._left):
                more = "more" if self._left < 0 else "fewer"
                raise DamagedError(f"found {more} bytes than were listed; make the submission again")
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


class BoundedGzip:
    """A gzip stream of which a reader takes as many bytes as it wants.

    No more compressed bytes are read than declared: deflate can also go on for ever and give nothing.
    """

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._left = size
        self._pending = b""
        self._inflate: zlib._Decompress | None = None
        self._members = 0

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end; raises `DamagedError` of all but whole gzip and zeros."""
        parts = []
        while size and (part := self._some(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _some(self, most: int) -> bytes:
        while self._inflate is not None or self._begin_member():
            assert self._inflate is not None
            try:
                part = self._inflate.decompress(self._pending, most)
            except zlib.error as error:
                raise DamagedError(f"found damaged gzip data ({error}); export it again") from None
            if self._inflate.eof:
                self._pending, self._inflate = self._inflate.unused_data, None
            else:
                self._pending = self._inflate.unconsumed_tail
            if part:
                return part
            if self._inflate is not None and not self._pending and not self._fill():
                raise DamagedError("found gzip data that ends early, expected a whole file; send it again")
        return b""

    def _begin_member(self) -> bool:
        """Whether another gzip member begins; zeros may fill up the end."""
        while True:
            if self._members:
                self._pending = self._pending.lstrip(b"\0")
            if self._pending:
                break
            if not self._fill():
                if self._left:
                    raise DamagedError("found fewer bytes than were listed; make the submission again")
                if self._members:
                    return False
                raise DamagedError("found an empty file, expected a mask")
        if self._pending[0] != 0x1F:
            if self._members:
                raise DamagedError("found bytes after the gzip data, expected none")
            raise DamagedError("found no gzip data, expected a gzipped NIfTI file")
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise DamagedError(f"found gzip data in more than {MOST_MEMBERS} pieces, expected one")
        self._inflate = zlib.decompressobj(wbits=31)
        return True

    def _fill(self) -> bool:
        """Fetch compressed bytes; False at the end."""
        try:
            self._pending = self._stream.read(_CHUNK)
        except (*ZIP_ERRORS, OSError) as error:
            raise DamagedError(unreadable(error)) from None
        self._left -= len(self._pending)
        if self._left < 0:
            raise DamagedError("found more bytes than were listed; make the submission again")
        return bool(self._pending)
