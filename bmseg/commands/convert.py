"""The commands that bring images and masks into nnU-Net's raw format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bmseg.commands.options import FILE, parse_pair, seed_option, study_option, timed, workspace_option
from bmseg.errors import WorkError

if TYPE_CHECKING:
    from bmseg.cohort.conversion import Conversion

_SOURCE = click.argument("source", type=FILE)
_KEYS = click.option(
    "--keys", "keys_file", type=FILE,
    help="Key file: which exam is whose. [default: SOURCE.keys.csv, beside SOURCE]",
)  # fmt: skip
_MAP_LABEL = click.option(
    "--map-label", "label_map", multiple=True, metavar="FOUND=VALUE",
    help="Mask value, or name of a segment or contour, that stands for a level: 255=1, GTV=1. Repeat.",
)  # fmt: skip
_PROCESSES = click.option(
    "--processes", type=click.IntRange(1), help="Worker processes. [default: CPU cores]"
)


def _check_pydicom() -> None:
    from importlib.util import find_spec

    if not find_spec("pydicom"):
        raise click.UsageError("pydicom: not installed; install with: pip install 'bmseg[dicom]'")


def _labels(pairs: tuple[str, ...]) -> dict[str, int]:
    return dict(parse_pair(pair, "--map-label", int) for pair in pairs)


def _report(converted: Conversion) -> None:
    """Print what became of the exams; refused ones are a `WorkError`, after all of them are named."""
    for line in converted.lines():
        click.echo(line)
    for reason in converted.report.failures.values():
        click.echo(f"refused: {reason}", err=True)
    if converted.report.failures:
        raise WorkError(converted.end())
    click.echo(converted.end())


@click.group()
def inspect() -> None:
    """See what an export holds, before anything is converted."""


@inspect.command("dicom")
@_SOURCE
@workspace_option
@study_option
@_KEYS
@click.option("-o", "--out", type=FILE, help="Write the table as CSV too; edit it for convert's --volumes.")
@_PROCESSES
def inspect_dicom(out: Path | None, **given: Any) -> None:
    """List every volume of a folder of DICOM files.

    One row per volume: exam, contrast and the tag that names it, plane, size, spacing, echo time, station;
    which channel of the study the rule makes it, or why it cannot be used. Exam names come from the key
    file, which is made if it is missing.
    """
    _check_pydicom()
    from bmseg.cohort.dicom import inspect_source

    found = inspect_source(out=out, **given)
    click.echo(found.text())
    for reason in found.refused.values():
        click.echo(f"would be refused: {reason}", err=True)
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
@_MAP_LABEL
@_PROCESSES
def convert_nifti(root: Path, label_map: tuple[str, ...], **given: Any) -> None:
    """Convert NIfTI images and masks listed in a table.

    Columns of the table: exam, split (training or test), one per channel and one per reader of the study
    file (file paths, relative to the table), and if known patient, site, scanner, group, age, sex. A table
    of exams that are to be segmented yet has split unread in every row and no mask.
    """
    from bmseg.annotation.rounds import refuse_conversion
    from bmseg.cohort.conversion import convert_table

    refuse_conversion(root)
    with timed("convert"):
        converted = convert_table(root=root, label_map=_labels(label_map), **given)
    _report(converted)


@convert.command("dicom")
@_SOURCE
@click.option("--table", type=FILE, help="CSV table, one row per exam: split, masks. [default: images only]")
@workspace_option
@study_option
@_KEYS
@click.option("--volumes", type=FILE, help="Edited table of 'inspect dicom': its column 'channel' decides.")
@seed_option
@_MAP_LABEL
@_PROCESSES
def convert_dicom(root: Path, label_map: tuple[str, ...], **given: Any) -> None:
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
    from bmseg.cohort.dicom import convert_source

    refuse_conversion(root)
    with timed("convert"):
        converted = convert_source(root=root, label_map=_labels(label_map), **given)
    _report(converted)
