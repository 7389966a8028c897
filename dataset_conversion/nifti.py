"""Exams from NIfTI files, listed in a CSV table with a row an exam."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dataset_conversion.conversion import PendingExam
from dataset_conversion.exam import DatasetSpec, Exam, Split, check_identifier
from dataset_conversion.volume import ConversionError, Volume, read_volume

#: Columns that may stand beside ``exam``, ``split``, the channels and the readers.
FACTS = ["patient", "site", "scanner", "group", "age", "sex"]

SPLITS: tuple[Split, ...] = ("training", "test")


def read_table(
    path: Path, spec: DatasetSpec, label_map: Mapping[int, int] | None = None
) -> list[PendingExam]:
    """Read and check a cohort table; images and masks are read later, exam by exam.

    Parameters
    ----------
    path : Path
        CSV with columns ``exam``, ``split`` (training or test), one a channel and one a reader, holding
        file paths relative to the table's folder, and any of `FACTS`. An empty cell means: no mask of
        this reader; of the test exams a reader has all masks or none.
    spec : DatasetSpec
    label_map : mapping of int to int, optional
        Mask values that stand for other values, as ``{255: 1}``.

    Raises
    ------
    ConversionError
        One line that names the table and every fault that is found in it.
    """
    table = _read_csv(path)
    faults = [*_column_faults(table, spec)]
    if not faults:
        faults = [*_row_faults(table, spec, path.parent)]
    if faults:
        raise ConversionError(f"{path}: {'; '.join(faults)}")
    return [_pending(row, spec, path.parent, dict(label_map or {})) for row in table.to_dict("records")]


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConversionError(f"{path}: no such table; name a CSV file with --table") from None
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConversionError(f"{path}: cannot be read as a CSV table ({reason})") from None
    table = table.rename(columns=str.strip).apply(lambda column: column.str.strip())
    if table.empty:
        raise ConversionError(f"{path}: found no row, expected one an exam")
    return table


def _column_faults(table: pd.DataFrame, spec: DatasetSpec) -> list[str]:
    needed = ["exam", "split", *spec.channels, spec.training_reader]
    known = ["exam", "split", *spec.channels, *spec.readers, *FACTS]
    faults = []
    if missing := [name for name in needed if name not in table]:
        faults.append(f"column: found none named {', '.join(missing)}")
    if unknown := [name for name in table if name not in known]:
        faults.append(
            f"column: found {', '.join(unknown)}, expected only {', '.join(known)} "
            "(readers and channels are those of the study file)"
        )
    return faults


def _row_faults(table: pd.DataFrame, spec: DatasetSpec, folder: Path) -> list[str]:
    faults = []
    for exam, rows in table.groupby("exam", sort=False):
        if rows.split.nunique() > 1:
            faults.append(f"exam {exam}: split: found in training and in test, expected in one")
        elif len(rows) > 1:
            faults.append(f"exam {exam}: found {len(rows)} rows, expected one; rename one of the exams")
        try:
            check_identifier(str(exam))
        except ConversionError as error:
            faults.append(str(error))
    if "patient" in table:
        for patient, rows in table[table.patient != ""].groupby("patient", sort=False):
            if rows.split.nunique() > 1:
                faults.append(f"patient {patient}: split: found in training and in test, expected in one")
    faults += _reader_faults(table[table.split == "test"], spec)
    for row in table.to_dict("records"):
        faults += [f"exam {row['exam']}: {fault}" for fault in _files_faults(row, spec, folder)]
    return faults


def _reader_faults(test: pd.DataFrame, spec: DatasetSpec) -> list[str]:
    """A reader reads every test exam or none: consensuses of different readers cannot be compared."""
    faults = []
    for reader in spec.readers:
        if reader in test and (missing := list(test.exam[test[reader] == ""])) and len(missing) < len(test):
            faults.append(
                f"{reader}: found no mask of test exam {', '.join(missing)}, expected one of every test exam "
                "or of none; fill them in or leave the column out"
            )
    return faults


def _files_faults(row: dict[str, str], spec: DatasetSpec, folder: Path) -> list[str]:
    faults = []
    if row["split"] not in SPLITS:
        faults.append(f"split: found '{row['split']}', expected {' or '.join(SPLITS)}")
    for name in [*spec.channels, *spec.readers]:
        value = row.get(name, "")
        if not value and name in spec.channels:
            faults.append(f"{name}: found no file name, expected one")
        if value and not (folder / value).is_file():
            faults.append(f"{name}: no such file: {value}")
    if not any(row.get(reader) for reader in spec.readers):
        faults.append("readers: found no mask, expected at least one")
    elif row["split"] == "training" and not row.get(spec.training_reader):
        faults.append(f"{spec.training_reader}: found no mask, expected one for a training exam")
    return faults


def _pending(row: dict[str, str], spec: DatasetSpec, folder: Path, label_map: dict[int, int]) -> PendingExam:
    files = {name: folder / row[name] for name in [*spec.channels, *spec.readers] if row.get(name)}
    facts: dict[str, Any] = {name: row[name] or None for name in FACTS if name in row}
    split: Split = "training" if row["split"] == "training" else "test"

    def load() -> Exam:
        masks = {reader: files[reader] for reader in spec.readers if reader in files}
        return Exam(
            identifier=row["exam"],
            split=split,
            channels={name: read_volume(files[name]) for name in spec.channels},
            masks={reader: _relabel(read_volume(file), label_map) for reader, file in masks.items()},
            facts=facts,
            sources={name: str(file) for name, file in files.items()},
        )

    return PendingExam(row["exam"], split, facts, _fingerprint(files, split, spec, label_map), load)


def _relabel(mask: Volume, label_map: Mapping[int, int]) -> Volume:
    array = mask.array
    if not label_map:
        return mask
    mapped = np.array(array)
    for found, value in label_map.items():
        mapped[array == found] = value
    return replace(mask, array=mapped)


def _fingerprint(
    files: Mapping[str, Path], split: Split, spec: DatasetSpec, label_map: Mapping[int, int]
) -> str:
    seen = [
        (name, str(file), file.stat().st_size, file.stat().st_mtime_ns)
        for name, file in sorted(files.items())
    ]
    text = repr((seen, split, spec, sorted(label_map.items())))
    return hashlib.sha256(text.encode()).hexdigest()
