"""Predict anyone's images with a model file; no workspace is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bmseg.errors import InputError, WorkError
from bmseg.nnunet.environment import predicting, say
from bmseg.nnunet.inference import Masks, unfinished_in
from bmseg.nnunet.networks import load_predictor
from bmseg.outputs.provenance import file_hash, value_hash
from bmseg.sharing.image_folder import find_exams, store
from bmseg.sharing.opening import SharedModel, checked_networks, unpack
from bmseg.workspace import Workspace
from dataset_conversion.images.volume import ConversionError, Volume, read_volume, write_volume
from dataset_conversion.raw.dataset import FILE_ENDING, RawDataset

LOG = "bmseg_predict.log"


def predict_images(model_file: Path, images: Path, out: Path, *, deterministic: bool = False) -> list[Path]:
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
    deterministic : bool
        On the CPU only: one thread.

    Returns
    -------
    list of Path
        The masks written by this call.

    Raises
    ------
    InputError
        When the file is no model file or holds what it should not; when an exam is not whole, damaged, not
        finite, or of another plane; when `out` holds masks of something else.
    WorkError
        When nnU-Net fails, or a mask is not on the grid of its image or holds no levels of the study.
    """
    if out.resolve() == images.resolve():
        raise InputError(f"{out}: found the folder of the images, expected another one for the masks")
    with unfinished_in(out) as unfinished:
        model = unpack(model_file, unfinished / "nnUNet_results")
        exams = find_exams(images, model.study.dataset_spec.channels)
        if exams.others:
            say(f"{images}: no images, left alone: {', '.join(exams.others)}")
        networks = value_hash(model.manifest.networks)
        facts = _facts(model, networks)
        masks = Masks(out, exams.images, FILE_ENDING, made_by=networks, facts=facts)
        _refuse_others(masks, networks, exams.images)
        missing = {exam: exams.images[exam] for exam in masks.missing()}
        workspace = Workspace.of(unfinished, model.study)
        dataset = RawDataset.create(workspace.nnunet_raw, model.study.dataset_spec)
        grids = _store(dataset, images, missing, exams.faults)
        if not grids:
            return []
        stored = {
            exam: [dataset.image_path(exam, "unread", name) for name in dataset.spec.channels]
            for exam in grids
        }

        def finish(exam: str, predicted: Path) -> Path:
            mask = _on_grid(exam, predicted, grids[exam], model.study.label_values)
            for path in (*stored[exam], predicted):
                path.unlink()
            whole = unfinished / predicted.name
            write_volume(whole, mask)
            return whole

        how = model.manifest.prediction
        with predicting(workspace, how.device, out / LOG, deterministic=deterministic, or_cpu=True) as device:
            trained = checked_networks(model)
            say(f"prediction: by {model.manifest.method} of {model_file.name}, on {device.type}")
            predictor = load_predictor(trained, device, mirroring=how.mirroring, tile_step=how.tile_step)
            return masks.predict(predictor, stored, unfinished, finish)


def _refuse_others(masks: Masks, networks: str, exams: Mapping[str, Any]) -> None:
    """Refuse a folder with masks of another model, and what is no mask of a model."""
    out = masks.folder
    known = masks.record or masks.recorded_model
    if known and masks.recorded_model.get("networks") != networks:
        raise InputError(f"{out}: found masks of another model, expected none or this one's; use another -o")
    paths = [
        masks.path(exam) for exam in exams if masks.path(exam).is_file() and not masks.is_unchanged(exam)
    ]
    if paths:
        raise InputError(
            f"{out}: found files that this model did not make, or that were changed since "
            f"({', '.join(path.name for path in paths)}), expected none; move them away or use another -o"
        )


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


def _on_grid(exam: str, predicted: Path, grid: Volume, levels: Sequence[int]) -> Volume:
    """A predicted mask in the axis order and on the very grid of the exam's own image."""
    mask = read_volume(predicted).in_order(grid.axis_order)
    if found := sorted(set(mask.array.ravel().tolist()) - set(levels)):
        raise WorkError(f"{exam}: predicted mask: label: found {found}, expected some of {levels}")
    if mask.array.shape != grid.array.shape:
        raise WorkError(
            f"{exam}: predicted mask: size: found {mask.array.shape}, expected {grid.array.shape} voxels"
        )
    return Volume(mask.array, grid.affine)
