"""Exams from NIfTI files, listed in a CSV table with a row an exam."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from dataset_conversion.images import read_volume
from dataset_conversion.mask_files.reading import Labels, read_mask
from dataset_conversion.raw.cohort_table import CohortRow, read_cohort
from dataset_conversion.raw.conversion import PendingExam
from dataset_conversion.raw.exam import DatasetSpec, Exam


def read_table(
    path: Path, spec: DatasetSpec, label_map: Mapping[str, int] | None = None
) -> list[PendingExam]:
    """Read and check a cohort table; images and masks are read later, exam by exam.

    Parameters
    ----------
    path, spec
        As `dataset_conversion.raw.cohort_table.read_cohort` takes them, with a column a channel; the errors
        are the same. Images are NIfTI; masks may also be NRRD, DICOM SEG or RTSTRUCT.
    label_map : mapping of str to int, optional
        Mask values, or names of segments or contour sets, that stand for levels: ``{"255": 1}``.
    """
    labels = dict(label_map or {})
    return [
        PendingExam(
            row.exam, row.split, row.facts, _fingerprint(row, spec, labels), partial(_load, row, spec, labels)
        )
        for row in read_cohort(path, spec, spec.channels, splits=("training", "test", "unread"))
    ]


def _load(row: CohortRow, spec: DatasetSpec, label_map: Mapping[str, int]) -> Exam:
    channels = {name: read_volume(row.files[name]) for name in spec.channels}
    image = channels[spec.channels[0]]
    labels = Labels(spec.labels, label_map)
    masks = {reader: read_mask(row.files[reader], image, labels)
             for reader in spec.readers if reader in row.files}  # fmt: skip
    return Exam(row.exam, row.split, channels, masks, row.facts)


def _fingerprint(row: CohortRow, spec: DatasetSpec, label_map: Mapping[str, int]) -> str:
    seen = [
        (name, str(file), file.stat().st_size, file.stat().st_mtime_ns)
        for name, file in sorted(row.files.items())
    ]
    text = repr((seen, row.split, spec, sorted(label_map.items())))
    return hashlib.sha256(text.encode()).hexdigest()
