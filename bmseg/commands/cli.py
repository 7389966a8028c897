"""The command line: a command parses, calls one function and prints the answer.

Heavy imports stand inside the commands, so that ``bmseg --help`` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from bmseg import __version__
from bmseg.commands.annotate import annotate
from bmseg.commands.atlas import atlas
from bmseg.commands.convert import convert, inspect
from bmseg.commands.export import export
from bmseg.commands.jobs import jobs
from bmseg.commands.leaderboard import leaderboard
from bmseg.commands.options import (
    FILE,
    InOrder,
    folders_of,
    profile_option,
    seed_option,
    study_option,
    timed,
    workspace_option,
)
from bmseg.commands.platforms import export as export_platform
from bmseg.commands.rank import rank
from bmseg.commands.reading_room import reading_room
from bmseg.commands.region import region
from bmseg.commands.submission import submission
from bmseg.commands.train import compare, methods, plan, predict, train
from bmseg.commands.vas import vas

if TYPE_CHECKING:
    from bmseg.study import Study
    from bmseg.workspace import Workspace


def main() -> None:
    """Run the command line; an expected failure is one line and an exit code, never a traceback."""
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except (click.exceptions.Abort, KeyboardInterrupt):
        _fail("interrupted; the same command goes on from here", 130)
    except OSError as error:
        _fail(f"{error.filename or 'file'}: {error.strerror or error}", 1)
    except (ValueError, RuntimeError) as error:
        code = _exit_code(error)
        if code is None:
            raise
        _fail(str(error), code)


def _exit_code(error: Exception) -> int | None:
    """2 for misuse, 1 for failed work, None for a mistake of ours, which keeps its traceback."""
    from bmseg.errors import InputError, WorkError
    from dataset_conversion.images.volume import ConversionError
    from evaluation.masks.reading import MaskError
    from evaluation.statistics.intervals import StatisticsError

    if isinstance(error, (InputError, ConversionError, MaskError, StatisticsError)):
        return 2
    return 1 if isinstance(error, WorkError) else None


def _fail(message: str, code: int) -> None:
    click.echo(f"Error: {message}", err=True)
    sys.exit(code)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", prog_name="bmseg")
def cli() -> None:
    """How good is a segmentation model, next to the readers, when nobody knows the truth?

    A run: phantom (or inspect and convert), plan, train, predict, evaluate (or compare), report. Every
    command works on one workspace folder, skips what is already made from the same inputs, and can be
    stopped and started again.
    """


@cli.command()
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
    workspace, study = open_workspace(root, study_file, create=True)
    with timed("phantom"):
        click.echo(
            make_phantom(
                workspace, study, training=exams, segmented=segmented, seed=seed, processes=processes
            )
        )


cli.add_command(inspect)
cli.add_command(convert)


for command in (methods, plan, train, jobs, predict):
    cli.add_command(command)


cli.add_command(region)


@cli.command()
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
    unit: Literal["exam", "knee"],
    margin: float | None,
    cohort: Path | None,
    regions: Path | None,
) -> None:
    """Build the consensus; score readers and models.

    As usual and fairly, with intervals, tests, agreement, and where models fail. On a workspace: no
    further option. On plain folders of <exam>.nii.gz masks: --reader and --prediction, each as
    name=folder, and -o.
    """
    from bmseg.scoring.evaluate import evaluate as evaluate_raters
    from bmseg.scoring.evaluate import evaluate_workspace
    from bmseg.scoring.published import published_beside, read_published
    from bmseg.scoring.raters import Raters
    from bmseg.study import DEFAULT_STUDY, load_study
    from bmseg.wording import SYNTHETIC

    if readers and out is None:
        raise click.UsageError("--reader needs -o, where results go")
    if models and not readers:
        raise click.UsageError("--prediction needs --reader: the readers' masks make the consensus")
    options: dict[str, Any] = {"unit": unit, "margin": margin, "cohort": cohort, "regions": regions}
    source = (study_file or DEFAULT_STUDY) if readers else _open(root, study_file)[0].study_file
    study = load_study(source)
    published = read_published(study, source)
    with timed("evaluate"):
        if readers and out:
            raters = Raters(folders_of(readers, "--reader"), folders_of(models, "--prediction"))
            result = evaluate_raters(study, source, raters, out, synthetic=synthetic, **options)
        else:
            result = evaluate_workspace(_open(root, study_file)[0], **options)
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


cli.add_command(compare)


@cli.command()
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

    workspace = None if out else _open(root, study_file)[0]
    source = workspace.study_file if workspace else study_file or DEFAULT_STUDY
    folder = out or _open(root, study_file)[0].evaluation
    evaluation = Evaluation.read(folder, source)
    with timed("report"):
        written = write_report(evaluation, source, workspace)
    if not written:
        click.echo("already made from the same evaluation")
    click.echo(f"report: {evaluation.folder / REPORT}")


cli.add_command(annotate)
cli.add_command(atlas)
leaderboard.add_command(export_platform)
for command in (export, leaderboard, submission, rank, reading_room, vas):
    cli.add_command(command)


@cli.command()
@workspace_option
def env(root: Path) -> None:
    """Print nnU-Net's environment variables, for eval in a shell."""
    import shlex

    from bmseg.nnunet import nnunet_variables

    workspace, _ = _open(root)
    for name, value in nnunet_variables(workspace).items():
        click.echo(f"export {name}={shlex.quote(value)}")


def _open(root: Path, study_file: Path | None = None) -> tuple[Workspace, Study]:
    from bmseg.workspace import open_workspace

    return open_workspace(root, study_file)
