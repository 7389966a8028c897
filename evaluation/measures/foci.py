"""Foci: which of the reference's foci did a rater find, call a lower level or miss, and which are false?

A focus of an ordinal level k is a connected component of all that is called k or more: a focus of level 3
inside one of level 2 is part of that too. A focus of a nominal label is a component of that label.

- Found: the rater calls a voxel of it k or more (or does so within the distance of `FociRules.matching`).
- Lower: the rater marked some of it, all of that at lower levels.
- Missed: nothing of it is marked; of a nominal label, not as that label.
- False: a focus of the rater that touches nothing that the reference calls k or more.

How many are found says little of one who marks everything as one large focus, so what F1 counts is matched
one to one: pairs of foci by the largest intersection over union first, each focus once, as panoptica 2.1.7
does (``NaiveThresholdMatching(Metric.IOU, 0.0, strict_threshold=True)``). A found focus without a partner is
merged: the rater's focus was counted for another. A rater's further foci in a matched one are its pieces.

A focus's Dice is that of the focus with all of the rater's foci that touch it. Its mean over foci, 0 for what
is not found and for each false focus, is how BraTS 2023 defines lesion-wise Dice (README of
rachitsaluja/BraTS-2023-Metrics), which also dilates the reference first, so that near foci are one; here
nothing is dilated. Panoptica's segmentation quality is the mean over matched pairs alone: what is missed
does not lower it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.measures.components import Components, FociRules, Marking, Region

FOUND, LOWER, MISSED, FALSE = "found", "lower", "missed", "false"
#: Neither has a focus of the level: one row says so.
NOWHERE = "nowhere"
#: This and the next: a component of the reference, or of the rater, that is no focus since it is too small;
#: a focus of the rater that touches nothing but such a component of the reference is not counted either.
SMALL, SMALL_OF_RATER = "too small", "too small (rater)"

#: Columns of foci.csv, in order: `focus` is numbered from the largest on, those of the reference and the
#: false ones each by themselves; `called` is the level that most of its voxels were called by the rater (of a
#: false focus by the reference), the lower of two that are even, "none" where most was not marked; `overlap`
#: the share of its voxels at the level or above in the rater's mask; `matched` is 1 where it counts for F1,
#: `pieces` how many more of the rater's foci lie in it.
FOCI_COLUMNS = [
    "exam", "rater", "left_out", "level", "focus", "volume_ml", "x_mm", "y_mm", "z_mm", "outcome", "called",
    "overlap", "dice", "matched", "pieces",
]  # fmt: skip
#: Of the rows of `exam_foci`.
ROW_COLUMNS = FOCI_COLUMNS[3:]
NOT_MARKED = "none"


def exam_foci(
    reference: np.ndarray,
    rater: np.ndarray,
    levels: Mapping[str, int],
    affine_or_spacing: np.ndarray | Sequence[float],
    rules: FociRules | None = None,
    *,
    ordered: bool = True,
    components: Components | None = None,
) -> list[tuple]:
    """Every focus of the reference and every false one of a rater: rows of `ROW_COLUMNS`.

    Parameters
    ----------
    reference, rater : array of int, shape (i, j, k) or (i, j)
        Label maps; background is 0.
    levels : mapping of str to int
        Name of a level to its value.
    affine_or_spacing : array
        Voxel indices to world mm (RAS+), or the spacing of each axis in mm.
    rules : FociRules, optional
    ordered : bool
        Whether labels are levels in rising order.
    components : Components, optional
        Of the exam, so that a mask's foci are found once for all pairs that it is in; the three before are
        then those that it was made with.

    Returns
    -------
    list of tuple
        Level by level; a level of which neither has a focus has one row, `NOWHERE`.

    Raises
    ------
    ValueError
        When shapes differ, a voxel has no size, or a mask holds a value that is no level.

    Examples
    --------
    >>> reference = np.array([[3, 3, 0, 0, 0, 2, 2]])
    >>> rater = np.array([[3, 0, 0, 0, 0, 1, 1]])
    >>> levels = {"level1": 1, "level2": 2, "level3": 3}
    >>> for row in exam_foci(reference, rater, levels, (1, 1)):
    ...     print(*row[:2], *row[6:9])
    level1 1 found none 0.5
    level1 2 found level1 1.0
    level2 1 found none 0.5
    level2 2 lower level1 0.0
    level3 1 found none 0.5
    """
    if components is None:
        components = Components(reference.shape, affine_or_spacing, levels, rules or FociRules(), ordered)
    theirs, ours = components.of(reference), components.of(rater)
    return [row for level in components.levels for row in _level_rows(components, level, theirs, ours)]


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Foci of the reference (from 0) and of the rater that touch, and how many voxels each two share."""

    first: np.ndarray
    second: np.ndarray
    shared: np.ndarray

    def those(self, kept: np.ndarray) -> _Pairs:
        """Some of them."""
        return _Pairs(self.first[kept], self.second[kept], self.shared[kept])


