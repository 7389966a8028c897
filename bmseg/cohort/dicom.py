"""What `bmseg inspect dicom` and `bmseg convert dicom` share: the exams of a source and their key file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
import pandas as pd

from bmseg.commands.conversion_output import first_of
from bmseg.errors import InputError
from bmseg.study import Study
from dataset_conversion.dicom.exams import FoundExam, find_exams
from dataset_conversion.dicom.inspection import inspect, read_choices
from dataset_conversion.dicom.keys import read_keys, write_keys
from dataset_conversion.dicom.scan import Scan, scan
from dataset_conversion.dicom.source import pending_exams
from dataset_conversion.files import atomic_path
from dataset_conversion.raw.cohort_table import CohortRow
from dataset_conversion.raw.conversion import PendingExam
from dataset_conversion.raw.dataset import RawDataset


@dataclass(frozen=True)
class Source:
    """A scanned export folder.

    Parameters
    ----------
    exams : list of FoundExam
    table : DataFrame
        Every volume, one row each; see `inspect`.
    refused : dict of str to str
        Exam to the reason why its channels cannot be told.
    choices : dict
        Exam to channel to the volume that a person chose.
    """

    exams: list[FoundExam]
    table: pd.DataFrame
    refused: dict[str, str]
    choices: dict[str, dict[str, str]]


def default_keys(source: Path) -> Path:
    """The key file's place where the user names none: beside the source, which names the patients too."""
    source = source.resolve()
    return source.with_name(f"{source.name}.keys.csv")


def check_keys_place(keys: Path, root: Path) -> None:
    """Refuse a key file that would be handed on with the workspace."""
    if keys.resolve().is_relative_to(root.resolve()):
        raise InputError(
            f"{keys}: found the key file inside the workspace {root}, expected it apart; it names the "
            "patients: give another place with --keys"
        )


def check_keys_present(keys: Path, dataset: RawDataset) -> None:
    """Refuse to name exams anew over a data set that was named with a key file which is not there."""
    ledgers = [folder / ".conversion.json" for folder in (dataset.folder, dataset.unread_folder)]
    if not keys.exists() and any(ledger.exists() for ledger in ledgers):
        raise InputError(
            f"{keys}: no such key file, but {dataset.folder} holds exams that were named with one; give it "
            "with --keys, or convert into another workspace"
        )


def read_source(
    source: Path, study: Study, keys_file: Path, *, volumes: Path | None = None, processes: int | None = None
) -> Source:
    """Scan a folder, name its exams by the key file, and apply the study's rule.

    Prints what was left out: other objects counted, damaged files by name. New exams are added to the
    key file.
    """
    keys = read_keys(keys_file)
    found = scan(source, processes=processes)
    exams, named = find_exams(found, keys)
    if named != keys:
        write_keys(keys_file, named)
        click.echo(f"{len(named) - len(keys)} exams named in the key file {keys_file}; keep it apart")
    _print_left_out(found)
    choices = read_choices(volumes, exams, study.channel_rules) if volumes else {}
    table, refused = inspect(exams, study.channel_rules, choices)
    return Source(exams, table, refused, choices)


def exams_to_convert(
    source: Source, study: Study, rows: list[CohortRow] | None, label_map: dict[str, int]
) -> list[PendingExam]:
    """The exams of the table or, without one, all of them, unread; prints which are not in the table."""
    pending = pending_exams(
        source.exams,
        study.dataset_spec,
        study.channel_rules,
        choices=source.choices,
        rows=rows,
        label_map=label_map,
    )
    wanted = {exam.identifier for exam in pending}
    if left_out := [exam.identifier for exam in source.exams if exam.identifier not in wanted]:
        click.echo(f"{len(left_out)} exams of the source are not in the table: {first_of(left_out)}")
    return pending


def write_volumes(source: Source, dataset: RawDataset, *, unread: bool) -> None:
    """Keep the table of all volumes with the data set: what was chosen, from what, and why."""
    folder = dataset.unread_folder if unread else dataset.folder
    with atomic_path(folder / "volumes.csv") as temporary:
        source.table.to_csv(temporary, index=False)


def _print_left_out(found: Scan) -> None:
    click.echo(f"{len({frame.file for frame in found.frames})} image files")
    for kind, count in found.others.items():
        click.echo(f"{count} files left out: {kind}")
    for file, unreadable in found.damaged.items():
        click.echo(f"damaged: {file}: {unreadable.reason}", err=True)
