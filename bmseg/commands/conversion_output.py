"""What a conversion prints, whatever its source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import click
import pandas as pd

from bmseg.errors import WorkError
from dataset_conversion.raw.conversion import ConversionReport
from dataset_conversion.raw.dataset import RawDataset

NAMED = 3

# Columns of the table of volumes that are printed; the CSV has all.
_SHOWN = ["exam", "volume", "description", "contrast", "plane", "size", "spacing_mm", "echo_ms", "station",
          "channel", "reason"]  # fmt: skip


def print_report(report: ConversionReport, dataset: RawDataset, *, source: str = "table") -> None:
    """Print what became of the exams.

    Parameters
    ----------
    report : ConversionReport
    dataset : RawDataset
    source : str
        What lists the exams: where those that were removed are not found any more.

    Raises
    ------
    WorkError
        When an exam was refused, after all of them are named.
    """
    click.echo(f"{len(report.converted)} exams converted, {len(report.skipped)} already made")
    if report.unused_masks:
        click.echo(f"{report.unused_masks} masks of training exams by other readers than "
                   f"{dataset.spec.training_reader} are not used")  # fmt: skip
    if report.reordered:
        click.echo(
            f"{len(report.reordered)} masks stood in another axis order than their image and were brought to "
            f"it: {first_of(report.reordered)}"
        )
    if report.removed:
        click.echo(f"{len(report.removed)} files of exams that are not in the {source} were removed")
    for reason in report.failures.values():
        click.echo(f"refused: {reason}", err=True)
    if report.failures:
        left = "the others are listed in exams.csv" if report.unread else "the data set stays unfinished"
        raise WorkError(
            f"{len(report.failures)} exams refused (above); {left}: correct them and "
            "start again, only what is missing is done"
        )
    if report.unread:
        click.echo(f"images for readers to mask: {dataset.unread_folder}")
    else:
        click.echo(f"data set: {dataset.folder}")


def print_volumes(table: pd.DataFrame, refused: Mapping[str, str]) -> None:
    """Print the table of an export's volumes, exam by exam, and how its channels would be chosen.

    Parameters
    ----------
    table : DataFrame
        As `dataset_conversion.dicom.inspection.inspect` gives it.
    refused : mapping of str to str
        Exam to the reason why it would be refused.
    """
    shown = table.assign(contrast=[_contrast(row) for row in table.to_dict("records")])[_SHOWN]
    lines = shown.to_string(index=False, justify="left", formatters=_left_aligned(shown)).splitlines()
    click.echo("\n".join(line.rstrip() for line in lines))
    click.echo(f"\n{table.exam.nunique()} exams, {len(table)} volumes, {(table.reason != '').sum()} unusable")
    chosen = table[table.channel != ""]
    for (channel, source), rows in chosen.groupby(["channel", "contrast_from"], sort=True):
        click.echo(f"{channel}: {len(rows)} exams{f', from {source}' if source else ''}")
    for reason in refused.values():
        click.echo(f"would be refused: {reason}", err=True)


def _contrast(row: Mapping[str, str]) -> str:
    component = "" if row["component"] in ("magnitude", "unknown") else f" ({row['component']})"
    source = f", from {row['contrast_from']}" if row["contrast"] != "unknown" else ""
    return f"{row['contrast']}{component}{source}"


def _left_aligned(table: pd.DataFrame) -> dict[str, Callable[[str], str]]:
    widths = {name: int(table[name].str.len().max()) for name in table}
    return {name: f"{{:<{width}}}".format for name, width in widths.items()}


def first_of(names: Sequence[str]) -> str:
    """The first few names, and how many more there are.

    Examples
    --------
    >>> first_of(["a anna", "b anna", "c anna", "d anna", "e anna"])
    'a anna, b anna, c anna and 2 more'
    """
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
