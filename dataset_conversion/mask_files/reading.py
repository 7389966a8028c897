"""A reader's mask, whatever program saved it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dataset_conversion.files import open_unpacked
from dataset_conversion.images import ConversionError, Volume, read_image, read_volume, whole
from dataset_conversion.images.errors import DENIED
from dataset_conversion.images.kinds import DICOM_MAGIC, DICOM_MAGIC_AT, NRRD_MAGIC
from dataset_conversion.mask_files import pictures
from dataset_conversion.mask_files.labels import Labels, combine, relabel, values_of_names
from dataset_conversion.mask_files.listing import parts_of
from dataset_conversion.mask_files.nrrd import read_nrrd, read_plain_nrrd

__all__ = ["Labels", "read_mask", "relabel"]

# A NIfTI file begins with the size of its header: version 1 and 2, in either byte order.
_NIFTI_MAGICS = {size.to_bytes(4, order) for size in (348, 540) for order in ("little", "big")}


def read_mask(
    path: Path,
    image: Volume | None,
    labels: Labels,
    *,
    frame_of_reference: str | None = None,
    spacing: Sequence[float] | None = None,
    keep_notes: bool = False,
) -> Volume:
    """Read a mask in the values of the study; the format is told by the file's content, not its name.

    Nothing is resampled. NIfTI, MetaImage, NRRD (also ``.seg.nrrd`` of 3D Slicer), PNG and TIFF come on their
    own grid and of their own number type, for the caller to compare, and so does a folder with a file a
    label; DICOM SEG and RTSTRUCT, also gzip'd, come on the image's, and their frame of reference must be the
    image's where that is known.

    Parameters
    ----------
    image : Volume, optional
        The exam's image, or another mask of it; DICOM cannot be read without.
    spacing : sequence of float, optional
        Of pixels, for pictures; see `dataset_conversion.mask_files.pictures.read_picture`.
    keep_notes : bool
        Whether what is to be known of the file stays with the mask instead of being logged; it is to be
        scored then, and NIfTI may have axes off right angles.

    Raises
    ------
    ConversionError
        When the file is missing, damaged or of another kind, names what is no level, holds overlapping
        levels, or, for DICOM, does not lie on the image's grid.
    """
    if path.is_dir():
        mask = _read_parts(path, labels, spacing)
    else:
        mask = _read_file(path, image, labels, frame_of_reference, spacing, right_angles=not keep_notes)
    return mask if keep_notes else mask.said()


def _read_file(
    path: Path,
    image: Volume | None,
    labels: Labels,
    frame_of_reference: str | None,
    spacing: Sequence[float] | None,
    *,
    right_angles: bool,
) -> Volume:
    kind = kind_of_mask(path)
    if kind == "nrrd":
        return replace(read_nrrd(path, image, labels), source=str(path))
    if kind == "dicom":
        # pydicom comes with an optional part of the package.
        try:
            from dataset_conversion.mask_files.dicom_file import read_dicom_mask
        except ModuleNotFoundError:
            raise ConversionError(
                f"{path}: found a file that is neither NIfTI nor NRRD, expected one of these as pydicom and "
                "highdicom are not installed; install bmseg[dicom] to read DICOM masks"
            ) from None
        if image is None:
            raise ConversionError(
                f"{path}: found a DICOM mask and no image that says what its grid is, expected the exam's "
                "image or a mask of another format; name the folder of images with --images"
            )
        mask = read_dicom_mask(path, image, labels, frame_of_reference)
        if mask is not None:
            return replace(mask, source=str(path))
    if kind == "picture":
        colors = dict(labels.colors) | colors_in(labels.label_map)
        return relabel(pictures.read_picture(path, colors, spacing), labels.label_map)
    # nnU-Net wants axes at right angles; scores do not.
    found = read_volume(path) if right_angles else read_image(path, str(path))
    return relabel(whole(found), labels.label_map)


def kind_of_mask(path: Path) -> str:
    """One of nrrd, dicom (which it may turn out not to be), picture, and empty of what is read as NIfTI.

    A ConversionError when the file is missing or cannot be unpacked.
    """
    if not path.is_file():
        raise ConversionError(f"{path}: no such file")
    try:
        with open_unpacked(path) as file:
            head = file.read(DICOM_MAGIC_AT + len(DICOM_MAGIC))
    except (OSError, EOFError, zlib.error) as error:
        if path.name.lower().endswith((".nii", ".nii.gz")):
            # Its own reader says what is wrong with it.
            return ""
        if isinstance(error, PermissionError):
            raise ConversionError(f"{path}: {DENIED}") from None
        raise ConversionError(
            f"{path}: cannot be read, truncated or damaged ({type(error).__name__}); export it again"
        ) from None
    # DICOM is worth a try: its magic, or a first group 0002 or 0008 of a file without preamble.
    may_be_dicom = head[DICOM_MAGIC_AT:] == DICOM_MAGIC or head[:2] in (b"\x02\x00", b"\x08\x00")
    if head.startswith(NRRD_MAGIC):
        return "nrrd"
    if head.startswith(pictures.MAGICS) and path.name.lower().endswith(pictures.ENDINGS):
        return "picture"
    return "dicom" if head[:4] not in _NIFTI_MAGICS and may_be_dicom else ""


def colors_in(label_map: Mapping[str, int]) -> dict[str, int]:
    """The colours among what a label map names, as ``#ff8c00``."""
    return {name: value for name, value in label_map.items() if name.startswith("#")}


