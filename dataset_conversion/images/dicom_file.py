"""Open what may be DICOM: with or without preamble, gzip'd, deflated, damaged, or something else."""

from __future__ import annotations

import io
import re
import zlib
from pathlib import Path
from typing import BinaryIO, Literal

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag

from dataset_conversion import files
from dataset_conversion.files import TooLargeError, open_unpacked
from dataset_conversion.images.errors import DENIED

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_UNDEFINED_LENGTH = 0xFFFFFFFF
_BLOCK = 512
# Groups of pixels, of vendors' own beside them, of signatures, and of padding.
_LAST_GROUPS = (*range(0x7FE0, 0x8000), 0xFFFA, 0xFFFC)
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)

# Beginnings of other binary files that lie in export folders: images, documents, archives, programs of a
# viewer, folder settings; they may hold DICOM's UIDs. Text is recognised by its characters, and what begins
# with no element of DICOM is something else whatever it is.
_OTHER_FILES = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"PK\x03\x04", b"BM", b"NRRD", b"\x5c\x01\x00\x00",
    b"\x00\x00\x01\x5c", b"n+1", b"SQLite format", b"MZ", b"\x7fELF", b"\x00\x00\x00\x01Bud1", b"RIFF",
    b"\xd0\xcf\x11\xe0", b"7z\xbc\xaf", b"Rar!", b"\x00\x05\x16\x07", b"\x00\x00\x01\x00", b"ID3",
    b"\xff\xfe", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"MATLAB", b"\x93NUMPY", b"\x89HDF",
)  # fmt: skip

# Groups that a file of DICOM begins with, in either byte order, and what every one names near its beginning.
_FIRST_GROUPS = (b"\x02\0", b"\x08\0", b"\0\x02", b"\0\x08")
_DICOM_ROOT = b"1.2.840.10008."
_PIXEL_TAGS = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")
_PREAMBLE = 128
_LONGEST_FIRST = 1024

_ARCHIVES = {b"PK\x03\x04": "ZIP", b"7z\xbc\xaf": "7z", b"Rar!": "RAR"}

_CONTROL_CHARACTERS = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f\xff]")


class NotDicomError(Exception):
    """The file is recognisably something else."""


class DamagedError(Exception):
    """The file looks like DICOM, or is blank, and cannot be read.

    The message never quotes the file: a value in it could be the patient's.
    """


class BlankError(DamagedError):
    """The file begins with one byte over and over."""

    def __init__(self) -> None:
        super().__init__("begins with one byte over and over: damaged, or a dump of an image")


def read_dataset(path: Path, *, pixels: bool) -> pydicom.Dataset:
    """Read a DICOM file, with or without its pixel data.

    Raises
    ------
    NotDicomError, DamagedError
    """
    try:
        with open_unpacked(path) as stream:
            beginning = stream.read(4096)
            marked = beginning[128:132] == b"DICM"
            if not marked:
                # A blanked beginning looks like text, or like nothing.
                beginning += stream.read(2**20)
            stream.seek(0)
            if not marked and _is_something_else(path, beginning):
                raise NotDicomError
            if not marked and _is_blank(beginning):
                raise BlankError
            if not beginning[132 if marked else 0 :].strip(b"\0"):
                raise ValueError("blank")
            if _DEFLATED in beginning:
                _check_deflated(stream, beginning)
            # Odd values are the rule in real exports; what matters is checked by us.
            pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
            stop = _Stop(at_pixels=not pixels)
            dataset = read_partial(stream, stop, force=True)
            if pixels and _DEFLATED not in beginning:
                _check_end(stream, dataset)
            if stop.astray:
                raise DamagedError(
                    "PixelData: found bytes after its end that are no element of DICOM, expected none; "
                    "export it again"
                )
    except (NotDicomError, DamagedError):
        raise
    except TooLargeError as error:
        raise DamagedError(str(error)) from None
    except PermissionError:
        raise DamagedError(DENIED) from None
    except Exception as error:  # pydicom raises all kinds on damaged bytes
        raise DamagedError(f"cannot be read, truncated or damaged ({type(error).__name__})") from None
    if "SOPClassUID" not in dataset and "MediaStorageSOPClassUID" not in dataset.get("file_meta", ()):
        raise DamagedError("cannot be read as DICOM: no SOPClassUID; truncated or damaged")
    return dataset


