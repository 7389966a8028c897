"""The alarm for a rater whose masks are displaced, most often flipped under an identical header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

# A rater that agrees this well with anybody is not looked at again.
SUSPICIOUS_BELOW = 0.4
# Flipping must at least double the Dice and reach this value to be called the cause.
CONVINCING_FROM = 0.4
# Below this a rater overlaps nobody to speak of, whatever the cause.
APART_BELOW = 0.1

_FLIPS = [axes for count in (1, 2, 3) for axes in combinations(range(3), count)]


@dataclass(frozen=True)
class OrientationAlarm:
    """A rater whose mask does not lie where the others' do, compared with one other."""

    rater: str
    other: str
    #: Of everything marked, where the headers put it.
    dice: float
    #: Array axes whose flip brings the two together best; `dice_flipped` is that after it.
    axes: tuple[int, ...]
    dice_flipped: float

    @property
    def is_flipped(self) -> bool:
        """Whether a flip explains it."""
        return self.dice_flipped >= max(CONVINCING_FROM, 2 * self.dice)

    def __str__(self) -> str:
        if not self.is_flipped:
            return (
                f"{self.rater}: the mask hardly overlaps anybody's: Dice {self.dice:.3f} to {self.other}, "
                "the nearest, and no flip explains it; check that it belongs to this exam"
            )
        axes = " and ".join(str(axis) for axis in self.axes)
        return (
            f"{self.rater}: the mask looks flipped against {self.other}: Dice {self.dice:.3f} where the "
            f"headers put them, {self.dice_flipped:.3f} when flipped along array axis {axes}; check how it "
            "was exported"
        )


def find_displaced(masks: Mapping[str, np.ndarray]) -> list[OrientationAlarm]:
    """Look for raters whose masks of one exam are mirrored or lie elsewhere.

    Masks are of one shape (i, j, k); whatever is not 0 counts as marked, and empty ones raise no alarm.
    Only raters that hardly overlap anybody are examined, so the usual exam costs one pass. Of two raters
    who disagree the one further from the rest is named; of two in all, the second.
    """
    marked = {rater: mask > 0 for rater, mask in masks.items()}
    marked = {rater: mask for rater, mask in marked.items() if mask.any()}
    pairs = {frozenset(pair): _dice(marked[pair[0]], marked[pair[1]]) for pair in combinations(marked, 2)}

    def best(rater: str) -> float:
        return max(dice for pair, dice in pairs.items() if rater in pair)

    suspects = [rater for rater in marked if pairs and best(rater) < SUSPICIOUS_BELOW]
    trusted = [rater for rater in marked if rater not in suspects] or suspects[:1]
    alarms = [_best_flip(rater, marked, trusted, pairs) for rater in suspects if rater not in trusted]
    return [alarm for alarm in alarms if alarm.is_flipped or alarm.dice < APART_BELOW]


def _best_flip(
    rater: str, marked: Mapping[str, np.ndarray], others: list[str], pairs: Mapping[frozenset[str], float]
) -> OrientationAlarm:
    """The flip against the trusted raters that fits best; where none is convincing, the nearest rater."""
    tried = []
    for other in others:
        stored = pairs[frozenset((rater, other))]
        for axes in _FLIPS:
            flipped = _dice(np.flip(marked[rater], axes), marked[other])
            tried.append(OrientationAlarm(rater, other, stored, axes, flipped))
    best = max(tried, key=lambda alarm: alarm.dice_flipped)
    return best if best.is_flipped else max(tried, key=lambda alarm: (alarm.dice, alarm.dice_flipped))


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))
