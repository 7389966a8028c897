"""Unread exams that readers have segmented become training exams of the data set."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from dataset_conversion.files import atomic_path
from dataset_conversion.images import ConversionError, read_table, read_volume
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import Exam


def unread_exams(dataset: RawDataset) -> pd.DataFrame:
    """The unread exams, a row each: ``exam`` and its facts as text, missing where the cell is empty.

    Raises
    ------
    ConversionError
        When the data set holds no list of unread exams, or an image of one is missing.
    """
    path = dataset.unread_folder / "exams.csv"
    if not path.is_file():
        raise ConversionError(
            f"{path}: found no unread exams, expected images that readers are to segment; write them with "
            "'bmseg convert dicom' without --table, 'bmseg convert nifti' with split 'unread', or "
            "'bmseg phantom --segmented'"
        )
    table = _as_text(path)
    for exam in table.exam:
        if not (dataset.has_images(exam, "unread") or dataset.has_images(exam, "training")):
            raise ConversionError(
                f"{path}: exam {exam}: found no image in {dataset.unread_folder}, expected one for every "
                "channel; convert again"
            )
    return table


def training_exams(dataset: RawDataset) -> list[str]:
    """Identifiers of the training exams, sorted; none where there is no data set yet."""
    return dataset.exams("training") if dataset.cohort_path.is_file() else []


def image_of(dataset: RawDataset, exam: str, channel: str) -> Path:
    """An exam's image, whether the exam is still unread or has become a training exam."""
    unread = dataset.image_path(exam, "unread", channel)
    return unread if unread.is_file() else dataset.image_path(exam, "training", channel)


def add_segmented(dataset: RawDataset, masks: Mapping[str, Path], *, seed: int) -> None:
    """Make training exams of unread ones, with new folds; killed and called again, it goes on.

    Images and masks are written first, then cohort.csv, splits_final.json and dataset.json; only then are
    the images removed from the unread ones. Between the two, the number of training exams in dataset.json
    does not fit, and nothing trains on half of it. What is in cohort.csv already stays as it is.

    `masks` holds an exam's mask as it is trained on, NIfTI on the image's grid; `seed` is that of the folds.

    Raises
    ------
    ConversionError
        When a mask does not fit its image, or an exam is neither unread nor a training exam.
    """
    table = unread_exams(dataset)
    cohort = pd.DataFrame(columns=["exam", "split"], dtype=object)
    if dataset.cohort_path.is_file():
        # As text, so that cells are written again as they were.
        cohort = _as_text(dataset.cohort_path)
    done = set(cohort.exam[cohort.split == "training"])
    new = [exam for exam in masks if exam not in done]
    if unknown := sorted(set(new) - set(table.exam)):
        raise ConversionError(f"exam {', '.join(unknown)}: found a mask, expected one of an unread exam")
    spec = dataset.spec
    for exam in new:
        channels = {name: read_volume(image_of(dataset, exam, name)) for name in spec.channels}
        mask = read_volume(masks[exam])
        mask = replace(mask, array=spec.as_read(mask.array))
        dataset.add(Exam(exam, "training", channels, {spec.training_reader: mask}))
    if new:
        rows = table[table.exam.isin(new)].assign(split="training")
        dataset.finish(_rows(pd.concat([cohort, rows], ignore_index=True)), seed=seed)
    left = table[~table.exam.isin(set(masks) | done)]
    if len(left) < len(table):
        dataset.finish_unread(_rows(left))


def link_or_copy(source: Path, target: Path) -> None:
    """A file under a second name: a hard link where the disk can, else a copy.

    Files of a data set are replaced as a whole, never changed in place, so a link keeps what it had.
    """
    with atomic_path(target) as temporary:
        temporary.unlink(missing_ok=True)
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


def _as_text(path: Path) -> pd.DataFrame:
    table = read_table(path)
    return table.astype(object).where(table != "", None)


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return table.astype(object).where(table.notna(), None).to_dict("records")
