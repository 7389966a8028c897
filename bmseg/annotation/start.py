"""The exams that are segmented before the first round."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bmseg.annotation.masks import masks_in, read_masks, refuse_unknown
from bmseg.annotation.state import Annotation
from bmseg.errors import InputError
from bmseg.outputs import provenance
from bmseg.outputs.provenance import file_hash
from bmseg.outputs.records import write_record
from bmseg.study import study_hash
from bmseg.workspace import kept_study, open_workspace
from dataset_conversion.images.volume import Volume, read_volume, write_volume
from dataset_conversion.raw.segmented import same_voxels, training_exams, unread_exams


def start(root: Path | str, *, masks: Path | None = None, seed: int) -> list[str]:
    """Begin: note the segmented exams, and take masks of unread exams in; returns what to print.

    Parameters
    ----------
    root : path
        The workspace, with unread exams (``nnUNet_raw/<data set>/images``).
    masks : Path, optional
        Folder of ``<exam>.nii.gz`` of unread exams.
    seed : int
        Of folds, choices and trainings of all rounds.

    Raises
    ------
    InputError
        When there is no unread exam or no segmented one, a mask does not fit, an exam is both unread and
        of the data set, a patient of the test exams is among the unread, or rounds were begun otherwise.
    dataset_conversion.images.volume.ConversionError
        When there are no unread exams.
    """
    workspace, study = open_workspace(root)
    annotation = Annotation(workspace, study)
    given, others = masks_in(masks) if masks else ({}, [])
    record = annotation.record
    if record and record["seed"] != seed:
        raise InputError(
            f"{annotation.record_path}: seed: found {record['seed']}, expected {seed}; start with the same "
            "seed"
        )
    if record.get("started"):
        annotation.settle()
        return _again(annotation, given)
    unread = unread_exams(annotation.dataset)
    if not record:
        _check_exams(annotation)
    refuse_unknown(given, unread.exam, "unread exams")
    read = read_masks(annotation, given)
    if not given and not training_exams(annotation.dataset):
        raise InputError(
            f"{annotation.dataset.folder}: found no segmented exam, expected at least one: segment some of "
            f"the exams in {annotation.dataset.unread_folder} by hand and name their folder with --masks"
        )
    record = {
        "seed": seed,
        "study_sha256": study_hash(kept_study(workspace.root)),
        "synthetic": "synthetic" in unread and bool((unread.synthetic == "True").all()),
        "versions": provenance.versions(),
        "started": False,
    }
    write_record(annotation.record_path, record)
    _accept(annotation, given, read)
    write_record(annotation.record_path, {**record, "started": True})
    lines = [f"{len(annotation.lineage())} exams segmented, {len(annotation.unread())} unread"]
    if empty := [exam for exam, mask in read.items() if not mask.array.any()]:
        lines.append(f"{len(empty)} masks mark nothing: {', '.join(empty)}")
    if others:
        lines.append(f"{len(others)} other files in {masks} are no masks and were not read")
    return [*lines, "next: bmseg annotate propose"]


def _accept(annotation: Annotation, given: dict[str, Path], read: dict[str, Volume]) -> None:
    reader = annotation.dataset.spec.training_reader
    before, begin = [exam for exam in training_exams(annotation.dataset) if exam not in read], []
    for exam in before:
        path = annotation.dataset.mask_path(exam, "training", reader)
        begin.append(_row(annotation, exam, "segmented before", path))
    for exam, mask in read.items():
        path = annotation.round(0).accepted(exam)
        write_volume(path, mask)
        row = _row(annotation, exam, "segmented by hand", path)
        begin.append(row | {"corrected_sha256": file_hash(given[exam])})
    annotation.add_lineage(begin)
    annotation.settle()


def _row(annotation: Annotation, exam: str, chosen: str, mask: Path) -> dict[str, Any]:
    return {
        "exam": exam, "round": 0, "chosen": chosen, "image_sha256": annotation.image_hash(exam),
        "mask_sha256": file_hash(mask), "accepted_at": now(),
    }  # fmt: skip


def _again(annotation: Annotation, given: dict[str, Path]) -> list[str]:
    """Say that it is done; refuse masks that are not those of the first time."""
    lineage = annotation.lineage()
    begun = set(lineage.exam[lineage["round"] == 0])
    if new := sorted(set(given) - begun):
        raise InputError(
            f"{given[new[0]]}: exam {new[0]}: found a mask after rounds had begun, expected those of the "
            "first 'annotate start'; let 'annotate propose' choose the exam"
        )
    refuse_other_masks(annotation, read_masks(annotation, given), given)
    return [f"already begun: {len(begun)} exams were segmented; nothing was changed"]


def refuse_other_masks(annotation: Annotation, read: dict[str, Volume], files: dict[str, Path]) -> None:
    """Refuse masks of accepted exams that are not the accepted ones: those are never overwritten.

    Raises
    ------
    InputError
        Names the files.
    """
    reader = annotation.dataset.spec.training_reader
    other = [
        exam
        for exam, mask in read.items()
        if not same_voxels(mask, read_volume(annotation.dataset.mask_path(exam, "training", reader)))
    ]
    if other:
        names = ", ".join(files[exam].name for exam in other)
        raise InputError(
            f"{files[other[0]].parent}: mask: found another than was accepted ({names}), expected the same: "
            "an accepted mask is never overwritten"
        )


def now() -> str:
    """The time, for lineage.csv."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _check_exams(annotation: Annotation) -> None:
    """Refuse exams that are in two places, and patients of test exams among the unread ones."""
    dataset = annotation.dataset
    unread = unread_exams(dataset)
    if unread.empty:
        raise InputError(f"{dataset.unread_folder / 'exams.csv'}: found no exam, expected at least one")
    if not dataset.cohort_path.is_file():
        return
    cohort = dataset.cohort()
    if both := sorted(set(unread.exam) & set(cohort.exam)):
        raise InputError(
            f"{dataset.unread_folder / 'exams.csv'}: exam {', '.join(both)}: found in cohort.csv too, "
            "expected in one; rename the exams or remove them from one table"
        )
    if "patient" in unread and "patient" in cohort:
        tested = set(cohort.patient[cohort.split == "test"].dropna())
        if shared := sorted(set(unread.patient.dropna()) & tested):
            raise InputError(
                f"{dataset.unread_folder / 'exams.csv'}: patient {', '.join(shared)}: found among test exams "
                "too, expected none: a model would be trained on whom it is tested; leave these exams out"
            )
