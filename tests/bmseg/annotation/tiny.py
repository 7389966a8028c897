"""A workspace of small exams to be segmented: three with masks, one test exam, seven unread."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from bmseg.annotation.propose import Settings
from bmseg.annotation.rounds import Annotation, open_annotation
from bmseg.workspace import open_workspace
from dataset_conversion.images import Volume, read_volume, write_volume
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import Exam
from tests.bmseg.nnunet.tiny import AFFINE, TRAINING
from tests.support.command_line import bmseg

STUDY = """
name = "tiny"
title = "Tiny exams"
plane = "coronal"
training_reader = "reader1"
[dataset]
id = 501
name = "Tiny"
[[channels]]
name = "water"
[[levels]]
value = 1
name = "level1"
color = "#40e0d0"
[[levels]]
value = 2
name = "level2"
color = "#1f5fff"
[[readers]]
name = "reader1"
"""
EXAMS = {"training": 3, "test": 1, "unread": 7}


def truth(exam: str) -> tuple[Volume, Volume]:
    """Image and the mask that a perfect reader would draw, in storage order."""
    rng = np.random.default_rng(list(exam.encode()))
    signal = gaussian_filter(rng.normal(size=(40, 36, 5)), (4, 4, 1))
    signal /= signal.std()
    mask = np.digitize(signal, [0.8, 1.6]).astype(np.uint8)
    image = (100 + 60 * signal + 5 * rng.normal(size=signal.shape)).clip(0).astype(np.uint16)
    return Volume(image, AFFINE).stored_as("coronal"), Volume(mask, AFFINE).stored_as("coronal")


def write_workspace(folder: Path) -> Path:
    """The workspace below a folder; nothing is begun in it."""
    (folder / "study.toml").write_text(STUDY)
    root = folder / "workspace"
    workspace, study = open_workspace(root, folder / "study.toml", create=True)
    dataset = RawDataset.create(workspace.nnunet_raw, study.dataset_spec)
    rows = {split: [{"exam": f"{split}_{n}", "patient": f"{split} {n}"} for n in range(number)]
            for split, number in EXAMS.items()}  # fmt: skip
    for split, exams in rows.items():
        for row in exams:
            image, mask = truth(row["exam"])
            masks = {} if split == "unread" else {"reader1": mask}
            dataset.add(Exam(row["exam"], split, {"water": image}, masks))  # type: ignore[arg-type]
    dataset.finish_unread(rows["unread"])
    dataset.finish([{**row, "split": s} for s in ("training", "test") for row in rows[s]], seed=1)
    return root


def settings(**changes: object) -> Settings:
    """Two exams a round, one network; or as `changes` say."""
    values = {"training": TRAINING, "folds": ("all",), "number": 2, "pick": "random", "seed": 1}
    return Settings(**{**values, **changes})  # type: ignore[arg-type]


def correct(annotation: Annotation, *exams: str) -> Path:
    """Save the perfect reader's masks of the last round, or of some of its exams."""
    round_ = annotation.rounds()[-1]
    for exam in exams or round_.exams:
        write_volume(round_.corrected / f"{exam}.nii.gz", truth(exam)[1])
    return round_.corrected


def copied(root: Path, target: Path) -> Annotation:
    """A copy to change."""
    shutil.copytree(root, target)
    return open_annotation(target)


def mask_of(annotation: Annotation, exam: str) -> np.ndarray:
    """The mask that the main data set trains on."""
    return read_volume(annotation.dataset.mask_path(exam, "training", "reader1")).array


def accept_command(annotation: Annotation, *words: object) -> subprocess.CompletedProcess[str]:
    """Run 'bmseg annotate accept' on the workspace."""
    return bmseg("annotate", "accept", *words, "-w", annotation.workspace.root)
