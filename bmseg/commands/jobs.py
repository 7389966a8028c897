"""Work on a Slurm cluster: options of ``train`` and ``evaluate``, and the command that shows the jobs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bmseg.commands import options
from bmseg.commands.options import FILE, echo_each, together, workspace_in
from bmseg.errors import InputError

if TYPE_CHECKING:
    from bmseg.scoring.prepared import Prepared
    from bmseg.slurm import TrainingOrder
    from bmseg.slurm.order import Order
    from bmseg.workspace import Workspace

# nnU-Net fills batches in processes of its own, and a GPU waits for them.
_CPUS_BESIDE_GPU = 8
_CPUS = 2

# sbatch's options that bmseg gives itself.
_RESERVED = {
    "account", "array", "cpus-per-task", "dependency", "error", "gpus-per-node", "job-name",
    "kill-on-invalid-dep", "mem", "no-requeue", "nodes", "ntasks", "ntasks-per-node", "open-mode", "output",
    "parsable", "partition", "requeue", "signal", "time", "wait", "wrap",
}  # fmt: skip


def slurm_options(what: str, *own: Callable[..., Any]) -> Callable[..., Any]:
    """--on and what goes with it; all but `on` are for `check_unused` and for who submits.

    `what` says what jobs there are; `own` are options for this command's jobs alone.
    """
    return together(
        click.option(
            "--on", type=click.Choice(["here", "slurm"]), default="here", show_default=True,
            help=f"slurm: {what}",
        ),
        *own,
        click.option("--partition", help="Slurm: partition. [default: the cluster's]"),
        click.option(
            "--time", "time_limit", metavar="TIME", help="Slurm: time limit, after which a job goes on in a "
            "new run. [default: 24:00:00]",
        ),
        click.option(
            "--cpus", type=click.IntRange(1), help="Slurm: cores. [default: 8 with a GPU, or else 2]"
        ),
        click.option(
            "--memory", metavar="SIZE", help="Slurm: memory a job, as 16G. [default: the cluster's]"
        ),
        click.option("--account", help="Slurm: account that pays."),
        click.option(
            "--sbatch", multiple=True, metavar="KEY=VALUE", help="Slurm: any other option of sbatch. Repeat."
        ),
        click.option("--detach", is_flag=True, help="Slurm: submit and return; 'bmseg jobs' shows the jobs."),
    )  # fmt: skip


gpus = click.option(
    "--gpus", type=click.IntRange(0), help="Slurm: GPUs a job. [default: 1 where the profile needs one]"
)
job_number = click.option("--jobs", type=click.IntRange(1), help="Slurm: how many jobs share the exams.")
#: Names of the options of an evaluation on Slurm, but `on`.
OF_SHARES = ("jobs", "partition", "time_limit", "cpus", "memory", "account", "sbatch", "detach")


def check_unused(slurm: Mapping[str, Any]) -> None:
    """Refuse options of Slurm where it is not asked for."""
    for name, value in slurm.items():
        if value not in (None, (), False):
            option = name.partition("_")[0]
            raise click.UsageError(f"--{option}: found with --on here, expected with --on slurm")


def train_on_slurm(order: TrainingOrder, slurm: Mapping[str, Any], *, restart: bool) -> None:
    """Submit a training and follow its jobs; Ctrl-C leaves them running."""
    gpus = int(order.training.profile.device == "cuda")
    if _launch(order, slurm, gpus, restart=order.restart if restart else None):
        found = order.workspace
        predictions = ", ".join(str(found.predictions(one.name)) for one in order.networks)
        click.echo(f"finished; predictions: {predictions}, results: {found.evaluation}", err=True)


def score_on_slurm(
    given: Prepared, arguments: Sequence[str], workspace: Workspace | None, slurm: Mapping[str, Any]
) -> bool:
    """Score an evaluation's exams in jobs that run a command's arguments; whether that is done."""
    from bmseg.scoring.evaluation import output_of
    from bmseg.slurm import ShareOrder, jobs_beside
    from evaluation.statistics.words import plural

    if output_of(given.out).made_from(given.inputs):
        return True
    n = len(given.exams)
    if (of := min(slurm["jobs"], n)) < slurm["jobs"]:
        click.echo(f"{plural(n, 'exam')}: {plural(of, 'job')} instead of {slurm['jobs']}", err=True)
    out = given.out.absolute()
    root, below = "", jobs_beside(out)
    if workspace:
        root, below = str(workspace.root.absolute()), workspace.jobs.absolute()
    order = ShareOrder(root, str(below), str(out), tuple(arguments), n, of, given)
    return _launch(order, slurm)


def _launch(
    order: Order, slurm: Mapping[str, Any], gpus: int = 0, *, restart: Callable[[], object] | None = None
) -> bool:
    from bmseg.slurm import launch

    asked = asked_of(slurm, gpus)
    try:
        return launch(order, asked, restart=restart, detach=slurm["detach"])
    except KeyboardInterrupt:
        click.echo(
            f"the jobs go on without this command: '{order.look()}' shows them, '{order.look('--cancel')}' "
            "stops them, the same command follows them again",
            err=True,
        )
        sys.exit(130)


def asked_of(slurm: Mapping[str, Any], gpus: int) -> dict[str, str | bool]:
    """What each job asks for, as sbatch's long options; InputError when one cannot be read.

    `gpus` is how many GPUs a job needs where nobody says.
    """
    gpus = gpus if slurm.get("gpus") is None else slurm["gpus"]
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
@click.option(
    "--evaluation", "out", type=FILE, help="Folder of 'evaluate -o' on plain folders, instead of a workspace."
)
@click.option("--cancel", is_flag=True, help="Cancel every job that is queued or running.")
def jobs(root: Path, out: Path | None, cancel: bool) -> None:
    """Show the jobs that were submitted to Slurm: of a workspace, or of plain folders' evaluation."""
    from bmseg.slurm import jobs_beside, looked_up
    from bmseg.wording import command
    from evaluation.statistics.words import plural

    folder = jobs_beside(out) if out else workspace_in(root).jobs
    if cancel:
        stopped = [job for submission in looked_up(folder, cancel=True) for job in submission.active()]
        click.echo(f"{plural(len(stopped), 'job')} cancelled")
    found = looked_up(folder)
    if not found:
        submit = command("train", "nnunet", "--on", "slurm", workspace=root)
        told = f"of this evaluation: {out}" if out else f"from this workspace ('{submit}')"
        click.echo(f"no jobs: nothing was submitted {told}")
    echo_each(submission.table() for submission in found)
