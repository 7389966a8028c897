"""Read gzip from elsewhere piece by piece: never more than was asked for, however far it would swell."""

from __future__ import annotations

import zlib
from typing import IO

from bmseg.untrusted.zip_entries import ZIP_ERRORS

_CHUNK = 1 << 16
#: Block-wise writers (bgzip, pigz) make a member of each 64 KiB or more.
MOST_MEMBERS = 20_000


class DamagedError(Exception):
    """The bytes are not what they should be; the message says how, and what was expected."""


def unreadable(error: Exception) -> str:
    """What is said of a file that cannot be opened or read to its end."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"cannot be read ({reason}); make the submission again"


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
        """The next `size` bytes; fewer at the end.

        Raises `DamagedError` where the stream is no gzip, is damaged, ends early, or is followed by anything
        but zeros.
        """
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
