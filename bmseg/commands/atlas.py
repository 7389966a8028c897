"""The command that makes the atlas that readers calibrate by."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from bmseg.commands.options import FILE, seed_option, study_option, timed, workspace_option


@click.command()
@workspace_option
@study_option
@click.option(
    "--exams", "named", metavar="EXAM,EXAM", help="Training exams to show. [default: chosen by age and level]"
)
@click.option("--knees", "number", type=click.IntRange(1, 100), help="How many to choose. [default: 10]")
@click.option(
    "--unit",
    type=click.Choice(["exam", "knee"]),
    help="What a row shows. [default: knee where most exams are marked on both sides]",
)
@click.option("--channel", metavar="NAME", help="Whose images. [default: the study's first]")
@seed_option
@click.option("--safe-colors", is_flag=True, help="Colours that colour-blind readers can tell apart.")
@click.option("-o", "--out", type=FILE, help="Where it goes. [default: the workspace's atlas]")
def atlas(
    root: Path,
    study_file: Path | None,
    named: str | None,
    number: int | None,
    unit: Literal["exam", "knee"] | None,
    channel: str | None,
    seed: int,
    safe_colors: bool,
    out: Path | None,
) -> None:
    """Make the reference atlas: each level's range, for readers to calibrate by.

    Of training exams alone, as one HTML page and as PDF: image, mask, image with mask; several windows; all
    by age. Asking for a test exam is refused.
    """
    from bmseg.atlas.build import HTML, PDF, build_atlas
    from bmseg.atlas.contents import AtlasOptions
    from bmseg.wording import synthetic_notes
    from bmseg.workspace import open_workspace

    if named is not None and number is not None:
        raise click.UsageError("found --exams and --knees, expected one of them")
    exams = tuple(part.strip() for part in named.split(",")) if named is not None else ()
    if named is not None and not all(exams):
        raise click.UsageError(f"--exams: found '{named}', expected exams as knee_003,knee_007")
    workspace, _ = open_workspace(root, study_file)
    options = AtlasOptions(exams, number or 10, unit, seed, safe_colors)
    out = out or workspace.atlas
    with timed("atlas"):
        made = build_atlas(workspace, options, out, channel=channel)
    if made["already"]:
        click.echo("already made from the same exams and options")
    for knee in made["knees"]:
        click.echo(f"{knee['label']}: {knee['exam']}")
    for words in [*made["words"], *synthetic_notes(made["synthetic"])]:
        click.echo(words)
    click.echo(f"atlas: {out / HTML}, {out / PDF} ({made['pages']} pages)")
