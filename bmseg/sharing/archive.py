"""Write a trained model into one zip file.

Everything lies in nnU-Net's two folders (``Dataset501_X/Trainer__Plans__Configuration``). Weights are
safetensors, which nothing has to unpickle; on request nnU-Net's own checkpoints, so that its
``nnUNetv2_install_pretrained_model_from_zip`` installs the file.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from bmseg.errors import InputError
from bmseg.nnunet.environment import nnunet_environment
from bmseg.nnunet.inference import first_names, read_checkpoint
from bmseg.nnunet.models import FINAL, INPUTS, RECORD, TrainedModel, trained_model
from bmseg.nnunet.predict import check_current, predicted_exams
from bmseg.nnunet.training import Fold, Training
from bmseg.outputs.provenance import file_hash, files_hash, read_record, versions
from bmseg.sharing.manifest import Entry, File, Manifest, Prediction
from bmseg.workspace import Workspace
from dataset_conversion.files import atomic_path
from dataset_conversion.raw.dataset import FILE_ENDING

_ABOUT = "A model made by bmseg: bmseg predict --model FILE.zip IMAGES -o OUT"
_ABOUT_NNUNETS = (
    "A model made by bmseg for nnU-Net: nnUNetv2_install_pretrained_model_from_zip FILE.zip. nnU-Net "
    "unpickles the checkpoints, which can run anything: only from a source you trust."
)

# The earliest that a zip can hold: equal models, equal files.
_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
# What is said of an evaluation.
_FACTS = ("exams", "readers", "models", "consensus_rule", "empty_mask", "unit", "synthetic", "versions")
# What nnU-Net reads of a checkpoint when it predicts, beside the configuration's name.
_OF_CHECKPOINT = ("inference_allowed_mirroring_axes", "network_weights", "trainer_name")


def export_model(
    workspace: Workspace,
    training: Training,
    path: Path,
    *,
    folds: Sequence[Fold] | None = None,
    for_nnunet: bool = False,
) -> tuple[Manifest, str]:
    """Write a trained model to a zip file: the same model, the same bytes.

    No image and no mask is in the file; ``splits_final.json`` holds the case identifiers of the training
    exams.

    Parameters
    ----------
    training : Training
        Where several schedules were trained, the newest is taken.
    path : Path
        Ends in ``.zip``; a file that is there is replaced when the new one is whole.
    folds : sequence of int or "all", optional
        By default every fold that was begun; all of them must be finished.
    for_nnunet : bool
        With nnU-Net's checkpoints, stripped to what prediction needs, in place of weights alone: for
        nnU-Net's own commands, not for `bmseg.sharing.predict_images`.

    Returns
    -------
    (Manifest, str)
        What was written, and why there are no test tables in it (empty where there are some).

    Raises
    ------
    InputError
        When there is no trained model, it was trained from other exams or plans than the workspace now
        holds, or the path does not end in ``.zip``.
    """
    if path.suffix.lower() != ".zip":
        raise InputError(f"{path}: found the ending '{path.suffix}', expected .zip; name the file model.zip")
    if path.is_dir():
        raise InputError(f"{path}: found a folder, expected the name of a file; name another")
    model = trained_model(workspace, training, folds)
    check_current(workspace, model)
    tables, facts, why_not = _scored_tables(workspace, model)
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix=".partial-") as name:
        scratch = Path(name)
        with nnunet_environment(workspace, training.profile.device):
            axes, weights = _weights(model, scratch, for_nnunet=for_nnunet)
        files = dict(sorted((_texts(workspace, model) | tables | weights).items()))
        manifest = _manifest(workspace, model, facts, files, axes, for_nnunet=for_nnunet)
        (scratch / File.MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        _write(path, manifest.folder, {File.MANIFEST: scratch / File.MANIFEST, **files})
    return manifest, why_not


def _write(path: Path, folder: PurePosixPath, files: Mapping[str, Path]) -> None:
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, file in files.items():
            entry = zipfile.ZipInfo(f"{folder}/{name}", _DATE)
            entry.create_system = _UNIX
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.file_size = file.stat().st_size
            # Weights hardly shrink.
            stored = name.endswith((File.WEIGHTS, FINAL))
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            with file.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)


def _texts(workspace: Workspace, model: TrainedModel) -> dict[str, Path]:
    """Name in the model's folder to the file that goes there, of what a model file always holds."""
    folder = workspace.study_file.parent
    files = {
        File.PLANS: model.folder / "plans.json",
        File.DATASET: model.folder / "dataset.json",
        File.SPLITS: workspace.preprocessed_dataset / "splits_final.json",
        File.STUDY: workspace.study_file,
    }
    # A study file names its printed tables: without them it is not whole.
    printed = [Path(published).name for published in workspace.study.published.files.values()]
    files |= {f"study/{name}": folder / name for name in printed}
    if missing := [str(file) for file in files.values() if not file.is_file()]:
        raise InputError(f"{missing[0]}: no such file, expected it beside the trained model; train again")
    return files


