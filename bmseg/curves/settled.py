"""Whether a training that has ended was still learning at its end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bmseg.nnunet.curves import Curves

#: Epochs in the last tenth without which nothing is said.
LEAST = 10
_ALPHA = 0.01


@dataclass(frozen=True)
class Rise:
    """Mean pseudo Dice of the last tenth of the epochs, and of the tenth before."""

    epochs: int
    before: float
    last: float


def still_rising(curves: Curves) -> Rise | None:
    """The rise of pseudo Dice at the end of a training; None where there is none, or too few epochs to tell.

    The last tenth of the epochs has to lie above the tenth before (Mann and Whitney's test) and to rise
    itself (Kendall's tau against the epoch), each at 0.01, one-sided. Of simulated curves that do not rise
    this says so of 5 in 100 or fewer, where an epoch's noise has a correlation of up to 0.8 with that of the
    epoch before. An epoch in which a label has no pseudo Dice is left out: the mean would be of other labels.
    """
    size = curves.epochs // 10
    if curves.done < curves.epochs or size < LEAST:
        return None
    means = [None if None in row else float(np.mean(np.array(row, float))) for row in curves.pseudo_dice]
    last, before = means[-size:], means[-2 * size : -size]
    pairs = [(epoch, value) for epoch, value in enumerate(last) if value is not None]
    earlier = [value for value in before if value is not None]
    if min(len(pairs), len(earlier)) < LEAST:
        return None
    from scipy.stats import kendalltau, mannwhitneyu

    epochs, values = zip(*pairs, strict=True)
    if len(set(values)) == 1:
        return None
    above = mannwhitneyu(values, earlier, alternative="greater").pvalue
    rising = kendalltau(epochs, values, alternative="greater").pvalue
    if not (above < _ALPHA and rising < _ALPHA):
        return None
    return Rise(size, float(np.mean(earlier)), float(np.mean(values)))
