"""Regions cut at other probabilities than 0.5, chosen on validation exams."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

from bmseg.trainers.thresholds import GRID, Voxels, choose_thresholds
from evaluation import dice


def logits(*rows: list[float]) -> np.ndarray:
    probabilities = np.array(rows)
    return np.log(probabilities / (1 - probabilities))


def test_the_highest_level_is_cut_first_and_what_it_takes_is_not_left_for_others() -> None:
    # Level 2 is found from 0.33 down to 0.22; level 1 loses the voxel that the low cut of level 2 takes.
    scores = logits([0.9, 0.9, 0.9, 0.62, 0.1], [0.33, 0.32, 0.21, 0.1, 0.1])
    low, high = choose_thresholds([(scores, np.array([2, 2, 1, 1, 0]))], (1, 2))
    assert high == {"threshold": 0.3, "dice": 1.0, "dice_at_half": 0.0}
    assert low == {"threshold": 0.5, "dice": 1.0, "dice_at_half": 1.0}


def test_a_level_that_was_not_drawn_counts_against_a_cut_that_invents_it() -> None:
    without = logits([0.42, 0.38]), np.array([0, 0])
    found = logits([0.36, 0.1]), np.array([1, 0])
    # Cut at 0.35 finds the one and invents two; above 0.45 one exam is right: they tie, and 0.5 is nearest.
    assert choose_thresholds([without, found], (1,)) == [{"threshold": 0.5, "dice": 0.5, "dice_at_half": 0.5}]
    assert choose_thresholds([without, found, found], (1,))[0]["threshold"] == 0.35


def test_dice_by_threshold_is_that_of_masks_cut_one_by_one() -> None:
    rng = np.random.default_rng(1)
    exams: list[Voxels] = []
    for _ in range(3):
        drawn = rng.integers(0, 3, 200)
        scores = np.stack([3 * (drawn >= level) - 2 + rng.normal(0, 1.5, 200) for level in (1, 2)])
        exams.append((scores.astype(np.float32), drawn))
    low, high = choose_thresholds(exams, (1, 2))

    def mean(level: int, *cut: float) -> float:
        masks = []
        for scores, drawn in exams:
            above = 1 / (1 + np.exp(-scores.astype(float))) > np.array(cut)[:, None]
            masks.append(dice(np.where(above[1], 2, above[0]), drawn, level=level))
        return float(np.mean(masks))

    at_two = {cut: mean(2, 0.5, cut) for cut in GRID}
    assert at_two[high["threshold"]] == max(at_two.values()) == pytest.approx(high["dice"])
    assert at_two[0.5] == pytest.approx(high["dice_at_half"])
    at_one = {cut: mean(1, cut, high["threshold"]) for cut in GRID}
    assert at_one[low["threshold"]] == max(at_one.values()) == pytest.approx(low["dice"])
    assert high["threshold"] != 0.5
