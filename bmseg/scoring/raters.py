"""Whom a workspace's evaluation scores: the data set's readers and every method with predictions."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bmseg.errors import InputError
from bmseg.scoring.evaluate import Raters
from bmseg.study import Study
from bmseg.workspace import Workspace
from dataset_conversion.raw.dataset import RawDataset


def workspace_raters(workspace: Workspace, study: Study) -> tuple[Raters, bool]:
    """The raters of a workspace, and whether its cohort is synthetic.

    Raises
    ------
    InputError
        When the data set has no test exam or no method has made predictions.
    dataset_conversion.images.volume.ConversionError
        When there is no finished data set.
    """
    exams, synthetic = test_cohort(workspace, study)
    readers = reader_folders(workspace, study)
    models = {
        folder.name: folder for folder in sorted(workspace.predictions_root.glob("[!.]*")) if folder.is_dir()
    }
    if not models:
        raise InputError(
            f"{workspace.predictions_root}: found no method's predictions, expected at least one; "
            "run 'bmseg predict' first"
        )
    return Raters(readers, models, exams), synthetic


def test_cohort(workspace: Workspace, study: Study) -> tuple[list[str], bool]:
    """The test exams of a workspace, and whether its cohort is synthetic; errors of `workspace_raters`."""
    dataset = RawDataset.create(workspace.nnunet_raw, study.dataset_spec)
    cohort = dataset.cohort()
    exams = dataset.exams("test")
    if not exams:
        raise InputError(f"{dataset.cohort_path}: split: found no test exam, expected at least one")
    return exams, is_synthetic(cohort)


def is_synthetic(cohort: pd.DataFrame) -> bool:
    """Whether cohort.csv says that every exam is simulated."""
    return "synthetic" in cohort and bool((cohort.synthetic == True).all())  # noqa: E712


def reader_folders(workspace: Workspace, study: Study) -> dict[str, Path]:
    """Reader to folder, of the readers with masks of the test exams."""
    dataset = RawDataset.create(workspace.nnunet_raw, study.dataset_spec)
    folders = {reader: dataset.readers_folder(reader) for reader in study.reader_names}
    return {reader: folder for reader, folder in folders.items() if any(folder.glob("[!.]*.nii.gz"))}
