"""The alarm for a rater whose masks are flipped against the others under an identical header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

# A pair that agrees this well as stored is not looked at again.
SUSPICIOUS_BELOW = 0.4
# Flipping must at least double the Dice and reach this value to be named.
CONVINCING_FROM = 0.4

_FLIPS = [axes for count in (1, 2, 3) for axes in combinations(range(3), count)]


@dataclass(frozen=True)
class FlipAlarm:
    """A rater whose mask fits the others' when it is flipped.

    Parameters
    ----------
    rater, other : str
        The rater, and the one that it was compared with.
    axes : tuple of int
        Array axes whose flip brings them together.
    dice, dice_flipped : float
        Dice of everything marked, as stored and after the flip.
    """

    rater: str
    other: str
    axes: tuple[int, ...]
    dice: float
    dice_flipped: float

    def __str__(self) -> str:
        axes = " and ".join(str(axis) for axis in self.axes)
        return (
            f"{self.rater}: the mask looks flipped against {self.other}: Dice {self.dice:.3f} as stored, "
            f"{self.dice_flipped:.3f} when flipped along array axis {axes} (the headers agree); "
            "check how it was exported"
        )


def find_flipped(masks: Mapping[str, np.ndarray]) -> list[FlipAlarm]:
    """Look for raters whose masks of one exam are mirrored.

    Only raters that hardly overlap anybody are examined, so the usual exam costs one pass. Of two
    raters who disagree the one further from the rest is named; of two in all, the second.

    Parameters
    ----------
    masks : mapping of str to ndarray, shape (i, j, k)
        Rater to label map, all of one shape; whatever is not 0 counts as marked.
    """
    marked = {rater: mask > 0 for rater, mask in masks.items()}
    marked = {rater: mask for rater, mask in marked.items() if mask.any()}
    pairs = {frozenset(pair): _dice(marked[pair[0]], marked[pair[1]]) for pair in combinations(marked, 2)}

    def best(rater: str) -> float:
        return max(dice for pair, dice in pairs.items() if rater in pair)

    suspects = [rater for rater in marked if pairs and best(rater) < SUSPICIOUS_BELOW]
    alarms = []
    trusted = [rater for rater in marked if rater not in suspects] or suspects[:1]
    for rater in suspects:
        if rater in trusted:
            continue
        alarm = _best_flip(rater, marked, trusted, pairs)
        if alarm.dice_flipped >= max(CONVINCING_FROM, 2 * alarm.dice):
            alarms.append(alarm)
    return alarms


def _best_flip(
    rater: str,
    marked: Mapping[str, np.ndarray],
    others: list[str],
    pairs: Mapping[frozenset[str], float],
) -> FlipAlarm:
    tried = [
        FlipAlarm(
            rater,
            other,
            axes,
            pairs[frozenset((rater, other))],
            _dice(np.flip(marked[rater], axes), marked[other]),
        )
        for other in others
        for axes in _FLIPS
    ]
    return max(tried, key=lambda alarm: alarm.dice_flipped)


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())
