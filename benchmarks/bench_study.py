"""How long an exam's whole reader study takes, next to SimpleITK's filters: consensuses, Dice, agreement."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import SimpleITK as sitk

from benchmarks.masks import SHAPE, simulate_masks
from benchmarks.timing import Row, paired
from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.votes import count_votes
from evaluation.measures.dice import score
from evaluation.scores.agreement import chance_corrected, pairwise_dice
from evaluation.scores.fair import score_fair

LABELS = (0, 1, 2, 3)
LEVELS = {f"level{value}": (value,) for value in LABELS[1:]}


def bench_study(repeats: int = 3, shape: tuple[int, int, int] = SHAPE) -> list[Row]:
    """Full and four leave-one-out multi-label consensuses, every Dice against them, pairwise Dice, kappa.

    SimpleITK has no kappa of several raters: its side leaves that out.

    Parameters
    ----------
    repeats : int
        Pairs of one run of ours and one of the peer's.
    shape : tuple of int
    """
    masks = simulate_masks(shape)
    images = {rater: sitk.GetImageFromArray(mask) for rater, mask in masks.items()}

    def ours() -> object:
        votes = count_votes(masks, LABELS)
        return (
            score(votes, staple(votes).label_on(votes), LEVELS),
            score_fair(votes, leave_one_out(votes), LEVELS),
            pairwise_dice({"exam": votes}, LEVELS),
            chance_corrected({"exam": votes}),
        )

    def peer() -> object:
        full = sitk.MultiLabelSTAPLE(list(images.values()))
        found = [_dice(full, image) for image in images.values()]
        for rater, image in images.items():
            others = [other for name, other in images.items() if name != rater]
            found.append(_dice(sitk.MultiLabelSTAPLE(others), image))
        return found + [_dice(a, b) for a, b in combinations(images.values(), 2)]

    name = "x".join(map(str, shape))
    title = f"an exam's reader study: 5 consensuses, all Dice, agreement; 4 readers x 4 labels x {name}"
    return [paired(title, "sitk.MultiLabelSTAPLE, LabelOverlapMeasures (without kappa)", ours, peer, repeats)]


def _dice(reference: sitk.Image, mask: sitk.Image) -> list[float]:
    measure = sitk.LabelOverlapMeasuresImageFilter()
    kind = sitk.sitkUInt8
    measure.Execute(sitk.Cast(reference, kind), sitk.Cast(mask, kind))
    arrays = sitk.GetArrayViewFromImage(mask), sitk.GetArrayViewFromImage(reference)
    present = set(np.unique(arrays[0])) & set(np.unique(arrays[1]))
    return [measure.GetDiceCoefficient(int(value)) for value in LABELS[1:] if value in present]
