"""Provenance of a conversion: versions, seed, study, and hashes of what went in and came out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bmseg.outputs import provenance
from bmseg.outputs.records import write_record
from bmseg.study import study_hash
from bmseg.workspace import kept_study
from dataset_conversion.raw.conversion import ConversionReport, PendingExam
from dataset_conversion.raw.dataset import RawDataset


def write_conversion_record(
    root: Path,
    dataset: RawDataset,
    exams: Sequence[PendingExam],
    report: ConversionReport,
    *,
    source: str,
    seed: int,
) -> None:
    """Write ``conversion.json`` beside what was converted, unless the data set is unfinished.

    Parameters
    ----------
    root : Path
        The workspace.
    dataset : RawDataset
    exams : sequence of PendingExam
    report : ConversionReport
    source : {"nifti", "dicom"}
    seed : int
    """
    if report.failures and not report.unread:
        return
    done = [exam for exam in exams if exam.identifier not in report.failures]
    images = {
        f"{exam.identifier} {channel}": dataset.image_path(exam.identifier, exam.split, channel)
        for exam in done
        for channel in dataset.spec.channels
    }
    record = {
        "source": source,
        "exams": len(done),
        "seed": seed,
        "study_sha256": study_hash(kept_study(root)),
        # Of the input files: names, sizes and times, with the options; of the images: their content.
        "inputs_sha256": provenance.value_hash({exam.identifier: exam.fingerprint for exam in done}),
        "images_sha256": provenance.files_hash(images),
        "versions": provenance.versions(),
        "machine": provenance.machine(),
    }
    folder = dataset.unread_folder if report.unread else dataset.folder
    write_record(folder / "conversion.json", record)
