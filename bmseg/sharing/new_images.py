"""Predict anyone's images with a model file; no workspace is needed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bmseg.errors import InputError, WorkError
from bmseg.nnunet.environment import all_cores, logged, nnunet_environment, one_core, say
from bmseg.nnunet.inference import MADE_FROM, UNFINISHED, is_kept, load_predictor, predict_exam
from bmseg.outputs.provenance import file_hash, value_hash, versions
from bmseg.outputs.records import read_record, write_record
from bmseg.sharing.image_folder import NewExams, find_exams, store
from bmseg.sharing.opening import SharedModel, check_contents, unpack
from bmseg.workspace import Workspace
from dataset_conversion.images.volume import ConversionError, Volume, read_volume, write_volume
from dataset_conversion.raw.dataset import FILE_ENDING, RawDataset

LOG = "bmseg_predict.log"


def predict_images(
    model_file: Path, images: Path, out: Path, *, trust: bool, deterministic: bool = False
) -> list[Path]:
    """Predict every exam of a folder with a model file; a mask an exam, on the exam's own grid.

    Masks that the same model made from the same images are kept. Nothing is predicted when one of the exams
    cannot be.

    Parameters
    ----------
    model_file : Path
        Of `bmseg.sharing.archive.export_model`.
    images : Path
        Folder of ``<exam>_0000.nii.gz``, a number a channel; of one channel also ``<exam>.nii.gz``. In
        whatever axis order: masks come in that of their images.
    out : Path
        Folder for ``<exam>.nii.gz``; another than `images`. One model's masks only.
    trust : bool
        Whether whoever made the file is trusted: loading a model can run what its maker wants.
    deterministic : bool
        On the CPU only: one thread.

    Returns
    -------
    list of Path
        The masks written by this call.

    Raises
    ------
    InputError
        When the file is not trusted, is no model file or holds what it should not; when an exam is not
        whole, damaged, not finite, or of another plane; when `out` holds masks of something else.
    WorkError
        When nnU-Net fails, or a mask is not on the grid of its image or holds no levels of the study.
    """
    if not trust:
        raise InputError(
            f"{model_file}: a model file can run programs of whoever made it, and is not trusted; if you "
            "know where it comes from, add --trust"
        )
    if out.resolve() == images.resolve():
        raise InputError(f"{out}: found the folder of the images, expected another one for the masks")
    with _unfinished(out) as unfinished:
        model = unpack(model_file, unfinished / "nnUNet_results")
        exams = _exams(images, model)
        networks = value_hash(model.manifest.networks)
        record = _record(out, networks, exams.images)
        wanted = {
            exam: value_hash([networks, [file_hash(path) for path in paths]])
            for exam, paths in exams.images.items()
        }
        missing = {
            exam: paths
            for exam, paths in exams.images.items()
            if not is_kept(out / f"{exam}{FILE_ENDING}", record.get(exam), wanted[exam])
        }
        if kept := len(wanted) - len(missing):
            say(f"prediction: {kept} of {len(wanted)} masks kept, made by the same model")
        workspace = Workspace.of(unfinished, model.study)
        dataset = RawDataset.create(workspace.nnunet_raw, model.study.dataset_spec)
        grids = _store(dataset, images, missing, exams.faults)
        facts = _facts(model, networks)
        written = []
        with closing(_masks(model, workspace, dataset, grids, out / LOG, deterministic)) as masks:
            for exam, made, entry in masks:
                record[exam] = {"made_from": wanted[exam], **entry}
                mask = out / f"{exam}{FILE_ENDING}"
                # A kill in between leaves no mask, or the one that the record tells of.
                mask.unlink(missing_ok=True)
                write_record(out / MADE_FROM, {"masks": record, "model": facts, "versions": versions()})
                written.append(made.replace(mask))
        return written


@contextmanager
def _unfinished(out: Path) -> Iterator[Path]:
    """A folder inside `out` for what is not yet whole; without any result, `out` does not stay either."""
    folder = out.resolve() / UNFINISHED
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not any(out.iterdir()):
            out.rmdir()


def _exams(images: Path, model: SharedModel) -> NewExams:
    exams = find_exams(images, model.study.dataset_spec.channels)
    if exams.others:
        say(f"{images}: no images, left alone: {', '.join(exams.others)}")
    return exams


def _record(out: Path, networks: str, exams: Mapping[str, Any]) -> dict[str, Any]:
    """The masks that are there, by exam; refuses those of another model, and what is no mask of a model."""
    found = read_record(out / MADE_FROM)
    made_by = found.get("model", {}).get("networks")
    if found and made_by != networks:
        raise InputError(f"{out}: found masks of another model, expected none or this one's; use another -o")
    record = dict(found.get("masks", {}))
    masks = {exam: out / f"{exam}{FILE_ENDING}" for exam in exams}
    foreign = [
        path.name
        for exam, path in masks.items()
        if path.is_file() and record.get(exam, {}).get("mask") != file_hash(path)
    ]
    if foreign:
        raise InputError(
            f"{out}: found files that this model did not make, or that were changed since "
            f"({', '.join(foreign)}), expected none; move them away or use another -o"
        )
    return record


def _store(
    dataset: RawDataset, folder: Path, images: Mapping[str, Sequence[Path]], faults: list[str]
) -> dict[str, Volume]:
    """Store the exams' images for nnU-Net; the grid of each, or a refusal that names every bad exam."""
    grids = {}
    bad = list(faults)
    for exam, paths in tqdm(images.items(), desc="reading", unit="exam", disable=None):
        try:
            grids[exam] = store(dataset, exam, paths)
        except ConversionError as error:
            bad.append(str(error))
    if bad:
        raise InputError(f"{folder}: nothing was predicted, mend or remove first: {'; '.join(bad)}")
    return grids


