"""Foci of drawn label maps: what holds of any, and outcomes as they are defined."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.ndimage import label
from scipy.spatial.distance import cdist

from evaluation.measures.components import Components, FociRules
from tests.support.foci import LEVELS, MM, counted, table

label_maps = arrays.arrays(np.uint8, (6, 5, 4), elements=st.sampled_from([0, 0, 0, 0, 1, 2, 3]))


@settings(max_examples=30)
@given(
    reference=label_maps,
    rater=label_maps,
    connectivity=st.sampled_from([6, 18, 26]),
    mm=st.sampled_from([0, 1.5]),
)
def test_every_focus_has_one_outcome(reference, rater, connectivity, mm) -> None:
    rules = FociRules(connectivity=connectivity, matching=mm)
    foci = table(reference, rater, rules=rules)
    components = Components(reference.shape, MM, LEVELS, rules)
    c = counted(foci)
    for level in LEVELS:
        theirs, ours = (components.of(mask).regions[level] for mask in (reference, rater))
        of_level = c.loc[level]
        assert of_level.found + of_level.lower + of_level.missed == len(theirs.sizes)
        assert of_level.matched + of_level.pieces + of_level.false == len(ours.sizes)
        assert of_level.matched + of_level.merged == of_level.found
        shown = foci[(foci.level == level) & foci.outcome.isin(["found", "lower", "missed"])]
        assert shown.volume_ml.sum() == pytest.approx((reference >= LEVELS[level]).sum() / 1000)
        assert shown.volume_ml.is_monotonic_decreasing


def defined(reference: np.ndarray, rater: np.ndarray, level: int, reach: float, mm: np.ndarray) -> list:
    """Volume in voxels, outcome, called and overlap of every focus: the definition, focus by focus."""
    found = []
    every = np.ones((3, 3, 3))

    def distance(places: np.ndarray, others: np.ndarray) -> float:
        return cdist(np.argwhere(places) * mm, np.argwhere(others) * mm).min(initial=np.inf)

    def row(focus: np.ndarray, outcome: str, other: np.ndarray) -> tuple:
        called = int(np.bincount(other[focus], minlength=4).argmax())
        return int(focus.sum()), outcome, called, float((other[focus] >= level).mean())

    foci, n = label(reference >= level, every)
    for focus in (foci == number for number in range(1, n + 1)):
        outcome = "missed"
        if distance(focus, rater > 0) <= reach:
            outcome = "found" if distance(focus, rater >= level) <= reach else "lower"
        found.append(row(focus, outcome, rater))
    foci, n = label(rater >= level, every)
    for focus in (foci == number for number in range(1, n + 1)):
        if distance(focus, reference >= level) > reach:
            found.append(row(focus, "false", reference))
    return sorted(found)


@settings(max_examples=40)
@given(reference=label_maps, rater=label_maps, reach=st.sampled_from([0, 1.9, 2, 4.1]))
def test_outcomes_are_as_defined(reference: np.ndarray, rater: np.ndarray, reach: float) -> None:
    mm = np.array([1.0, 1.5, 2.0])
    foci = table(reference, rater, spacing=mm, rules=FociRules(matching=reach))
    foci = foci[foci.outcome != "nowhere"]
    called = foci.called.map({"none": 0} | LEVELS)
    rows = zip(foci.level, (foci.volume_ml / 0.003).round(), foci.outcome, called, foci.overlap, strict=True)
    by_level: dict[str, list] = {level: [] for level in LEVELS}
    for level, *row in rows:
        by_level[level].append(tuple(row))
    for level, value in LEVELS.items():
        assert sorted(by_level[level]) == defined(reference, rater, value, reach, mm)


@settings(max_examples=40)
@given(mask=label_maps)
def test_a_mask_finds_itself(mask: np.ndarray) -> None:
    foci = table(mask, mask)
    assert {*foci.outcome} <= {"found", "nowhere"}
    assert foci.overlap.dropna().eq(1).all()
    assert counted(foci)[["sensitivity", "f1", "focus_dice"]].fillna(1).eq(1).all(axis=None)


@settings(max_examples=40)
@given(mask=label_maps)
def test_who_marks_one_level_higher_finds_all(mask: np.ndarray) -> None:
    higher = np.where(mask > 0, np.minimum(mask + 1, 3), 0).astype(np.uint8)
    foci = table(mask, higher)
    assert not {*foci.outcome} & {"missed", "lower"}
    # And who marks one lower never finds a focus of the highest level, but marked something of it.
    lower = table(mask, np.maximum(mask, 1) - 1)
    assert {*lower.outcome[lower.level == "level3"]} <= {"lower", "nowhere"}


@settings(max_examples=30)
@given(
    reference=label_maps,
    rater=label_maps,
    order=st.sampled_from([*permutations(range(3))]),
    flip=st.integers(0, 2),
)
def test_axes_in_another_order_change_nothing(reference, rater, order, flip) -> None:
    spacing = np.array([1.0, 2.0, 3.5])
    rules = FociRules(matching=2.5)
    moved = [np.flip(mask.transpose(order), flip) for mask in (reference, rater)]
    columns = ["level", "outcome", "volume_ml", "called", "overlap"]
    before, after = (
        table(*masks, spacing=mm, rules=rules)[columns].round(9).value_counts(dropna=False).sort_index()
        for masks, mm in (((reference, rater), spacing), (moved, spacing[list(order)]))
    )
    pd.testing.assert_series_equal(before, after)
