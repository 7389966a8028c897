"""The commands that make data: images and masks in nnU-Net's raw format, the synthetic cohort, regions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bmseg.commands import options
from bmseg.commands.ending import end, end_in
from bmseg.commands.options import FILE, check_pydicom, echo_each, labels_of, timed
from bmseg.errors import WorkError

if TYPE_CHECKING:
    from bmseg.cohort.conversion import Conversion

_SOURCE = click.argument("source", type=FILE)
_KEYS = click.option(
    "--keys", "keys_file", type=FILE,
    help="Key file: which exam is whose. [default: SOURCE.keys.csv, beside SOURCE]",
)  # fmt: skip


def _report(converted: Conversion) -> None:
    """Print what became of the exams; refused ones are a `WorkError`, after all of them are named."""
    echo_each(converted.lines())
    echo_each(converted.report.failures.values(), "refused: ", err=True)
    if converted.report.failures:
        raise WorkError(converted.end())
    click.echo(converted.end())


@click.group()
def inspect() -> None:
    """See what an export holds, before anything is converted."""


@inspect.command("dicom")
@_SOURCE
@options.workspace
@options.study
@_KEYS
@click.option("-o", "--out", type=FILE, help="Write the table as CSV too; edit it for convert's --volumes.")
@options.processes
def inspect_dicom(out: Path | None, **given: Any) -> None:
    """List every volume of a folder of DICOM files.

    One row per volume: exam, contrast and the tag that names it, plane, size, spacing, echo time, station;
    which channel of the study the rule makes it, or why it cannot be used. Exam names come from the key
    file, which is made if it is missing.
    """
    check_pydicom()
    from bmseg.cohort.dicom import inspect_source

    found = inspect_source(out=out, **given)
    click.echo(found.text())
    echo_each(found.refused.values(), "would be refused: ", err=True)
    if out:
        click.echo(f"table: {out}")


@click.group()
def convert() -> None:
    """Bring images and masks into nnU-Net's raw format."""


@convert.command("nifti")
@click.option("--table", type=FILE, required=True, help="CSV table, one row per exam.")
@options.workspace
@options.study
@options.seed
@options.map_label
@options.processes
def convert_nifti(root: Path, label_map: tuple[str, ...], **given: Any) -> None:
    """Convert NIfTI images and masks listed in a table.

    Columns of the table: exam, split (training or test), one per channel and one per reader of the study
    file (file paths, relative to the table), and if known patient, site, scanner, group, age, sex. Masks of
    training exams by several readers are all kept; train's --masks says who teaches. A table of exams that
    are to be segmented yet has split unread in every row and no mask.
    """
    from bmseg.cohort.conversion import convert_table, refuse_conversion

    refuse_conversion(root)
    with timed("convert"):
        converted = convert_table(root=root, label_map=labels_of(label_map), **given)
    _report(converted)
    end_in(root)


@convert.command("dicom")
@_SOURCE
@click.option("--table", type=FILE, help="CSV table, one row per exam: split, masks. [default: images only]")
@options.workspace
@options.study
@_KEYS
@click.option("--volumes", type=FILE, help="Edited table of 'inspect dicom': its column 'channel' decides.")
@options.seed
@options.map_label
@options.processes
def convert_dicom(root: Path, label_map: tuple[str, ...], **given: Any) -> None:
    """Convert exported DICOM studies, anonymously.

    Every channel of the study file is the one volume of an exam that its rule describes. Without --table
    the images of all exams are written for the readers to mask. Columns of the table: exam (as in the key
    file), split (training or test), one per reader (file paths, relative to the table: NIfTI, NRRD, DICOM
    SEG or RTSTRUCT), and if known patient, site, scanner, group, age, sex.
    """
    check_pydicom()
    from dataset_conversion.parallel import start_early

    start_early("dataset_conversion.dicom.source", "dataset_conversion.raw.conversion")

    from bmseg.cohort.conversion import refuse_conversion
    from bmseg.cohort.dicom import convert_source

    refuse_conversion(root)
    with timed("convert"):
        converted = convert_source(root=root, label_map=labels_of(label_map), **given)
    _report(converted)
    end_in(root)


@click.command()
@options.workspace
@options.study
@options.profile
@options.seed
@click.option("--training", type=click.IntRange(1, 85), help="Training exams. [default: the profile's]")
@click.option(
    "--segmented", type=click.IntRange(1, 85),
    help="Training exams that have masks, the first ones; the others are unread. [default: all]",
)  # fmt: skip
@click.option(
    "--training-readers", default="", metavar="NAMES",
    help="Who else draws the training exams: reader2,reader3 or all. [default: the training reader alone]",
)  # fmt: skip
@options.processes
def phantom(
    root: Path, study_file: Path | None, profile_name: str, training: int | None, training_readers: str,
    **given: Any,
) -> None:  # fmt: skip
    """Make the synthetic cohort: knees and four readers."""
    from bmseg.cohort.phantom import make_phantom
    from bmseg.methods.profiles import get_profile
    from bmseg.workspace import open_workspace, workspace_study
    from dataset_conversion.phantom.cohort import check_spec

    exams = training or get_profile(profile_name).training_exams
    spec = workspace_study(root, study_file, create=True).dataset_spec
    check_spec(spec)
    named = [name.strip() for name in training_readers.split(",") if name.strip()]
    readers = list(spec.readers) if named == ["all"] else named
    workspace, _ = open_workspace(root, study_file, create=True)
    with timed("phantom"):
        click.echo(make_phantom(workspace, training=exams, training_readers=readers, **given))
    end(workspace)


@click.command()
@click.argument("epiphyses", type=FILE)
@click.option("-o", "--out", required=True, type=FILE, help="Folder for the region masks.")
@click.option(
    "--bone", "bones", multiple=True, metavar="NAME",
    help="A bone that every mask holds: right femur (value 1), right tibia (2), left femur (3), left tibia "
    "(4). Repeat. [default: all four]",
)  # fmt: skip
@click.option(
    "--marrow", type=FILE, help="Folder of <exam>.nii.gz, 1 where marrow is: nothing else is allowed."
)
@click.option("--leave-out", type=FILE, help="Folder of <exam>.nii.gz, 1 where physes and vessels are.")
def region(epiphyses: Path, out: Path, **given: Any) -> None:
    """Make the region masks that evaluate --regions takes.

    EPIPHYSES is a folder of <exam>.nii.gz with the epiphyses drawn. Allowed are they, and metaphyses as
    squares over their growth plates, as wide as the epiphysis at its widest.
    """
    from bmseg.scoring.regions import make_regions
    from evaluation.statistics.words import plural

    with timed("region"):
        made = make_regions(epiphyses, out, **given)
    if made.skipped:
        click.echo(f"already made from the same masks: {out}")
    for exam, cut in made.cut.items():
        click.echo(f"warning: {exam}: the image ends before the square of {', '.join(cut)} does", err=True)
    click.echo(f"{plural(len(made.exams), 'region')}: {out}")
