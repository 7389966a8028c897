"""Exams of an export folder: named by a key file, shown with their volumes, converted into a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from os.path import lexists
from pathlib import Path

import click
import pandas as pd

from bmseg.cohort.conversion import Conversion, convert_exams, first_of
from bmseg.errors import InputError
from bmseg.study import Study, load_study
from bmseg.workspace import Workspace, workspace_study
from dataset_conversion.dicom.exams import FoundExam, find_exams
from dataset_conversion.dicom.inspection import inspect, read_choices
from dataset_conversion.dicom.keys import read_keys, write_keys
from dataset_conversion.dicom.scan import scan
from dataset_conversion.dicom.source import pending_exams
from dataset_conversion.files import write_text
from dataset_conversion.images.errors import DENIED
from dataset_conversion.raw.cohort_table import check_training, read_cohort
from dataset_conversion.raw.dataset import RawDataset
from evaluation.statistics.words import plural

# Columns of the table of volumes that are shown; the CSV has all.
_SHOWN = ["exam", "volume", "description", "contrast", "plane", "size", "spacing_mm", "echo_ms", "station",
          "channel", "reason"]  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A scanned export folder."""

    exams: list[FoundExam]
    #: Every volume, one row each; see `inspect`.
    table: pd.DataFrame
    #: Exam to the reason why its channels cannot be told.
    refused: dict[str, str]
    #: Exam to channel to the volume that a person chose.
    choices: dict[str, dict[str, str]]

    def text(self) -> str:
        """Its volumes, exam by exam, and how the channels would be chosen."""
        records = self.table.to_dict("records")
        shown = self.table.assign(contrast=[_contrast(row) for row in records])[_SHOWN]
        widths = {name: int(shown[name].str.len().max()) for name in shown}
        aligned = {name: f"{{:<{width}}}".format for name, width in widths.items()}
        lines = shown.to_string(index=False, justify="left", formatters=aligned).splitlines()
        unusable = (self.table.reason != "").sum()
        exams, volumes = plural(self.table.exam.nunique(), "exam"), plural(len(self.table), "volume")
        lines += ["", f"{exams}, {volumes}, {unusable} unusable"]
        chosen = self.table[self.table.channel != ""]
        for (channel, source), rows in chosen.groupby(["channel", "contrast_from"], sort=True):
            lines.append(f"{channel}: {plural(len(rows), 'exam')}{f', from {source}' if source else ''}")
        return "\n".join(line.rstrip() for line in lines)


def _contrast(row: Mapping[str, str]) -> str:
    component = "" if row["component"] in ("magnitude", "unknown") else f" ({row['component']})"
    source = f", from {row['contrast_from']}" if row["contrast"] != "unknown" else ""
    return f"{row['contrast']}{component}{source}"


def inspect_source(
    source: Path, root: Path, study_file: Path | None, keys_file: Path | None,
    *, out: Path | None, processes: int | None,
) -> Source:  # fmt: skip
    """Scan a folder and say which channel each volume is; the table goes to `out` as CSV."""
    study = load_study(study_file) if study_file else workspace_study(root, create=True)
    keys_file = _keys_place(source, keys_file, root)
    if out:
        _check_place(out, source, keys_file)
    found = read_source(source, study, keys_file, processes=processes)
    if out:
        _write_table(out, found.table.to_csv(index=False))
    return found


def _check_place(out: Path, source: Path, keys_file: Path) -> None:
    """Refuse a place for the table of volumes where something else lies, or will."""
    if out.is_dir():
        raise InputError(f"{out}: found a folder, expected a file's name; name another with -o")
    if out.resolve() == keys_file.resolve():
        raise InputError(
            f"{out}: found the key file, which says who is whose, expected another place for the table; "
            "name another with -o"
        )
    if out.resolve().is_relative_to(source.resolve()):
        raise InputError(
            f"{out}: found a place inside the source {source}, expected one apart; name another with -o"
        )


