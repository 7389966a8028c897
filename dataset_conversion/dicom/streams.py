"""Compressed images: what their own headers state, and the decoder that reads them.

What a stream states is compared with the header of the file first: other numbers make decoders write beyond
the image.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import Decoder
from pydicom.uid import UID, JPEGExtended12Bit, JPEGLSTransferSyntaxes, RLELossless

from dataset_conversion.dicom.frame import Frame
from dataset_conversion.images import ConversionError
from dataset_conversion.images.dicom_file import DamagedError, read_dataset

_JPEG_2000 = b"\xff\x4f\xff\x51"
_JPEG = b"\xff\xd8"
# Beginnings of frame headers: baseline to lossless JPEG, and JPEG-LS.
_FRAME_HEADERS = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
_SCAN = 0xDA

# GDCM reads the most, and on damaged JPEG 2000 it ends the whole process: it is asked last.
_SAFEST_FIRST = ("pydicom", "pylibjpeg", "pyjpegls", "pillow", "gdcm")
# In seconds: on damaged JPEG-LS, GDCM may never end.
_LONGEST = 30

# Bits beyond BitsStored are looked at by the caller, not masked away in silence.
_AS_STORED: dict[str, Any] = {"correct_unused_bits": False}

_OWNERS = {
    "1.2.840.113619.": "GE", "1.3.46.670589.": "Philips", "1.3.12.2.1107.": "Siemens",
    "1.2.392.200036.9116.": "Canon", "1.2.392.200036.9125.": "Fujifilm", "1.2.124.113532.": "Agfa",
    "1.2.752.24.": "Sectra",
}  # fmt: skip


def decode(file: Path, dataset: Dataset, syntax: UID, frames: Sequence[Frame]) -> list[np.ndarray]:
    """The stored pixels of frames of one file, in a transfer syntax that `find_decoder` knows.

    A ConversionError when what it holds is not what its header says; damaged pixel data raise whatever
    decoders raise.
    """
    decoder, plugins = find_decoder(file, syntax, dataset)
    if syntax == RLELossless:
        # A segment longer than the image is cut with no more than a warning.
        warnings.simplefilter("error")
    elif syntax.is_encapsulated:
        _check_streams(file, dataset, syntax, frames)
    try:
        return _ask(decoder, dataset, frames, plugins[0] if plugins else "")
    except Exception as error:
        if re.search("not support|are supported", str(error)):
            raise _unread(file, syntax.name) from None
        if syntax not in JPEGLSTransferSyntaxes:
            raise
        failed = ""
        for plugin in plugins[1:]:
            answer = _ask_apart(file, frames, plugin)
            if not isinstance(answer, str):
                return answer
            failed += f"; {plugin} {answer}"
        raise DamagedError(
            f"pixel data: cannot be decoded, truncated or damaged ({type(error).__name__}{failed}); "
            "export it again"
        ) from None


def _ask(decoder: Decoder, dataset: Dataset, frames: Sequence[Frame], plugin: str) -> list[np.ndarray]:
    return [
        decoder.as_array(dataset, index=frame.number, raw=True, decoding_plugin=plugin, **_AS_STORED)[0]
        for frame in frames
    ]


def _ask_apart(file: Path, frames: Sequence[Frame], plugin: str) -> list[np.ndarray] | str:
    """Decode in a process of its own, which a decoder may end or never leave; what it did where it does.

    CharLS 2.3 and later refuse padding before the end of a stream, as in MR1_JLSL of DICOM's working group
    4 (github.com/team-charls/charls/issues/437); GDCM's older one reads it.
    """
    call = [sys.executable, "-m", __name__, str(file), plugin, *(str(frame.number) for frame in frames)]
    # Nothing else of what the caller can import: it finds its packages as the caller did.
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]))
    try:
        done = subprocess.run(
            call, capture_output=True, timeout=_LONGEST, env=os.environ | {"PYTHONPATH": path}, check=True
        )
        return list(np.load(io.BytesIO(done.stdout)))
    except subprocess.TimeoutExpired:
        return f"took more than {_LONGEST:g} s"
    except subprocess.CalledProcessError as error:
        if error.returncode < 0:
            return f"ended its process ({error.returncode})"
        # The kind of its error alone: what it says can quote values.
        last = error.stderr.decode(errors="replace").strip().splitlines()[-1:] or [""]
        return f"refused it ({last[0].partition(':')[0].strip() or 'without a word'})"
    except (ValueError, OSError):
        return "gave no answer"


def _answer(file: Path, plugin: str, numbers: Sequence[int]) -> None:
    """Write the images that `_ask_apart` asks for to standard output."""
    warnings.simplefilter("ignore")
    dataset = read_dataset(file, pixels=True)
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    images = [
        decoder.as_array(dataset, index=number, raw=True, decoding_plugin=plugin, **_AS_STORED)[0]
        for number in numbers
    ]
    # Not straight into the pipe: NumPy does not write on where only a part was taken.
    answer = io.BytesIO()
    np.save(answer, np.stack(images))
    sys.stdout.buffer.write(answer.getvalue())


def find_decoder(file: Path, syntax: UID, dataset: Dataset) -> tuple[Decoder, list[str]]:
    """The decoder of a syntax, and its plugins, that which damaged data harms least first.

    A ConversionError when there is none.
    """
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        decoder = None
    if decoder is None or not decoder.is_available:
        owner = next((name for root, name in _OWNERS.items() if syntax.startswith(root)), "")
        unknown = f"a private one{f' of {owner}' if owner else ''}" if syntax.is_private else "another"
        raise _unread(file, unknown if syntax.name == str(syntax) else syntax.name)
    plugins = sorted(decoder.available_plugins, key=_SAFEST_FIRST.index)
    bits = int(dataset.get("BitsStored") or 0)
    if syntax == JPEGExtended12Bit and bits > 8 and "pylibjpeg" not in plugins:
        raise _unread(file, f"{syntax.name} of {bits} bits")
    return decoder, plugins


def _unread(file: Path, found: str) -> ConversionError:
    return ConversionError(
        f"{file}: TransferSyntaxUID: found {found}, expected one that a decoder here reads; export it "
        "uncompressed"
    )


def _check_streams(file: Path, dataset: Dataset, syntax: UID, frames: Sequence[Frame]) -> None:
    count = int(dataset.get("NumberOfFrames") or 1)
    for frame in frames:
        stated = stated_by(get_frame(dataset.PixelData, frame.number, number_of_frames=count))
        if stated is None:
            raise ConversionError(f"{file}: PixelData: found no {syntax.name}; export it again")
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


if __name__ == "__main__":
    _answer(Path(sys.argv[1]), sys.argv[2], [int(number) for number in sys.argv[3:]])
