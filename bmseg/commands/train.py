"""The commands around nnU-Net: methods, plan, train, predict, export, env."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from bmseg.commands import options
from bmseg.commands.ending import end
from bmseg.commands.jobs import check_unused, gpus, slurm_options, train_on_slurm
from bmseg.commands.options import FILE, FOLDS, check_pydicom, echo_each, timed, workspace_in
from bmseg.errors import WorkError

if TYPE_CHECKING:
    from bmseg.nnunet.training import Fold

_method = click.argument("method_name", metavar="[METHOD]", default="nnunet")
_deterministic = click.option(
    "--deterministic", is_flag=True, help="CPU only: one thread, so that the number of cores changes nothing."
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
    "--folds", type=FOLDS, default="0", show_default=True,
    help="Folds of splits_final.json, as 0, 0-4 or 0,2,4, one network each; all: one network on every exam.",
)  # fmt: skip
@options.epochs
@options.iterations
@click.option(
    "--resume/--restart", default=True, show_default=True,
    help="Go on from the last checkpoint, or delete it and start anew.",
)  # fmt: skip
@_deterministic
@slurm_options("a job a fold on a Slurm cluster, then one that predicts and scores.", gpus)
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
    on: str,
    **slurm: Any,
) -> None:
    """Train METHOD, or go on where it was stopped; bmseg methods lists the methods.

    Checkpoints are kept as it goes. A training made from other inputs is refused, and names what differs;
    --restart deletes it. With --on slurm every fold is a job, and a last job predicts and scores.
    """
    from bmseg.nnunet import Training
    from bmseg.nnunet import train as train_fold
    from bmseg.slurm import TrainingOrder, check_not_queued

    if on == "here":
        check_unused(slurm)
    workspace = workspace_in(root)
    training = Training.named(method_name, profile_name, epochs, iterations)
    order = TrainingOrder(
        str(workspace.root), workspace.dataset_folder, method_name, profile_name,
        epochs, iterations, seed, deterministic, folds,
    )  # fmt: skip
    if on == "slurm":
        train_on_slurm(order, slurm, restart=not resume)
        end(workspace)
        return
    check_not_queued(order)
    with timed(f"train {method_name}"):
        for fold in folds:
            train_fold(
                workspace, training, fold=fold, seed=seed, restart=not resume, deterministic=deterministic
            )
    end(workspace)


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
@_deterministic
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

    METHOD (default: nnunet) predicts the workspace's test exams. With --model, the file's model predicts
    the folder IMAGES of NIfTI files named <exam>_0000.nii.gz, a number a channel; <exam>.nii.gz will do for
    one channel. With --dicom, it predicts the exams of an export, of which convert dicom finds the channels.
    """
    from bmseg.nnunet import Training
    from bmseg.nnunet import predict as predict_exams
    from bmseg.sharing import predict_images

    if model_file is not None:
        _refuse(context, ("root", "profile_name", "folds"), "a model file brings its own")
        _refuse(context, ("probabilities",), "they are of a workspace's test exams")
        if not dicom:
            _refuse(context, _OF_DICOM, "only with --dicom")
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
        click.echo(f"{len(written)} masks written to {out}")
        return
    _refuse(context, ("out", "dicom", *_OF_DICOM), "only with --model")
    method_name = what or "nnunet"
    workspace = workspace_in(root)
    training = Training.named(method_name, profile_name)
    with timed(f"predict {method_name}"):
        written = predict_exams(
            workspace, training, folds=folds, deterministic=deterministic, probabilities=probabilities
        )
    click.echo(f"{len(written)} masks written to {workspace.predictions(method_name)}")
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


def _refuse(context: click.Context, parameters: tuple[str, ...], reason: str) -> None:
    """Refuse options that were given by hand and would be ignored."""
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if option.name in parameters and given:
            raise click.UsageError(f"{option.opts[-1]}: found it given, expected none: {reason}")


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
