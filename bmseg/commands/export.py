"""The command that shares a model; bmseg predict --model uses one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bmseg.commands.options import FILE, FOLDS, profile_option, timed, workspace_option

if TYPE_CHECKING:
    from bmseg.nnunet.training import Fold


@click.command()
@click.argument("method_name", metavar="METHOD")
@click.argument("path", metavar="MODEL.ZIP", type=FILE)
@workspace_option
@profile_option
@click.option("--folds", type=FOLDS, help="Folds whose networks go along. [default: every trained one]")
@click.option(
    "--for",
    "program",
    type=click.Choice(["bmseg", "nnunet"]),
    default="bmseg",
    show_default=True,
    help="nnunet: checkpoints for nnUNetv2_install_pretrained_model_from_zip, which unpickles them.",
)
def export(
    method_name: str, path: Path, root: Path, profile_name: str, folds: tuple[Fold, ...] | None, program: str
) -> None:
    """Write the trained METHOD into one file that predicts elsewhere.

    It holds weights, plans, study file, folds (with case identifiers) and, where they are this model's, the
    test tables; no image and no mask. Use it with bmseg predict --model MODEL.ZIP IMAGES -o OUT.
    """
    from bmseg.nnunet import Training
    from bmseg.sharing import export_model
    from bmseg.workspace import open_workspace

    workspace, _ = open_workspace(root)
    training = Training.named(method_name, profile_name)
    with timed(f"export {method_name}"):
        manifest, why_no_tables = export_model(
            workspace, training, path, folds=folds, for_nnunet=program == "nnunet"
        )
    if why_no_tables:
        click.echo(f"without test tables: {why_no_tables}", err=True)
    names = ", ".join(map(str, manifest.prediction.folds))
    click.echo(f"{path}: {manifest.model}, fold {names}, {path.stat().st_size / 1e6:.1f} MB")
