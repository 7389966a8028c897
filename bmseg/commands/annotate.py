"""The commands of iterative segmentation: a model pre-draws masks, a reader corrects them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bmseg.commands import options
from bmseg.commands.ending import end, end_in
from bmseg.commands.options import FILE, FOLDS, InOrder, echo_each, timed

if TYPE_CHECKING:
    from bmseg.annotation.choose import Pick
    from bmseg.nnunet.training import Fold


@click.group(cls=InOrder)
def annotate() -> None:
    """Segment exams round by round: a model pre-draws, a reader corrects.

    A round: propose, correct in MedSeg, ITK-SNAP or 3D Slicer, accept. Accepted masks become training
    exams of the workspace. docs/howto/annotation.md says what to press.
    """


def _round_option(text: str) -> Callable[..., Any]:
    return click.option("--round", "round_number", type=click.IntRange(1), help=text)


@annotate.command("start")
@options.workspace
@click.option("--masks", type=FILE, help="Folder of <exam>.nii.gz: unread exams segmented by hand.")
@options.seed
def start(root: Path, masks: Path | None, seed: int) -> None:
    """Begin with the exams that are segmented already.

    Those are the workspace's training exams and the unread exams in --masks. The exams still to be
    segmented are the unread ones.
    """
    from bmseg.annotation.start import start as begin

    echo_each(begin(root, masks=masks, seed=seed))
    end_in(root)


@annotate.command("propose")
@options.workspace
@click.option(
    "--next", "number", type=click.IntRange(1), default=8, show_default=True, help="Exams to pre-draw."
)
@click.option(
    "--pick", type=click.Choice(["random", "uncertain"]), default="random", show_default=True,
    help="Which exams: at random, or where the folds' networks disagree most.",
)  # fmt: skip
@click.option("--method", "method_name", default="nnunet", show_default=True, help="See bmseg methods.")
@options.profile
@click.option(
    "--folds", type=FOLDS, help="Networks to train, as in bmseg train. [default: all; uncertain: 0,1]"
)
@options.epochs
@options.iterations
@click.option("--seed", type=click.IntRange(0), help="Of choice and training. [default: that of start]")
@_round_option("Round to make; one that is made stays. [default: the next]")
def propose(
    root: Path,
    number: int,
    pick: Pick,
    method_name: str,
    profile_name: str,
    folds: tuple[Fold, ...] | None,
    epochs: int | None,
    iterations: int | None,
    seed: int | None,
    round_number: int | None,
) -> None:
    """Train on all accepted exams, pre-draw the next ones.

    Stopped and started again with the same options, it goes on.
    """
    from bmseg.annotation.propose import Settings
    from bmseg.annotation.propose import propose as make_round
    from bmseg.annotation.rounds import open_annotation
    from bmseg.methods import get_method
    from bmseg.methods.profiles import get_profile
    from bmseg.nnunet import Training

    annotation = open_annotation(root)
    training = Training.of(get_method(method_name), get_profile(profile_name), epochs, iterations)
    chosen = folds or (("all",) if pick == "random" else (0, 1))
    settings = Settings(training, chosen, number, pick, annotation.seed if seed is None else seed)
    with timed("annotate propose"):
        lines = make_round(annotation, settings, number=round_number)
    echo_each(lines)
    end(annotation.workspace)


@annotate.command("accept")
@click.argument("folder", type=FILE, metavar="[CORRECTED_FOLDER]", required=False)
@options.workspace
@click.option(
    "--exams", "only", metavar="EXAM,EXAM", help="Exams to accept; the round stays open for the others."
)
@_round_option("Round that was corrected. [default: the last]")
def accept(folder: Path | None, root: Path, only: str | None, round_number: int | None) -> None:
    """Take corrected masks back, measure what changed.

    CORRECTED_FOLDER is by default the round's folder corrected. All of the round's exams have to be there;
    a mask that does not fit refuses them all.
    """
    from bmseg.annotation.accept import accept as take
    from bmseg.annotation.rounds import open_annotation
    from bmseg.annotation.status import status as table_of
    from evaluation.statistics.words import plural

    annotation = open_annotation(root)
    exams = [exam.strip() for exam in (only or "").split(",") if exam.strip()]
    result = take(annotation, folder, only=exams, number=round_number)
    click.echo(f"{plural(len(result.accepted), 'mask')} accepted, {len(result.already)} already accepted")
    if result.unchanged:
        names = ", ".join(result.unchanged)
        click.echo(f"{len(result.unchanged)} of them exactly as proposed, nothing corrected: {names}")
    if result.unsure:
        of = ", ".join(f"{exam} {n}" for exam, n in result.unsure.items())
        click.echo(f"marked as unsure, which no model learns from and no Dice counts: voxels of {of}")
    if result.gone:
        click.echo(
            f"warning: {'; '.join(result.gone)}; if that was not meant, the program may have numbered the "
            "levels anew (3D Slicer: 'Use color table values')",
            err=True,
        )
    if result.others:
        click.echo(f"not read, since no mask: {plural(len(result.others), 'other file')} in the folder")
    if result.left:
        click.echo(f"the round stays open for {len(result.left)}: {', '.join(result.left)}")
    report = table_of(annotation)
    segmented = plural(len(annotation.lineage()), "exam")
    click.echo(f"segmented: {segmented}; left: {len(annotation.unread())}")
    echo_each(report.sentences[-2:])
    end(annotation.workspace)


@annotate.command("status")
@options.workspace
def status(root: Path) -> None:
    """Print the rounds, and whether the model helps yet."""
    from bmseg.annotation.rounds import open_annotation
    from bmseg.annotation.status import status as table_of

    annotation = open_annotation(root)
    click.echo(table_of(annotation).table.to_markdown())
    folder = annotation.workspace.annotation
    click.echo(f"written to {folder}: rounds.csv, rounds.md; a row an exam: lineage.csv")
    end(annotation.workspace)


@annotate.command("simulate")
@options.workspace
@click.option(
    "--leave", type=click.IntRange(0), default=10, show_default=True,
    help="Voxels of the largest wrong region that she does not notice.",
)  # fmt: skip
@_round_option("Round to correct. [default: the last]")
def simulate(root: Path, leave: int, round_number: int | None) -> None:
    """Let a simulated reader correct (synthetic cohort)."""
    from bmseg.annotation.rounds import open_annotation
    from bmseg.annotation.simulated import simulate as correct
    from evaluation.statistics.words import plural

    with timed("annotate simulate"):
        result = correct(open_annotation(root), largest_left=leave, number=round_number)
    click.echo(
        f"{plural(len(result.written), 'mask')} corrected by the simulated reader, already there: "
        f"{len(result.kept)}; {plural(result.left, 'voxel')} left as proposed in regions of at most {leave}"
    )
    end_in(root)
