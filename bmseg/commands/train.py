"""The commands around nnU-Net's training: methods, plan, train, env."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bmseg.commands import options
from bmseg.commands.ending import end
from bmseg.commands.jobs import check_unused, gpus, slurm_options, train_on_slurm
from bmseg.commands.options import FOLDS, refuse, timed, workspace_in
from bmseg.errors import InputError
from bmseg.methods.variants import MASKS
from bmseg.wording import command

if TYPE_CHECKING:
    from bmseg.methods.variants import Masks
    from bmseg.nnunet.training import Fold

_method = click.argument("method_name", metavar="[METHOD]", default="nnunet")


@click.command()
def methods() -> None:
    """List the methods that can be trained and compared."""
    from bmseg.methods import methods as known

    found = known()
    width = max(map(len, found))
    for name, method in found.items():
        click.echo(f"{name:<{width}}  {method.summary} ({', '.join(method.recipes)})")


@click.command()
@options.workspace
@options.profile
def plan(root: Path, profile_name: str) -> None:
    """Let nnU-Net plan its 2-D configuration and preprocess the exams."""
    from bmseg.methods.profiles import get_profile
    from bmseg.nnunet import plan as plan_nnunet

    workspace = workspace_in(root)
    with timed("plan"):
        plan_nnunet(workspace, get_profile(profile_name))
    end(workspace)


@click.command()
@_method
@options.workspace
@options.profile
@options.seed
@click.option(
    "--seeds", type=click.IntRange(1), default=1, show_default=True,
    help="Networks: of --seed and of as many seeds that follow, each a rater of its own.",
)  # fmt: skip
@click.option(
    "--folds", type=FOLDS, default="0", show_default=True,
    help="Folds of splits_final.json, as 0, 0-4 or 0,2,4, one network each; all: one network on every exam.",
)  # fmt: skip
@click.option(
    "--masks", type=click.Choice(MASKS),
    help="Whose masks teach: the training reader's, the readers' consensus, those of all of them (one drawn "
    "anew each time), or shares of their votes (soft). METHOD_soft can be given too. [default: the study's]",
)  # fmt: skip
@options.epochs
@options.iterations
@click.option(
    "--resume/--restart", default=True, show_default=True,
    help="Go on from the last checkpoint, or delete it and start anew.",
)  # fmt: skip
@options.deterministic
@click.option(
    "--tensorboard", is_flag=True, help="Write event files for TensorBoard too, beside the checkpoints."
)
@slurm_options("a job a fold on a Slurm cluster, then one that predicts and scores.", gpus)
@click.pass_context
def train(
    context: click.Context,
    method_name: str,
    root: Path,
    profile_name: str,
    seed: int,
    seeds: int,
    folds: tuple[Fold, ...],
    masks: Masks | None,
    epochs: int | None,
    iterations: int | None,
    resume: bool,
    deterministic: bool,
    tensorboard: bool,
    on: str,
    **slurm: Any,
) -> None:
    """Train METHOD, or go on where it was stopped; bmseg methods lists the methods.

    Checkpoints are kept as it goes. A training made from other inputs is refused, and names what differs;
    --restart deletes it. With --on slurm every fold is a job, and a last job predicts and scores.

    With --seeds 3 three networks are trained, which differ in their seed alone: METHOD, METHOD_seed2023 and
    METHOD_seed2024. Such a name can also be given in place of METHOD.
    """
    from bmseg.nnunet import Training
    from bmseg.nnunet import train as train_fold
    from bmseg.nnunet.tensorboard import check_tensorboard
    from bmseg.slurm import TrainingOrder, check_not_queued

    if tensorboard:
        check_tensorboard()
    if on == "here":
        check_unused(slurm)
    workspace = workspace_in(root)
    training = Training.named(method_name, profile_name, epochs, iterations, masks=masks)
    method_name = training.name
    if training.seed is not None:
        refuse(context, ("seed",), f"{method_name} is the network of seed {training.seed}")
        seed = training.seed
    networks = training.of_seeds(seed, seeds)
    order = TrainingOrder(
        str(workspace.root), workspace.dataset_folder, method_name, profile_name,
        epochs, iterations, seed, deterministic, folds, seeds, tensorboard,
    )  # fmt: skip
    if on == "slurm":
        train_on_slurm(order, slurm, restart=not resume)
        end(workspace)
        return
    check_not_queued(order)
    with timed(f"train {method_name}"):
        for number, one in enumerate(networks, 1):
            if seeds > 1:
                click.echo(f"{one.name}: network {number} of {seeds}, seed {seed + number - 1}", err=True)
            for fold in folds:
                train_fold(
                    workspace, one, fold=fold, seed=seed + number - 1, restart=not resume,
                    deterministic=deterministic, tensorboard=tensorboard,
                )  # fmt: skip
    end(workspace)


@click.command()
@options.workspace
def curves(root: Path) -> None:
    """Draw the learning curves of all trainings, finished or at work, on one page.

    Other commands on the workspace do so at their end; this one while a training is at work.
    """
    from bmseg.curves import write_curves_page

    workspace = workspace_in(root)
    if (page := write_curves_page(workspace)) is None:
        train_first = command("train", workspace=workspace.root)
        raise InputError(
            f"{workspace.nnunet_results}: found no training, expected one; train first ('{train_first}')"
        )
    end(workspace, page)


@click.command()
@click.argument("rater", metavar="[METHOD]", default="")
@options.workspace
def env(rater: str, root: Path) -> None:
    """Print nnU-Net's environment variables, for eval in a shell.

    With a METHOD as nnunet_seed2023, those with which nnU-Net's own commands find that network.
    """
    import shlex

    from bmseg.methods.variants import method_of
    from bmseg.nnunet import nnunet_variables

    word = method_of(rater)[1].word if rater else ""
    for name, value in nnunet_variables(workspace_in(root), word).items():
        click.echo(f"export {name}={shlex.quote(value)}")
