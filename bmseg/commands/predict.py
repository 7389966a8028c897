"""The commands that use a trained model: predict, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bmseg.commands import options
from bmseg.commands.ending import end
from bmseg.commands.options import FILE, FOLDS, check_pydicom, echo_each, refuse, timed, workspace_in
from bmseg.errors import WorkError

if TYPE_CHECKING:
    from bmseg.nnunet.training import Fold


@click.command(
    epilog="bmseg predict METHOD: the test exams of a workspace. "
    "bmseg predict --model MODEL.ZIP IMAGES -o OUT: images of anyone; no workspace is needed."
)
@click.argument("what", metavar="[METHOD | IMAGES]", required=False)
@options.workspace
@options.profile
@click.option(
    "--folds", type=FOLDS, help="Folds whose networks predict together. [default: every trained one]"
)
@click.option(
    "--seeds", type=click.IntRange(1),
    help="Networks that differ in their seed, each into its own folder. [default: every trained one]",
)  # fmt: skip
@options.deterministic
@click.option(
    "--probabilities",
    is_flag=True,
    help="Keep those of every label too (<exam>.npz): evaluate then says whether they mean what readers do.",
)
@click.option("--model", "model_file", type=FILE, metavar="MODEL.ZIP", help="A file of 'bmseg export'.")
@click.option("-o", "--out", type=FILE, help="With --model: folder for the masks.")
@click.option(
    "--dicom", is_flag=True,
    help="With --model: IMAGES are exported DICOM studies, and DICOM segmentations come out.",
)  # fmt: skip
@click.option("--rtstruct", is_flag=True, help="With --dicom: structure sets too.")
@click.option("--pdf", is_flag=True, help="With --dicom: volumes and foci too, as encapsulated PDF.")
@click.option(
    "--keys", "keys_file", type=FILE,
    help="With --dicom: key file, which exam is whose. [default: IMAGES.keys.csv, beside IMAGES]",
)  # fmt: skip
@click.option(
    "--volumes",
    type=FILE,
    help="With --dicom: edited table of 'inspect dicom'; its column 'channel' decides.",
)
@click.pass_context
def predict(
    context: click.Context,
    what: str | None,
    root: Path,
    profile_name: str,
    folds: tuple[Fold, ...] | None,
    seeds: int | None,
    deterministic: bool,
    probabilities: bool,
    model_file: Path | None,
    out: Path | None,
    dicom: bool,
    rtstruct: bool,
    pdf: bool,
    keys_file: Path | None,
    volumes: Path | None,
) -> None:
    """Predict masks, with a trained METHOD or a model file.

    METHOD (default: nnunet) predicts the workspace's test exams, with the network of every seed that is
    trained; one as METHOD_seed2023 alone. With --model, the file's model predicts
    the folder IMAGES of NIfTI files named <exam>_0000.nii.gz, a number a channel; <exam>.nii.gz will do for
    one channel. With --dicom, it predicts the exams of an export, of which convert dicom finds the channels.
    """
    from bmseg.nnunet import Training
    from bmseg.nnunet import predict as predict_exams
    from bmseg.nnunet.models import trained_seeds
    from bmseg.sharing import predict_images
    from evaluation.statistics.words import plural

    if model_file is not None:
        refuse(context, ("root", "profile_name", "folds", "seeds"), "a model file brings its own")
        refuse(context, ("probabilities",), "they are of a workspace's test exams")
        if not dicom:
            refuse(context, _OF_DICOM, "only with --dicom")
        if what is None or out is None:
            raise click.UsageError("--model needs IMAGES, a folder, and -o, where masks go")
        if dicom:
            _predict_dicom(
                model_file, Path(what), out, rtstruct=rtstruct, pdf=pdf, keys_file=keys_file,
                volumes=volumes, deterministic=deterministic,
            )  # fmt: skip
            return
        with timed(f"predict {model_file.name}"):
            written = predict_images(model_file, Path(what), out, deterministic=deterministic)
        click.echo(f"{plural(len(written), 'mask')} written to {out}")
        return
    refuse(context, ("out", "dicom", *_OF_DICOM), "only with --model")
    method_name = what or "nnunet"
    workspace = workspace_in(root)
    training = Training.named(method_name, profile_name)
    networks = [training] if training.seed is not None else trained_seeds(workspace, training, seeds)
    with timed(f"predict {method_name}"):
        for one in networks:
            written = predict_exams(
                workspace, one, folds=folds, deterministic=deterministic, probabilities=probabilities
            )
            click.echo(f"{plural(len(written), 'mask')} written to {workspace.predictions(one.name)}")
    end(workspace)


#: Options that only --dicom has.
_OF_DICOM = ("rtstruct", "pdf", "keys_file", "volumes")


def _predict_dicom(model_file: Path, source: Path, out: Path, **given: Any) -> None:
    """Predict an export and say what came of it; refused exams are a `WorkError`, after all are named."""
    check_pydicom()
    from bmseg.sharing.dicom_results import predict_export

    with timed(f"predict {model_file.name}"):
        made = predict_export(model_file, source, out, **given)
    echo_each(made.lines(out))
    echo_each(made.refused.values(), "refused: ", err=True)
    if made.refused:
        raise WorkError(
            f"{len(made.refused)} not made (above); correct them, start again: only what is missing is made"
        )


@click.command()
@click.argument("method_names", metavar="METHOD METHOD...", nargs=-1, required=True)
@options.workspace
@options.profile
@options.deterministic
@click.option("--name", default="ensemble", show_default=True, help="What a pair's masks are called.")
def ensemble(
    method_names: tuple[str, ...], root: Path, profile_name: str, deterministic: bool, name: str
) -> None:
    """Let nnU-Net choose among METHODs and their pairs, and predict with the pair.

    All folds of each are needed. Each network predicts the training exams of its fold that it was not trained
    on, nnU-Net compares their Dice, and the mean probabilities of the best pair predict the test exams. Where
    one method alone is the best, nothing is written: its masks are those of 'bmseg predict'.
    """
    from bmseg.nnunet import Training
    from bmseg.nnunet.ensemble import choose, predict_together
    from evaluation.statistics.words import plural

    workspace = workspace_in(root)
    trainings = [Training.named(one, profile_name) for one in method_names]
    with timed("ensemble"):
        choice = choose(workspace, trainings, deterministic=deterministic)
        width = max(map(len, choice.dice))
        click.echo(
            f"mean Dice of {choice.n_exams} training exams with the training reader's masks, each exam by a "
            "network that had not seen it:"
        )
        for one, value in choice.dice.items():
            click.echo(f"  {one:<{width}}  {value:.3f}{'  chosen by nnU-Net' * (one == choice.name)}")
        folder = workspace.predictions(name)
        if len(choice.members) == 1:
            click.echo(f"no pair is better than {choice.name} alone: no ensemble is written")
            if folder.is_dir():
                click.echo(f"{folder}: of an earlier choice; delete it", err=True)
        else:
            written = predict_together(workspace, choice, name, deterministic=deterministic)
            click.echo(f"{plural(len(written), 'mask')} written to {folder}")
    end(workspace)


@click.command()
@click.argument("method_name", metavar="METHOD")
@click.argument("path", metavar="MODEL.ZIP", type=FILE)
@options.workspace
@options.profile
@click.option("--folds", type=FOLDS, help="Folds whose networks go along. [default: every trained one]")
@click.option(
    "--for", "program", type=click.Choice(["bmseg", "nnunet"]), default="bmseg", show_default=True,
    help="nnunet: checkpoints for nnUNetv2_install_pretrained_model_from_zip, which unpickles them.",
)  # fmt: skip
def export(
    method_name: str, path: Path, root: Path, profile_name: str, folds: tuple[Fold, ...] | None, program: str
) -> None:
    """Write the trained METHOD into one file that predicts elsewhere.

    It holds weights, plans, study file, folds (with case identifiers) and, where they are this model's, the
    test tables; no image and no mask. Use it with bmseg predict --model MODEL.ZIP IMAGES -o OUT.
    """
    from bmseg.nnunet import Training
    from bmseg.sharing import export_model

    workspace = workspace_in(root)
    training = Training.named(method_name, profile_name)
    with timed(f"export {method_name}"):
        manifest, why_no_tables = export_model(
            workspace, training, path, folds=folds, for_nnunet=program == "nnunet"
        )
    if why_no_tables:
        click.echo(f"without test tables: {why_no_tables}", err=True)
    names = ", ".join(map(str, manifest.prediction.folds))
    click.echo(f"{path}: {manifest.model}, fold {names}, {path.stat().st_size / 1e6:.1f} MB")
