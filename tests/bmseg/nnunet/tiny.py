"""Exams of a few thousand voxels, and methods whose networks are really trained on them within a second."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from bmseg.methods import Method, Recipe
from bmseg.methods.configurations import small_nnunet, vanilla_unet
from bmseg.methods.profiles import QUICK
from bmseg.nnunet import Training
from bmseg.nnunet.training import Fold
from bmseg.workspace import Workspace
from dataset_conversion.images import Volume
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import DatasetSpec, Exam

SPEC = DatasetSpec(501, "Tiny", ("water",), {"level1": 1, "level2": 2}, ("reader1",), "reader1", "coronal")
AFFINE = np.array([[0.9, 0, 0, -20.5], [0, 0, 3.5, 7.25], [0, 0.9, 0, -31.0], [0, 0, 0, 1.0]])
TRAINING_EXAMS, TEST_EXAMS, FOLDS = 6, 2, 3

#: A network this small is slower on two threads than on one: tests replace this by one core.
CORES = "bmseg.nnunet.environment.usable_cores"

PROFILE = replace(QUICK, epochs=3, iterations=3, validation_iterations=1)
RECIPE = Recipe(
    configuration="2d_tiny",
    trainer="bmseg.trainers.quick.nnUNetTrainerQuick",
    configure=partial(small_nnunet, features=(4, 8, 16), patch=(32, 32), batch=2),
    learning_rate=3e-3,
)
METHOD = Method("tiny", "a small nnU-Net", {"quick": RECIPE})
UNET = Method(
    "tiny_unet",
    "a small U-Net",
    {
        "quick": Recipe(
            configuration="2d_tiny_unet",
            trainer="bmseg.trainers.unet.nnUNetTrainerUNet",
            configure=partial(vanilla_unet, features=(4, 8, 16), patch=(32, 32), batch=2),
            mirroring=False,
        )
    },
)
ORDINAL = Method(
    "tiny_ordinal",
    "a small nnU-Net on nested regions",
    {"quick": replace(RECIPE, trainer="bmseg.trainers.ordinal.nnUNetTrainerQuickOrdinal")},
)
METHODS = [METHOD, UNET, ORDINAL]
TRAINING = Training.of(METHOD, PROFILE)


def write_exams(workspace: Workspace, test: int = TEST_EXAMS, unsure: int | None = None) -> None:
    """A raw data set whose levels can be told from the intensities.

    Of every training exam the reader was sure of two slices of five where `unsure` is the label of the rest.
    """
    dataset = RawDataset.create(workspace.nnunet_raw, replace(SPEC, ignore=unsure))
    rng = np.random.default_rng(3)
    rows = []
    for number in range(TRAINING_EXAMS + test):
        signal = gaussian_filter(rng.normal(size=(40, 36, 5)), (4, 4, 1))
        signal /= signal.std()
        mask = np.digitize(signal, [0.8, 1.6]).astype(np.uint8)
        image = (100 + 60 * signal + 5 * rng.normal(size=signal.shape)).clip(0).astype(np.uint16)
        exam, split = f"knee_{number}", "training" if number < TRAINING_EXAMS else "test"
        if unsure is not None and split == "training":
            mask[:, :, 2:] = unsure
        channels, masks = {"water": Volume(image, AFFINE)}, {"reader1": Volume(mask, AFFINE)}
        dataset.add(Exam(exam, split, channels, masks))  # type: ignore[arg-type]
        rows.append({"exam": exam, "split": split})
    dataset.finish(rows, seed=0, folds=FOLDS)


def copied(workspace: Workspace, root: Path) -> Workspace:
    """The workspace in another folder, files with their times: the newest model is the one that predicts."""
    shutil.copytree(workspace.root, root)
    return Workspace(root, workspace.dataset_folder)


def fold_of(workspace: Workspace, training: Training = TRAINING, fold: Fold = 0) -> Path:
    return training.fold_folder(workspace, fold)


def checkpoint(folder: Path) -> dict[str, Any]:
    import torch

    return torch.load(folder / "checkpoint_final.pth", map_location="cpu", weights_only=False)


def losses(folder: Path) -> list[float]:
    return [float(loss) for loss in checkpoint(folder)["logging"]["train_losses"]]


def same_weights(one: Path, other: Path) -> bool:
    import torch

    ours, theirs = (checkpoint(folder)["network_weights"] for folder in (one, other))
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in theirs)
