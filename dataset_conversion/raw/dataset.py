"""The only writer and reader of nnU-Net's raw format, with the test exams' readers beside it.

Layout of one data set::

    dataset.json  splits_final.json  cohort.csv
    imagesTr/<exam>_0000.nii.gz   labelsTr/<exam>.nii.gz            training exams, training reader
                                  readersTr/<reader>/<exam>.nii.gz  training exams with other readers' masks
    imagesTs/<exam>_0000.nii.gz   readersTs/<reader>/<exam>.nii.gz  test exams, every reader
    truthTs/<exam>.nii.gz                                           test exams, where they are simulated
    images/<exam>_0000.nii.gz     images/exams.csv                  unread exams, for readers to mask

readersTr has the training reader's mask too, of exams that others drew; where the training reader drew none,
labelsTr has the first of the others. Where readers were unsure, their masks keep the study's value; labelsTr
has nnU-Net's ignore label there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from dataset_conversion.files import write_text
from dataset_conversion.images import ConversionError, Volume, stored_spacing, whole, write_volume
from dataset_conversion.raw.cohort_table import read_facts
from dataset_conversion.raw.exam import (
    DatasetSpec,
    Exam,
    Split,
    check_identifier,
    labelled_by,
    name_fault,
    value_fault,
)
from dataset_conversion.raw.folds import make_folds

#: Columns of cohort.csv that every data set has; what else is known of an exam follows them.
COHORT_COLUMNS = ["exam", "split", "site", "scanner", "group", "age"]

FILE_ENDING = ".nii.gz"

IMAGE_FOLDERS: dict[Split, str] = {"training": "imagesTr", "test": "imagesTs", "unread": "images"}


@dataclass(frozen=True)
class RawDataset:
    """A data set in nnU-Net's raw format."""

    folder: Path
    spec: DatasetSpec

    @classmethod
    def create(cls, nnunet_raw: Path, spec: DatasetSpec) -> Self:
        """The data set's place below ``nnUNet_raw``; folders are made as files are written."""
        return cls(nnunet_raw / spec.folder_name, spec)

    def image_path(self, exam: str, split: Split, channel: str) -> Path:
        """Where an exam's image of one channel lies."""
        number = self.spec.channels.index(channel)
        return self.folder / IMAGE_FOLDERS[split] / f"{exam}_{number:04d}{FILE_ENDING}"

    def mask_path(self, exam: str, split: Split, reader: str) -> Path:
        """Where a reader's mask of a training or test exam lies."""
        if split == "training":
            return self.folder / "labelsTr" / f"{exam}{FILE_ENDING}"
        return self.readers_folder(reader) / f"{exam}{FILE_ENDING}"

    def readers_folder(self, reader: str) -> Path:
        """Where a reader's masks of the test exams lie."""
        return self.folder / "readersTs" / reader

    def teachers_path(self, exam: str, reader: str) -> Path:
        """Where a reader's mask of a training exam lies that several readers drew."""
        return self.folder / "readersTr" / reader / f"{exam}{FILE_ENDING}"

    def training_masks(self, exam: str) -> dict[str, Path]:
        """Reader to mask of a training exam, in study order; in labelsTr where nobody else drew it."""
        paths = {reader: self.teachers_path(exam, reader) for reader in self.spec.readers}
        found = {reader: path for reader, path in paths.items() if path.is_file()}
        alone = self.spec.training_reader
        return found or {alone: self.mask_path(exam, "training", alone)}

    def truth_path(self, exam: str) -> Path:
        """Where the truth of a simulated test exam lies."""
        return self.folder / "truthTs" / f"{exam}{FILE_ENDING}"

    @property
    def unread_folder(self) -> Path:
        """Where the images of unread exams lie, and exams.csv that lists them."""
        return self.folder / IMAGE_FOLDERS["unread"]

    @property
    def cohort_path(self) -> Path:
        """cohort.csv."""
        return self.folder / "cohort.csv"

    @property
    def splits_path(self) -> Path:
        """nnU-Net's folds of the training exams."""
        return self.folder / "splits_final.json"

    def has_images(self, exam: str, split: Split) -> bool:
        """Whether all images of an exam are there."""
        return all(self.image_path(exam, split, name).is_file() for name in self.spec.channels)

    def masks_kept(self, exam: Exam) -> list[str]:
        """Readers whose masks of this exam go into the data set, in study order."""
        return [reader for reader in self.spec.readers if reader in exam.masks]

    def add(self, exam: Exam) -> None:
        """Check an exam and write its files, each atomically, in the study's storage order.

        Raises
        ------
        ConversionError
            When an image or mask is missing or unknown, grids differ, an image holds a value that is not
            finite, or a mask one that is no level of the study. Nothing is written then.
        """
        check_identifier(exam.identifier)
        if fault := name_fault(exam, self.spec):
            raise ConversionError(f"{exam.identifier}: {fault}")
        plane = self.spec.plane
        images = {name: _stored(exam.channels[name].stored_as(plane)) for name in self.spec.channels}
        masks = {
            reader: whole(exam.masks[reader]).said().stored_as(plane) for reader in self.masks_kept(exam)
        }
        if fault := self._voxel_fault(images, masks):
            raise ConversionError(f"{exam.identifier}: {fault}")
        for name, image in images.items():
            write_volume(self.image_path(exam.identifier, exam.split, name), image)
        for path, mask in self._mask_files(exam, masks).items():
            if mask is None:
                path.unlink(missing_ok=True)
            else:
                write_volume(path, mask)
        if exam.truth:
            write_volume(self.truth_path(exam.identifier), exam.truth.stored_as(plane))

    def _mask_files(self, exam: Exam, masks: Mapping[str, Volume]) -> dict[Path, Volume | None]:
        """File to what it is to hold, None of one that is not to be."""
        small = {reader: replace(mask, array=mask.array.astype(np.uint8)) for reader, mask in masks.items()}
        if exam.split != "training":
            readers = self.spec.readers if exam.split == "test" else ()
            return {self.mask_path(exam.identifier, "test", reader): small.get(reader) for reader in readers}
        label = small[labelled_by(small, self.spec)]
        several = {} if list(small) == [self.spec.training_reader] else small
        return {
            self.mask_path(exam.identifier, "training", self.spec.training_reader): replace(
                label, array=self.spec.as_trained(label.array)
            ),
            **{
                self.teachers_path(exam.identifier, reader): several.get(reader)
                for reader in self.spec.readers
            },
        }

    def _voxel_fault(self, images: Mapping[str, Volume], masks: Mapping[str, Volume]) -> str:
        first = self.spec.channels[0]
        grid, whose = images[first].grid, _named(first, images[first])
        for name, volume in [*images.items(), *masks.items()]:
            if difference := volume.grid.difference(grid):
                return (
                    f"{_named(name, volume)}: {difference} (the grid of {whose}); nothing is resampled: "
                    "export again"
                )
        for reader, mask in masks.items():
            if strange := value_fault(mask.array, self.spec):
                advice = "; map it with --map-label" if strange.mappable else ""
                return f"{_named(reader, mask)}: {strange}{advice}"
        for name, image in images.items():
            if count := int((~np.isfinite(image.array)).sum()):
                where = f"in {count} of {image.array.size} voxels"
                fault = f"found no finite number {where}, expected one in each; mend the image"
                return f"{_named(name, image)}: {fault}"
        return ""

    def reopen(self) -> None:
        """Mark the data set unfinished, before its files change."""
        (self.folder / "dataset.json").unlink(missing_ok=True)

    def finish(self, exams: Iterable[Mapping[str, Any]], *, seed: int, folds: int = 5) -> list[Path]:
        """Write cohort.csv, splits_final.json and, last, dataset.json.

        Images and masks of exams that are not among `exams` are removed: nnU-Net would train on them.

        `exams` are rows of ``exam``, ``split`` and facts. Of few training exams there are fewer folds.
        Returned are the files that were removed.

        Raises
        ------
        ConversionError
            When there is no training exam, an identifier comes twice, or the slices are not the axis of
            largest spacing, so that nnU-Net would cut another plane.
        """
        cohort = _table(exams, COHORT_COLUMNS).sort_values(["split", "exam"], ascending=[False, True])
        training = cohort[cohort.split == "training"]
        if training.empty:
            raise ConversionError("split: found no training exam, expected at least one")
        self._check_plane(cohort)
        write_text(self.cohort_path, cohort.to_csv(index=False))
        splits = make_folds(training, folds=folds, seed=seed)
        write_text(self.splits_path, json.dumps(splits, indent=2) + "\n")
        wanted = set()
        for row in cohort.itertuples():
            wanted |= {self.image_path(row.exam, row.split, name) for name in self.spec.channels}
            wanted |= {self.mask_path(row.exam, row.split, reader) for reader in self.spec.readers}
        wanted |= {self.teachers_path(exam, reader) for exam in training.exam for reader in self.spec.readers}
        wanted |= {self.truth_path(exam) for exam in cohort.exam[cohort.split == "test"]}
        removed = self._remove_except(
            wanted, "imagesTr", "labelsTr", "readersTr", "imagesTs", "readersTs", "truthTs"
        )
        write_text(self.folder / "dataset.json", json.dumps(self._dataset_json(cohort), indent=2) + "\n")
        return removed

    def finish_unread(self, exams: Iterable[Mapping[str, Any]]) -> list[Path]:
        """Write images/exams.csv and remove images of unread exams that are not among `exams`.

        The data set of exams with masks stays as it is. Rows, return value and errors are as of `finish`.
        """
        table = _table(exams, ["exam"]).sort_values("exam")
        images = {self.image_path(exam, "unread", name) for exam in table.exam for name in self.spec.channels}
        write_text(self.unread_folder / "exams.csv", table.to_csv(index=False))
        return self._remove_except(images, IMAGE_FOLDERS["unread"])

    def cohort(self) -> pd.DataFrame:
        """cohort.csv, one row an exam.

        Raises
        ------
        ConversionError
            When the data set is not there or its conversion was not finished.
        """
        if not (self.folder / "dataset.json").is_file() or not self.cohort_path.is_file():
            raise ConversionError(
                f"{self.folder}: found no finished data set, expected dataset.json and cohort.csv; "
                "make one with 'bmseg phantom' or 'bmseg convert'"
            )
        return read_facts(self.cohort_path)

    def exams(self, split: Split) -> list[str]:
        """Identifiers of a split, sorted."""
        cohort = self.cohort()
        return sorted(cohort.exam[cohort.split == split])

    def _check_plane(self, cohort: pd.DataFrame) -> None:
        first = self.spec.channels[0]
        images = [self.image_path(row.exam, row.split, first) for row in cohort.itertuples()]
        median = np.median([stored_spacing(image) for image in images], axis=0)
        if median[:2].max() > median[2]:
            raise ConversionError(
                f"plane: found a median spacing of {median[2]:g} mm between {self.spec.plane} slices and "
                f"{median[:2].max():g} mm within, expected the larger between slices: nnU-Net's 2d "
                "configuration cuts along the largest spacing; check 'plane' in the study file"
            )

    def _remove_except(self, wanted: set[Path], *folders: str) -> list[Path]:
        found = [path for name in folders for path in sorted((self.folder / name).rglob(f"*{FILE_ENDING}"))]
        removed = [path for path in found if path not in wanted]
        for path in removed:
            path.unlink()
        return removed

    def _dataset_json(self, cohort: pd.DataFrame) -> dict[str, Any]:
        return {
            "channel_names": {str(i): name for i, name in enumerate(self.spec.channels)},
            "labels": self.spec.trained_labels,
            "numTraining": int((cohort.split == "training").sum()),
            "file_ending": FILE_ENDING,
            "overwrite_image_reader_writer": "SimpleITKIO",
            "name": self.spec.name,
            "description": self.spec.description,
            "plane": self.spec.plane,
            "training_reader": self.spec.training_reader,
            "readers": list(self.spec.readers),
            **({} if self.spec.ignore is None else {"ignore_in_readersTs": self.spec.ignore}),
        }


def _named(name: str, volume: Volume) -> str:
    return f"{name} ({volume.source})" if volume.source else name


def _stored(image: Volume) -> Volume:
    """Short integers as they are, other types in single precision."""
    kept = image.array.dtype.kind in "iu" and image.array.dtype.itemsize <= 2
    return image if kept else replace(image, array=image.array.astype(np.float32))


def _table(exams: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Rows as a table that begins with some columns; an exam stands once."""
    table = pd.DataFrame([dict(row) for row in exams])
    table = table.reindex(columns=[*columns, *(name for name in table if name not in columns)])
    if repeated := sorted(table.exam[table.exam.duplicated()]):
        raise ConversionError(f"exam {', '.join(repeated)}: found twice, expected once")
    return table
