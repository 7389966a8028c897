"""Predict the test exams with the trained folds of a method."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from bmseg.errors import InputError
from bmseg.nnunet.environment import predicting, say
from bmseg.nnunet.inference import Masks, load_predictor, trained_networks, unfinished_in
from bmseg.nnunet.models import TrainedModel, check_deterministic, check_inputs, data_inputs, trained_model
from bmseg.nnunet.training import Fold, Training, raw_dataset_json, visible_files
from bmseg.workspace import Workspace


def predict(
    workspace: Workspace,
    training: Training,
    *,
    folds: Sequence[Fold] | None = None,
    deterministic: bool = False,
    exams: Sequence[str] | None = None,
    out: Path | None = None,
    model: TrainedModel | None = None,
    probabilities: bool = False,
) -> list[Path]:
    """Predict every test exam into the workspace, with the mean of the folds' networks.

    A mask that was made from the same image by the same checkpoints is kept; masks of exams that are no
    longer in the data set are deleted. Each mask appears whole, on the very grid of its image.

    Parameters
    ----------
    training : Training
        Where several schedules were trained, the newest predicts.
    folds : sequence of int or "all", optional
        By default every fold that was begun; all of them must be finished.
    deterministic : bool
        On the CPU only: one thread.
    exams : sequence of str, optional
        Some of the test exams. By default all.
    out : Path, optional
        Folder of the masks. By default the rater's in the workspace.
    model : TrainedModel, optional
        Of another workspace, of the same study; it then is not asked whether it was trained from what this
        one holds, and `folds` are its own.
    probabilities : bool
        Whether those of every label are kept beside each mask, as ``<exam>.npz``.

    Returns
    -------
    list of Path
        The masks written by this call.

    Raises
    ------
    InputError
        When there is no data set, no test exam, no trained model or no GPU where one is needed, or the
        model was trained from other exams or plans than the workspace now holds.
    WorkError
        When nnU-Net fails, or a mask is not on the grid of its image.
    """
    check_deterministic(training, deterministic)
    images = images_of(workspace, "test")
    if exams is not None:
        images = {exam: images[exam] for exam in exams}
    if model is None:
        model = trained_model(workspace, training, folds)
        check_current(workspace, model)
    folder = out or workspace.predictions(training.name)
    profile, log = training.profile, model.folder / "bmseg_predict.log"
    # What is there is looked at by whoever is alone with it: another call may be making other masks.
    with unfinished_in(folder) as unfinished:
        masks = _masks(folder, workspace, model, images, maps=probabilities)
        delete_stale(masks, images)
        if not (missing := masks.missing()):
            return []
        say(f"prediction: by {model.folder.name}, fold {', '.join(map(str, model.folds))}")
        with predicting(workspace, profile.device, log, deterministic=deterministic) as device:
            networks = trained_networks(model.folder, model.folds)
            predictor = load_predictor(
                networks, device, mirroring=training.recipe.mirroring, tile_step=profile.tile_step
            )
            return masks.predict(predictor, {exam: images[exam] for exam in missing}, unfinished)


def check_current(workspace: Workspace, model: TrainedModel) -> None:
    """Refuse, by name, a model that was trained from other exams or plans than the workspace now holds."""
    for fold in model.folds:
        check_inputs(model.folder / f"fold_{fold}", data_inputs(workspace, model.training, fold))


def predicted_exams(workspace: Workspace, model: TrainedModel) -> list[str] | None:
    """The test exams, when the mask of every one was made by the model and is unchanged; None otherwise."""
    images = images_of(workspace, "test")
    masks = _masks(workspace.predictions(model.training.name), workspace, model, images)
    return list(images) if all(map(masks.is_current, images)) else None


def _masks(
    folder: Path,
    workspace: Workspace,
    model: TrainedModel,
    images: dict[str, list[Path]],
    *,
    maps: bool = False,
) -> Masks:
    checkpoints, training = model.checkpoints(), model.training
    teachers = model.taught_by()
    return Masks(
        folder,
        images,
        raw_dataset_json(workspace)["file_ending"],
        made_by=[checkpoints, training.recipe.mirroring, training.profile.tile_step],
        facts={"folder": model.folder.name, "folds": [*model.folds], "checkpoints": checkpoints}
        | ({"taught_by": teachers} if teachers else {}),
        maps=maps,
    )


def images_of(workspace: Workspace, split: Literal["training", "test"]) -> dict[str, list[Path]]:
    """Exam to its images in channel order; InputError where there is no exam, or one lacks an image."""
    dataset_json = raw_dataset_json(workspace)
    name = "imagesTs" if split == "test" else "imagesTr"
    folder, ending = workspace.raw_dataset / name, dataset_json["file_ending"]
    channels = [f"_{int(number):04d}{ending}" for number in dataset_json["channel_names"]]
    exams = [path.name.removesuffix(channels[0]) for path in visible_files(folder, channels[0])]
    if not exams:
        raise InputError(
            f"{folder}: found no {split} exam, expected at least one; convert some with split '{split}'"
        )
    images = {exam: [folder / f"{exam}{channel}" for channel in channels] for exam in exams}
    for path in (path for paths in images.values() for path in paths if not path.is_file()):
        raise InputError(f"{path}: no such file, expected every channel of a {split} exam; convert again")
    return images


def delete_stale(masks: Masks, exams: dict[str, Any]) -> None:
    """Delete masks of exams that are gone: they would be scored with the others."""
    names = [path.name.removesuffix(masks.ending) for path in visible_files(masks.folder, masks.ending)]
    stale = [exam for exam in names if exam not in exams]
    for exam in stale:
        masks.path(exam).unlink()
        masks.map_path(exam).unlink(missing_ok=True)
    masks.record = {exam: entry for exam, entry in masks.record.items() if exam in exams}
    if stale:
        say(f"prediction: deleted masks of exams that are not in the data set: {', '.join(stale)}")
