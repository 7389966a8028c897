"""``bmseg region``: where readers are to mark, from epiphyses."""

from __future__ import annotations

from pathlib import Path

import click

from bmseg.commands.options import FILE, timed


@click.command()
@click.argument("epiphyses", type=FILE)
@click.option("-o", "--out", required=True, type=FILE, help="Folder for the region masks.")
@click.option(
    "--bone",
    "bones",
    multiple=True,
    metavar="NAME",
    help="A bone that every mask holds: right femur (value 1), right tibia (2), left femur (3), left tibia "
    "(4). Repeat. [default: all four]",
)
@click.option(
    "--marrow", type=FILE, help="Folder of <exam>.nii.gz, 1 where marrow is: nothing else is allowed."
)
@click.option("--leave-out", type=FILE, help="Folder of <exam>.nii.gz, 1 where physes and vessels are.")
def region(
    epiphyses: Path, out: Path, bones: tuple[str, ...], marrow: Path | None, leave_out: Path | None
) -> None:
    """Make the region masks that evaluate --regions takes.

    EPIPHYSES is a folder of <exam>.nii.gz with the epiphyses drawn. Allowed are they, and metaphyses as
    squares over their growth plates, as wide as the epiphysis at its widest.
    """
    from bmseg.scoring.regions import make_regions

    with timed("region"):
        made = make_regions(epiphyses, out, bones=bones, marrow=marrow, leave_out=leave_out)
    if made.skipped:
        click.echo(f"already made from the same masks: {out}")
    for exam, cut in made.cut.items():
        click.echo(f"warning: {exam}: the image ends before the square of {', '.join(cut)} does", err=True)
    click.echo(f"{len(made.exams)} regions: {out}")
