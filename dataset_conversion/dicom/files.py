"""Open what an export folder holds: DICOM with or without preamble, gzip'd, or something else."""

from __future__ import annotations

import gzip
import re
import warnings
from pathlib import Path
from typing import BinaryIO, cast

import pydicom

GZIP = b"\x1f\x8b"

# Beginnings of other binary files that lie in export folders: images, documents, archives, programs of a
# viewer, folder settings. Text is recognised by its characters.
_OTHER_FILES = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"PK\x03\x04", b"BM", b"NRRD", b"\x5c\x01\x00\x00",
    b"\x00\x00\x01\x5c", b"n+1", b"SQLite format", b"MZ", b"\x7fELF", b"\x00\x00\x00\x01Bud1", b"RIFF",
    b"\xd0\xcf\x11\xe0", b"7z\xbc\xaf", b"Rar!", b"\x00\x05\x16\x07", b"\x00\x00\x01\x00", b"ID3",
    b"\xff\xfe",
)  # fmt: skip

_CONTROL_CHARACTERS = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")


class NotDicomError(Exception):
    """The file is recognisably something else."""


class DamagedError(Exception):
    """The file looks like DICOM, or like nothing known, and cannot be read.

    The message never quotes the file: a value in it could be the patient's.
    """


def read_dataset(path: Path, *, pixels: bool) -> pydicom.Dataset:
    """Read a DICOM file, with or without its pixel data.

    Raises
    ------
    NotDicomError, DamagedError
    """
    try:
        with path.open("rb") as plain:
            zipped = plain.read(2) == GZIP
            plain.seek(0)
            stream = cast(BinaryIO, gzip.GzipFile(fileobj=plain)) if zipped else plain
            beginning = stream.read(4096)
            stream.seek(0)
            marked = beginning[128:132] == b"DICM"
            if not marked and _is_something_else(path, beginning):
                raise NotDicomError
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dataset = pydicom.dcmread(stream, stop_before_pixels=not pixels, force=True)
    except NotDicomError:
        raise
    except Exception as error:  # pydicom raises all kinds on damaged bytes
        raise DamagedError(f"cannot be read, truncated or damaged ({type(error).__name__})") from None
    if "SOPClassUID" not in dataset and "MediaStorageSOPClassUID" not in dataset.get("file_meta", ()):
        raise DamagedError("cannot be read as DICOM: no SOPClassUID; truncated or damaged")
    return dataset


def _is_something_else(path: Path, beginning: bytes) -> bool:
    if path.name.startswith("."):
        return True
    if beginning.startswith(_OTHER_FILES) or beginning[344:347] == b"n+1":
        return True
    # Text in any 8-bit encoding has no control characters; DICOM has, in every header.
    return bool(beginning) and not _CONTROL_CHARACTERS.search(beginning)
