"""The command that says how a workspace stands."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bmseg.commands import options
from bmseg.commands.options import FILE, echo_each, refuse, workspace_in


@click.command()
@options.workspace
@options.study
@click.option(
    "--evaluation", "out", type=FILE, help="Folder of 'evaluate -o' on plain folders, instead of a workspace."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@click.option("--thorough", is_flag=True, help="Compare every file with its record, however large.")
@click.pass_context
def status(
    context: click.Context,
    root: Path,
    study_file: Path | None,
    out: Path | None,
    as_json: bool,
    thorough: bool,
) -> None:
    """Say what there is, what is missing or out of date, and what comes next.

    Nothing is written. Images, masks and checkpoints are compared with what is on record of them up to 256 MB
    in all; what was not looked at is named.
    """
    from bmseg.status import status_of, status_of_evaluation
    from bmseg.status.stage import LIMIT

    if out:
        refuse(context, ("root",), "--evaluation is of plain folders, without a workspace")
        found = status_of_evaluation(out, study_file)
    else:
        found = status_of(workspace_in(root, study_file), limit=float("inf") if thorough else LIMIT)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
        return
    echo_each(found.lines())
    index = found.folder / "index.html"
    if not out and index.is_file():
        click.echo(f"open: {index}")
    elif page := next(iter(found.pages.values()), None):
        click.echo(f"open: {page}")
    click.echo(found.next_in_words or "nothing is missing")
