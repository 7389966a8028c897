"""What compressed pixel data states of itself, to be held against the header before it is decoded."""

from __future__ import annotations

from typing import NamedTuple

_JPEG_2000 = b"\xff\x4f\xff\x51"
_JPEG = b"\xff\xd8"
# Beginnings of frame headers: baseline to lossless JPEG, and JPEG-LS.
_FRAME_HEADERS = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
_SCAN = 0xDA


class Stated(NamedTuple):
    """Size, components (more than one: colour) and bits a value of a compressed image."""

    rows: int
    columns: int
    components: int
    bits: int


def stated_by(frame: bytes) -> Stated | None:
    """Read the header of a JPEG, JPEG-LS or JPEG 2000 stream; None where it is broken.

    All parts of a JPEG header up to the first scan have to be in their places: where one is not, GDCM may
    end the whole process.

    See ISO/IEC 10918-1 B.2.2, 14495-1 C.2.2 and 15444-1 A.5.1.

    Examples
    --------
    >>> stated_by(bytes.fromhex("ffd8 fff7 000b 0c 0100 0080 01 011100 ffda 0008 01 01 00 00 00 00"))
    Stated(rows=256, columns=128, components=1, bits=12)
    """
    if frame.startswith(_JPEG_2000):
        right, lower, left, upper = (_number(frame, at, 4) for at in (8, 12, 16, 20))
        return Stated(lower - upper, right - left, _number(frame, 40), (_number(frame, 42, 1) & 0x7F) + 1)
    if not frame.startswith(_JPEG):
        return None
    stated = None
    at = 2
    while at + 10 <= len(frame) and frame[at] == 0xFF and frame[at + 1] >= 0xC0:
        if frame[at + 1] == _SCAN:
            return stated
        if frame[at + 1] in _FRAME_HEADERS:
            rows, columns = _number(frame, at + 5), _number(frame, at + 7)
            stated = Stated(rows, columns, components=frame[at + 9], bits=frame[at + 4])
        at += 2 + _number(frame, at + 2)
    return None


def _number(frame: bytes, at: int, size: int = 2) -> int:
    return int.from_bytes(frame[at : at + size], "big")
