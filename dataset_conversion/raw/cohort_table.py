"""Tables of a cohort: CSV files with a row an exam, read and checked before any image is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd

from dataset_conversion.files import file_hash
from dataset_conversion.images import ConversionError, as_number, read_table
from dataset_conversion.raw.exam import DatasetSpec, Split, check_identifier, mask_fault

#: Columns that may stand beside ``exam``, ``split``, the channels and the readers.
FACTS = ["patient", "site", "scanner", "group", "age", "sex"]

_ADVICE = "expected a CSV file with a row an exam"
# As in a table of readers' scores (evaluation/reading/vas_scores.py).
_OLDEST = 120


@dataclass(frozen=True)
class CohortRow:
    """One exam of the table."""

    exam: str
    split: Split
    #: Channel or reader to file, of the cells that are filled in; below the table's folder.
    files: dict[str, Path]
    #: Those of `FACTS` that are columns of the table, as text; None where the cell is empty.
    facts: dict[str, Any]


def read_cohort(
    path: Path, spec: DatasetSpec, channels: Sequence[str], *, splits: Sequence[Split] = ("training", "test")
) -> list[CohortRow]:
    """Read and check a cohort table; the files that it names have to be there, but are not opened.

    Parameters
    ----------
    path : Path
        CSV with columns ``exam``, ``split``, one for each of `channels` and one a reader, holding file
        paths relative to the table's folder, and any of `FACTS`. An empty cell means: no mask of this
        reader; of the test exams a reader has all masks or none, an unread exam has no mask.
    channels : sequence of str
        Whose images the table names; none when they come from elsewhere.
    splits : sequence of str
        Those that the table may hold.

    Raises
    ------
    ConversionError
        One line that names the table and every fault that is found in it.
    """
    table = read_table(path, advice=_ADVICE)
    if table.empty:
        raise ConversionError(f"{path}: found no row, expected one an exam")
    faults = [*_column_faults(table, spec, channels)]
    if faults := faults or [*_row_faults(table, spec, channels, splits, path.parent)]:
        raise ConversionError(f"{path}: {'; '.join(faults)}")
    rows = []
    for row in table.to_dict("records"):
        files = {name: path.parent / row[name] for name in [*channels, *spec.readers] if row.get(name)}
        facts = {name: row[name] or None for name in FACTS if name in row}
        if row.get("age"):
            facts["age"] = f"{as_number(row['age']):g}"
        rows.append(CohortRow(row["exam"], cast("Split", row["split"]), files, facts))
    return rows


def check_training(path: Path, rows: Sequence[CohortRow]) -> None:
    """Refuse (ConversionError) a table that no data set can be made of: no training exam, none unread."""
    if {row.split for row in rows} == {"test"}:
        raise ConversionError(
            f"{path}: split: found no training exam, expected at least one; say training in some rows"
        )


def read_facts(path: Path) -> pd.DataFrame:
    """What is known of exams: ``exam``, and whatever other columns a table has, as cohort.csv.

    Everything is text, an empty cell None, but ``age`` a number (years) and ``synthetic`` a truth value.

    Raises
    ------
    ConversionError
        When the table cannot be read, has no column ``exam``, or an age is no number.
    """
    table = read_table(path, advice=_ADVICE)
    if "exam" not in table:
        raise ConversionError(f"{path}: column: found none named exam, expected a row an exam")
    faults = [
        f"exam {row['exam']}: {fault}" for row in table.to_dict("records") if (fault := _age_fault(row))
    ]
    if faults:
        raise ConversionError(f"{path}: {'; '.join(faults)}")
    facts = table.astype(object).where(table != "", None)
    if "age" in facts:
        facts["age"] = table["age"].map(as_number).astype(float)
    if "synthetic" in facts:
        facts["synthetic"] = table["synthetic"].str.casefold() == "true"
    return facts


def _column_faults(table: pd.DataFrame, spec: DatasetSpec, channels: Sequence[str]) -> Iterator[str]:
    needed = ["exam", "split", *channels]
    if not spec.others_teach and ("split" not in table or (table.split != "unread").any()):
        needed.append(spec.training_reader)
    known = ["exam", "split", *channels, *spec.readers, *FACTS]
    if missing := [name for name in needed if name not in table]:
        yield f"column: found none named {', '.join(missing)}"
    if unknown := [name for name in table if name not in known]:
        named = "readers and channels" if channels else "readers"
        yield (
            f"column: found {', '.join(unknown)}, expected only {', '.join(known)} "
            f"({named} are those of the study file)"
        )


def _row_faults(
    table: pd.DataFrame, spec: DatasetSpec, channels: Sequence[str], splits: Sequence[Split], folder: Path
) -> Iterator[str]:
    for exam, rows in table.groupby("exam", sort=False):
        if rows.split.nunique() > 1:
            yield f"exam {exam}: split: found in {_all_of(rows.split)}, expected in one"
        elif len(rows) > 1:
            yield f"exam {exam}: found {len(rows)} rows, expected one; rename one of the exams"
        try:
            check_identifier(str(exam))
        except ConversionError as error:
            yield str(error)
    for names in _alike(table.exam):
        both = " and ".join(names)
        yield f"exam {both}: found names that differ in capitals alone, expected others: disks mix them up"
    if "patient" in table:
        for patient, rows in table[table.patient != ""].groupby("patient", sort=False):
            if rows.split.nunique() > 1:
                yield f"patient {patient}: split: found in {_all_of(rows.split)}, expected in one"
    yield from _leaks(table, [*channels], folder)
    # A reader reads every test exam or none, unless the study says otherwise.
    test = table[table.split == "test"]
    for reader in spec.readers:
        missing = list(test.exam[test[reader] == ""]) if reader in test else []
        if missing and len(missing) < len(test) and not spec.incomplete:
            yield (
                f"{reader}: found no mask of test exam {', '.join(missing)}, expected one of every test "
                "exam or of none; fill them in, leave the column out or, where not all were to be drawn, say "
                'incomplete = "allow" below [design] in the study file'
            )
    for row in table.to_dict("records"):
        for fault in _cell_faults(row, spec, channels, splits, folder):
            yield f"exam {row['exam']}: {fault}"


def _cell_faults(
    row: dict[str, str], spec: DatasetSpec, channels: Sequence[str], splits: Sequence[Split], folder: Path
) -> Iterator[str]:
    if row["split"] not in splits:
        wanted = " or ".join([", ".join(splits[:-1]), splits[-1]] if len(splits) > 1 else splits)
        yield f"split: found '{row['split']}', expected {wanted}"
    for name in [*channels, *spec.readers]:
        value = row.get(name, "")
        if not value and name in channels:
            yield f"{name}: found no file name, expected one"
        if value and not _is_file(folder / value):
            yield f"{name}: no such file: {value}"
    if fault := _age_fault(row):
        yield fault
    if fault := mask_fault(row["split"], [reader for reader in spec.readers if row.get(reader)], spec):
        yield fault


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is longer than any file's
        return False


def _leaks(table: pd.DataFrame, channels: Sequence[str], folder: Path) -> Iterator[str]:
    """Images that stand in two splits, as one file or as two with the same bytes."""
    places: dict[str, list[tuple[int, str, str]]] = {}
    sizes: dict[int, list[Path]] = {}
    cells = [
        (place, row, (folder / row[name]).resolve())
        for place, row in enumerate(table.to_dict("records"), 1)
        for name in channels
        if row[name]
    ]
    files = [(place, row, path) for place, row, path in cells if _is_file(path)]
    for path in {path for _, _, path in files}:
        sizes.setdefault(path.stat().st_size, []).append(path)
    # Only files of one length can be equal: nothing else is read.
    marks = {
        path: file_hash(path) if len(paths) > 1 else str(path) for paths in sizes.values() for path in paths
    }
    for place, row, path in files:
        places.setdefault(marks[path], []).append((place, row["exam"], row["split"]))
    for found in places.values():
        if len({split for _, _, split in found}) > 1:
            where = " and ".join(f"row {place} ({exam}, {split})" for place, exam, split in found)
            yield f"split: found one image in {where}, expected it in one: the test would know its answers"


def _alike(names: pd.Series) -> list[list[str]]:
    """Names that are one where capitals do not count."""
    groups = names.groupby(names.str.casefold(), sort=False).unique()
    return [sorted(group) for group in groups if len(group) > 1]


def _age_fault(row: dict[str, str]) -> str:
    if not (age := row.get("age")):
        return ""
    years = as_number(age)
    if years is not None and 0 <= years <= _OLDEST:
        return ""
    return f"age: found '{age}', expected years as a number from 0 to {_OLDEST}, as 8.5, or nothing"


def _all_of(splits: pd.Series) -> str:
    # "training" before "test": sorted backwards, as cohort.csv is.
    return " and in ".join(sorted(set(splits), reverse=True))
