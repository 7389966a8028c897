"""Which knee is which, where the image is cut, and when it is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_conversion.phantom.fields import Grid
from evaluation.consensus.rules import staple
from evaluation.consensus.votes import count_votes
from evaluation.masks.knees import KNEES, split_knees
from evaluation.masks.reading import MaskError

# As stored: i to the patient's left.
LEFTWARD = np.diag([-0.9, -0.9, 3.5, 1.0])


def two_knees(shape: tuple[int, int, int] = (100, 20, 4), shift: int = 0) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[10 + shift : 40 + shift, 5:15] = 1
    mask[60 + shift : 90 + shift, 5:15] = 2
    return mask


def test_sides_are_the_patients_own() -> None:
    mask = two_knees()
    parts = split_knees({"reader": mask}, LEFTWARD)
    assert list(parts) == list(KNEES)
    assert set(np.unique(mask[parts["right"]])) == {0, 1}
    mirrored = split_knees({"reader": mask}, np.diag([0.9, -0.9, 3.5, 1.0]))
    assert set(np.unique(mask[mirrored["left"]])) == {0, 1}


def test_the_phantoms_own_grid_has_the_right_knee_first() -> None:
    parts = split_knees({"reader": two_knees()}, Grid((100, 20, 4)).affine)
    assert parts["right"] == (slice(None, 50), slice(None), slice(None))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_axis_nearest_to_left_right_is_cut_where_the_scan_is_oblique(axis: int) -> None:
    turn = np.deg2rad(20)
    oblique = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    order = [0, 0, 0]
    order[axis], order[(axis + 1) % 3], order[(axis + 2) % 3] = 0, 1, 2
    affine = np.eye(4)
    affine[:3, :3] = oblique[:, order]
    mask = np.moveaxis(two_knees(), 0, axis)
    parts = split_knees({"reader": mask}, affine)
    assert parts["left"][axis] == slice(None, 50)
    assert mask[parts["left"]].max() == 1


@pytest.mark.parametrize(
    ("shift", "cut"), [(0, 50), (-8, 50), (8, 50), (-12, 48), (-20, 40), (20, 60), (25, 65)]
)
def test_a_patient_off_centre_is_cut_in_the_gap(shift: int, cut: int) -> None:
    mask = np.roll(two_knees((120, 20, 4)), 10 + shift, axis=0)[10:110]
    parts = split_knees({"reader": np.ascontiguousarray(mask)}, LEFTWARD)
    assert parts["right"][0] == slice(None, cut)
    assert 2 not in mask[parts["right"]] and 1 not in mask[parts["left"]]


def test_a_single_marked_knee_is_not_cut_in_two() -> None:
    mask = two_knees()
    mask[mask == 2] = 0
    parts = split_knees({"reader": mask}, LEFTWARD)
    assert mask[parts["right"]].sum() == mask.sum()
    assert not mask[parts["left"]].any()


def test_nothing_marked_is_cut_in_the_middle() -> None:
    assert split_knees({"reader": np.zeros((101, 4, 2), np.uint8)}, LEFTWARD)["left"][0] == slice(50, None)


def test_every_raters_marking_counts() -> None:
    stray = np.zeros((100, 20, 4), np.uint8)
    stray[40:48, 3, 1] = 1
    parts = split_knees({"reader": two_knees(), "model": stray}, LEFTWARD)
    assert parts["right"][0] == slice(None, 50)
    # Left over are 0.9 mm and 9 mm: no gap between two knees.
    stray[41:50, 3, 1] = 1
    with pytest.raises(MaskError, match="correct stray voxels or score by exam"):
        split_knees({"reader": two_knees(), "model": stray}, LEFTWARD)


def test_one_large_knee_is_refused() -> None:
    mask = np.zeros((100, 20, 4), np.uint8)
    mask[20:80] = 1
    with pytest.raises(
        MaskError, match=r"knees: found no gap of 10 mm .* array axis 0, expected one"
    ) as error:
        split_knees({"reader": mask}, LEFTWARD)
    assert "\n" not in str(error.value)


@settings(max_examples=15)
@given(seed=st.integers(0, 1000))
def test_votes_of_both_knees_make_up_the_exam(seed: int) -> None:
    rng = np.random.default_rng(seed)
    masks = {
        rater: (two_knees() * rng.integers(0, 2, (100, 20, 4))).astype(np.uint8) for rater in ("a", "b", "c")
    }
    votes = count_votes(masks, (0, 1, 2))
    knees = {
        knee: count_votes({rater: mask[part] for rater, mask in masks.items()}, (0, 1, 2))
        for knee, part in split_knees(masks, LEFTWARD).items()
    }
    together = np.zeros_like(votes.counts)
    for knee in knees.values():
        np.add.at(together, np.flatnonzero(np.isin(codes(votes.patterns), codes(knee.patterns))), knee.counts)
    np.testing.assert_array_equal(together, votes.counts)
    # The exam's consensus is written onto each knee's patterns.
    consensus = staple(votes)
    marked = sum(int(knee.counts @ (consensus.label_on(knee) > 0)) for knee in knees.values())
    assert marked == int(votes.counts @ (consensus.label > 0))


def codes(patterns: np.ndarray) -> np.ndarray:
    return patterns.astype(int) @ 3 ** np.arange(patterns.shape[1])
