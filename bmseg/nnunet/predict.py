"""Predict the test exams with a trained nnU-Net."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bmseg.errors import InputError, WorkError
from bmseg.nnunet.environment import all_cores, check_device, logged, nnunet_environment, say
from bmseg.nnunet.inputs import raw_dataset_json, visible_files
from bmseg.nnunet.models import FINAL, Fold, trained_model
from bmseg.profiles import Profile
from bmseg.provenance import file_hash, value_hash, versions
from bmseg.records import read_record, write_record
from bmseg.workspace import Workspace
from dataset_conversion.volume import grid_difference, read_volume

#: Beside the masks: what each was predicted from.
MADE_FROM = "made_from.json"
_UNFINISHED = ".partial"


def predict(workspace: Workspace, profile: Profile, *, method: str = "nnunet", fold: Fold = 0) -> list[Path]:
    """Predict every test exam into the workspace.

    A mask that was made from the same image by the same checkpoint is kept; masks of exams that are no
    longer in the data set are deleted. Each mask appears whole, on the very grid of its image.

    Parameters
    ----------
    workspace : Workspace
    profile : Profile
    method : str
        Names the folder of the masks.
    fold : int or "all"
        The fold whose network predicts.

    Returns
    -------
    list of Path
        The masks written by this call.

    Raises
    ------
    InputError
        When there is no data set, no test exam, no trained model or no GPU where one is needed.
    WorkError
        When nnU-Net fails, or a mask is not on the grid of its image.
    """
    dataset_json = raw_dataset_json(workspace)
    exams = _test_images(workspace, dataset_json)
    model = trained_model(workspace, profile, fold)
    folder = workspace.predictions(method)
    ending = dataset_json["file_ending"]
    shutil.rmtree(folder / _UNFINISHED, ignore_errors=True)
    record = read_record(folder / MADE_FROM).get("masks", {})
    record = _without_stale(folder, ending, record, exams)
    wanted = _inputs(model / f"fold_{fold}" / FINAL, profile, exams)
    missing = [
        exam for exam in exams if not _kept(folder / f"{exam}{ending}", record.get(exam), wanted[exam])
    ]
    if len(missing) < len(exams):
        say(f"prediction: {len(exams) - len(missing)} of {len(exams)} masks kept, made by the same model")
    if not missing:
        return []
    written = []
    with nnunet_environment(workspace, profile.device, workers=1):
        device = check_device(profile)
        with logged(model / f"fold_{fold}" / "bmseg_predict.log", "prediction"), all_cores(device):
            predictor = _predictor(profile, model, fold, device)
            for exam in tqdm(missing, desc=f"predicting ({method})", unit="exam", disable=None):
                mask = _predict_exam(predictor, folder, exam, exams[exam], ending)
                record[exam] = {"made_from": wanted[exam], "mask": file_hash(mask)}
                write_record(folder / MADE_FROM, {"masks": record, "versions": versions()})
                written.append(mask)
    shutil.rmtree(folder / _UNFINISHED, ignore_errors=True)
    return written


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


def _inputs(checkpoint: Path, profile: Profile, exams: dict[str, list[Path]]) -> dict[str, str]:
    """What each exam's mask is made from, as one hash."""
    model = [file_hash(checkpoint), profile.mirroring, profile.tile_step]
    return {exam: value_hash([model, [file_hash(path) for path in paths]]) for exam, paths in exams.items()}


def _kept(mask: Path, entry: Any, wanted: str) -> bool:
    if not isinstance(entry, dict) or entry.get("made_from") != wanted or not mask.is_file():
        return False
    return entry.get("mask") == file_hash(mask)


def _predictor(profile: Profile, model: Path, fold: Fold, device: Any) -> Any:
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(
        tile_step_size=profile.tile_step,
        use_mirroring=profile.mirroring,
        perform_everything_on_device=device.type == "cuda",
        device=device,
        allow_tqdm=False,
    )
    # nnU-Net unpickles the checkpoint: only ever one of this workspace's own.
    predictor.initialize_from_trained_model_folder(str(model), use_folds=(fold,), checkpoint_name=FINAL)
    return predictor


def _predict_exam(predictor: Any, folder: Path, exam: str, images: list[Path], ending: str) -> Path:
    # In this process: nnU-Net's pools take longer to start than an exam takes to predict.
    unfinished = folder / _UNFINISHED
    unfinished.mkdir(parents=True, exist_ok=True)
    predictor.predict_from_files_sequential([[str(image) for image in images]], [str(unfinished / exam)])
    mask = unfinished / f"{exam}{ending}"
    if difference := grid_difference(read_volume(mask), read_volume(images[0])):
        raise WorkError(f"{exam}: predicted mask: {difference} (the grid of {images[0]})")
    return mask.replace(folder / mask.name)