def _check_deflated(stream: BinaryIO, beginning: bytes) -> None:
    """Unpack a deflated data set in passing: pydicom would unpack it into memory, however large."""
    stream.seek(144 + int.from_bytes(beginning[140:144], "little"))
    unpacker, unpacked = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while packed := unpacker.unconsumed_tail or stream.read(io.DEFAULT_BUFFER_SIZE):
        unpacked += len(unpacker.decompress(packed, 2**20))
        if unpacked > files.LARGEST_UNPACKED:
            raise TooLargeError
    stream.seek(0)


class _Stop:
    """Tell pydicom where to stop reading: at the pixels, or at what is no DICOM element."""

    def __init__(self, *, at_pixels: bool) -> None:
        self._at_pixels, self._passed = at_pixels, False
        #: Whether something else than elements follows the pixels.
        self.astray = False

    def __call__(self, tag: BaseTag, *_: object) -> bool:
        # Group 0 is never stored: blank bytes would be read as no end of its empty elements. Another tag
        # than may follow the pixels is pixels, shifted by bytes that do not belong there.
        self.astray = self._passed and not (tag >= _PIXELS[0] and tag.group in _LAST_GROUPS)
        if tag.group == 0 and not self._passed:
            raise ValueError("no element")
        self._passed |= tag in _PIXELS
        return self.astray or (self._at_pixels and self._passed)


def _check_end(stream: BinaryIO, dataset: pydicom.Dataset) -> None:
    """Refuse bytes after the pixels that are no element; zeros to the end of an old disk's block may be."""
    last = dataset.get_item(max(dataset.keys()))
    if isinstance(last, RawDataElement) and last.tag in _PIXELS and last.length != _UNDEFINED_LENGTH:
        stream.seek(last.value_tell + last.length)
        rest = stream.read(_BLOCK)
        if rest and (rest.strip(b"\0") or stream.tell() % _BLOCK or stream.read(1)):
            stream.seek(0, 2)
            more = stream.tell() - last.value_tell - last.length
            raise DamagedError(
                f"PixelData: found {more} bytes more in the file after the {last.length} that it states, "
                "expected none; its pixels may be shifted: export it again"
            )


def _is_something_else(path: Path, beginning: bytes) -> bool:
    if path.name.startswith(".") or beginning.startswith(_OTHER_FILES) or beginning[344:347] == b"n+1":
        return True
    # Text in any 8-bit encoding has no control characters; DICOM has, in every header.
    if beginning.strip() and not _CONTROL_CHARACTERS.search(beginning):
        return True
    # A slice of which the beginning was blanked, shifted or lost.
    begins = _is_element(beginning[:8]) or _is_element(beginning[_PREAMBLE + 4 : _PREAMBLE + 12])
    marks = _DICOM_ROOT in beginning[:4096] or any(tag in beginning for tag in _PIXEL_TAGS)
    return not (_is_blank(beginning) or marks or begins)


def _is_element(head: bytes) -> bool:
    """Whether bytes are a whole or cut head of an element of the first groups: short, or with its VR."""
    if head[:2] not in _FIRST_GROUPS:
        return False
    order: Literal["little", "big"] = "little" if head[1] == 0 else "big"
    length = int.from_bytes(head[4:8], order)
    return len(head) < 8 or head[4:6].isalpha() or (length % 2 == 0 and length <= _LONGEST_FIRST)


def _is_blank(beginning: bytes) -> bool:
    """Whether a file begins as a damaged slice does, and a dump of an image's background."""
    if len(beginning) < _PREAMBLE + 4:
        # All that is left of a preamble and its mark.
        return len(set(beginning[:_PREAMBLE])) < 2 and b"DICM".startswith(beginning[_PREAMBLE:])
    return len(set(beginning[:8])) < 2


def archive_of(path: Path) -> str:
    """The name of the kind of archive that a file is; empty when it is none."""
    try:
        with open_unpacked(path) as stream:
            beginning = stream.read(_BLOCK)
    except (OSError, EOFError, ValueError, zlib.error):
        return ""
    if beginning[257:262] == b"ustar":
        return "TAR"
    return next((name for start, name in _ARCHIVES.items() if beginning.startswith(start)), "")
