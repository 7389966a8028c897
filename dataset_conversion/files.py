"""Files appear whole or not at all, and are unpacked within bounds."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from isal import igzip, isal_zlib

#: No compressed file of an exam holds more; one that does is damaged or meant to fill the memory.
LARGEST_UNPACKED = 2**30


class TooLargeError(ValueError):
    """A file unpacks to more than `LARGEST_UNPACKED`; the message says what was found and expected."""

    def __init__(self) -> None:
        super().__init__(f"found more than {LARGEST_UNPACKED} bytes when unpacked, expected no more")


class _Unpacked(gzip.GzipFile):
    """A gzip'd file that refuses to unpack without end."""

    def read(self, size: int | None = -1) -> bytes:
        """Read, within bounds: a damaged length can ask for anything."""
        left = LARGEST_UNPACKED + 1 - self.tell()
        content = super().read(left if size is None or size < 0 else min(size, left))
        if self.tell() > LARGEST_UNPACKED:
            raise TooLargeError
        return content


def open_unpacked(path: Path) -> BinaryIO:
    """Open a file to be read, unpacked if it is gzip'd; reading raises `TooLargeError` beyond the bound."""
    plain = path.open("rb")
    zipped = plain.read(2) == b"\x1f\x8b"
    plain.seek(0)
    if not zipped:
        return plain
    plain.close()
    return cast(BinaryIO, io.BufferedReader(_Unpacked(path)))


def unpacked_size(path: Path) -> int:
    """The number of bytes in a file, which is read to its end if it is gzip'd.

    There its checksum stands, which no reader of voxels reaches. Raises OSError, EOFError or zlib.error where
    the file is damaged. What stands behind the end of gzip'd data is left alone.
    """
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path.stat().st_size
    with igzip.open(path) as unpacked, unpacking():
        return read_to_end(unpacked)


def read_to_end(unpacked: gzip.GzipFile) -> int:
    """How many bytes are left of a gzip'd file, whose checksum is then proved; as `unpacked_size`."""
    size = 0
    try:
        while piece := unpacked.read(1 << 20):
            size += len(piece)
    except gzip.BadGzipFile as error:
        if not str(error).startswith("Not a gzipped file"):
            raise
    return size


@contextmanager
def unpacking() -> Iterator[None]:
    """ISA-L's errors as those of zlib, which it stands for."""
    try:
        yield
    except isal_zlib.error as error:  # type: ignore[misc]
        raise zlib.error(str(error)) from None


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it to `path` when the block ends without an error.

    The temporary name keeps the file's ending, since libraries choose the format by it. Two processes that
    write one file do so one after the other.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "scores.csv"
    >>> with atomic_path(target) as temporary:
    ...     _ = temporary.write_text("exam,dice")
    >>> target.read_text()
    'exam,dice'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".partial-{path.name}")
    with _alone(path.with_name(f".lock-{path.name}")):
        try:
            yield temporary
            temporary.replace(path)
        except OSError as error:
            # A disk that is full, or a quota, says of itself no file.
            if error.errno and error.filename is None:
                error.filename = str(path)
            raise
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process is in the block; the lock's file goes with its holder."""
    from filelock import FileLock

    with FileLock(lock):
        try:
            yield
        finally:
            # Who waits for it sees that it is gone, and makes it anew. Windows keeps what is open.
            with suppress(OSError):
                lock.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_if_changed(path: Path, text: str) -> None:
    """Write a text file atomically, unless it holds that text already: its time then stays."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
