"""Training on a Slurm cluster: options of ``train``, and the command that shows the jobs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bmseg.commands import options
from bmseg.commands.options import echo_each, together, workspace_in
from bmseg.errors import InputError

if TYPE_CHECKING:
    from bmseg.methods.profiles import Profile
    from bmseg.slurm import Order

# nnU-Net fills batches in processes of its own, and a GPU waits for them.
_CPUS_BESIDE_GPU = 8
_CPUS = 2

# sbatch's options that bmseg gives itself.
_RESERVED = {
    "account", "array", "cpus-per-task", "dependency", "error", "gpus-per-node", "job-name",
    "kill-on-invalid-dep", "mem", "no-requeue", "nodes", "ntasks", "ntasks-per-node", "open-mode", "output",
    "parsable", "partition", "requeue", "signal", "time", "wait", "wrap",
}  # fmt: skip

#: --on and what goes with it; all but `on` are for `check_unused` and `train_on_slurm`.
slurm_options = together(
    click.option(
        "--on", type=click.Choice(["here", "slurm"]), default="here", show_default=True,
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


def check_unused(slurm: Mapping[str, Any]) -> None:
    """Refuse options of Slurm where it is not asked for."""
    for name, value in slurm.items():
        if value not in (None, (), False):
            option = name.partition("_")[0]
            raise click.UsageError(f"--{option}: found with --on here, expected with --on slurm")


def train_on_slurm(order: Order, slurm: Mapping[str, Any], *, restart: bool) -> None:
    """Submit a training and follow its jobs; Ctrl-C leaves them running."""
    from bmseg.slurm import launch
    from bmseg.wording import command

    asked = asked_of(slurm, order.training.profile)
    try:
        launch(order, asked, restart=restart, detach=slurm["detach"])
    except KeyboardInterrupt:
        look = command("jobs", workspace=order.workspace.root)
        click.echo(
            f"the jobs go on without this command: '{look}' shows them, '{look} --cancel' stops "
            "them, the same command follows them again",
            err=True,
        )
        sys.exit(130)


def asked_of(slurm: Mapping[str, Any], profile: Profile) -> dict[str, str | bool]:
    """What each job asks for, as sbatch's long options; InputError when one cannot be read."""
    gpus = slurm["gpus"] if slurm["gpus"] is not None else int(profile.device == "cuda")
    asked = {
        "time": slurm["time_limit"] or "24:00:00",
        "gpus-per-node": gpus or None,
        "cpus-per-task": slurm["cpus"] or (_CPUS_BESIDE_GPU if gpus else _CPUS),
        "mem": slurm["memory"],
        "partition": slurm["partition"],
        "account": slurm["account"],
    }
    given = {name: str(value) for name, value in asked.items() if value is not None}
    return {**given, **_others(slurm["sbatch"])}


def _others(given: Sequence[str]) -> dict[str, str | bool]:
    """Further options of sbatch, given as KEY=VALUE, or as KEY where it takes no value."""
    others: dict[str, str | bool] = {}
    for one in given:
        key, equals, value = one.partition("=")
        key = key.strip().lstrip("-").replace("_", "-")
        if not key or (equals and not value):
            raise InputError(f"--sbatch: found '{one}', expected KEY=VALUE, as qos=high")
        if key in _RESERVED:
            raise InputError(
                f"--sbatch: found '{key}', which bmseg gives itself, expected another option of sbatch"
            )
        if key in others:
            raise InputError(f"--sbatch: found {key} twice, expected once")
        others[key] = value if equals else True
    return others


@click.command()
@options.workspace
@click.option("--cancel", is_flag=True, help="Cancel every job that is queued or running.")
def jobs(root: Path, cancel: bool) -> None:
    """Show the jobs that were submitted to Slurm from this workspace."""
    from bmseg.slurm import looked_up
    from bmseg.wording import command

    workspace = workspace_in(root)
    if cancel:
        stopped = [job for submission in looked_up(workspace, cancel=True) for job in submission.active()]
        click.echo(f"{len(stopped)} jobs cancelled")
    found = looked_up(workspace)
    if not found:
        submit = command("train", "nnunet", "--on", "slurm", workspace=root)
        click.echo(f"no jobs: nothing was submitted from this workspace ('{submit}')")
    echo_each(submission.table() for submission in found)
