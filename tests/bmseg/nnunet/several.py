"""Exams of a few thousand voxels that three readers drew, not all of them each, and their study."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from bmseg.study.written import Draft, study_text
from bmseg.workspace import Workspace
from dataset_conversion.files import write_text
from dataset_conversion.images import Volume
from dataset_conversion.raw.exam import Exam
from tests.bmseg.nnunet.tiny import AFFINE, FOLDS, SPEC

READERS = ("reader1", "reader2", "reader3")
#: What each of them calls level 1 and level 2 and more: reader2 marks less, reader3 more.
THRESHOLDS = {"reader1": (0.8, 1.6), "reader2": (1.1, 1.9), "reader3": (0.5, 1.3)}
#: Training exam to who drew it; all drew the test exam.
DREW = {f"knee_{number}": READERS for number in range(6)} | {
    "knee_1": ("reader1",), "knee_2": ("reader2", "reader3"), "knee_3": ("reader1", "reader3")
}  # fmt: skip


def study_file(masks: str = "all") -> str:
    draft = Draft(
        SPEC.name, "Tiny", READERS, dict(SPEC.labels), True, "coronal", channels=["water"],
        training_reader="reader1",
    )  # fmt: skip
    return (
        study_text(draft)
        .replace("id = 901", f"id = {SPEC.id}")
        .replace('masks = "reader"', f'masks = "{masks}"')
    )


def write_several(workspace: Workspace, masks: str = "all") -> None:
    """The study and its raw data set."""
    write_text(workspace.study_file, study_file(masks))
    dataset, rng, rows = workspace.dataset, np.random.default_rng(3), []
    for exam, readers in (DREW | {"knee_6": READERS}).items():
        signal = gaussian_filter(rng.normal(size=(40, 36, 5)), (4, 4, 1))
        signal /= signal.std()
        image = (100 + 60 * signal + 5 * rng.normal(size=signal.shape)).clip(0).astype(np.uint16)
        # A rim of zeros, which nnU-Net crops or takes for outside.
        image[:6] = 0
        drawn = {
            reader: Volume(np.digitize(signal, THRESHOLDS[reader]).astype(np.uint8), AFFINE)
            for reader in readers
        }
        split = "test" if exam == "knee_6" else "training"
        dataset.add(Exam(exam, split, {"water": Volume(image, AFFINE)}, drawn))  # type: ignore[arg-type]
        rows.append({"exam": exam, "split": split})
    dataset.finish(rows, seed=0, folds=FOLDS)
