"""The command that writes the report."""

from __future__ import annotations

from pathlib import Path

import click

from bmseg.commands.options import FILE, study_option, timed, workspace_option


@click.command()
@workspace_option
@study_option
@click.option(
    "--evaluation", "out", type=FILE, help="Folder of 'evaluate -o' on plain folders, instead of a workspace."
)
def report(root: Path, study_file: Path | None, out: Path | None) -> None:
    """Write the one-page report.

    Of a workspace's run or, with --evaluation, of plain folders (without images and cohort).
    """
    from bmseg.report.page import REPORT, write_report
    from bmseg.scoring.evaluation import Evaluation
    from bmseg.study import DEFAULT_STUDY
    from bmseg.wording import command
    from bmseg.workspace import open_workspace

    if out:
        workspace, source = None, study_file or DEFAULT_STUDY
        evaluation = Evaluation.read(out, source)
    else:
        workspace, _ = open_workspace(root, study_file)
        source, made_by = workspace.study_file, command("evaluate", workspace=root)
        evaluation = Evaluation.read(workspace.evaluation, source, made_by=made_by)
    with timed("report"):
        written = write_report(evaluation, source, workspace)
    if not written:
        click.echo("already made from the same evaluation")
    click.echo(f"report: {evaluation.folder / REPORT}")
