"""A study file from folders of masks, or from a cohort table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from bmseg.errors import InputError
from bmseg.scoring.assumed import checked, draft_of
from bmseg.scoring.found_labels import find_labels, labels_in
from bmseg.scoring.masks import Reading
from bmseg.study.written import Draft, study_text
from bmseg.wording import command
from dataset_conversion.files import write_text
from dataset_conversion.images import ConversionError, read_table
from dataset_conversion.mask_files.labels import tidy
from dataset_conversion.mask_files.survey import survey
from dataset_conversion.raw.cohort_table import FACTS


def write_new_study(
    out: Path,
    readers: Mapping[str, Path],
    table: Path | None,
    label_map: Mapping[str, int],
    *,
    ordinal: bool,
    incomplete: bool = False,
) -> list[str]:
    """Write a study file and say what is in it, and what to do next, a line each.

    InputError when the file is there already, or a table names no masks; errors of `find_labels`.
    """
    if out.exists():
        what = "folder, expected the name of a new file" if out.is_dir() else "file, expected none"
        raise InputError(f"{out}: found a {what}; name another with -o")
    reading = Reading(label_map)
    if table:
        draft, lines = _of_table(table, reading, ordinal=ordinal)
        draft = replace(draft, incomplete=incomplete)
    else:
        found = find_labels(readers, {}, reading, incomplete=incomplete)
        draft, lines = draft_of(found, list(readers), reading, ordinal=ordinal, incomplete=incomplete), []
    checked(draft, f"{table}: column" if table else "reader")
    write_text(out, study_text(draft))
    labels = ", ".join(f"{name} ({value})" for name, value in draft.levels.items())
    told = [f"readers: {', '.join(draft.readers)}", f"labels: {labels}", f"plane: {draft.plane}", *lines]
    following = command("convert", "nifti", "--table", table, "--study", out) if table else ""
    given = (word for reader, folder in readers.items() for word in ("--reader", f"{reader}={folder}"))
    return [
        *told,
        f"written: {out}; read it, change it, then: "
        + (following or command("evaluate", *given, "--study", out, "-o", "out")),
    ]


def _of_table(path: Path, reading: Reading, *, ordinal: bool) -> tuple[Draft, list[str]]:
    """Columns of files that hold labels are readers, others channels; values become 1, 2, 3, ..."""
    table = read_table(path, advice="expected a CSV file with a row an exam")
    if "exam" not in table:
        raise InputError(f"{path}: column: found {', '.join(table.columns)}, expected exam among them")
    files = {
        column: _files(table, column, path) for column in table if column not in ("exam", "split", *FACTS)
    }
    files = {column: each for column, each in files.items() if each}
    channels, readers = [], []
    for column, each in files.items():
        try:
            survey(next(iter(each.values())), reading.labels())
            readers.append(column)
        except ConversionError as error:
            if "as of an image" not in str(error) and "label: found" not in str(error):
                raise
            channels.append(column)
    if not readers or not channels:
        found = f"images in {', '.join(channels) or 'none'}, masks in {', '.join(readers) or 'none'}"
        raise InputError(f"{path}: columns: found {found}, expected a column of each at least")
    masks = {reader: files[reader] for reader in readers}
    exams = list(dict.fromkeys(exam for each in masks.values() for exam in each))
    labels = labels_in(masks, exams, readers, reading)
    values = {value: place for place, value in enumerate(labels.levels.values(), start=1)}
    mapped = {str(value): place for value, place in values.items() if value != place}
    mapped |= {found: values.get(value, value) for found, value in reading.label_map.items()}
    maps = " ".join(f"--map-label '{found}={value}'" for found, value in mapped.items())
    draft = replace(
        draft_of(labels, readers, reading, ordinal=ordinal),
        name=tidy(path.stem),
        levels={name: values[value] for name, value in labels.levels.items()},
        channels=channels,
        training_reader=readers[0],
    )
    lines = [f"channels: {', '.join(channels)}", f"training_reader: {readers[0]}, the first"]
    if maps:
        lines.append(f"values are 1, 2, ..., as nnU-Net wants them: convert with {maps}")
    return draft, lines


def _files(table: pd.DataFrame, column: str, path: Path) -> dict[str, Path]:
    """Exam to file, of the cells of a column that are filled in."""
    rows = zip(table["exam"], table[column], strict=True)
    return {exam: path.parent / cell for exam, cell in rows if cell}
