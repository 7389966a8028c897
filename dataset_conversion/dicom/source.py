"""Exams of a folder of exported DICOM files, ready to be converted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from dataset_conversion.dicom.exams import FoundExam
from dataset_conversion.dicom.found_volume import FoundVolume
from dataset_conversion.dicom.inspection import describe_plane, describe_spacing
from dataset_conversion.dicom.pixels import read_voxels
from dataset_conversion.dicom.rule import ChannelRule
from dataset_conversion.dicom.selection import choose
from dataset_conversion.images import ConversionError
from dataset_conversion.mask_files.reading import Labels, read_mask
from dataset_conversion.raw.cohort_table import CohortRow
from dataset_conversion.raw.conversion import PendingExam, kept_mark
from dataset_conversion.raw.exam import DatasetSpec, Exam, Split


def pending_exams(
    exams: Sequence[FoundExam], spec: DatasetSpec, rules: Sequence[ChannelRule],
    *, choices: Mapping[str, Mapping[str, str]], rows: Sequence[CohortRow] | None,
    label_map: Mapping[str, int],
) -> list[PendingExam]:  # fmt: skip
    """What `convert` works on: the exams of the table's rows or, without a table, all of them, unread.

    `choices` are exam to channel to the volume that a person chose; `label_map` as in `Labels`. A
    ConversionError when a row names an exam that is not in the source, or a patient has exams in both
    splits.
    """
    found = {exam.identifier: exam for exam in exams}
    if rows is None:
        rows = [CohortRow(exam.identifier, "unread", {}, {}) for exam in exams]
    if absent := [row.exam for row in rows if row.exam not in found]:
        raise ConversionError(
            f"exam {', '.join(absent)}: found in the table and not in the source, expected in both; the key "
            "file says which exam is which study"
        )
    _check_patients(rows, found)
    labels = Labels(spec.names, dict(label_map))
    return [_pending(found[row.exam], row, spec, rules, choices.get(row.exam, {}), labels) for row in rows]


def _check_patients(rows: Sequence[CohortRow], found: Mapping[str, FoundExam]) -> None:
    splits: dict[str, dict[Split, str]] = {}
    for row in rows:
        patient = _patient(row, found[row.exam])
        splits.setdefault(patient, {})[row.split] = row.exam
        if len(splits[patient]) > 1:
            both = " and ".join(f"{split} ({exam})" for split, exam in splits[patient].items())
            raise ConversionError(
                f"{patient}: split: found in {both}, expected in one; if they are different people, name "
                "them in the key file or in the table's column 'patient'"
            )


def _patient(row: CohortRow, exam: FoundExam) -> str:
    return row.facts.get("patient") or exam.patient


def _pending(
    exam: FoundExam, row: CohortRow, spec: DatasetSpec, rules: Sequence[ChannelRule],
    chosen: Mapping[str, str], labels: Labels,
) -> PendingExam:  # fmt: skip
    try:
        volumes = choose(exam, rules, chosen)
    except ConversionError as error:
        return PendingExam(row.exam, row.split, {}, "", partial(_refuse, str(error)))
    facts = row.facts | {"patient": _patient(row, exam)} | _acquisition(volumes, row)
    return PendingExam(
        identifier=row.exam,
        split=row.split,
        facts=facts,
        fingerprint=_fingerprint(volumes, row, spec, labels),
        load=partial(_load, row, volumes, labels, facts),
    )


def _refuse(reason: str) -> Exam:
    raise ConversionError(reason)


def _load(
    row: CohortRow, volumes: Mapping[str, FoundVolume], labels: Labels, facts: Mapping[str, Any]
) -> Exam:
    channels = {}
    for name, volume in volumes.items():
        try:
            channels[name] = replace(read_voxels(volume), source=f"volume {volume.name}")
        except ConversionError as error:
            raise ConversionError(f"{row.exam}: {name}: {error}") from None
    first = next(iter(volumes))
    frame = volumes[first].identity.frame_of_reference or None
    masks = {
        reader: read_mask(file, channels[first], labels, frame_of_reference=frame)
        for reader, file in row.files.items()
    }
    return Exam(row.exam, row.split, channels, masks, facts)


def _acquisition(volumes: Mapping[str, FoundVolume], row: CohortRow) -> dict[str, Any]:
    """The acquisition parameters that go into cohort.csv: these, and no other value of a header."""
    first = next(iter(volumes.values()))
    scanner, tr, te = first.first.scanner, first.first.repetition_time, first.first.echo_time
    facts: dict[str, Any] = {
        "scanner": row.facts.get("scanner") or f"{scanner.vendor} {scanner.model}".strip() or None,
        "vendor": scanner.vendor or None,
        "model": scanner.model or None,
        "field_strength_t": scanner.field_strength,
        "tr_ms": tr if tr is None else round(tr, 3),
        "te_ms": te if te is None else round(te, 3),
        "spacing_mm": describe_spacing(first),
        "plane": describe_plane(first),
    }
    return facts | {f"{name}_from": volume.first.contrast.source or None for name, volume in volumes.items()}


def _fingerprint(
    volumes: Mapping[str, FoundVolume], row: CohortRow, spec: DatasetSpec, labels: Labels
) -> str:
    files: dict[Path, None] = {frame.file: None for volume in volumes.values() for frame in volume.frames}
    files |= dict.fromkeys(row.files.values())
    seen = [(str(file), (stat := file.stat()).st_size, stat.st_mtime_ns) for file in files]
    chosen = [(name, [(str(f.file), f.number) for f in volume.frames]) for name, volume in volumes.items()]
    text = repr((seen, chosen, row, spec, labels)) + kept_mark(row, spec)
    return hashlib.sha256(text.encode()).hexdigest()