def _write_table(out: Path, text: str) -> None:
    """Write the table of volumes; one that somebody edited, or another file, stays."""
    if lexists(out):
        if not out.is_file() or out.read_bytes() != text.encode():
            raise InputError(f"{out}: found a file, expected none; name another with -o")
        return
    write_text(out, text)


def convert_source(
    source: Path, table: Path | None, root: Path, study_file: Path | None, keys_file: Path | None,
    *, volumes: Path | None, label_map: Mapping[str, int], seed: int, processes: int | None,
) -> Conversion:  # fmt: skip
    """Convert the exams of a folder that a table names or, without one, the images of all of them.

    The table of all volumes is kept with the data set: what was chosen, from what, and why.
    """
    study = workspace_study(root, study_file, create=True)
    keys_file = _keys_place(source, keys_file, root)
    dataset = RawDataset.create(Workspace.of(root, study).nnunet_raw, study.dataset_spec)
    ledgers = [folder / ".conversion.json" for folder in (dataset.folder, dataset.unread_folder)]
    # Exams would be named anew over those of a key file which is not there.
    if not keys_file.exists() and any(ledger.exists() for ledger in ledgers):
        raise InputError(
            f"{keys_file}: no such key file, but {dataset.folder} holds exams that were named with one; "
            "give it with --keys, or convert into another workspace"
        )
    rows = read_cohort(table, study.dataset_spec, ()) if table else None
    if table and rows:
        check_training(table, rows)
    found = read_source(source, study, keys_file, volumes=volumes, processes=processes)
    exams = pending_exams(
        found.exams, study.dataset_spec, study.channel_rules,
        choices=found.choices, rows=rows, label_map=label_map,
    )  # fmt: skip
    wanted = {exam.identifier for exam in exams}
    if left_out := [exam.identifier for exam in found.exams if exam.identifier not in wanted]:
        click.echo(f"not in the table: {plural(len(left_out), 'exam')} of the source ({first_of(left_out)})")
    converted = convert_exams(
        exams, root, study_file, source="dicom", seed=seed, processes=processes,
        beside={"volumes.csv": found.table.to_csv(index=False)},
    )  # fmt: skip
    return converted if table else replace(converted, listed_in="source")


def _keys_place(source: Path, keys: Path | None, root: Path) -> Path:
    """The key file's place, by default beside the source; refused where it would go with the workspace."""
    keys = keys or keys_beside(source)
    if keys.resolve().is_relative_to(root.resolve()):
        raise InputError(
            f"{keys}: found the key file inside the workspace {root}, expected it apart; it names the "
            "patients: give another place with --keys"
        )
    return keys


def keys_beside(source: Path) -> Path:
    """Where the key file of a source is by default."""
    source = source.resolve()
    return source.with_name(f"{source.name}.keys.csv")


def read_source(
    source: Path, study: Study, keys_file: Path, *, volumes: Path | None = None, processes: int | None
) -> Source:
    """Scan a folder, name its exams by the key file, which takes new ones, and apply the study's rule."""
    keys = read_keys(keys_file)
    found = scan(source, processes=processes)
    exams, named = find_exams(found, keys)
    if named != keys:
        write_keys(keys_file, named, keys)
        click.echo(
            f"{plural(len(named) - len(keys), 'exam')} named in the key file {keys_file}; keep it apart"
        )
    click.echo(plural(len({frame.file for frame in found.frames}), "image file"))
    for kind, count in found.others.items():
        click.echo(f"{plural(count, 'file')} left out: {kind}")
    for file, unreadable in found.damaged.items():
        said = "" if unreadable.reason == DENIED else "damaged: "
        click.echo(f"{said}{file}: {unreadable.reason}", err=True)
    choices = read_choices(volumes, exams, study.channel_rules) if volumes else {}
    table, refused = inspect(exams, study.channel_rules, choices)
    return Source(exams, table, refused, choices)
