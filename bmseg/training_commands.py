"""The commands around nnU-Net: methods, plan, train, predict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bmseg.options import FOLDS, profile_option, seed_option, timed, workspace_option

if TYPE_CHECKING:
    from bmseg.nnunet.training import Fold, Training

_method = click.argument("method_name", metavar="METHOD", default="nnunet")
_deterministic = click.option(
    "--deterministic",
    is_flag=True,
    help="CPU only: one thread, so that the number of cores changes nothing.",
)


@click.command()
def methods() -> None:
    """List the methods that can be trained and compared."""
    from bmseg.methods import methods as known

    found = known()
    width = max(map(len, found))
    for name, method in found.items():
        click.echo(f"{name:<{width}}  {method.summary} ({', '.join(method.recipes)})")


@click.command()
@workspace_option
@profile_option
def plan(root: Path, profile_name: str) -> None:
    """Let nnU-Net plan its 2-D configuration and preprocess the exams."""
    from bmseg.nnunet import plan as plan_nnunet
    from bmseg.profiles import get_profile
    from bmseg.stages import open_workspace

    workspace, _ = open_workspace(root)
    with timed("plan"):
        plan_nnunet(workspace, get_profile(profile_name))


@click.command()
@_method
@workspace_option
@profile_option
@seed_option
@click.option(
    "--folds",
    type=FOLDS,
    default="0",
    show_default=True,
    help="Folds of splits_final.json, as 0, 0-4 or 0,2,4, one network each; all: one network on every exam.",
)
@click.option("--epochs", type=click.IntRange(1), help="Number of epochs. [default: the profile's]")
@click.option("--iterations", type=click.IntRange(1), help="Steps an epoch. [default: the profile's]")
@click.option(
    "--resume/--restart",
    default=True,
    show_default=True,
    help="Go on from the last checkpoint, or delete it and start anew.",
)
@_deterministic
def train(
    method_name: str,
    root: Path,
    profile_name: str,
    seed: int,
    folds: tuple[Fold, ...],
    epochs: int | None,
    iterations: int | None,
    resume: bool,
    deterministic: bool,
) -> None:
    """Train METHOD (bmseg methods lists them); stopped and started again, it goes on.

    Checkpoints are kept as it goes. A training made from other inputs is refused, and names what differs;
    --restart deletes it.
    """
    from bmseg.nnunet import train as train_fold
    from bmseg.stages import open_workspace

    workspace, _ = open_workspace(root)
    training = _training(method_name, profile_name, epochs, iterations)
    with timed(f"train {method_name}"):
        for fold in folds:
            train_fold(
                workspace,
                training,
                fold=fold,
                seed=seed,
                restart=not resume,
                deterministic=deterministic,
            )


@click.command()
@_method
@workspace_option
@profile_option
@click.option(
    "--folds", type=FOLDS, help="Folds whose networks predict together. [default: every trained one]"
)
@_deterministic
def predict(
    method_name: str, root: Path, profile_name: str, folds: tuple[Fold, ...] | None, deterministic: bool
) -> None:
    """Predict the masks of the test exams with METHOD."""
    from bmseg.nnunet import predict as predict_exams
    from bmseg.stages import open_workspace

    workspace, _ = open_workspace(root)
    training = _training(method_name, profile_name)
    with timed(f"predict {method_name}"):
        written = predict_exams(workspace, training, folds=folds, deterministic=deterministic)
    click.echo(f"{len(written)} masks written to {workspace.predictions(method_name)}")


def _training(
    method_name: str, profile_name: str, epochs: int | None = None, iterations: int | None = None
) -> Training:
    from bmseg.methods import get_method
    from bmseg.nnunet import Training
    from bmseg.profiles import get_profile

    return Training.of(get_method(method_name), get_profile(profile_name), epochs, iterations)
