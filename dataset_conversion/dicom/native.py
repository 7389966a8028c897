"""A short way to uncompressed pixels, which most slices hold: they are the end of their file.

Parsing a header again takes ten times as long as reading the pixels behind it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dataset_conversion.dicom.frame import Frame

# The tag of PixelData, little endian, with its VR and two reserved bytes where VRs are explicit.
_BEGINNINGS = (b"\xe0\x7f\x10\x00OW\x00\x00", b"\xe0\x7f\x10\x00OB\x00\x00", b"\xe0\x7f\x10\x00")


def native_pixels(file: Path, frame: Frame) -> np.ndarray | None:
    """The stored pixels of a single-frame file that ends with exactly them.

    Parameters
    ----------
    file : Path
    frame : Frame
        Its only frame.

    Returns
    -------
    ndarray, shape (rows, columns), or None
        None where the file states anything else or its end is anything else (compressed, big-endian,
        zipped, of several frames, damaged): it has to be parsed.
    """
    bits, _, signed = frame.stored
    if frame.plane is None or bits not in (8, 16) or frame.number or not frame.native:
        return None
    size = frame.plane.rows * frame.plane.columns * bits // 8
    # Values have even lengths.
    length = size + size % 2
    with file.open("rb") as stream:
        if stream.seek(0, 2) < length + 12:
            return None
        stream.seek(-length - 12, 2)
        content = stream.read()
    head = content[:12]
    if not any(head.endswith(beginning + length.to_bytes(4, "little")) for beginning in _BEGINNINGS):
        return None
    kind = np.dtype(f"<{'i' if signed else 'u'}{bits // 8}")
    return np.frombuffer(content, kind, offset=12, count=size * 8 // bits).reshape(
        frame.plane.rows, frame.plane.columns
    )
