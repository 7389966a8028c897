"""What a reader changed, and how far networks disagree: properties, and cases counted by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bmseg.annotation.choose import disagreement
from bmseg.annotation.corrections import Effort, changes
from bmseg.annotation.simulated import correct_regions

LEVELS = {"level1": (1,), "level2": (2,), "level1+2": (1, 2)}
FEW = settings(max_examples=25)
MASKS = arrays(np.uint8, (4, 3, 2), elements=st.integers(0, 2))


@FEW
@given(MASKS, MASKS)
def test_changes_account_for_every_voxel(proposal: np.ndarray, corrected: np.ndarray) -> None:
    table = changes(proposal, corrected, LEVELS, voxel_ml=0.5)
    assert list(table.level) == list(LEVELS)
    assert (table.n_proposal + table.added - table.removed == table.n_corrected).all()
    assert (table.added_ml == table.added * 0.5).all()
    assert (table.removed_ml == table.removed * 0.5).all()
    for row, values in zip(table.itertuples(), LEVELS.values(), strict=True):
        before, after = np.isin(proposal, values), np.isin(corrected, values)
        total = before.sum() + after.sum()
        assert row.dice == (
            2 * (before & after).sum() / total if total else pytest.approx(np.nan, nan_ok=True)
        )


@FEW
@given(MASKS, MASKS)
def test_changing_back_swaps_added_and_removed(proposal: np.ndarray, corrected: np.ndarray) -> None:
    there = changes(proposal, corrected, LEVELS, voxel_ml=1)
    back = changes(corrected, proposal, LEVELS, voxel_ml=1)
    assert list(there.added) == list(back.removed)
    np.testing.assert_array_equal(there.dice, back.dice)


@FEW
@given(MASKS, MASKS)
def test_effort(proposal: np.ndarray, corrected: np.ndarray) -> None:
    effort = Effort.of(proposal, corrected)
    assert effort.changed == (proposal != corrected).sum()
    nothing = Effort.of(np.zeros_like(corrected), corrected)
    # Drawing from nothing changes what is marked, and saves nothing.
    assert nothing.changed == nothing.marked == effort.marked
    assert nothing.saved == 0 if effort.marked else np.isnan(nothing.saved)
    same = Effort.of(corrected, corrected)
    assert same.changed == 0
    if effort.marked:
        assert same.saved == same.share_kept == 1
        assert effort.saved <= 1


def test_a_proposal_can_cost_more_than_it_saves() -> None:
    proposal, corrected = np.ones((2, 2, 2), np.uint8), np.zeros((2, 2, 2), np.uint8)
    corrected[0, 0, 0] = 1
    assert Effort.of(proposal, corrected).saved == 1 - 7 / 1


@FEW
@given(st.lists(MASKS, min_size=2, max_size=4))
def test_disagreement_is_symmetric_and_between_0_and_1(masks: list[np.ndarray]) -> None:
    value = disagreement(masks, LEVELS)
    if not any(mask.any() for mask in masks):
        assert np.isnan(value)
        return
    assert 0 <= value <= 1
    assert disagreement(masks[::-1], LEVELS) == pytest.approx(value)
    assert disagreement([masks[0]] * 3, LEVELS) == (
        0 if masks[0].any() else pytest.approx(np.nan, nan_ok=True)
    )


def test_disagreement_leaves_out_what_both_networks_do_not_see() -> None:
    """Three networks; level 2 is seen by one alone: two pairs of Dice 0, one undefined."""
    one, other, third = (np.zeros((2, 2, 1), np.uint8) for _ in range(3))
    one[:, 0] = other[:, 0] = third[:, 0] = 1
    third[0, 1] = 2
    # Level 1: 1, 1, 1; level 2: undefined, 0, 0.
    assert disagreement([one, other, third], {"level1": (1,), "level2": (2,)}) == pytest.approx(1 - 3 / 5)


def test_one_network_cannot_disagree() -> None:
    with pytest.raises(ValueError, match="found 1, expected two or more"):
        disagreement([np.zeros((1, 1, 1))], LEVELS)


@FEW
@given(MASKS, MASKS, st.integers(0, 30))
def test_every_voxel_is_hers_or_the_models(proposal: np.ndarray, wanted: np.ndarray, left: int) -> None:
    corrected = correct_regions(proposal, wanted, left)
    assert ((corrected == proposal) | (corrected == wanted)).all()
    assert corrected.dtype == proposal.dtype
    assert np.array_equal(correct_regions(proposal, wanted, 0), wanted)
    assert np.array_equal(correct_regions(proposal, wanted, proposal.size), proposal)
    # What she leaves she leaves again.
    assert np.array_equal(correct_regions(corrected, wanted, left), corrected)


def test_small_regions_are_left() -> None:
    proposal, wanted = np.zeros((9, 3, 1), np.uint8), np.zeros((9, 3, 1), np.uint8)
    wanted[0:3, 0] = 1  # three voxels
    proposal[5, 0] = 2  # one voxel too much
    wanted[6, 1] = 1  # one too few, touching by an edge alone
    corrected = correct_regions(proposal, wanted, 1)
    assert corrected[:3, 0, 0].tolist() == [1, 1, 1]
    assert corrected[5, 0, 0] == 2
    assert corrected[6, 1, 0] == 0


def test_shapes_must_match() -> None:
    one, other = np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 1), np.uint8)
    for function in (
        lambda: changes(one, other, LEVELS, voxel_ml=1),
        lambda: Effort.of(one, other),
        lambda: correct_regions(one, other, 0),
    ):
        with pytest.raises(ValueError, match="shape: found"):
            function()
