"""The command that makes the synthetic cohort."""

from __future__ import annotations

from pathlib import Path

import click

from bmseg.commands.options import profile_option, seed_option, study_option, timed, workspace_option


@click.command()
@workspace_option
@study_option
@profile_option
@seed_option
@click.option("--training", type=click.IntRange(1, 85), help="Training exams. [default: the profile's]")
@click.option(
    "--segmented",
    type=click.IntRange(1, 85),
    help="Training exams that have masks, the first ones; the others are unread. [default: all]",
)
@click.option("--processes", type=click.IntRange(1), help="Worker processes. [default: CPU cores]")
def phantom(
    root: Path,
    study_file: Path | None,
    profile_name: str,
    seed: int,
    training: int | None,
    segmented: int | None,
    processes: int | None,
) -> None:
    """Make the synthetic cohort: knees and four readers."""
    from bmseg.cohort.phantom import make_phantom
    from bmseg.methods.profiles import get_profile
    from bmseg.workspace import open_workspace, workspace_study
    from dataset_conversion.phantom.cohort import check_spec

    exams = training or get_profile(profile_name).training_exams
    check_spec(workspace_study(root, study_file, create=True).dataset_spec)
    workspace, _ = open_workspace(root, study_file, create=True)
    with timed("phantom"):
        click.echo(
            make_phantom(workspace, training=exams, segmented=segmented, seed=seed, processes=processes)
        )
