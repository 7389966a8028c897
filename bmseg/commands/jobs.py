"""Training on a Slurm cluster: options of ``train``, and the command that shows the jobs."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bmseg.commands.options import workspace_option

if TYPE_CHECKING:
    from bmseg.methods.profiles import Profile
    from bmseg.nnunet.training import Fold, Training
    from bmseg.slurm import Resources
    from bmseg.workspace import Workspace

# nnU-Net fills batches in processes of its own, and a GPU waits for them.
_CPUS_BESIDE_GPU = 8
_CPUS = 2

_NAMES = ("partition", "gpus", "time_limit", "cpus", "memory", "account", "sbatch", "detach")
_OPTIONS = (
    click.option(
        "--on",
        type=click.Choice(["here", "slurm"]),
        default="here",
        show_default=True,
        help="slurm: a job a fold on a Slurm cluster, then one that predicts and scores.",
    ),
    click.option("--partition", help="Slurm: partition. [default: the cluster's]"),
    click.option(
        "--gpus", type=click.IntRange(0), help="Slurm: GPUs a job. [default: 1 where the profile needs one]"
    ),
    click.option(
        "--time", "time_limit", metavar="TIME", help="Slurm: time limit, after which a job goes on in a new "
        "run. [default: 24:00:00]",
    ),
    click.option("--cpus", type=click.IntRange(1), help="Slurm: cores. [default: 8 with a GPU, or else 2]"),
    click.option("--memory", metavar="SIZE", help="Slurm: memory a job, as 16G. [default: the cluster's]"),
    click.option("--account", help="Slurm: account that pays."),
    click.option(
        "--sbatch", multiple=True, metavar="KEY=VALUE", help="Slurm: any other option of sbatch. Repeat."
    ),
    click.option("--detach", is_flag=True, help="Slurm: submit and return; 'bmseg jobs' shows the jobs."),
)  # fmt: skip


def slurm_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --on and what goes with it.

    The command gets `on` and, for `train_on_slurm`, one dict `slurm`.
    """

    @functools.wraps(command)
    def with_one_dict(**values: Any) -> Any:
        given = {name: values.pop(name) for name in _NAMES}
        unused = [name for name, value in given.items() if value not in (None, (), False)]
        if unused and values["on"] == "here":
            option = unused[0].partition("_")[0]
            raise click.UsageError(f"--{option}: found with --on here, expected with --on slurm")
        return command(**values, slurm=given)

    decorated: Callable[..., Any] = with_one_dict
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def train_on_slurm(
    root: Path,
    training: Training,
    folds: Sequence[Fold],
    slurm: dict[str, Any],
    *,
    epochs: int | None,
    iterations: int | None,
    seed: int,
    deterministic: bool,
    restart: bool,
) -> None:
    """Submit a training and follow its jobs; Ctrl-C leaves them running.

    Parameters
    ----------
    root : Path
        The workspace's folder.
    training : Training
    folds : sequence of int or "all"
    slurm : dict
        What `slurm_options` gave.
    epochs, iterations, seed, deterministic, restart
        Of ``train``.
    """
    from bmseg.slurm import launch
    from bmseg.slurm.work import Order

    order = Order(
        root=str(root.resolve()),
        method=training.method.name,
        profile=training.profile.name,
        epochs=epochs,
        iterations=iterations,
        seed=seed,
        deterministic=deterministic,
        folds=tuple(folds),
    )
    resources = resources_of(slurm, training.profile)
    try:
        launch(order, resources, restart=restart, detach=slurm["detach"])
    except KeyboardInterrupt:
        click.echo(
            "the jobs go on without this command: 'bmseg jobs' shows them, the same command follows them "
            "again, 'bmseg jobs --cancel' stops them",
            err=True,
        )
        sys.exit(130)


def refuse_queued(workspace: Workspace, training: Training, folds: Sequence[Fold]) -> None:
    """Refuse to train here what a job of Slurm trains or waits to train.

    Raises
    ------
    InputError
        Names the job.
    """
    if not workspace.jobs.is_dir():
        return
    from bmseg.slurm import check_not_queued

    check_not_queued(workspace, [training.fold_folder(workspace, fold) for fold in folds])


def resources_of(slurm: dict[str, Any], profile: Profile) -> Resources:
    """What each job asks for.

    Raises
    ------
    InputError
        When a time limit or another option cannot be read.
    """
    from bmseg.slurm.resources import Resources, minutes_of, sbatch_options

    gpus = slurm["gpus"] if slurm["gpus"] is not None else int(profile.device == "cuda")
    return Resources(
        minutes=minutes_of(slurm["time_limit"] or "24:00:00"),
        gpus=gpus,
        cpus=slurm["cpus"] or (_CPUS_BESIDE_GPU if gpus else _CPUS),
        memory=slurm["memory"],
        partition=slurm["partition"],
        account=slurm["account"],
        others=sbatch_options(slurm["sbatch"]),
    )


@click.command()
@workspace_option
@click.option("--cancel", is_flag=True, help="Cancel every job that is queued or running.")
def jobs(root: Path, cancel: bool) -> None:
    """Show the jobs that were submitted to Slurm from this workspace."""
    from bmseg.slurm.launch import cancelled, looked_up
    from bmseg.slurm.table import jobs_table
    from bmseg.workspace import open_workspace

    workspace, _ = open_workspace(root)
    if cancel:
        click.echo(f"{cancelled(workspace)} jobs cancelled")
    found = looked_up(workspace)
    if not found:
        click.echo("no jobs: nothing was submitted from this workspace ('bmseg train METHOD --on slurm')")
    for submission in found:
        click.echo(jobs_table(workspace, submission))
