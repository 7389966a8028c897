"""Tables of a cohort: CSV files with a row an exam, read and checked before any image is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd

from dataset_conversion.images import ConversionError
from dataset_conversion.raw.exam import DatasetSpec, Split, check_identifier

#: Columns that may stand beside ``exam``, ``split``, the channels and the readers.
FACTS = ["patient", "site", "scanner", "group", "age", "sex"]


@dataclass(frozen=True)
class CohortRow:
    """One exam of the table.

    Parameters
    ----------
    exam, split
    files : dict of str to Path
        Channel or reader to file, of the cells that are filled in; below the table's folder.
    facts : dict of str to str or None
        Those of `FACTS` that are columns of the table; None where the cell is empty.
    """

    exam: str
    split: Split
    files: dict[str, Path]
    facts: dict[str, Any]


def read_cohort(
    path: Path,
    spec: DatasetSpec,
    channels: Sequence[str],
    *,
    splits: Sequence[Split] = ("training", "test"),
) -> list[CohortRow]:
    """Read and check a cohort table; the files that it names have to be there, but are not opened.

    Parameters
    ----------
    path : Path
        CSV with columns ``exam``, ``split``, one for each of `channels` and one a reader, holding file
        paths relative to the table's folder, and any of `FACTS`. An empty cell means: no mask of this
        reader; of the test exams a reader has all masks or none, an unread exam has no mask.
    spec : DatasetSpec
    channels : sequence of str
        Channels whose images the table names; none when they come from elsewhere.
    splits : sequence of str
        Those that the table may hold, of training, test and unread.

    Raises
    ------
    ConversionError
        One line that names the table and every fault that is found in it.
    """
    checks = _Checks(spec, tuple(channels), tuple(splits), path.parent)
    table = _read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    table = table.rename(columns=str.strip).apply(lambda column: column.str.strip())
    if table.empty:
        raise ConversionError(f"{path}: found no row, expected one an exam")
    if faults := checks.columns(table) or checks.rows(table):
        raise ConversionError(f"{path}: {'; '.join(faults)}")
    rows = []
    for row in table.to_dict("records"):
        files = {name: path.parent / row[name] for name in [*channels, *spec.readers] if row.get(name)}
        facts = {name: row[name] or None for name in FACTS if name in row}
        rows.append(CohortRow(row["exam"], cast("Split", row["split"]), files, facts))
    return rows


def read_facts(path: Path) -> pd.DataFrame:
    """What is known of exams: ``exam`` as text, and whatever other columns a table has, as cohort.csv.

    Raises
    ------
    ConversionError
        When the table cannot be read or has no column ``exam``.
    """
    table = _read_csv(path, dtype={"exam": str})
    if "exam" not in table:
        raise ConversionError(f"{path}: column: found none named exam, expected a row an exam")
    return table


def _read_csv(path: Path, **options: Any) -> pd.DataFrame:
    try:
        return pd.read_csv(path, **options)
    except FileNotFoundError:
        raise ConversionError(f"{path}: no such table, expected a CSV file with a row an exam") from None
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConversionError(f"{path}: cannot be read as a CSV table ({reason})") from None


@dataclass(frozen=True)
class _Checks:
    """Every fault of a table, each as half a sentence."""

    spec: DatasetSpec
    channels: tuple[str, ...]
    splits: tuple[Split, ...]
    folder: Path

    def columns(self, table: pd.DataFrame) -> list[str]:
        needed = ["exam", "split", *self.channels]
        if "split" not in table or (table.split != "unread").any():
            needed.append(self.spec.training_reader)
        known = ["exam", "split", *self.channels, *self.spec.readers, *FACTS]
        faults = []
        if missing := [name for name in needed if name not in table]:
            faults.append(f"column: found none named {', '.join(missing)}")
        if unknown := [name for name in table if name not in known]:
            named = "readers and channels" if self.channels else "readers"
            faults.append(
                f"column: found {', '.join(unknown)}, expected only {', '.join(known)} "
                f"({named} are those of the study file)"
            )
        return faults

    def rows(self, table: pd.DataFrame) -> list[str]:
        faults = []
        for exam, rows in table.groupby("exam", sort=False):
            if rows.split.nunique() > 1:
                faults.append(f"exam {exam}: split: found in {_all_of(rows.split)}, expected in one")
            elif len(rows) > 1:
                faults.append(f"exam {exam}: found {len(rows)} rows, expected one; rename one of the exams")
            try:
                check_identifier(str(exam))
            except ConversionError as error:
                faults.append(str(error))
        faults += _patient_faults(table)
        faults += self._reader_faults(table[table.split == "test"])
        for row in table.to_dict("records"):
            faults += [f"exam {row['exam']}: {fault}" for fault in self._cell_faults(row)]
        return faults

    def _reader_faults(self, test: pd.DataFrame) -> list[str]:
        """A reader reads every test exam or none: consensuses of different readers cannot be compared."""
        faults = []
        for reader in self.spec.readers:
            missing = list(test.exam[test[reader] == ""]) if reader in test else []
            if missing and len(missing) < len(test):
                faults.append(
                    f"{reader}: found no mask of test exam {', '.join(missing)}, expected one of every test "
                    "exam or of none; fill them in or leave the column out"
                )
        return faults

    def _cell_faults(self, row: dict[str, str]) -> list[str]:
        faults = []
        if row["split"] not in self.splits:
            faults.append(f"split: found '{row['split']}', expected {_either(self.splits)}")
        for name in [*self.channels, *self.spec.readers]:
            value = row.get(name, "")
            if not value and name in self.channels:
                faults.append(f"{name}: found no file name, expected one")
            if value and not (self.folder / value).is_file():
                faults.append(f"{name}: no such file: {value}")
        with_mask = [reader for reader in self.spec.readers if row.get(reader)]
        if row["split"] == "unread":
            if with_mask:
                faults.append(f"{', '.join(with_mask)}: found a mask, expected none of an unread exam")
        elif not with_mask:
            faults.append("readers: found no mask, expected at least one")
        elif row["split"] == "training" and self.spec.training_reader not in with_mask:
            faults.append(f"{self.spec.training_reader}: found no mask, expected one for a training exam")
        return faults


def _patient_faults(table: pd.DataFrame) -> list[str]:
    if "patient" not in table:
        return []
    patients = table[table.patient != ""].groupby("patient", sort=False)
    return [
        f"patient {patient}: split: found in {_all_of(rows.split)}, expected in one"
        for patient, rows in patients
        if rows.split.nunique() > 1
    ]


def _all_of(splits: pd.Series) -> str:
    # "training" before "test": sorted backwards, as cohort.csv is.
    return " and in ".join(sorted(set(splits), reverse=True))


def _either(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
