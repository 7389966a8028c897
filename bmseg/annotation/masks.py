"""Masks that a reader hands in: which files of a folder they are, and whether they fit their images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from bmseg.annotation.rounds import Annotation
from bmseg.errors import InputError
from dataset_conversion.images import ConversionError, Volume, read_table, read_volume
from dataset_conversion.mask_files.listing import parts_of, stem_of
from dataset_conversion.mask_files.pictures import ENDINGS as PICTURES
from dataset_conversion.mask_files.reading import Labels, read_mask
from dataset_conversion.raw.exam import value_fault
from dataset_conversion.raw.segmented import image_of

#: Beside a mask that 3D Slicer exported: which number it gave to which segment.
SLICER_NUMBERS = ".labels.csv"


def masks_in(folder: Path, expected: Iterable[str], whose: str) -> tuple[dict[str, Path], list[str]]:
    """Exam to file of the masks in a folder, and the names of files that are no masks.

    A mask is a file in any format of `dataset_conversion.mask_files`, or a folder with a file a level.
    `expected` are the exams that may have one, `whose` says in words which (``unread exams``). An
    InputError when the folder is missing, or holds two masks of one exam or one of another.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected one with <exam>.nii.gz files")
    masks: dict[str, Path] = {}
    others, wanted = [], set(expected)
    for path in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
        exam = stem_of(path)
        # Pictures and folders lie about: those of an exam are masks.
        if path.is_dir() or path.name.lower().endswith(PICTURES):
            named = path.name if path.is_dir() else str(exam)
            exam = named if named in wanted and (path.is_file() or parts_of(path)) else None
        if exam is None:
            if not path.name.endswith(SLICER_NUMBERS):
                others.append(path.name)
            continue
        if exam in masks:
            raise InputError(f"{path}: exam {exam}: found twice ({masks[exam].name}), expected once")
        masks[exam] = path
    if extra := sorted(set(masks) - wanted):
        names = ", ".join(masks[exam].name for exam in extra)
        raise InputError(
            f"{folder}: exam: found {names}, expected only <exam>.nii.gz of {whose}; rename or remove the "
            "files"
        )
    return masks, others


def read_masks(annotation: Annotation, masks: Mapping[str, Path]) -> dict[str, Volume]:
    """Read masks (uint8) as they are trained on, checked against their images.

    They stand in the order and the values of labelsTr: where a reader was unsure, nnU-Net's ignore label.

    An InputError of one line names every mask that does not fit: file, field, found, expected.
    """
    read, faults = {}, []
    for exam, path in masks.items():
        try:
            _check_slicer_numbers(annotation, path.with_name(f"{exam}{SLICER_NUMBERS}"))
            read[exam] = _read(annotation, exam, path)
        except ConversionError as error:
            faults.append(str(error))
    if faults:
        raise InputError("; ".join(faults) + "; nothing was accepted: correct the masks and start again")
    return read


def refuse_other_masks(annotation: Annotation, files: Mapping[str, Path]) -> None:
    """Refuse masks of accepted exams that are not the accepted ones: those are never overwritten.

    An InputError names the files; also errors of `read_masks`.
    """
    other = [
        exam
        for exam, mask in read_masks(annotation, files).items()
        if not np.array_equal(mask.array, read_volume(annotation.training_mask(exam)).array)
    ]
    if other:
        names = ", ".join(files[exam].name for exam in other)
        raise InputError(
            f"{files[other[0]].parent}: mask: found another than was accepted ({names}), expected the same: "
            "an accepted mask is never overwritten"
        )


def _check_slicer_numbers(annotation: Annotation, path: Path) -> None:
    """Refuse a mask in which 3D Slicer numbered the segments anew; it does so unless told otherwise.

    Slicer 5.13 writes the columns ``LabelValue`` and ``Name``; underscores of a name are shown as spaces.
    """
    if not path.is_file():
        return
    try:
        table = read_table(path)
        names = table["Name"].str.replace(" ", "_")
        found = dict(zip(names, table["LabelValue"], strict=True))
    except (ValueError, KeyError):
        raise ConversionError(
            f"{path}: cannot be read as 3D Slicer's table of LabelValue and Name; export the mask again, or "
            "remove the file if it is not Slicer's"
        ) from None
    levels = {name: str(value) for name, value in annotation.study.dataset_spec.names.items()}
    faults = [
        f"segment {name}: found {value} in the mask, expected {levels.get(name, 'the name of a level')}"
        for name, value in found.items()
        if levels.get(name) != value
    ]
    if faults:
        raise ConversionError(
            f"{path}: {'; '.join(faults)}: export again with 'Use color table values' ticked, or save as "
            ".seg.nrrd"
        )


def _read(annotation: Annotation, exam: str, path: Path) -> Volume:
    spec = annotation.dataset.spec
    image = read_volume(image_of(annotation.dataset, exam, spec.channels[0]))
    mask = read_mask(path, image, Labels(spec.names, {})).stored_as(spec.plane)
    if difference := mask.grid.difference(image.grid):
        raise ConversionError(
            f"{path}: {difference} (the grid of the exam's image): save it on the image's grid"
        )
    if fault := value_fault(mask.array, spec):
        raise ConversionError(f"{path}: {fault}: load the label file of your program")
    # The image's own affine: programs round it when they save.
    return Volume(spec.as_trained(mask.array.astype(np.uint8)), image.affine)
