"""Small exams of two readers, two models and a yardstick, as a viewer shows them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from bmseg.study import Level
from bmseg.viewer.page import write_viewer
from bmseg.viewer.shown import Cast, ViewedExam, ViewedFocus, ViewedRater

LEVELS = [
    Level(value=1, name="level1", description="slightly increased", color="#40e0d0"),
    Level(value=3, name="level3", description="highly increased", color="#ffe100"),
]
NAMES = ["knee 1 & 2", "knee_093"]
SHAPE = (48, 40, 7)
SPACING = (0.9, 0.9, 3.5)
CAST = Cast(
    levels=LEVELS,
    raters=[
        ViewedRater("yardstick", "reference", made_by=["reader1", "reader2"]),
        ViewedRater("net", "model", taught_by=["reader2"]),
        ViewedRater("unet", "model"),
        ViewedRater("reader1", "reader"),
        ViewedRater("reader2", "reader"),
    ],
    groups={"level1+3": [1, 3]},
    synthetic=True,
    dice="Dice of this exam.",
    fair=True,
    foci="Foci of the yardstick.",
)


def exam(name: str, *, image: bool = True) -> ViewedExam:
    """The same name, the same voxels; net misses a focus of level 3 on slice 6, and unet has no mask."""
    rng = np.random.default_rng(list(name.encode()))
    signal = gaussian_filter(rng.normal(size=SHAPE), (3, 3, 0.7))
    signal /= signal.std()
    yardstick = np.where(signal > 2, 3, np.where(signal > 1.2, 1, 0)).astype(np.uint16)
    yardstick[..., 5:] = 0
    yardstick[20:26, 10:16, 5] = 3
    net = yardstick.copy()
    net[..., 5] = 0
    masks = {
        "yardstick": yardstick, "net": net, "reader1": yardstick, "reader2": np.roll(yardstick, 2, axis=0),
    }  # fmt: skip
    return ViewedExam(
        name,
        masks,
        SPACING,
        (300 + 120 * signal).clip(0).astype(np.int16) if image else None,
        {"net": {"level1": 0.95, "level3": 0.5, "level1+3": 0.8}, "reader1": {"level1": 1.0, "level3": None}},
        [
            ViewedFocus("net", "level3", "missed", "none", 0.102, (22.5, 12.5, 5.0)),
            ViewedFocus("net", "level1", "found", "level1", 0.5, (10.0, 10.0, 2.2)),
        ],
    )


def write(folder: Path, *, image: bool = True, **given: Any) -> Path:
    """The page of both exams."""
    page, *_ = write_viewer(folder, CAST, NAMES, (exam(name, image=image) for name in NAMES), **given)
    return page


def content(text: str) -> dict[str, Any]:
    """What an exam's script gives the page."""
    found = re.fullmatch(r"bmsegExam\(JSON\.parse\((\".*\")\)\);\n", text)
    assert found
    return dict(json.loads(json.loads(found[1])))
