"""How long the consensus of four readers takes, next to SimpleITK's filters, on one exam of the study's size.

SimpleITK runs with its default settings and its default number of threads (both STAPLE filters loop over
the image in one thread all the same); its images are made before the clock starts. Ours starts at the mask
arrays and ends at the painted label volume, restarts included.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from benchmarks.masks import SHAPE, simulate_masks
from benchmarks.timing import Row, paired
from evaluation.consensus.rules import staple
from evaluation.consensus.votes import count_votes, paint

LABELS = (0, 1, 2, 3)


def bench_consensus(repeats: int = 5, shape: tuple[int, int, int] = SHAPE) -> list[Row]:
    """Measure both rules on simulated masks.

    Parameters
    ----------
    repeats : int
        Pairs of one run of ours and one of the peer's.
    shape : tuple of int
    """
    masks = simulate_masks(shape)
    images = [sitk.GetImageFromArray(mask) for mask in masks.values()]

    def multilabel() -> np.ndarray:
        votes = count_votes(masks, LABELS)
        return paint(masks, votes, staple(votes, rule="multilabel").label)

    def binary() -> np.ndarray:
        votes = count_votes(masks, LABELS)
        return paint(masks, votes, staple(votes, rule="binary").label)

    def sitk_multilabel() -> np.ndarray:
        return sitk.GetArrayViewFromImage(sitk.MultiLabelSTAPLE(images))

    def sitk_binary() -> np.ndarray:
        confidence_weight = 1.0
        probabilities = [sitk.STAPLE(images, confidence_weight, float(level)) for level in LABELS[1:]]
        return np.stack([sitk.GetArrayViewFromImage(probability) > 0.5 for probability in probabilities])

    # Only the same work is worth timing against: each level present where the peer has it.
    if not np.array_equal(binary() > 0, sitk_binary().any(axis=0)):
        raise RuntimeError("binary consensus: not the voxels that sitk.STAPLE finds")

    size = f"4 readers x 4 labels x {'x'.join(map(str, shape))}"
    return [
        paired(
            f"multi-label consensus, restarts included, {size}",
            "sitk.MultiLabelSTAPLE",
            multilabel,
            sitk_multilabel,
            repeats,
        ),
        paired(f"three binary consensuses, {size}", "3 x sitk.STAPLE", binary, sitk_binary, repeats),
    ]
