"""Which knees, or whole exams, an atlas shows: spread over age, with every level as far as can be."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluation.masks.knees import Slices, split_knees
from evaluation.masks.reading import MaskError

#: What an atlas shows a row of: a knee, or an exam as it is.
Unit = Literal["exam", "knee"]

#: A level is shown by a knee when a slice holds at least so much of it: about 5 x 4 mm.
SHOWN_MM2 = 20.0

_WHOLE: Slices = (slice(None), slice(None), slice(None))


@dataclass(frozen=True)
class Candidate:
    """A knee, or a whole exam, that an atlas may show."""

    exam: str
    #: ``right``, ``left``, or nothing for a whole exam.
    side: str
    #: In years; NaN where it is not known.
    age: float
    #: Where it lies in the exam's arrays.
    part: Slices
    #: Mask value of each level to the area in mm2 in the slice that holds most of it.
    areas: Mapping[int, float]

    @property
    def is_marked(self) -> bool:
        """Whether any level is marked in it."""
        return any(self.areas.values())

    @property
    def shown(self) -> frozenset[int]:
        """The levels that it shows, by `SHOWN_MM2`."""
        return frozenset(level for level, area in self.areas.items() if area >= SHOWN_MM2)


def candidates_of(
    exam: str, mask: np.ndarray, affine: np.ndarray, *, age: float, levels: Sequence[int], unit: Unit
) -> list[Candidate]:
    """The candidates of an exam: both knees, or one where it is taken whole or cannot be divided.

    The mask's slices lie along its last axis; `affine` takes voxel indices to world millimetres, RAS+;
    `levels` are mask values.
    """
    parts: dict[str, Slices] = {"": _WHOLE}
    if unit == "knee":
        try:
            parts = split_knees({"reader": mask}, affine)
        except MaskError:
            parts = {"": _WHOLE}
    pixel = math.prod(np.linalg.norm(affine[:3, :2], axis=0))
    return [
        Candidate(
            exam, side, age, part,
            {level: float((mask[part] == level).sum(axis=(0, 1)).max() * pixel) for level in levels},
        )
        for side, part in parts.items()
    ]  # fmt: skip


def is_paired(candidates: Sequence[Candidate]) -> bool:
    """Whether most marked exams, divided by knee, are marked on both sides of the gap."""
    sides = Counter(one.exam for one in candidates if one.is_marked)
    return 2 * sum(number == 2 for number in sides.values()) > len(sides)


def choose(candidates: Sequence[Candidate], number: int, *, seed: int) -> list[Candidate]:
    """Candidates spread over age that show every level, as far as a greedy choice finds them.

    The years from the youngest to the oldest exam are cut into as many bands of equal width as candidates
    are wanted, and of every band one is taken; for a band without an exam, the fullest one is cut in two.
    Taken next is, over all bands that are still open, who shows most of the levels that nobody taken so far
    shows, then most of all levels; a level counts the more the fewer candidates show it. The seed decides
    among equals. Exams of unknown age serve where those of known age do not suffice. Where more are wanted
    than there are exams, bands hold knees. Being greedy, it may miss a level that another combination would
    show. Candidates without any marking are left out: they show no level.

    Returned are `number` of them, fewer where there are fewer, by age, exam and side. The same candidates
    and seed give the same choice, whatever their order.
    """
    marked = sorted((one for one in candidates if one.is_marked), key=by_age)
    exams = list(dict.fromkeys(one.exam for one in marked))
    groups = [[one for one in marked if one.exam == exam] for exam in exams]
    if number > len(exams):
        groups = [[one] for one in marked]
    bands = _bands(groups, min(number, len(groups)))
    showing = Counter(level for one in marked for level in one.shown)
    lot = dict(zip(map(_key, marked), np.random.default_rng(seed).permutation(len(marked)), strict=True))
    taken: list[Candidate] = []
    seen: frozenset[int] = frozenset()

    def worth(levels: frozenset[int]) -> float:
        # Rounded: sums of the same thirds in another order are equals.
        return round(sum(1 / showing[level] for level in sorted(levels)), 9)

    def rank(one: Candidate) -> tuple[float, float, int]:
        return worth(one.shown - seen), worth(one.shown), lot[_key(one)]

    while bands:
        best = max((one for band in bands for one in band), key=rank)
        taken.append(best)
        seen |= best.shown
        bands = [band for band in bands if best not in band]
    return sorted(taken, key=by_age)


def by_age(candidate: Candidate) -> tuple[bool, float, str, bool, str]:
    """The order of an atlas: youngest first, unknown ages last, then exam, the right side before the left."""
    unknown, side = math.isnan(candidate.age), candidate.side
    return unknown, 0 if unknown else candidate.age, candidate.exam, side != "right", side


def _bands(groups: Sequence[Sequence[Candidate]], number: int) -> list[list[Candidate]]:
    """The candidates of each band, none empty; every group (of one exam, in order of age) is in one band."""
    known = [group for group in groups if not math.isnan(group[0].age)]
    unknown = [group for group in groups if math.isnan(group[0].age)]
    wanted = min(number, len(known))
    bands: list[list[Sequence[Candidate]]] = []
    if wanted:
        low, high = known[0][0].age, known[-1][0].age
        filled: dict[int, list[Sequence[Candidate]]] = {}
        for group in known:
            place = int(wanted * (group[0].age - low) / (high - low)) if high > low else 0
            filled.setdefault(min(place, wanted - 1), []).append(group)
        bands = list(filled.values())
    while len(bands) < wanted:
        fullest = max(bands, key=len)
        place, half = bands.index(fullest), len(fullest) // 2
        bands[place : place + 1] = [fullest[:half], fullest[half:]]
    for places in np.array_split(np.arange(len(unknown)), number - wanted) if number > wanted else []:
        bands.append([unknown[place] for place in places])
    return [[one for group in band for one in group] for band in bands]


def _key(candidate: Candidate) -> tuple[str, str]:
    return candidate.exam, candidate.side