def _weights(model: TrainedModel, scratch: Path, *, for_nnunet: bool) -> tuple[Any, dict[str, Path]]:
    """Axes that predictions may be mirrored along, by the first fold; and each fold's file by its name."""
    import torch
    from safetensors.torch import save_file

    axes, files = [], {}
    for fold in model.folds:
        checkpoint = read_checkpoint(model.folder / f"fold_{fold}" / FINAL)
        weights = checkpoint["network_weights"]
        axes.append(checkpoint["inference_allowed_mirroring_axes"])
        name = f"fold_{fold}/{FINAL if for_nnunet else File.WEIGHTS}"
        file = files[name] = scratch / name
        file.parent.mkdir()
        if for_nnunet:
            # Without optimiser, log and the trainer's arguments, which hold the plans once more.
            kept = {key: checkpoint[key] for key in _OF_CHECKPOINT}
            configuration = checkpoint["init_args"]["configuration"]
            torch.save({**kept, "init_args": {"configuration": configuration}}, file)
        else:
            save_file(
                {one: weights[one].contiguous() for one in sorted({*first_names(weights).values()})}, file
            )
    return axes[0], files


def _manifest(
    workspace: Workspace,
    model: TrainedModel,
    tested: dict[str, Any] | None,
    files: Mapping[str, Path],
    axes: Any,
    *,
    for_nnunet: bool,
) -> Manifest:
    training = model.training
    records = {str(fold): read_record(model.folder / f"fold_{fold}" / RECORD) for fold in model.folds}
    # What is said elsewhere, or only of use where it ran.
    parameters = [record.pop("parameters") for record in records.values()]
    for record in records.values():
        del record["method"], record["profile"]
    return Manifest(
        format="nnunet" if for_nnunet else 2,
        about=_ABOUT_NNUNETS if for_nnunet else _ABOUT,
        method=training.name,
        summary=training.method.summary,
        profile=training.profile.name,
        dataset=workspace.dataset_folder,
        model=model.folder.name,
        prediction=Prediction(
            trainer=model.folder.name.partition("__")[0],
            configuration=training.configuration,
            mirroring_axes=None if axes is None else list(axes),
            folds=list(model.folds),
            mirroring=training.recipe.mirroring,
            tile_step=training.profile.tile_step,
            device=training.profile.device,
        ),
        parameters=parameters[0],
        trained={
            fold: read_record(model.folder / f"fold_{fold}" / INPUTS) | took for fold, took in records.items()
        },
        tested=tested,
        versions=versions(),
        files={
            name: Entry(sha256=file_hash(file), bytes=file.stat().st_size) for name, file in files.items()
        },
    )


def _scored_tables(
    workspace: Workspace, model: TrainedModel
) -> tuple[dict[str, Path], dict[str, Any] | None, str]:
    """Table 1, usual and fair, what it was made from, and why there is none if it scores other masks."""
    # Bring figures along, which predicting with a model file has no use for.
    from bmseg.scoring.evaluation import output_of
    from evaluation.study.tables import TABLE1, TABLE1_FAIR

    record = output_of(workspace.evaluation).read()
    names = [f"{table.name}.{ending}" for table in (TABLE1, TABLE1_FAIR) for ending in ("csv", "md")]
    tables = {name: workspace.evaluation / name for name in names if name in record.get("outputs", ())}
    if why_not := _why_not(workspace, model, record, tables):
        return {}, None, why_not
    # The number alone: identifiers of test exams are nobody's business but the workspace's.
    facts = {name: record[name] for name in _FACTS} | {"exams": len(record["exams"])}
    return {f"evaluation/{name}": file for name, file in tables.items()}, facts, ""


def _why_not(
    workspace: Workspace, model: TrainedModel, record: Mapping[str, Any], tables: Mapping[str, Path]
) -> str:
    method = model.training.name
    if not record:
        return "the workspace holds no evaluation"
    if method not in record["models"]:
        return f"the evaluation does not score {method}"
    if record["study"]["sha256"] != file_hash(workspace.study_file):
        return "the evaluation was made with another study file"
    exams = predicted_exams(workspace, model)
    if exams is None:
        return "the predictions were not made by this model"
    folder = workspace.predictions(method)
    masks = {exam: folder / f"{exam}{FILE_ENDING}" for exam in exams}
    if sorted(record["exams"]) != sorted(exams) or record["masks_sha256"][method] != files_hash(masks):
        return "the evaluation was made from other predictions"
    for name, path in tables.items():
        if not path.is_file() or file_hash(path) != record["outputs"][name]:
            return f"{name} is not as the evaluation wrote it"
    return ""
