"""The voxels of a volume, decoded and rescaled to displayed values."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import Decoder
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from dataset_conversion.dicom.found_volume import FoundVolume
from dataset_conversion.dicom.frame import Frame, stamp_of
from dataset_conversion.images import ConversionError, Volume
from dataset_conversion.images.dicom_file import DamagedError, read_dataset

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

# The tag of native PixelData, little endian, with its VR and two reserved bytes where VRs are explicit.
_BEGINNINGS = (b"\xe0\x7f\x10\x00OW\x00\x00", b"\xe0\x7f\x10\x00OB\x00\x00", b"\xe0\x7f\x10\x00")

_JPEG_2000 = b"\xff\x4f\xff\x51"
_JPEG = b"\xff\xd8"
# Beginnings of frame headers: baseline to lossless JPEG, and JPEG-LS.
_FRAME_HEADERS = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
_SCAN = 0xDA

# GDCM reads the most, and on damaged JPEG 2000 it ends the whole process: it is asked last.
_SAFEST_FIRST = ("pydicom", "pylibjpeg", "pyjpegls", "pillow", "gdcm")

# Bits beyond BitsStored are checked here, not masked away in silence.
_AS_STORED: dict[str, Any] = {"correct_unused_bits": False}


def read_voxels(found: FoundVolume) -> Volume:
    """Decode a usable volume: ``array[column, row, slice]``.

    Slope and intercept of every frame are applied; values are integers where all results are whole and fit
    16 bits, otherwise single precision. A ConversionError when a file is damaged, its pixel data has
    another length than its header says, or no decoder reads its transfer syntax.
    """
    numbered = sorted(enumerate(found.frames), key=lambda pair: (pair[1].file, pair[0]))
    stored: np.ndarray | None = None
    for file, group in groupby(numbered, key=lambda pair: pair[1].file):
        places = list(group)
        for (k, _), pixels in zip(places, read_frames(file, [frame for _, frame in places]), strict=True):
            if stored is None:
                stored = np.empty((len(found.frames), *pixels.shape), pixels.dtype)
            stored[k] = pixels
    if stored is None:
        raise ValueError("the volume has no frames")
    return Volume(_rescaled(stored, found.frames).transpose(2, 1, 0), found.affine)


def read_frames(file: Path, frames: Sequence[Frame]) -> list[np.ndarray]:
    """The stored pixels of frames of one file, each of shape (rows, columns)."""
    try:
        with warnings.catch_warnings():
            # They quote values, which can be the patient's.
            warnings.simplefilter("ignore")
            images = _decoded(file, frames)
        for image, frame in zip(images, frames, strict=True):
            _check_image(file, image, frame)
    except ConversionError:
        raise
    except DamagedError as error:
        raise ConversionError(f"{file}: {error}") from None
    except Exception as error:  # decoders of damaged pixel data raise all kinds
        raise ConversionError(
            f"{file}: pixel data: cannot be decoded, truncated or damaged ({type(error).__name__}); "
            "export it again"
        ) from None
    return images


def _decoded(file: Path, frames: Sequence[Frame]) -> list[np.ndarray]:
    try:
        stamp = stamp_of(file)
    except OSError as error:
        raise ConversionError(f"{file}: cannot be read any more ({error.strerror})") from None
    if any(frame.stamp != stamp for frame in frames):
        raise ConversionError(f"{file}: found another file than before, expected the same; start again")
    if len(frames) == 1 and (image := native_pixels(file, frames[0])) is not None:
        return [image]
    dataset = read_dataset(file, pixels=True)
    syntax = _syntax(dataset)
    decoder, plugin = _decoder(file, syntax)
    if fault := _fault_of_pixels(dataset):
        raise ConversionError(f"{file}: {fault}")
    if syntax == RLELossless:
        # A segment longer than the image is cut with no more than a warning.
        warnings.simplefilter("error")
    elif syntax.is_encapsulated:
        _check_streams(file, dataset, frames)
    return [
        decoder.as_array(dataset, index=frame.number, raw=True, decoding_plugin=plugin, **_AS_STORED)[0]
        for frame in frames
    ]


def native_pixels(file: Path, frame: Frame) -> np.ndarray | None:
    """The stored pixels (rows, columns) of a single-frame file that ends with exactly them.

    Most slices hold such: parsing the header again takes ten times as long as reading them. None where the
    file states anything else or its end is anything else (compressed, big-endian, zipped, of several frames,
    damaged): it has to be parsed.
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


