"""Which knees an atlas takes: how many, how spread over age, and that every level is there."""

from __future__ import annotations

import math
import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bmseg.atlas.choice import Candidate, candidates_of, choose, is_paired

WHOLE = (slice(None), slice(None), slice(None))
LEFTWARD = np.diag([-1.0, 1.0, 3.0, 1.0])

ages = st.one_of(st.integers(60, 180).map(lambda tenths: tenths / 10), st.just(float("nan")))
areas = st.fixed_dictionaries({level: st.sampled_from([0.0, 5.0, 40.0]) for level in (1, 2, 3)})


@st.composite
def cohorts(draw: st.DrawFn) -> list[Candidate]:
    found = []
    for number in range(draw(st.integers(1, 14))):
        age = draw(ages)
        for side in draw(st.sampled_from([("right", "left"), ("",)])):
            found.append(Candidate(f"exam{number:02d}", side, age, WHOLE, draw(areas)))
    return found


@settings(max_examples=40)
@given(cohorts(), st.integers(1, 12), st.integers(0, 3))
def test_as_many_as_are_wanted_by_age_and_each_of_another_exam(
    cohort: list[Candidate], number: int, seed: int
) -> None:
    chosen = choose(cohort, number, seed=seed)
    marked = [one for one in cohort if one.is_marked]
    exams = {one.exam for one in marked}
    assert len(chosen) == min(number, len(marked))
    assert len({(one.exam, one.side) for one in chosen}) == len(chosen)
    assert all(one in marked for one in chosen)
    if number <= len(exams):
        assert len({one.exam for one in chosen}) == number
    known = [one.age for one in chosen if not math.isnan(one.age)]
    assert known == sorted(known)
    assert all(math.isnan(one.age) for one in chosen[len(known) :])


@settings(max_examples=40)
@given(cohorts(), st.integers(1, 12))
def test_the_order_of_the_cohort_does_not_matter(cohort: list[Candidate], number: int) -> None:
    shuffled = random.Random(number).sample(cohort, len(cohort))
    assert choose(shuffled, number, seed=7) == choose(cohort, number, seed=7)


@settings(max_examples=40)
@given(st.lists(st.integers(60, 180), min_size=10, max_size=40, unique=True), st.integers(2, 10))
def test_each_band_of_years_with_an_exam_is_shown(tenths: list[int], number: int) -> None:
    cohort = [Candidate(f"e{age}", "", age / 10, WHOLE, {1: 50.0}) for age in tenths]
    low, high = min(tenths) / 10, max(tenths) / 10

    def bands(some: list[Candidate]) -> set[int]:
        return {min(int(number * (one.age - low) / (high - low)), number - 1) for one in some}

    assert bands(choose(cohort, number, seed=1)) == bands(cohort)


@settings(max_examples=40)
@given(cohorts(), st.integers(3, 12), st.integers(0, 3))
def test_every_level_is_shown_where_all_bands_hold_it(
    cohort: list[Candidate], number: int, seed: int
) -> None:
    # Each exam gets one knee with level 3: whatever the bands are, all of them offer it.
    rich = [Candidate(one.exam, "more", one.age, WHOLE, {1: 0.0, 2: 0.0, 3: 30.0}) for one in cohort]
    everything = list({(one.exam, one.side): one for one in [*cohort, *rich]}.values())
    assert any(3 in one.shown for one in choose(everything, number, seed=seed))


def test_a_rare_level_is_preferred_and_the_seed_decides_among_equals() -> None:
    common = [Candidate(f"a{n}", "", 10 + n / 100, WHOLE, {1: 90.0, 2: 0.0}) for n in range(12)]
    rare = Candidate("rare", "", 10.05, WHOLE, {1: 0.0, 2: 25.0})
    assert choose([*common, rare], 1, seed=0) == [rare]
    taken = {choose(common, 1, seed=seed)[0].exam for seed in range(8)}
    assert len(taken) > 1


def test_a_level_that_nobody_shows_yet_goes_before_more_of_the_others() -> None:
    first = [
        Candidate("young", "right", 8.0, WHOLE, {1: 50.0, 2: 50.0, 3: 0.0, 4: 0.0}),
        Candidate("young", "left", 8.0, WHOLE, {1: 0.0, 2: 0.0, 3: 50.0, 4: 0.0}),
        Candidate("young2", "left", 8.0, WHOLE, {1: 0.0, 2: 0.0, 3: 50.0, 4: 0.0}),
    ]
    old = Candidate("old", "right", 16.0, WHOLE, {1: 50.0, 2: 50.0, 3: 0.0, 4: 50.0})
    for seed in range(4):
        chosen = choose([*first, old], 2, seed=seed)
        assert frozenset[int]().union(*(one.shown for one in chosen)) == {1, 2, 3, 4}


def test_unknown_ages_serve_where_known_ones_do_not_suffice() -> None:
    cohort = [Candidate(f"e{n}", "", float("nan") if n < 3 else 9.0 + n, WHOLE, {1: 50.0}) for n in range(5)]
    assert [one.exam for one in choose(cohort, 2, seed=0)] == ["e3", "e4"]
    assert [one.exam for one in choose(cohort, 9, seed=0)] == ["e3", "e4", "e0", "e1", "e2"]


def test_both_knees_of_an_exam_with_the_area_of_their_fullest_slice() -> None:
    mask = np.zeros((60, 10, 3), np.uint8)
    mask[5:10, 2:6, 1] = 1
    mask[5:7, 2:6, 2] = 1
    mask[50:52, 2:4, 0] = 2
    right, left = candidates_of("e", mask, LEFTWARD, age=8.0, levels=[1, 2], unit="knee")
    assert (right.side, left.side) == ("right", "left")
    assert right.areas == {1: 20.0, 2: 0.0}
    assert left.areas == {1: 0.0, 2: 4.0}
    assert right.shown == {1}
    assert left.shown == frozenset()
    assert is_paired([right, left])
    (whole,) = candidates_of("e", mask, LEFTWARD, age=8.0, levels=[1, 2], unit="exam")
    assert (whole.side, whole.areas) == ("", {1: 20.0, 2: 4.0})


def test_an_exam_that_cannot_be_divided_is_taken_whole() -> None:
    mask = np.ones((60, 10, 3), np.uint8)
    (whole,) = candidates_of("e", mask, LEFTWARD, age=8.0, levels=[1], unit="knee")
    assert whole.side == ""
    assert whole.part == WHOLE
    assert not is_paired([whole])


def test_exams_marked_on_one_side_are_no_pairs() -> None:
    mask = np.zeros((60, 10, 3), np.uint8)
    mask[5:10] = 1
    assert not is_paired(candidates_of("e", mask, LEFTWARD, age=8.0, levels=[1], unit="knee"))
