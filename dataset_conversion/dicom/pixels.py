"""The voxels of a volume, decoded and rescaled to displayed values."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from pydicom import DataElement, Dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dataset_conversion.dicom.found_volume import FoundVolume
from dataset_conversion.dicom.frame import Frame, stamp_of
from dataset_conversion.dicom.streams import decode, find_decoder
from dataset_conversion.dicom.values import whole_of
from dataset_conversion.images import ConversionError, Volume
from dataset_conversion.images.dicom_file import DamagedError, read_dataset

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

# The tag of native PixelData, little endian, with its VR and two reserved bytes where VRs are explicit.
_BEGINNINGS = (b"\xe0\x7f\x10\x00OW\x00\x00", b"\xe0\x7f\x10\x00OB\x00\x00", b"\xe0\x7f\x10\x00")

# Groups of overlays, and where one stands in the pixels' own words.
_OVERLAYS = range(0x6000, 0x6020, 2)
_NONE = DataElement(0x60000100, "US", None)


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
        images = [_within_stored(file, *pair) for pair in zip(images, frames, strict=True)]
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
    find_decoder(file, syntax, dataset)
    if fault := _fault_of_pixels(dataset):
        raise ConversionError(f"{file}: {fault}")
    return decode(file, dataset, syntax, frames)


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


def _within_stored(file: Path, image: np.ndarray, frame: Frame) -> np.ndarray:
    """An image of the size and range that its header says, without overlays in the pixels' own words.

    Padding may lie outside the range, as PixelPaddingValue says, and stays as it is.
    """
    plane = frame.plane
    if plane is None or image.shape != (plane.rows, plane.columns):
        raise ConversionError(f"{file}: pixel data: found {image.shape}, expected the size in its header")
    _, bits, signed = frame.stored
    if image.dtype.kind == "f" or not bits:
        return image
    lowest, highest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if lowest <= image.min() and image.max() <= highest:
        return image
    header = read_dataset(file, pixels=False)
    overlays = 0 if signed else _overlay_bits(header, bits)
    cleared = image & ~image.dtype.type(overlays)
    outside = (cleared < lowest) | (cleared > highest)
    ends = [header.get(keyword) for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    padding = [_as_word(end, image.dtype) for end in ends if isinstance(end, int)]
    if padding:
        outside &= (cleared < min(padding)) | (cleared > max(padding))
    if outside.any():
        undeclared = "" if overlays or padding else ", and the header declares no overlay or padding"
        raise ConversionError(
            f"{file}: pixel data: found values {cleared.min()} to {cleared.max()}, {outside.sum()} of "
            f"{outside.size} too large or small, expected {lowest} to {highest} as BitsStored {bits} says"
            f"{undeclared}; export it again"
        )
    return cleared


def _overlay_bits(header: Dataset, bits: int) -> int:
    """The bits above the stored ones in which, by the header, overlays stand."""
    allocated, overlays = whole_of(header.get("BitsAllocated")) or 0, 0
    for group in _OVERLAYS:
        position, size = (whole_of(header.get((group, element), _NONE).value) for element in (0x0102, 0x0100))
        embedded = size == allocated and (group, 0x3000) not in header
        if embedded and position is not None and bits <= position < allocated:
            overlays |= 1 << position
    return overlays


def _as_word(value: int, kind: np.dtype) -> int:
    """A value as pixels hold it: some write 63536 for -2000."""
    return int(np.array([value & (2 ** (8 * kind.itemsize) - 1)], f"u{kind.itemsize}").astype(kind)[0])


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
