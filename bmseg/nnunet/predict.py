"""Predict the test exams with the trained folds of a method."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bmseg.errors import InputError
from bmseg.nnunet.environment import all_cores, check_device, logged, nnunet_environment, one_core, say
from bmseg.nnunet.inference import MADE_FROM, UNFINISHED, is_kept, load_predictor, predict_exam
from bmseg.nnunet.inputs import raw_dataset_json, visible_files
from bmseg.nnunet.models import TrainedModel, check_inputs, trained_model
from bmseg.nnunet.training import Fold, Training
from bmseg.nnunet.training_inputs import check_deterministic, data_inputs
from bmseg.outputs.provenance import file_hash, value_hash, versions
from bmseg.outputs.records import read_record, write_record
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
) -> list[Path]:
    """Predict every test exam into the workspace, with the mean of the folds' networks.

    A mask that was made from the same image by the same checkpoints is kept; masks of exams that are no
    longer in the data set are deleted. Each mask appears whole, on the very grid of its image.

    Parameters
    ----------
    workspace : Workspace
    training : Training
        The method, under a profile; where several schedules were trained, the newest predicts.
    folds : sequence of int or "all", optional
        By default every fold that was begun; all of them must be finished.
    deterministic : bool
        On the CPU only: one thread.
    exams : sequence of str, optional
        Some of the test exams. By default all.
    out : Path, optional
        Folder of the masks. By default the method's in the workspace.
    model : TrainedModel, optional
        Of another workspace, of the same study; it then is not asked whether it was trained from what this
        one holds, and `folds` are its own.

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
    dataset_json = raw_dataset_json(workspace)
    images = _test_images(workspace, dataset_json)
    if exams is not None:
        images = {exam: images[exam] for exam in exams}
    if model is None:
        model = trained_model(workspace, training, folds)
        check_current(workspace, model)
    folder = out or workspace.predictions(training.method.name)
    ending = dataset_json["file_ending"]
    shutil.rmtree(folder / UNFINISHED, ignore_errors=True)
    checkpoints = model.checkpoints()
    of_model = {"folder": model.folder.name, "folds": [*model.folds], "checkpoints": checkpoints}
    record = read_record(folder / MADE_FROM).get("masks", {})
    record = _without_stale(folder, ending, record, images)
    wanted = _inputs(checkpoints, model, images)
    missing = [
        exam for exam in images if not is_kept(folder / f"{exam}{ending}", record.get(exam), wanted[exam])
    ]
    if len(missing) < len(images):
        say(f"prediction: {len(images) - len(missing)} of {len(images)} masks kept, made by the same model")
    if not missing:
        return []
    say(f"prediction: by {model.folder.name}, fold {', '.join(map(str, model.folds))}")
    written = []
    profile = training.profile
    with nnunet_environment(workspace, profile.device, workers=1):
        device = check_device(profile)
        cores = one_core() if deterministic else all_cores(device)
        with logged(model.folder / "bmseg_predict.log", "prediction"), cores:
            predictor = load_predictor(
                model.folder,
                model.folds,
                device,
                mirroring=training.recipe.mirroring,
                tile_step=profile.tile_step,
            )
            for exam in tqdm(missing, desc=f"predicting ({training.method.name})", unit="exam", disable=None):
                begin = time.perf_counter()
                made = predict_exam(predictor, folder / UNFINISHED, exam, images[exam], ending)
                mask = made.replace(folder / made.name)
                seconds = round(time.perf_counter() - begin, 2)
                record[exam] = {"made_from": wanted[exam], "mask": file_hash(mask), "seconds": seconds}
                write_record(folder / MADE_FROM, {"masks": record, "model": of_model, "versions": versions()})
                written.append(mask)
    shutil.rmtree(folder / UNFINISHED, ignore_errors=True)
    return written


def check_current(workspace: Workspace, model: TrainedModel) -> None:
    """Refuse a model that was trained from other exams or plans than the workspace now holds.

    Raises
    ------
    InputError
        Names what changed.
    """
    for fold in model.folds:
        check_inputs(model.folder / f"fold_{fold}", data_inputs(workspace, model.training, fold))


def predicted_exams(workspace: Workspace, model: TrainedModel) -> list[str] | None:
    """The test exams, when the mask of every one was made by the model and is unchanged; None otherwise."""
    dataset_json = raw_dataset_json(workspace)
    exams = _test_images(workspace, dataset_json)
    folder = workspace.predictions(model.training.method.name)
    record = read_record(folder / MADE_FROM).get("masks", {})
    wanted = _inputs(model.checkpoints(), model, exams)
    kept = (
        is_kept(folder / f"{exam}{dataset_json['file_ending']}", record.get(exam), wanted[exam])
        for exam in exams
    )
    return list(exams) if all(kept) else None


def _test_images(workspace: Workspace, dataset_json: dict[str, Any]) -> dict[str, list[Path]]:
    """Exam to its images in channel order."""
    folder, ending = workspace.raw_dataset / "imagesTs", dataset_json["file_ending"]
    channels = [f"_{int(number):04d}{ending}" for number in dataset_json["channel_names"]]
    exams = [path.name.removesuffix(channels[0]) for path in visible_files(folder, channels[0])]
    if not exams:
        raise InputError(
            f"{folder}: found no test exam, expected at least one; convert some with split 'test'"
        )
    images = {exam: [folder / f"{exam}{channel}" for channel in channels] for exam in exams}
    for path in (path for paths in images.values() for path in paths if not path.is_file()):
        raise InputError(f"{path}: no such file, expected every channel of a test exam; convert again")
    return images


def _without_stale(
    folder: Path, ending: str, record: dict[str, Any], exams: dict[str, list[Path]]
) -> dict[str, Any]:
    """Delete masks of exams that are gone: they would be scored with the others."""
    stale = [path for path in visible_files(folder, ending) if path.name.removesuffix(ending) not in exams]
    for path in stale:
        path.unlink()
    if stale:
        names = ", ".join(path.name.removesuffix(ending) for path in stale)
        say(f"prediction: deleted masks of exams that are not in the data set: {names}")
    return {exam: entry for exam, entry in record.items() if exam in exams}


def _inputs(checkpoints: dict[str, str], model: TrainedModel, exams: dict[str, list[Path]]) -> dict[str, str]:
    """What each exam's mask is made from, as one hash."""
    training = model.training
    made_by = [checkpoints, training.recipe.mirroring, training.profile.tile_step]
    return {exam: value_hash([made_by, [file_hash(path) for path in paths]]) for exam, paths in exams.items()}
