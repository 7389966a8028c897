"""A workspace of small exams, two knees each, made in a moment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bmseg.study import DEFAULT_STUDY
from bmseg.workspace import Workspace, open_workspace
from dataset_conversion.images import Volume
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import Exam

#: 2 x 2 x 4 mm as each plane is stored: the patient's right on the picture's left.
AFFINES = {
    "coronal": np.array([[-2.0, 0, 0, 0], [0, 0, -4.0, 0], [0, -2.0, 0, 0], [0, 0, 0, 1]]),
    "axial": np.diag([-2.0, -2.0, 4.0, 1.0]),
}
SHAPE = (80, 60, 3)

AGES = {"exam001": 6.0, "exam002": 9.5, "exam003": 12.1, "exam004": 17.0}


def knees(seed: int, levels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Image and mask: in both knees a spot of each level, the brighter the higher."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(SHAPE, np.uint8)
    for left in (8, 56):
        for level in range(1, levels + 1):
            top = 10 + 14 * (level - 1)
            mask[left : left + 8, top : top + 6, rng.integers(3)] = level
    image = 100 + 40 * mask.astype(np.int16) + rng.integers(0, 8, SHAPE).astype(np.int16)
    return image.astype(np.int16), mask


def tiny_workspace(
    root: Path,
    *,
    study_file: Path = DEFAULT_STUDY,
    ages: Mapping[str, float | None] = AGES,
    levels: int = 3,
    synthetic: bool = True,
    test: bool = True,
) -> Workspace:
    """Training exams with `ages`, the test exam ``exam090``, and the unread exam ``exam099``."""
    workspace, study = open_workspace(root, study_file, create=True)
    dataset = RawDataset.create(workspace.nnunet_raw, study.dataset_spec)
    affine = AFFINES[study.plane]
    rows: list[dict[str, Any]] = []
    everyone = {**ages, "exam090": 10.0} if test else ages
    for seed, (name, age) in enumerate(everyone.items()):
        image, mask = knees(seed, levels)
        split = "test" if name == "exam090" else "training"
        dataset.add(
            Exam(
                name,
                split,
                {channel: Volume(image + 300 * n, affine) for n, channel in enumerate(dataset.spec.channels)},
                {reader: Volume(mask, affine) for reader in study.reader_names},
                {},
            )
        )
        rows.append({"exam": name, "split": split, "age": age, "site": "Oslo", "synthetic": synthetic})
    dataset.finish(rows, seed=1)
    unread = Exam(
        "exam099", "unread", {channel: Volume(image, affine) for channel in dataset.spec.channels}, {}, {}
    )
    dataset.add(unread)
    return workspace
