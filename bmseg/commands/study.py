"""The commands that make study files."""

from __future__ import annotations

from pathlib import Path

import click

from bmseg.commands import options
from bmseg.commands.options import FILE, echo_each, folders_of, labels_of


@click.group()
def study() -> None:
    """Write a study file, which says what is segmented, by whom, and by which rules."""


@study.command("new")
@click.option("--reader", "readers", multiple=True, metavar="NAME=FOLDER", help="A reader's masks. Repeat.")
@click.option("--table", type=FILE, help="Instead: a cohort table, as 'convert nifti' takes it.")
@click.option(
    "--ordinal/--nominal", default=False, help="Labels are levels in rising order. [default: nominal]"
)
@click.option("--incomplete", is_flag=True, help="Readers may lack exams.")
@options.map_label
@click.option(
    "-o", "--out", type=FILE, default=Path("study.toml"), show_default=True, help="The file to write."
)
def new(
    readers: tuple[str, ...], table: Path | None, label_map: tuple[str, ...], out: Path, **given: bool
) -> None:
    """Write a study file of the labels in masks, each key explained.

    From folders of masks (--reader) for 'evaluate', or from a cohort table (--table), whose columns of
    images and masks are told apart by what the files hold, for 'convert' and what follows.
    """
    from bmseg.scoring.new_study import write_new_study

    if bool(readers) == bool(table):
        raise click.UsageError("expected --reader, repeated, or --table")
    folders = folders_of(readers, "--reader")
    echo_each(write_new_study(out, folders, table, labels_of(label_map), **given))
