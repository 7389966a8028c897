"""Majority vote against SimpleITK's LabelVoting and scipy.stats.mode; regions; what works for every rule."""

from typing import get_args

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats

from evaluation.consensus.decisions import decision_table
from evaluation.consensus.kinds import COUNTED, Region, Rule
from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.votes import Votes, count_votes, paint

UNDECIDED = 255
RULES = get_args(Rule)


def graded_masks(seed, readers=4):
    """Masks of readers of one smooth signal, background around it, levels 1 to 3."""
    rng = np.random.default_rng(seed)

    def blobs(sigma):
        field = ndimage.gaussian_filter(rng.standard_normal((8, 24, 24)), sigma)
        return field / field.std()

    signal = blobs(2)
    return {
        f"reader{k + 1}": np.digitize(signal + 0.4 * blobs(0.8), [1, 1.5, 2]).astype(np.uint8)
        for k in range(readers)
    }


def sitk_voting(masks):
    images = [sitk.GetImageFromArray(mask) for mask in masks.values()]
    return sitk.GetArrayFromImage(sitk.LabelVoting(images, UNDECIDED))


# --- majority ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("readers", [2, 3, 4, 5])
def test_as_simpleitk_label_voting_where_nothing_ties(readers):
    masks = graded_masks(readers, readers)
    votes = count_votes(masks, (0, 1, 2, 3))
    consensus = staple(votes, rule="majority")
    ours, theirs = paint(masks, votes, consensus.label), sitk_voting(masks)
    decided = theirs != UNDECIDED
    assert 0 < (~decided).sum() < decided.sum()
    assert np.array_equal(ours[decided], theirs[decided])
    assert consensus.notices == (
        f"of labels that tied the one declared first was taken: {(~decided).sum()} voxels",
    )


@pytest.mark.parametrize("readers", [2, 3, 4, 5])
def test_as_scipy_mode_ties_included(readers):
    masks = graded_masks(readers + 10, readers)
    votes = count_votes(masks, (0, 1, 2, 3))
    expected = stats.mode(np.array(list(masks.values())), axis=0).mode
    assert np.array_equal(paint(masks, votes, staple(votes, rule="majority").label), expected)


def test_rates_are_counted_against_the_majority():
    rows = {(0, 0, 0): 90, (1, 1, 0): 6, (1, 1, 1): 10, (0, 1, 1): 4, (2, 2, 1): 5, (0, 0, 2): 3}
    patterns = np.array(sorted(rows, key=lambda row: row[::-1]), np.uint8)
    counts = np.array([rows[tuple(row)] for row in patterns.tolist()], np.int64)
    consensus = staple(Votes(("a", "b", "c"), (0, 1, 2), patterns, counts), rule="majority")
    assert consensus.sensitivity == pytest.approx(np.array([[16 / 20, 1, 14 / 20], [1, 1, 0]]))
    assert consensus.specificity == pytest.approx(np.array([[1, 1, 93 / 98], [1, 1, 110 / 113]]))
    assert consensus.confusion[0, :, 1] == pytest.approx([4 / 20, 16 / 20, 0])
    assert np.isnan(consensus.log_likelihood)
    assert consensus.starts == ()


# --- every rule, both regions -----------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
def test_union_is_the_consensus_of_the_marked_voxels_alone(rule):
    masks = graded_masks(3)
    labels = (0, 1, 2, 3)
    votes = count_votes(masks, labels)
    consensus = staple(votes, rule=rule, region="union")
    union = np.any(list(masks.values()), axis=0)
    cropped = {reader: mask[union] for reader, mask in masks.items()}
    cropped_votes = count_votes(cropped, labels)
    expected = staple(cropped_votes, rule=rule)
    painted = paint(masks, votes, consensus.label)
    assert np.array_equal(painted[union], paint(cropped, cropped_votes, expected.label))
    assert not painted[~union].any()
    assert consensus.region == "union"
    assert consensus.log_likelihood == pytest.approx(expected.log_likelihood, nan_ok=True)
    assert consensus.prior == pytest.approx(expected.prior)
    assert np.array_equal(consensus.posterior[0], [1, 0, 0, 0])
    # The background matters to every rule that estimates something.
    whole = staple(votes, rule=rule)
    assert np.allclose(whole.posterior, consensus.posterior, atol=1e-3) == (rule in COUNTED)


def test_binary_over_the_union_is_simpleitk_on_those_voxels():
    masks = graded_masks(4)
    votes = count_votes(masks, (0, 1, 2, 3))
    consensus = staple(votes, rule="binary", region="union")
    union = np.any(list(masks.values()), axis=0)
    images = [sitk.GetImageFromArray(mask[union][None]) for mask in masks.values()]
    for level in (1, 2, 3):
        theirs = sitk.GetArrayFromImage(sitk.STAPLE(images, 1.0, level))[0]
        ours = paint(masks, votes, consensus.posterior[:, level])[union]
        assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("region", get_args(Region))
@pytest.mark.parametrize("rule", RULES)
def test_leave_one_out_label_on_and_decision_table(rule, region):
    masks = graded_masks(5)
    votes = count_votes({**masks, "model": masks["reader2"]}, (0, 1, 2, 3))
    readers = votes.select(list(masks))
    consensus = staple(readers, rule=rule, region=region)
    assert (consensus.rule, consensus.region) == (rule, region)
    table = decision_table(votes, consensus)
    assert list(table.columns) == [*masks, "model", "voxels", "p0", "p1", "p2", "p3", "consensus"]
    assert table.voxels.sum() == votes.n_voxels
    assert table.consensus[0] == 0
    for reader, other in leave_one_out(readers, rule=rule, region=region).items():
        assert reader not in other.raters
        assert (other.rule, other.region) == (rule, region)
        painted = paint({**masks, "model": masks["reader2"]}, votes, other.label_on(votes))
        others = np.array([mask for name, mask in masks.items() if name != reader])
        agreed = (others == others[0]).all(axis=0)
        assert (painted[agreed] == others[0][agreed]).mean() > 0.95
        assert not painted[~others.any(axis=0)].any()


@pytest.mark.parametrize("rule", RULES)
def test_nothing_marked_and_everything_marked(rule):
    empty = count_votes({"a": np.zeros(9, int), "b": np.zeros(9, int)}, (0, 1))
    assert staple(empty, rule=rule, region="union").label.tolist() == [0]
    full = count_votes({"a": np.ones(9, int), "b": np.ones(9, int)}, (0, 1))
    assert staple(full, rule=rule, region="union").label.tolist() == [1]


def test_unknown_region_is_refused():
    votes = count_votes({"a": np.ones(9, int)}, (0, 1))
    with pytest.raises(ValueError, match="consensus region 'knee': expected 'volume' or 'union'"):
        staple(votes, region="knee")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=30))
def test_a_majority_wins_whatever_the_region(patterns):
    masks = {f"r{k}": np.array(column) for k, column in enumerate(np.array(patterns).T)}
    votes = count_votes(masks, (0, 1, 2, 3))
    painted = [
        paint(masks, votes, staple(votes, rule="majority", region=region).label)
        for region in get_args(Region)
    ]
    assert np.array_equal(*painted)
    for row, label in zip(patterns, painted[0], strict=True):
        assert row.count(label) == max(map(row.count, row))
