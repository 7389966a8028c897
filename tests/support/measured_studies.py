"""Studies of a few small exams that are scored by every measure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import surface_distance

from dataset_conversion.images import Volume
from evaluation.study import Design, ReaderStudy, score_exam

READERS = ["anna", "ben", "carl"]
LEVELS = {"level1": 1, "level2": 2, "level3": 3}
AFFINE = np.diag([0.9, 0.9, 3.5, 1])
SPACING = (0.9, 0.9, 3.5)
NAMES = ("nsd@readers", "nsd@1", "hd95", "assd", "volume_difference", "foci")
Masks = dict[str, dict[str, np.ndarray]]


def blurred(field: np.ndarray) -> np.ndarray:
    for axis in range(3):
        field = field + np.roll(field, 1, axis)
    return field


def exams_seen() -> Masks:
    """Five exams; `net` errs as readers do, `poor` sees the signal elsewhere; level 3 is rare."""
    rng = np.random.default_rng(3)
    found: Masks = {}
    for exam in range(5):
        signal = blurred(rng.normal(size=(14, 12, 5)))
        seen = {rater: signal + 0.8 * blurred(rng.normal(size=signal.shape)) for rater in [*READERS, "net"]}
        seen["poor"] = np.roll(signal, 5, axis=0) + 0.8 * blurred(rng.normal(size=signal.shape))
        cuts = [2.5, 4.5, 7.5 + exam]
        found[f"e{exam}"] = {rater: np.digitize(each, cuts).astype(np.uint8) for rater, each in seen.items()}
    return found


def study_of(
    masks: Masks, readers: list[str] = READERS, models: tuple[str, ...] = ("net", "poor"), **rules: Any
) -> ReaderStudy:
    design = Design(LEVELS, groups={"level2+3": (2, 3)}, measures=NAMES)
    design = replace(design, **{"rule": "majority", **rules})
    exams = [
        score_exam(
            design, exam, {rater: Volume(each[rater], AFFINE) for rater in (*readers, *models)}, readers
        )[0]
        for exam, each in masks.items()
    ]
    return ReaderStudy.of(design, exams, readers, list(models))


def by_peer(reference: np.ndarray, mask: np.ndarray, measure: str) -> float:
    found = surface_distance.compute_surface_distances(reference, mask, SPACING)
    if measure == "hd95":
        return surface_distance.compute_robust_hausdorff(found, 95)
    return surface_distance.compute_surface_dice_at_tolerance(found, float(measure.removeprefix("nsd@")))