def _level_rows(components: Components, level: str, reference: Marking, rater: Marking) -> list[tuple]:
    there, marked = reference.regions[level], rater.regions[level]
    n, m = len(there.sizes), len(marked.sizes)
    smallest = components.rules.smallest_mm3 / 1000 * (1 - 1e-9)
    counts, counts_of_rater = (region.sizes * components.voxel_ml >= smallest for region in (there, marked))
    pairs = _pairs(components, there, marked)
    found = np.isin(np.arange(n), pairs.first)
    outcomes = np.where(found, FOUND, np.where(_reached(components, there, rater), LOWER, MISSED))
    both = np.bincount(pairs.first, pairs.shared, n)
    dice = 2 * both / (there.sizes + np.bincount(pairs.first, marked.sizes[pairs.second], n))
    that_count = pairs.those(counts[pairs.first])
    matched, pieces = _matched(that_count, there, marked, counts_of_rater)
    rows = _rows(
        components, level, there, np.where(counts, outcomes, SMALL), _called(components, there, rater),
        both, dice, matched, pieces,
    )  # fmt: skip
    # What touches a component of the reference that is no focus is neither right nor wrong.
    is_false = counts_of_rater & ~np.isin(np.arange(m), pairs.second)
    rest = np.isin(np.arange(m), that_count.second, invert=True)
    zeros = np.zeros(m, dtype=int)
    rows += _rows(
        components, level, marked, np.where(is_false, FALSE, SMALL_OF_RATER),
        _called(components, marked, reference), np.bincount(pairs.second, pairs.shared, m), zeros * 0.0,
        zeros, zeros, rest,
    )  # fmt: skip
    nowhere = (level, 0, 0.0, np.nan, np.nan, np.nan, NOWHERE, NOT_MARKED, np.nan, np.nan, 0, 0)
    return rows or [nowhere]


def _rows(
    components: Components,
    level: str,
    region: Region,
    outcomes: np.ndarray,
    called: Sequence[str],
    both: np.ndarray,
    dice: np.ndarray,
    matched: np.ndarray,
    pieces: np.ndarray,
    chosen: np.ndarray | None = None,
) -> list[tuple]:
    places = range(len(region.sizes)) if chosen is None else np.flatnonzero(chosen).tolist()
    volumes, overlap = region.sizes * components.voxel_ml, both / region.sizes
    return [
        (
            level, place + 1, float(volumes[place]), *region.centres[place], str(outcomes[place]),
            called[place], float(overlap[place]), float(dice[place]), int(matched[place]), int(pieces[place]),
        )
        for place in places
    ]  # fmt: skip


def _pairs(components: Components, there: Region, marked: Region) -> _Pairs:
    """Which foci share a voxel, or lie within reach of each other."""
    m = len(marked.sizes) + 1
    before = (there.number - 1) * np.int64(m)
    seen = before + components.seen(there.flat, marked.flat, marked.number)
    codes, shared = np.unique(seen, return_counts=True)
    if components.rules.reach_mm:
        near = [
            np.unique(before + seen)
            for seen in components.seen_within_reach(there.flat, marked.flat, marked.number)
        ]
        wide = np.unique(np.concatenate(near))
        in_wide = np.zeros(len(wide), dtype=shared.dtype)
        in_wide[np.searchsorted(wide, codes)] = shared
        codes, shared = wide, in_wide
    pairs = _Pairs(codes // m, codes % m - 1, shared)
    return pairs.those(pairs.second >= 0)


def _reached(components: Components, there: Region, rater: Marking) -> np.ndarray:
    """Which foci the rater marked at any level, in part or within reach; none of a nominal label."""
    reached = np.zeros(len(there.sizes), dtype=bool)
    if components.ordered:
        for seen in components.seen_within_reach(there.flat, rater.flat, rater.values):
            reached[there.number[seen > 0] - 1] = True
    return reached


def _called(components: Components, region: Region, other: Marking) -> list[str]:
    """The level that most voxels of each focus have in another mask; the lower of two that are even."""
    values = [0, *sorted(components.levels.values())]
    names = {value: name for name, value in components.levels.items()} | {0: NOT_MARKED}
    seen = np.searchsorted(values, components.seen(region.flat, other.flat, other.values))
    votes = np.bincount((region.number - 1) * len(values) + seen, minlength=len(region.sizes) * len(values))
    return [names[values[most]] for most in votes.reshape(-1, len(values)).argmax(axis=1)]


def _matched(
    pairs: _Pairs, there: Region, marked: Region, counts_of_rater: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of each of the reference's foci: whether it has a partner, and how many more of the rater's lie in it.

    A component of the rater that is too small to count may be a partner, since it finds what it touches, but
    is no piece.
    """
    union = there.sizes[pairs.first] + marked.sizes[pairs.second] - pairs.shared
    matched, taken = np.zeros(len(there.sizes), dtype=bool), np.zeros(len(marked.sizes), dtype=bool)
    for pair in np.argsort(-pairs.shared / union, kind="stable"):
        first, second = pairs.first[pair], pairs.second[pair]
        if not matched[first] and not taken[second]:
            matched[first] = taken[second] = True
    spare = pairs.those(~taken[pairs.second] & counts_of_rater[pairs.second])
    # A piece lies in the focus that it shares most voxels with.
    order = np.lexsort((spare.first, -spare.shared, spare.second))
    _, begins = np.unique(spare.second[order], return_index=True)
    return matched, np.bincount(spare.first[order][begins], minlength=len(there.sizes))