def read_as_stored(path: Path, labels: Labels, spacing: Sequence[float] | None = None) -> Volume:
    """The values of a file that is no DICOM, whatever its header says of segments."""
    kind = kind_of_mask(path)
    if kind == "nrrd":
        return read_plain_nrrd(path)
    if kind == "dicom":
        raise ConversionError(
            f"{path}: found DICOM, expected a file a label in NIfTI, NRRD, MHA, PNG or TIFF"
        )
    if kind == "picture":
        return pictures.read_picture(path, colors_in(labels.label_map), spacing)
    return whole(read_image(path, str(path)))


def _read_parts(folder: Path, labels: Labels, spacing: Sequence[float] | None) -> Volume:
    """A folder with a binary file a label, named after it, put together."""
    parts = parts_of(folder)
    values = values_of_names(folder, list(parts), "file", labels)
    wanted = {name: value for name, value in zip(parts, values, strict=True) if value}
    if not wanted:
        raise ConversionError(f"{folder}: found no file of a label, expected at least one")
    first = read_as_stored(parts[next(iter(wanted))], labels, spacing)
    notes: dict[str, None] = {}

    def painted() -> Iterator[tuple[str, int, np.ndarray]]:
        for name, value in wanted.items():
            part = read_as_stored(parts[name], labels, spacing)
            if (difference := part.grid.difference(first.grid)) and difference.field == "axis order":
                part = part.in_order(first.axis_order)
            elif difference:
                raise ConversionError(
                    f"{parts[name]}: {difference} (the grid of {first.source}); masks are never resampled: "
                    "export it on the same grid"
                )
            notes.update(dict.fromkeys(part.notes))
            yield name, value, marked_in(parts[name], part.array)

    whole_map, overlaps = combine(folder, first.array.shape, painted(), "files", labels.precedence)
    return Volume(whole_map, first.affine, str(folder), (*notes, *overlaps))


def marked_in(path: Path, array: np.ndarray) -> np.ndarray:
    """Voxels (bool) that a file of one label marks; a ConversionError when it holds more than one value."""
    found = np.unique(array)
    marked = found[found != 0]
    if len(marked) > 1:
        named = ", ".join(f"{value:g}" for value in marked[:4]) + (", ..." if len(marked) > 4 else "")
        raise ConversionError(
            f"{path}: label: found {len(marked)} values beside 0 ({named}), expected one in a file a label; "
            "leave the file out with --map-label NAME=0 if it is no mask"
        )
    return array != 0
