"""What kind of file is this? Told by its first bytes, so that a message need not guess."""

from __future__ import annotations

import zlib
from pathlib import Path

from dataset_conversion.files import open_unpacked

#: The one kind beside NIfTI that holds an image of ours.
METAIMAGE = "a MetaImage"
NRRD_MAGIC = b"NRRD000"
DICOM_MAGIC, DICOM_MAGIC_AT = b"DICM", 128

_MAGICS = {
    NRRD_MAGIC: "NRRD",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"II*\x00": "a TIFF picture",
    b"MM\x00*": "a TIFF picture",
    b"BM": "a BMP picture",
    b"PK\x03\x04": "a ZIP archive",
    b"\x93NUMPY": "a NumPy array (.npy)",
    b"\x89HDF": "HDF5",
    b"MATLAB": "a MATLAB file",
    b"%PDF": "a PDF",
    b"<": "XML or HTML",
    b"{": "JSON",
}  # fmt: skip
_META_KEYS = (b"ObjectType", b"NDims", b"Comment", b"BinaryData")
_HEAD = 348


def kind_of(path: Path) -> str:
    """What a file is, gzip'd or not, in words; nothing where it may be NIfTI, or is damaged."""
    try:
        with open_unpacked(path) as file:
            head = file.read(_HEAD)
    except (OSError, EOFError, zlib.error):
        return ""
    if head.lstrip().startswith(_META_KEYS):
        return METAIMAGE
    if head[DICOM_MAGIC_AT:].startswith(DICOM_MAGIC):
        return "DICOM"
    return next((kind for magic, kind in _MAGICS.items() if head.startswith(magic)), "")
