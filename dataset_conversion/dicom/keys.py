"""The key file: which exam is whose. Written apart, readable by its owner alone, it can be thrown away.

Nothing else that is written names a patient, a date or a UID.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path

import pandas as pd

from dataset_conversion.files import atomic_path
from dataset_conversion.images import ConversionError, read_table
from dataset_conversion.raw.exam import check_identifier

COLUMNS = ["exam", "patient", "patient_id", "study_uid", "folder"]


@dataclass(frozen=True)
class Key:
    """One row of the key file."""

    #: The names that outputs use; they may be edited in the file.
    exam: str
    patient: str
    #: Whose exam it is, and where its files lie below the source.
    patient_id: str
    study_uid: str
    folder: str


def read_keys(path: Path) -> list[Key]:
    """Read a key file; an absent one is empty.

    One that cannot be read, or in which an exam's name is no case identifier or stands twice, is refused.
    """
    if not path.exists():
        return []
    table = read_table(path, advice="expected a key file (CSV); name another with --keys")
    if list(table.columns) != COLUMNS:
        raise ConversionError(
            f"{path}: columns: found {', '.join(map(str, table.columns))}, expected "
            f"{', '.join(COLUMNS)}; name another file with --keys"
        )
    keys = [Key(*row) for row in table.itertuples(index=False)]
    for key in keys:
        check_identifier(key.exam)
        if not key.patient or not re.fullmatch(r"[\w.-]+", key.patient):
            raise ConversionError(
                f"{path}: exam {key.exam}: patient: found no plain name, expected letters and digits"
            )
    for column in ("exam", "study_uid"):
        if repeated := sorted(table.exam[table[column].duplicated()]):
            raise ConversionError(f"{path}: {column}: exam {', '.join(repeated)} stands twice, expected once")
    return keys


def with_new_keys(keys: list[Key], found: Iterable[tuple[str, str, str]]) -> list[Key]:
    """Add the exams that have no key yet.

    New exams, each (study_uid, patient_id, folder), are numbered in the order of a hash, so that their
    numbers tell nothing of date or name, and the same exams get the same numbers again.
    """
    known = {key.study_uid for key in keys}
    patients = {key.patient_id: key.patient for key in keys if key.patient_id}
    exams = _numbers("exam", [key.exam for key in keys])
    people = _numbers("patient", [key.patient for key in keys])
    new = []
    for study, patient_id, folder in sorted(found, key=lambda exam: sha256(exam[0].encode()).digest()):
        if study in known:
            continue
        patient = patients.get(patient_id) or next(people)
        if patient_id:
            patients[patient_id] = patient
        new.append(Key(next(exams), patient, patient_id, study, folder))
    return [*keys, *new]


def write_keys(path: Path, keys: list[Key], before: list[Key]) -> None:
    """Write the key file atomically, readable and writable by its owner alone.

    ConversionError when it does not hold the keys any more that it held before: names that another process
    gave would be lost, and given again to other exams.
    """
    with atomic_path(path) as temporary:
        if read_keys(path) != before:
            raise ConversionError(
                f"{path}: found exams that another process named meanwhile, expected those that were there "
                "before the source was read; run it again"
            )
        temporary.unlink(missing_ok=True)
        temporary.touch(mode=0o600)
        temporary.chmod(0o600)
        pd.DataFrame([vars(key) for key in keys], columns=COLUMNS).to_csv(temporary, index=False)


def _numbers(prefix: str, taken: Iterable[str]) -> Iterator[str]:
    used = [int(m[1]) for name in taken if (m := re.fullmatch(rf"{prefix}(\d+)", name))]
    return (f"{prefix}{number:03d}" for number in count(max(used, default=0) + 1))
