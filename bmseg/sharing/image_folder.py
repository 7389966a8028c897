"""A folder of anyone's images: which exams it holds, and their images as the model's data set stores them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bmseg.errors import InputError
from bmseg.nnunet.inputs import visible_files
from dataset_conversion.images import SPACING_TOLERANCE_MM, ConversionError, Volume, read_volume
from dataset_conversion.raw.dataset import FILE_ENDING, RawDataset
from dataset_conversion.raw.exam import Exam

_CHANNEL = re.compile(r"(?P<exam>.+)_(?P<number>\d{4})")


@dataclass(frozen=True)
class NewExams:
    """What a folder of images holds.

    `images` are those of whole exams in channel order; `faults` has one for each exam or file that cannot be
    used, `others` the names of files that are no images.
    """

    images: Mapping[str, Sequence[Path]]
    faults: list[str]
    others: list[str]


def find_exams(folder: Path, channels: Sequence[str]) -> NewExams:
    """The exams of a folder, in nnU-Net's naming: ``<exam>_0000.nii.gz``, a number a channel.

    Of one channel, ``<exam>.nii.gz`` will do. InputError when there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder, expected one of images (<exam>_0000{FILE_ENDING})")
    found: dict[str, dict[int, Path]] = {}
    faults = []
    paths = visible_files(folder, FILE_ENDING)
    for path in paths:
        stem = path.name.removesuffix(FILE_ENDING)
        match = _CHANNEL.fullmatch(stem)
        exam, number = (match["exam"], int(match["number"])) if match else (stem, 0)
        if not match and len(channels) > 1:
            faults.append(f"{path.name}: found no channel number, expected {_names(stem, channels)}")
        elif number >= len(channels):
            faults.append(f"{path.name}: found channel {number}, expected {_names(exam, channels)}")
        elif number in found.setdefault(exam, {}):
            faults.append(f"{exam}: found both {found[exam][number].name} and {path.name}, expected one")
        else:
            found[exam][number] = path
    for exam, images in found.items():
        if missing := [name for number, name in enumerate(channels) if number not in images]:
            faults.append(
                f"{exam}: found no image of {', '.join(missing)}, expected {_names(exam, channels)}"
            )
    if not paths:
        raise InputError(f"{folder}: found no image, expected at least one (<exam>_0000{FILE_ENDING})")
    whole = {exam: images for exam, images in found.items() if len(images) == len(channels)}
    others = [path.name for path in visible_files(folder) if path not in paths]
    ordered = {exam: [images[number] for number in sorted(images)] for exam, images in whole.items()}
    return NewExams(ordered, faults, others)


def _names(exam: str, channels: Sequence[str]) -> str:
    return ", ".join(f"{exam}_{number:04d}{FILE_ENDING} ({name})" for number, name in enumerate(channels))


def store(dataset: RawDataset, exam: str, images: Sequence[Path]) -> Volume:
    """Store an exam's images, unread, as the data set stores all others: nnU-Net ignores the axis order.

    Gives zeros on the first channel's grid as it was read, in its own axis order, for the mask to come.

    Raises
    ------
    ConversionError
        When an image is damaged, has not three dimensions, holds values that are not finite, lies on
        another grid than the first, or was not taken in the study's plane.
    """
    spec = dataset.spec
    volumes = {name: read_volume(path) for name, path in zip(spec.channels, images, strict=True)}
    first = volumes[spec.channels[0]]
    spacing = first.stored_as(spec.plane).spacing
    # nnU-Net cuts along one axis of the array for all exams; the study's slices are the coarsest one.
    if spacing[:2].max() > spacing[2] + SPACING_TOLERANCE_MM:
        raise ConversionError(
            f"{exam}: plane: found {spacing[2]:g} mm between {spec.plane} slices and {spacing[:2].max():g} "
            f"mm within, expected the larger between slices: the model is for {spec.plane} images "
            f"({images[0]})"
        )
    dataset.add(Exam(exam, "unread", volumes, {}))
    return Volume(np.broadcast_to(np.uint8(0), first.array.shape), first.affine)