def _decoder(file: Path, syntax: UID) -> tuple[Decoder, str]:
    """The decoder of a syntax, and the plugin for it that damaged data harms least."""
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        decoder = None
    if decoder is None or not decoder.is_available:
        name = "another" if syntax.name == str(syntax) else syntax.name
        raise ConversionError(
            f"{file}: TransferSyntaxUID: found {name}, expected one that a decoder here reads; export it "
            "uncompressed"
        )
    return decoder, min(decoder.available_plugins, key=_SAFEST_FIRST.index, default="")


def _check_streams(file: Path, dataset: Dataset, frames: Sequence[Frame]) -> None:
    count = int(dataset.get("NumberOfFrames") or 1)
    for frame in frames:
        stated = stated_by(get_frame(dataset.PixelData, frame.number, number_of_frames=count))
        if stated is None:
            raise ConversionError(f"{file}: PixelData: found no {_syntax(dataset).name}; export it again")
        # Other numbers than these make decoders write beyond the image.
        if stated[:3] != (dataset.Rows, dataset.Columns, 1) or stated.bits > dataset.BitsAllocated:
            rows, columns, components, bits = stated
            raise ConversionError(
                f"{file}: compressed image: found {rows} x {columns}, {components} components of {bits} "
                f"bits, expected {dataset.Rows} x {dataset.Columns}, 1 of at most {dataset.BitsAllocated} "
                "as in the header; export it again"
            )


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


def _syntax(dataset: Dataset) -> UID:
    """The transfer syntax; without a file header, the one that pydicom recognised."""
    if stated := dataset.get("file_meta", Dataset()).get("TransferSyntaxUID"):
        return UID(str(stated))
    implicit, little = dataset.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _fault_of_pixels(dataset: Dataset) -> str:
    """Native pixel data has the length that the header says: a wrong Rows would shift every line."""
    present = [keyword for keyword in _PIXELS if keyword in dataset]
    if len(present) != 1:
        return f"PixelData: found {len(present)}, expected one; truncated or damaged: export it again"
    if _syntax(dataset).is_encapsulated:
        return ""
    length = len(dataset[present[0]].value)
    frames = int(dataset.get("NumberOfFrames") or 1)
    expected = frames * dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
    # A byte of padding makes the length even; some writers pad to four.
    if not expected <= length <= expected + 3:
        return f"PixelData: found {length} bytes, expected {expected}; truncated or damaged: export it again"
    return ""


def _check_image(file: Path, image: np.ndarray, frame: Frame) -> None:
    plane = frame.plane
    if plane is None or image.shape != (plane.rows, plane.columns):
        raise ConversionError(f"{file}: pixel data: found {image.shape}, expected the size in its header")
    _, bits, signed = frame.stored
    if image.dtype.kind == "f" or not bits:
        return
    lowest, highest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if image.min() < lowest or image.max() > highest:
        raise ConversionError(
            f"{file}: pixel data: found values {image.min()} to {image.max()}, expected {lowest} to "
            f"{highest} as BitsStored {bits} says; export it again"
        )


def _rescaled(stored: np.ndarray, frames: Sequence[Frame]) -> np.ndarray:
    """Displayed values of stored ones, both of shape (slices, rows, columns)."""
    slopes = np.array([frame.slope for frame in frames])[:, None, None]
    intercepts = np.array([frame.intercept for frame in frames])[:, None, None]
    if (slopes == 1).all() and (intercepts == 0).all():
        return stored
    if stored.dtype.kind in "iu" and not (slopes % 1).any() and not (intercepts % 1).any():
        whole = stored.astype(np.int64) * slopes.astype(np.int64) + intercepts.astype(np.int64)
        for kind in (np.int16, np.uint16):
            if np.iinfo(kind).min <= whole.min() and whole.max() <= np.iinfo(kind).max:
                return whole.astype(kind)
    return (stored * slopes + intercepts).astype(np.float32)
