"""Masks in NRRD: plain label maps, and segmentations of 3D Slicer (``.seg.nrrd``).

What Slicer writes: https://slicer.readthedocs.io/en/latest/developer_guide/modules/segmentations.html.
Segments that do not overlap share a layer and differ in label value; where they overlap the file has one
three-dimensional layer more. A segmentation without voxels is written as one voxel on no grid.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from dataset_conversion import files
from dataset_conversion.images import ConversionError, Volume, as_volume
from dataset_conversion.mask_files.labels import Labels, combine, relabel, values_of_names

if TYPE_CHECKING:
    import SimpleITK as sitk

_SEGMENT_KEY = re.compile(r"Segment(\d+)_(?:ID|Name|LabelValue|Layer)")
# The second is the name in files of Slicer before 5.2.
_REPRESENTATION_KEYS = ("Segmentation_SourceRepresentation", "Segmentation_MasterRepresentation")
#: Encodings of numbers as text.
_TEXT = ("ascii", "text", "txt")
_PACKED = ("gzip", "gz")
_LONGEST_LINE, _LONGEST_NUMBER = 1 << 20, 40
_GZIP, _PIECE = 31, 1 << 20


@dataclass(frozen=True)
class _Segment:
    name: str
    layer: int
    label: int


def read_nrrd(path: Path, image: Volume | None, labels: Labels) -> Volume:
    """Read an NRRD mask on its own grid: a plain one by value, one of 3D Slicer by segment name.

    Without the `image` nobody knows whether a segmentation is cropped, and one without voxels is refused.

    Raises
    ------
    ConversionError
        When the file is damaged or not three-dimensional, is cropped, a segment's name is no level,
        segments overlap, or voxels belong to no segment.
    """
    found = _read(path)
    keys = _keys(path, found)
    layers = _layers(path, found)
    segments = _segments(path, keys)
    if not segments and not any(key.startswith("Segmentation_") for key in keys):
        if len(layers) > 1:
            raise ConversionError(
                f"{path}: found {len(layers)} values a voxel, expected one; export a label map"
            )
        return relabel(layers[0], labels.label_map)
    for key in _REPRESENTATION_KEYS:
        if (kind := keys.get(key, "Binary labelmap")) != "Binary labelmap":
            raise ConversionError(
                f"{path}: representation: found '{kind}', expected 'Binary labelmap'; convert it in 3D Slicer"
            )
    values = values_of_names(path, [segment.name for segment in segments], "segment", labels)
    shape = layers[0].array.shape
    if shape == (1, 1, 1) and image is None:
        raise ConversionError(
            f"{path}: size: found 1 x 1 x 1 voxels, as 3D Slicer writes where nothing is marked, and no "
            "image that says how large the exam is; name the folder of images"
        )
    if image and shape == (1, 1, 1) != image.array.shape:
        return Volume(np.zeros(image.array.shape, dtype=np.int32), image.affine)
    # The order of axes is free: other faults of the grid are for the caller to find.
    if image and sorted(shape) != sorted(image.array.shape):
        raise ConversionError(
            f"{path}: size: found {_by(shape)}, expected {_by(image.array.shape)} voxels (the image's); save "
            "it from 3D Slicer again, the image as source geometry and 'Crop to minimum extent' off"
        )
    arrays = [layer.array for layer in layers]
    _refuse_nameless(path, arrays, segments)
    painted = (
        (segment.name, value, arrays[segment.layer] == segment.label)
        for segment, value in zip(segments, values, strict=True)
    )
    whole, notes = combine(path, shape, painted, "segments", labels.precedence)
    return Volume(whole, layers[0].affine, notes=notes)


def segment_names(path: Path) -> list[str] | None:
    """Names of the segments of a file of 3D Slicer, from its header; None of a plain NRRD file."""
    _checked(path)
    reader = _reader(path)
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise _damaged(path, error) from None
    keys = _keys(path, reader)
    if not any(key.startswith(("Segmentation_", "Segment0_")) for key in keys):
        return None
    return [segment.name for segment in _segments(path, keys)]


def read_plain_nrrd(path: Path) -> Volume:
    """The values of an NRRD file as they are, whatever its header says of segments."""
    layers = _layers(path, _read(path))
    if len(layers) > 1:
        raise ConversionError(f"{path}: found {len(layers)} values a voxel, expected one")
    return layers[0]


def _reader(path: Path) -> sitk.ImageFileReader:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    # Named outright, a file is read whatever its ending.
    reader.SetImageIO("NrrdImageIO")
    return reader


def _damaged(path: Path, error: RuntimeError) -> ConversionError:
    reason = str(error).strip().splitlines()[-1].split("] ")[-1].split(": ", 1)[-1]
    return ConversionError(
        f"{path}: cannot be read as NRRD, truncated or damaged ({reason}); export it again"
    )


def _read(path: Path) -> sitk.Image:
    import SimpleITK as sitk

    numbers = _checked(path)
    reader = _reader(path)
    try:
        # ITK makes room for what the header says, and unpacks that much.
        reader.ReadImageInformation()
        values = math.prod(reader.GetSize()) * reader.GetNumberOfComponents()
        if values <= files.LARGEST_UNPACKED:
            if numbers is not None and len(numbers) != values:
                raise ConversionError(
                    f"{path}: found {len(numbers)} numbers, expected {values} (sizes); export it again"
                )
            found = reader.Execute()
            if numbers is not None and (sitk.GetArrayViewFromImage(found).ravel() != numbers).any():
                raise ConversionError(
                    f"{path}: type: found numbers that it cannot hold, expected one that can; export it again"
                )
            return found
    except RuntimeError as error:
        raise _damaged(path, error) from None
    raise ConversionError(
        f"{path}: sizes: found {values} values, expected at most {files.LARGEST_UNPACKED}; export it again"
    )


def _checked(path: Path) -> np.ndarray | None:
    """The numbers of a file that is written as text, which ITK reads without looking; None of another.

    A ConversionError when they are none, or when voxels lie in another file: whoever knows this one by its
    hash would not see them change.
    """
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while (line := file.readline(_LONGEST_LINE)) not in (b"", b"\n", b"\r\n"):
            name, _, value = line.decode("latin-1").partition(":")
            fields[name.strip().lower()] = value.strip()
        if other := fields.get("data file", fields.get("datafile")):
            raise ConversionError(
                f"{path}: data file: found {other[:100]!r}, expected the voxels in the same file; save it as "
                "one .nrrd file"
            )
        if skips := [name for name in ("line skip", "byte skip") if fields.get(name, "0") != "0"]:
            raise ConversionError(
                f"{path}: {skips[0]}: found {fields[skips[0]][:20]!r}, expected none; export it again"
            )
        encoding = fields.get("encoding", "").lower()
        if encoding in _PACKED:
            _check_packed(path, file)
        if encoding not in _TEXT:
            return None
        words = file.read(files.LARGEST_UNPACKED).split()
    try:
        numbers = np.array(words, dtype=float)
    except ValueError:
        numbers = np.array([np.nan])
    if not np.isfinite(numbers).all() or max(map(len, words), default=0) > _LONGEST_NUMBER:
        raise ConversionError(
            f"{path}: encoding: found '{fields['encoding']}' and voxels that are no text of numbers, "
            "expected numbers; export it again"
        )
    return numbers


def _check_packed(path: Path, file: BinaryIO) -> None:
    """Unpack data to their end: there their checksum stands, which ITK does not look at."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        while not unpacker.eof:
            packed = unpacker.unconsumed_tail or file.read(_PIECE)
            unpacker.decompress(packed, _PIECE)
            if not packed:
                raise zlib.error("the end is missing")
    except zlib.error as error:
        raise ConversionError(
            f"{path}: cannot be read as NRRD, truncated or damaged ({error}); export it again"
        ) from None


