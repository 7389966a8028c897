"""Painting from votes that were counted without some voxels, such as those a reader was unsure of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from evaluation.consensus.votes import Votes, paint


def paint_all(
    masks: Mapping[str, np.ndarray], votes: Votes, values: np.ndarray, n_ignored: int = 0
) -> np.ndarray:
    """`evaluation.consensus.votes.paint` of votes without as many voxels; these are 0 in all masks."""
    if not n_ignored:
        return paint(masks, votes, values)
    counts, patterns = votes.counts.copy(), votes.patterns
    if patterns[:1].any() or not len(patterns):
        patterns = np.vstack([np.zeros((1, len(votes.raters)), patterns.dtype), patterns])
        counts, values = np.insert(counts, 0, 0), np.insert(values, 0, 0)
    counts[0] += n_ignored
    return paint(masks, replace(votes, patterns=patterns, counts=counts), values)
