"""Predict anyone's images with a model file; no workspace is needed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from bmseg.errors import InputError, WorkError
from bmseg.nnunet.environment import predicting, say
from bmseg.nnunet.inference import Masks, load_predictor, unfinished_in
from bmseg.nnunet.training import visible_files
from bmseg.outputs.provenance import file_hash, value_hash
from bmseg.sharing.opening import checked_networks, unpack
from bmseg.workspace import Workspace
from dataset_conversion.images import SPACING_TOLERANCE_MM, ConversionError, Volume, read_volume, write_volume
from dataset_conversion.raw.dataset import FILE_ENDING, RawDataset
from dataset_conversion.raw.exam import Exam
from evaluation.masks.reading import ENDINGS

LOG = "bmseg_predict.log"
_CHANNEL = re.compile(r"(?P<exam>.+)_(?P<number>\d{4})")


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
        manifest, how = model.manifest, model.manifest.prediction
        facts = {
            "file": model_file.name,
            "sha256": file_hash(model_file),
            "networks": networks,
            "method": manifest.method,
            "profile": manifest.profile,
            "prediction": how.model_dump(),
            "versions": manifest.versions,
        }
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
            mask = on_grid(exam, predicted, grids[exam], model.study.label_values)
            for path in (*stored[exam], predicted):
                path.unlink()
            whole = unfinished / predicted.name
            write_volume(whole, mask)
            return whole

        with predicting(workspace, how.device, out / LOG, deterministic=deterministic, or_cpu=True) as device:
            trained = checked_networks(model)
            say(f"prediction: by {manifest.method} of {model_file.name}, on {device.type}")
            predictor = load_predictor(trained, device, mirroring=how.mirroring, tile_step=how.tile_step)
            return masks.predict(predictor, stored, unfinished, finish)


def _refuse_others(masks: Masks, networks: str, exams: Mapping[str, Any]) -> None:
    """Refuse a folder with masks of another model, and what is no mask of a model."""
    out = masks.folder
    known = masks.record or masks.recorded_model
    if known and masks.recorded_model.get("networks") != networks:
        raise InputError(f"{out}: found masks of another model, expected none or this one's; use another -o")
    paths = [masks.path(exam) for exam in exams if not masks.is_unchanged(exam)]
    if names := [path.name for path in paths if path.is_file()]:
        raise InputError(
            f"{out}: found files that this model did not make, or that were changed since "
            f"({', '.join(names)}), expected none; move them away or use another -o"
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


def on_grid(exam: str, predicted: Path, grid: Volume, levels: Sequence[int]) -> Volume:
    """A predicted mask in the axis order and on the very grid of the exam's own image."""
    mask = read_volume(predicted).in_order(grid.axis_order)
    if found := sorted(set(mask.array.ravel().tolist()) - set(levels)):
        raise WorkError(f"{exam}: predicted mask: label: found {found}, expected some of {levels}")
    if mask.array.shape != grid.array.shape:
        raise WorkError(
            f"{exam}: predicted mask: size: found {mask.array.shape}, expected {grid.array.shape} voxels"
        )
    return Volume(mask.array, grid.affine)


@dataclass(frozen=True)
class NewExams:
    """What a folder of images holds."""

    #: Of whole exams, in channel order.
    images: Mapping[str, Sequence[Path]]
    #: One for each exam or file that cannot be used.
    faults: list[str]
    #: Names of files that are no images.
    others: list[str]


def find_exams(folder: Path, channels: Sequence[str]) -> NewExams:
    """The exams of a folder, in nnU-Net's naming: ``<exam>_0000.nii.gz``, a number a channel.

    Of one channel, ``<exam>.nii.gz`` will do; so will the other `ENDINGS`. InputError when there is no such
    folder, or no image in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder, expected one of images (<exam>_0000{FILE_ENDING})")
    found: dict[str, dict[int, Path]] = {}
    faults = []
    paths = [path for path in visible_files(folder) if path.name.endswith(ENDINGS)]
    for path in paths:
        stem = path.name.removesuffix(next(ending for ending in ENDINGS if path.name.endswith(ending)))
        match = _CHANNEL.fullmatch(stem)
        exam, number = (match["exam"], int(match["number"])) if match else (stem, 0)
        if not match and len(channels) > 1:
            faults.append(f"{path.name}: found no channel number, expected {_names(stem, channels)}")
        elif number >= len(channels):
            faults.append(f"{path.name}: found channel {number}, expected {_names(exam, channels)}")
        elif number in found.setdefault(exam, {}):
            faults.append(f"{exam}: found both {found[exam][number].name} and {path.name}, expected one")
        else:
            found[exam][number] = path
    for exam, images in found.items():
        if missing := [name for number, name in enumerate(channels) if number not in images]:
            faults.append(
                f"{exam}: found no image of {', '.join(missing)}, expected {_names(exam, channels)}"
            )
    if not paths:
        raise InputError(f"{folder}: found no image, expected at least one (<exam>_0000{FILE_ENDING})")
    whole = {exam: images for exam, images in found.items() if len(images) == len(channels)}
    others = [path.name for path in visible_files(folder) if path not in paths]
    ordered = {exam: [images[number] for number in sorted(images)] for exam, images in whole.items()}
    return NewExams(ordered, faults, others)


def _names(exam: str, channels: Sequence[str]) -> str:
    return ", ".join(f"{exam}_{number:04d}{FILE_ENDING} ({name})" for number, name in enumerate(channels))


def store(dataset: RawDataset, exam: str, images: Sequence[Path]) -> Volume:
    """Store an exam's images, unread, as the data set stores all others: nnU-Net ignores the axis order.

    Gives zeros on the first channel's grid as it was read, in its own axis order, for the mask to come.
    ConversionError when an image is damaged, has not three dimensions, holds values that are not finite, lies
    on another grid than the first, or was not taken in the study's plane.
    """
    channels = dataset.spec.channels
    volumes = {name: read_volume(path) for name, path in zip(channels, images, strict=True)}
    return store_volumes(dataset, exam, volumes)


def store_volumes(dataset: RawDataset, exam: str, volumes: Mapping[str, Volume]) -> Volume:
    """`store` of images that were read, by channel."""
    spec = dataset.spec
    first = volumes[spec.channels[0]]
    spacing = first.stored_as(spec.plane).spacing
    # nnU-Net cuts along one axis of the array for all exams; the study's slices are the coarsest one.
    if spacing[:2].max() > spacing[2] + SPACING_TOLERANCE_MM:
        raise ConversionError(
            f"{exam}: plane: found {spacing[2]:g} mm between {spec.plane} slices and {spacing[:2].max():g} "
            f"mm within, expected the larger between slices: the model is for {spec.plane} images "
            f"({first.source})"
        )
    dataset.add(Exam(exam, "unread", volumes, {}))
    return Volume(np.broadcast_to(np.uint8(0), first.array.shape), first.affine)
