"""Images, a consensus and a model's masks in plain folders, small, with names that a page must not tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from dataset_conversion.images import Volume, write_volume

EXAMS = ["knee_086", "knee_087", "knee_088"]
AGES = {"knee_086": 13.9, "knee_087": 9.6, "knee_088": 14.3}
#: Coronal, in another axis order than the page shows.
AFFINE = np.array([[0.9, 0, 0, -20.5], [0, 0, 3.5, 7.25], [0, 0.9, 0, -31.0], [0, 0, 0, 1.0]])
SHAPE = (48, 32, 6)
ITEMS = ["level1", "level2", "level3", "overall"]


def write_folders(root: Path, models: tuple[str, ...] = ("nnunet",)) -> None:
    """Below `root`: images, consensus, a folder a model, and cohort.csv."""
    rng = np.random.default_rng(8)
    for exam in EXAMS:
        signal = gaussian_filter(rng.normal(size=SHAPE), (3, 3, 1))
        signal /= signal.std()
        image = (300 + 120 * signal).clip(0).astype(np.int16)
        write_volume(root / "images" / f"{exam}_0000.nii.gz", Volume(image, AFFINE))
        for place, name in enumerate(("consensus", *models)):
            mask = np.digitize(signal, [0.7 + 0.1 * place, 1.3, 1.9]).astype(np.uint8)
            write_volume(root / name / f"{exam}.nii.gz", Volume(mask, AFFINE))
    lines = ["exam,age", *(f"{exam},{age}" for exam, age in AGES.items())]
    (root / "cohort.csv").write_text("\n".join(lines) + "\n")


def options(root: Path, out: Path, models: tuple[str, ...] = ("nnunet",)) -> list[str]:
    """What 'bmseg reading-room build' is told of them."""
    return [
        "--images", f"{root / 'images'}", "--consensus", f"{root / 'consensus'}",
        *(word for name in models for word in ("--prediction", f"{name}={root / name}")),
        "--cohort", f"{root / 'cohort.csv'}", "--synthetic", "-o", f"{out}",
    ]  # fmt: skip