def _facts(model: SharedModel, networks: str) -> dict[str, Any]:
    """What the record says of the model."""
    manifest = model.manifest
    return {
        "file": model.source.name,
        "sha256": file_hash(model.source),
        "networks": networks,
        "method": manifest.method,
        "profile": manifest.profile,
        "prediction": manifest.prediction.model_dump(),
        "versions": manifest.versions,
    }


def _device(wanted: str, deterministic: bool) -> Any:
    """The device that the model is for, or the CPU where there is no GPU."""
    import torch

    name = "cuda" if wanted == "cuda" and torch.cuda.is_available() else "cpu"
    if name != wanted:
        say("prediction: found no GPU, goes on with the CPU; single voxels can differ from a GPU's masks")
    if deterministic and name != "cpu":
        raise InputError("--deterministic: found a GPU, expected the CPU; hide it (CUDA_VISIBLE_DEVICES=)")
    return torch.device(name)


def _masks(
    model: SharedModel,
    workspace: Workspace,
    dataset: RawDataset,
    grids: Mapping[str, Volume],
    log: Path,
    deterministic: bool,
) -> Generator[tuple[str, Path, dict[str, Any]], None, None]:
    """Each exam, its mask in a place of its own, and what the record says of it."""
    if not grids:
        return
    prediction = model.manifest.prediction
    with nnunet_environment(workspace, prediction.device, workers=1):
        device = _device(prediction.device, deterministic)
        cores = one_core() if deterministic else all_cores(device)
        with logged(log, "prediction"), cores:
            check_contents(model)
            say(f"prediction: by {model.manifest.method} of {model.source.name}, on {device.type}")
            predictor = load_predictor(
                model.folder,
                prediction.folds,
                device,
                mirroring=prediction.mirroring,
                tile_step=prediction.tile_step,
            )
            for exam, grid in tqdm(grids.items(), desc="predicting", unit="exam", disable=None):
                begin = time.perf_counter()
                mask = _mask(predictor, dataset, exam, grid, model, workspace.root)
                seconds = round(time.perf_counter() - begin, 2)
                yield exam, mask, {"mask": file_hash(mask), "seconds": seconds, "device": device.type}


def _mask(
    predictor: Any, dataset: RawDataset, exam: str, grid: Volume, model: SharedModel, unfinished: Path
) -> Path:
    """Predict a stored exam; the mask in the axis order and on the very grid of the exam's own image."""
    stored = [dataset.image_path(exam, "unread", name) for name in dataset.spec.channels]
    predicted = predict_exam(predictor, unfinished / "masks", exam, stored, FILE_ENDING)
    mask = read_volume(predicted).in_order(grid.axis_order)
    levels = model.study.label_values
    if found := sorted(set(mask.array.ravel().tolist()) - set(levels)):
        raise WorkError(f"{exam}: predicted mask: label: found {found}, expected some of {levels}")
    if mask.array.shape != grid.array.shape:
        raise WorkError(
            f"{exam}: predicted mask: size: found {mask.array.shape}, expected {grid.array.shape} voxels"
        )
    for path in (*stored, predicted):
        path.unlink()
    whole = unfinished / f"{exam}{FILE_ENDING}"
    write_volume(whole, Volume(mask.array, grid.affine))
    return whole
