"""The commands that bring images and masks into nnU-Net's raw format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bmseg.commands.options import FILE, parse_pair, seed_option, study_option, timed, workspace_option

_SOURCE = click.argument("source", type=FILE)


def _keys_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--keys",
        "keys_file",
        type=FILE,
        help="Key file: which exam is whose. [default: SOURCE.keys.csv, beside SOURCE]",
    )(command)


def _map_label_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--map-label",
        "label_map",
        multiple=True,
        metavar="FOUND=VALUE",
        help="Mask value, or name of a segment or contour, that stands for a level: 255=1, GTV=1. Repeat.",
    )(command)


def _processes_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--processes", type=click.IntRange(1), help="Worker processes. [default: CPU cores]")(
        command
    )


def _check_pydicom() -> None:
    from importlib.util import find_spec

    if not find_spec("pydicom"):
        raise click.UsageError("pydicom: not installed; install with: pip install 'bmseg[dicom]'")


@click.group()
def inspect() -> None:
    """See what an export holds, before anything is converted."""


@inspect.command("dicom")
@_SOURCE
@workspace_option
@study_option
@_keys_option
@click.option("-o", "--out", type=FILE, help="Write the table as CSV too; edit it for convert's --volumes.")
@_processes_option
def inspect_dicom(
    source: Path,
    root: Path,
    study_file: Path | None,
    keys_file: Path | None,
    out: Path | None,
    processes: int | None,
) -> None:
    """List every volume of a folder of DICOM files.

    One row per volume: exam, contrast and the tag that names it, plane, size, spacing, echo time, station;
    which channel of the study the rule makes it, or why it cannot be used. Exam names come from the key
    file, which is made if it is missing.
    """
    _check_pydicom()
    from bmseg.cohort.dicom import check_keys_place, default_keys, read_source
    from bmseg.commands.conversion_output import print_volumes
    from bmseg.study import load_study
    from bmseg.workspace import workspace_study
    from dataset_conversion.files import atomic_path

    study = load_study(study_file) if study_file else workspace_study(root, create=True)
    keys_file = keys_file or default_keys(source)
    check_keys_place(keys_file, root)
    found = read_source(source, study, keys_file, processes=processes)
    if out:
        with atomic_path(out) as temporary:
            found.table.to_csv(temporary, index=False)
    print_volumes(found.table, found.refused)
    if out:
        click.echo(f"table: {out}")


@click.group()
def convert() -> None:
    """Bring images and masks into nnU-Net's raw format."""


@convert.command("nifti")
@click.option("--table", type=FILE, required=True, help="CSV table, one row per exam.")
@workspace_option
@study_option
@seed_option
@_map_label_option
@_processes_option
def convert_nifti(
    table: Path,
    root: Path,
    study_file: Path | None,
    seed: int,
    label_map: tuple[str, ...],
    processes: int | None,
) -> None:
    """Convert NIfTI images and masks listed in a table.

    Columns of the table: exam, split (training or test), one per channel and one per reader of the study
    file (file paths, relative to the table), and if known patient, site, scanner, group, age, sex. A table
    of exams that are to be segmented yet has split unread in every row and no mask.
    """
    from bmseg.annotation.rounds import refuse_conversion
    from bmseg.cohort.record import write_conversion_record
    from bmseg.commands.conversion_output import print_report
    from bmseg.workspace import open_workspace, workspace_study
    from dataset_conversion.raw.conversion import convert as convert_exams
    from dataset_conversion.raw.dataset import RawDataset
    from dataset_conversion.raw.nifti import read_table

    refuse_conversion(root)
    mapping = dict(parse_pair(pair, "--map-label", int) for pair in label_map)
    spec = workspace_study(root, study_file, create=True).dataset_spec
    exams = read_table(table, spec, mapping)
    workspace, _ = open_workspace(root, study_file, create=True)
    dataset = RawDataset.create(workspace.nnunet_raw, spec)
    with timed("convert"):
        report = convert_exams(dataset, exams, seed=seed, processes=processes)
        write_conversion_record(root, dataset, exams, report, source="nifti", seed=seed)
    print_report(report, dataset)


@convert.command("dicom")
@_SOURCE
@click.option("--table", type=FILE, help="CSV table, one row per exam: split, masks. [default: images only]")
@workspace_option
@study_option
@_keys_option
@click.option("--volumes", type=FILE, help="Edited table of 'inspect dicom': its column 'channel' decides.")
@seed_option
@_map_label_option
@_processes_option
def convert_dicom(
    source: Path,
    table: Path | None,
    root: Path,
    study_file: Path | None,
    keys_file: Path | None,
    volumes: Path | None,
    seed: int,
    label_map: tuple[str, ...],
    processes: int | None,
) -> None:
    """Convert exported DICOM studies, anonymously.

    Every channel of the study file is the one volume of an exam that its rule describes. Without --table
    the images of all exams are written for the readers to mask. Columns of the table: exam (as in the key
    file), split (training or test), one per reader (file paths, relative to the table: NIfTI, NRRD, DICOM
    SEG or RTSTRUCT), and if known patient, site, scanner, group, age, sex.
    """
    _check_pydicom()
    from dataset_conversion.parallel import start_early

    start_early("dataset_conversion.dicom.source", "dataset_conversion.raw.conversion")

    from bmseg.annotation.rounds import refuse_conversion
    from bmseg.cohort.dicom import (
        check_keys_place,
        check_keys_present,
        default_keys,
        exams_to_convert,
        read_source,
        write_volumes,
    )
    from bmseg.cohort.record import write_conversion_record
    from bmseg.commands.conversion_output import print_report
    from bmseg.workspace import Workspace, open_workspace, workspace_study
    from dataset_conversion.raw.cohort_table import read_cohort
    from dataset_conversion.raw.conversion import convert as convert_exams
    from dataset_conversion.raw.dataset import RawDataset

    refuse_conversion(root)
    mapping = dict(parse_pair(pair, "--map-label", int) for pair in label_map)
    study = workspace_study(root, study_file, create=True)
    keys_file = keys_file or default_keys(source)
    check_keys_place(keys_file, root)
    check_keys_present(keys_file, RawDataset.create(Workspace.of(root, study).nnunet_raw, study.dataset_spec))
    rows = read_cohort(table, study.dataset_spec, ()) if table else None
    with timed("convert"):
        found = read_source(source, study, keys_file, volumes=volumes, processes=processes)
        exams = exams_to_convert(found, study, rows, mapping)
        workspace, _ = open_workspace(root, study_file, create=True)
        dataset = RawDataset.create(workspace.nnunet_raw, study.dataset_spec)
        report = convert_exams(dataset, exams, seed=seed, processes=processes)
        write_volumes(found, dataset, unread=table is None)
        write_conversion_record(root, dataset, exams, report, source="dicom", seed=seed)
    print_report(report, dataset, source="table" if table else "source")
