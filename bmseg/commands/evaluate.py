"""The commands that score readers and models: evaluate, and compare for those of a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bmseg.commands.options import FILE, folders_of, study_option, timed, workspace_option

if TYPE_CHECKING:
    from evaluation.study import Unit


@click.command()
@workspace_option
@study_option
@click.option("--reader", "readers", multiple=True, metavar="NAME=FOLDER", help="A reader's masks. Repeat.")
@click.option("--prediction", "models", multiple=True, metavar="NAME=FOLDER", help="A model's masks. Repeat.")
@click.option("-o", "--out", type=FILE, help="Where results go. [default: the workspace's]")
@click.option("--synthetic", is_flag=True, help="Say on tables and figures that the cohort is synthetic.")
@click.option(
    "--unit",
    type=click.Choice(["exam", "knee"]),
    default="exam",
    show_default=True,
    help="What the fair table and the tests count as one; knees are clustered by exam.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Loss of Dice that would not matter: tests non-inferiority of models.",
)
@click.option(
    "--cohort", type=FILE, help="CSV: exam, site, group, age. Dice by each. [default: the workspace's]"
)
@click.option("--regions", type=FILE, help="Folder of <exam>.nii.gz, 1 where marking is allowed.")
def evaluate(
    root: Path,
    study_file: Path | None,
    readers: tuple[str, ...],
    models: tuple[str, ...],
    out: Path | None,
    synthetic: bool,
    unit: Unit,
    margin: float | None,
    cohort: Path | None,
    regions: Path | None,
) -> None:
    """Build the consensus; score readers and models.

    As usual and fairly, with intervals, tests, agreement, and where models fail. On a workspace: no
    further option. On plain folders of <exam>.nii.gz masks: --reader and --prediction, each as
    name=folder, and -o.
    """
    from bmseg.scoring.evaluate import Raters, evaluate_workspace
    from bmseg.scoring.evaluate import evaluate as evaluate_raters
    from bmseg.scoring.published import published_beside, read_published
    from bmseg.study import DEFAULT_STUDY, load_study
    from bmseg.wording import SYNTHETIC
    from bmseg.workspace import open_workspace

    if readers and out is None:
        raise click.UsageError("--reader needs -o, where results go")
    if models and not readers:
        raise click.UsageError("--prediction needs --reader: the readers' masks make the consensus")
    workspace = None if readers else open_workspace(root, study_file)[0]
    source = workspace.study_file if workspace else study_file or DEFAULT_STUDY
    study = load_study(source)
    published = read_published(study, source)
    options: dict[str, Any] = {"unit": unit, "margin": margin, "cohort": cohort, "regions": regions}
    with timed("evaluate"):
        if workspace:
            result = evaluate_workspace(workspace, out=out, **options)
        elif out:
            raters = Raters(folders_of(readers, "--reader"), folders_of(models, "--prediction"))
            result = evaluate_raters(study, source, raters, out, synthetic=synthetic, **options)
    if result.skipped:
        click.echo(f"already made from the same inputs: {result.folder}")
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(result.table.to_markdown())
    if beside := published_beside(
        result.summary, published, study.citation, SYNTHETIC if result.synthetic else ""
    ):
        click.echo(beside.to_markdown())
    click.echo(f"results: {result.folder}")


@click.command()
@click.argument("method_names", metavar="[METHOD]...", nargs=-1)
@workspace_option
@click.option(
    "--unit",
    type=click.Choice(["exam", "knee"]),
    help="What the fair table and the tests count as one. [default: as evaluated, or else exam]",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Loss of Dice that would not matter. [default: as evaluated]",
)
@click.option("--cohort", type=FILE, help="CSV: exam, site, group, age. [default: the workspace's]")
@click.option("--regions", type=FILE, help="Folder of <exam>.nii.gz, 1 where marking is allowed.")
def compare(
    method_names: tuple[str, ...],
    root: Path,
    unit: Unit | None,
    margin: float | None,
    cohort: Path | None,
    regions: Path | None,
) -> None:
    """Compare methods: beside readers, in pairs, and what they cost.

    Evaluates first where that is not done. Without a METHOD, all that have predictions.
    """
    from bmseg.scoring.compare import compare_methods
    from bmseg.workspace import open_workspace

    workspace, _ = open_workspace(root)
    with timed("compare"):
        found = compare_methods(
            workspace, method_names, unit=unit, margin=margin, cohort=cohort, regions=regions
        )
    if found.evaluation.skipped:
        click.echo(f"already made from the same inputs: {workspace.evaluation}")
    for warning in found.evaluation.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(found.to_markdown())
    click.echo(f"results: {workspace.evaluation}")