def _keys(path: Path, found: sitk.Image | sitk.ImageFileReader) -> dict[str, str]:
    try:
        return {key: found.GetMetaData(key) for key in found.GetMetaDataKeys()}
    except (TypeError, UnicodeError):
        raise ConversionError(
            f"{path}: header: found bytes that are no text in UTF-8, expected names and values; export it "
            "again"
        ) from None


def _layers(path: Path, found: sitk.Image) -> list[Volume]:
    import SimpleITK as sitk

    # A slice is a volume of one.
    if found.GetDimension() not in (2, 3):
        raise ConversionError(
            f"{path}: found {found.GetDimension()} dimensions ({_by(found.GetSize())}), expected 3"
        )
    if "complex" in (kind := found.GetPixelIDTypeAsString()):
        raise ConversionError(f"{path}: found voxels of type {kind}, expected plain numbers; export it again")
    count = found.GetNumberOfComponentsPerPixel()
    several = found.GetPixelIDTypeAsString().startswith("vector")
    parts = [sitk.VectorIndexSelectionCast(found, n) for n in range(count)] if several else [found]
    layers = [as_volume(part, name=str(path)) for part in parts]
    affine = layers[0].affine
    if not np.isfinite(affine).all() or np.linalg.det(affine) == 0:
        raise ConversionError(f"{path}: space directions: found none to invert; export it again")
    return layers


def _segments(path: Path, keys: dict[str, str]) -> list[_Segment]:
    numbers = sorted({int(match[1]) for key in keys if (match := _SEGMENT_KEY.fullmatch(key))})
    return [
        _Segment(
            name=keys.get(f"Segment{n}_Name") or keys.get(f"Segment{n}_ID") or f"Segment{n}",
            # Slicer before 4.11 wrote a layer a segment and no such fields.
            layer=_whole(path, keys, f"Segment{n}_Layer", default=n),
            label=_whole(path, keys, f"Segment{n}_LabelValue", default=1),
        )
        for n in numbers
    ]


def _whole(path: Path, keys: dict[str, str], key: str, default: int) -> int:
    text = keys.get(key, str(default)).strip()
    if not text.isdecimal():
        raise ConversionError(f"{path}: {key}: expected a whole number from 0; export it again")
    return int(text)


def _refuse_nameless(path: Path, layers: list[np.ndarray], segments: list[_Segment]) -> None:
    for segment in segments:
        if segment.layer >= len(layers):
            raise ConversionError(
                f"{path}: segment '{segment.name}': found layer {segment.layer}, expected one of "
                f"{len(layers)} counted from 0; save it from 3D Slicer again"
            )
    named = {(segment.layer, segment.label) for segment in segments}
    for number, layer in enumerate(layers):
        for label, count in zip(*np.unique(layer, return_counts=True), strict=True):
            if label != 0 and (number, label) not in named:
                raise ConversionError(
                    f"{path}: segments: found value {label:g} in {count} of {layer.size} voxels of layer "
                    f"{number}, expected a segment for each value; save it from 3D Slicer again"
                )


def _by(values: Sequence[int]) -> str:
    return " x ".join(map(str, values))
