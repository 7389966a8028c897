"""The exams that are segmented before the first round."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bmseg.annotation.masks import masks_in, read_masks, refuse_other_masks
from bmseg.annotation.rounds import Annotation
from bmseg.errors import InputError
from bmseg.outputs import provenance, write_record
from bmseg.outputs.provenance import file_hash
from bmseg.scoring.masks import mask_hash
from bmseg.workspace import open_workspace
from dataset_conversion.images import Volume, write_volume
from dataset_conversion.raw.exam import IGNORE
from dataset_conversion.raw.segmented import training_exams, unread_exams
from evaluation.statistics.words import plural


def start(root: Path | str, *, masks: Path | None = None, seed: int) -> list[str]:
    """Begin: note the segmented exams, and take masks of unread exams in; returns what to print.

    The workspace has unread exams (``nnUNet_raw/<data set>/images``; else a ConversionError); `masks` is a
    folder of ``<exam>.nii.gz`` of such; the seed is that of folds, choices and trainings of all rounds. An
    InputError when there is no unread exam or no segmented one, a mask does not fit, an exam is both unread
    and of the data set, a patient of the test exams is among the unread, or rounds were begun otherwise; a
    WorkError when another process is at work on the rounds.
    """
    annotation = Annotation(open_workspace(root)[0])
    with annotation.alone():
        return _start(annotation, masks, seed)


def _start(annotation: Annotation, masks: Path | None, seed: int) -> list[str]:
    record, begun = annotation.record, annotation.lineage()
    if record and record["seed"] != seed:
        raise InputError(
            f"{annotation.record_path}: seed: found {record['seed']}, expected {seed}; start with the same "
            "seed"
        )
    unread = unread_exams(annotation.dataset)
    given, others = masks_in(masks, {*unread.exam, *begun.exam}, "unread exams") if masks else ({}, [])
    if record.get("started"):
        return _again(annotation, given)
    if not record:
        _check_exams(annotation, unread)
    read = read_masks(annotation, given)
    if not given and not training_exams(annotation.dataset):
        raise InputError(
            f"{annotation.dataset.folder}: found no segmented exam, expected at least one: segment some of "
            f"the exams in {annotation.dataset.unread_folder} by hand and name their folder with --masks"
        )
    record = {
        "seed": seed,
        "study_sha256": provenance.file_hash(annotation.workspace.study_file),
        "synthetic": "synthetic" in unread and bool((unread.synthetic == "True").all()),
        "versions": provenance.versions(),
        "started": False,
    }
    write_record(annotation.record_path, record)
    _accept(annotation, given, read)
    write_record(annotation.record_path, {**record, "started": True})
    lines = [f"{plural(len(annotation.lineage()), 'exam')} segmented, {len(annotation.unread())} unread"]
    if empty := [exam for exam, mask in read.items() if not mask.array.any()]:
        lines.append(f"nothing is marked in {plural(len(empty), 'mask')}: {', '.join(empty)}")
    ignored = annotation.dataset.spec.trained_labels.get(IGNORE, -1)
    if unsure := [exam for exam, mask in read.items() if (mask.array == ignored).any()]:
        lines.append(f"voxels marked as unsure, which no model learns from: in {', '.join(unsure)}")
    if others:
        lines.append(f"not read, since no mask: {plural(len(others), 'other file')} in {masks}")
    return [*lines, f"next: {annotation.command('propose')}"]


def _accept(annotation: Annotation, given: Mapping[str, Path], read: Mapping[str, Volume]) -> None:
    rows: list[dict[str, Any]] = [
        {"exam": exam, "chosen": "segmented before", "mask_sha256": file_hash(annotation.training_mask(exam))}
        for exam in training_exams(annotation.dataset)
        if exam not in read
    ]
    for exam, mask in read.items():
        path = annotation.round(0).accepted(exam)
        write_volume(path, mask)
        hashes = {"corrected_sha256": mask_hash(given[exam]), "mask_sha256": file_hash(path)}
        rows.append({"exam": exam, "chosen": "segmented by hand", **hashes})
    annotation.add_lineage([{"round": 0, **row} for row in rows])
    annotation.settle()


def _again(annotation: Annotation, given: Mapping[str, Path]) -> list[str]:
    """Say that it is done; refuse masks that are not those of the first time."""
    lineage = annotation.lineage()
    begun = set(lineage.exam[lineage["round"] == 0])
    if new := sorted(set(given) - begun):
        raise InputError(
            f"{given[new[0]]}: exam {new[0]}: found a mask after rounds had begun, expected those of the "
            f"first 'annotate start'; let a round choose the exam: {annotation.command('propose')}"
        )
    refuse_other_masks(annotation, given)
    return [f"already begun with {plural(len(begun), 'segmented exam')}; nothing was changed"]


def _check_exams(annotation: Annotation, unread: pd.DataFrame) -> None:
    """Refuse exams that are in two places, and patients of test exams among the unread ones."""
    dataset = annotation.dataset
    table = dataset.unread_folder / "exams.csv"
    if unread.empty:
        raise InputError(f"{table}: found no exam, expected at least one")
    if not dataset.cohort_path.is_file():
        return
    cohort = dataset.cohort()
    if both := sorted(set(unread.exam) & set(cohort.exam)):
        raise InputError(
            f"{table}: exam {', '.join(both)}: found in cohort.csv too, "
            "expected in one; rename the exams or remove them from one table"
        )
    if "patient" in unread and "patient" in cohort:
        tested = set(cohort.patient[cohort.split == "test"].dropna())
        if shared := sorted(set(unread.patient.dropna()) & tested):
            raise InputError(
                f"{table}: patient {', '.join(shared)}: found among test exams "
                "too, expected none: a model would be trained on whom it is tested; leave these exams out"
            )
