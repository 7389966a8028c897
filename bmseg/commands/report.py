"""The pages of an evaluation: bmseg report."""

from __future__ import annotations

from pathlib import Path

import click

from bmseg.commands import options
from bmseg.commands.ending import end, end_on_folders
from bmseg.commands.options import FILE, folders_of, progress, refuse, timed, workspace_in


@click.command()
@options.workspace
@options.study
@click.option(
    "--evaluation", "out", type=FILE, help="Folder of 'evaluate -o' on plain folders, instead of a workspace."
)
@click.option(
    "--masks", multiple=True, metavar="RATER=FOLDER",
    help="With --evaluation: the masks that were evaluated, for the viewer of exams. Repeat.",
)  # fmt: skip
@click.option("--images", type=FILE, help="With --masks: <exam>.nii.gz, for the viewer. [default: none]")
@click.option("--exams/--no-exams", default=True, help="With or without the viewer. [default: with]")
@click.pass_context
def report(
    context: click.Context,
    root: Path,
    study_file: Path | None,
    out: Path | None,
    masks: tuple[str, ...],
    images: Path | None,
    exams: bool,
) -> None:
    """Write the one-page report and the viewer of exams.

    Of a workspace's run or, with --evaluation, of plain folders (without images and cohort).
    """
    from bmseg.report.page import REPORT, STEPS, write_report
    from bmseg.scoring.evaluation import KEPT_STUDY, Evaluation
    from bmseg.status.scored import check_evaluation
    from bmseg.study import DEFAULT_STUDY
    from bmseg.viewer.evaluated import page_of, write_exams
    from bmseg.wording import command

    if (masks or images) and not (out and masks):
        raise click.UsageError("--masks is for --evaluation (a workspace has them), and --images for --masks")
    if out:
        refuse(context, ("root",), "--evaluation is of plain folders, without a workspace")
        check_evaluation(out)
        kept = out / KEPT_STUDY
        workspace, source = None, study_file or (kept if kept.is_file() else DEFAULT_STUDY)
        evaluation = Evaluation.read(out, source)
    else:
        workspace = workspace_in(root, study_file)
        source, made_by = workspace.study_file, command("evaluate", workspace=root)
        evaluation = Evaluation.read(workspace.evaluation, source, made_by=made_by)
    shown = folders_of(masks, "--masks")
    total = STEPS + len(evaluation.found.exams) * bool(exams and (workspace or shown))
    with timed("report"), progress("report", total) as step:
        if exams:
            write_exams(evaluation, workspace, shown, images, step=step)
        written = write_report(evaluation, source, workspace, step=step)
    if not written:
        click.echo("already made from the same evaluation")
    click.echo(f"report: {evaluation.folder / REPORT}")
    if page_of(evaluation).is_file():
        click.echo(f"exams: {page_of(evaluation)}")
    if workspace:
        end(workspace, evaluation.folder / REPORT)
    else:
        end_on_folders(evaluation.folder, study_file)
