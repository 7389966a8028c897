"""STAPLE where masks are empty, full or alike, labels absent or tied, and input is bad."""

import numpy as np
import pytest

from evaluation.consensus.binary import binary_staple
from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.votes import count_votes, paint
from tests.support.staple_problems import has_notice, random_problem, sitk_binary, table


@pytest.mark.parametrize("rule", ["multilabel", "binary"])
def test_all_readers_empty_gives_an_empty_consensus_that_says_so(rule):
    consensus = staple(table({(0, 0, 0): 50}, (0, 1, 2)), rule=rule)
    assert consensus.label.tolist() == [0]
    assert consensus.posterior.tolist() == [[1, 0, 0]]
    assert has_notice(consensus, "the consensus is empty")
    assert np.isnan(consensus.sensitivity).all()
    assert (consensus.specificity == 1).all() or rule == "multilabel"
    assert consensus.converged and consensus.log_likelihood == 0


def test_all_readers_full():
    consensus = staple(table({(1, 1, 1): 50}), rule="binary")
    assert consensus.label.tolist() == [1]
    assert consensus.sensitivity.tolist() == [[1, 1, 1]]
    assert staple(table({(1, 1, 1): 50})).label.tolist() == [1]


@pytest.mark.parametrize("rule", ["multilabel", "binary"])
def test_one_reader_is_his_own_consensus(rule):
    votes = table({(0,): 50, (1,): 7, (2,): 1}, (0, 1, 2))
    consensus = staple(votes, rule=rule)
    assert np.array_equal(consensus.label, votes.values_of("a"))
    assert (consensus.sensitivity == 1).all() and (consensus.specificity == 1).all()
    assert has_notice(consensus, "one rater") == (rule == "multilabel")
    with pytest.raises(ValueError, match="rater 'a' alone"):
        leave_one_out(votes)


@pytest.mark.parametrize("rule", ["multilabel", "binary"])
def test_a_label_in_no_mask_is_never_given_and_leaves_the_others_alone(rule):
    rows = {(0, 0, 0): 300, (1, 1, 1): 40, (1, 1, 0): 9, (0, 1, 0): 6, (3, 3, 3): 20, (1, 3, 3): 5}
    declared = staple(table(rows, (0, 1, 2, 3)), rule=rule)
    without = staple(table(rows, (0, 1, 3)), rule=rule)
    assert np.array_equal(declared.label, without.label)
    assert np.allclose(declared.posterior[:, [0, 1, 3]], without.posterior)
    assert (declared.posterior[:, 2] == 0).all()
    assert np.isnan(declared.sensitivity[1]).all()
    assert has_notice(declared, "level 2 is in none of the masks that make the consensus")
    if rule == "multilabel":
        assert np.isnan(declared.confusion[:, :, 2]).all()
        assert declared.log_likelihood == pytest.approx(without.log_likelihood)


@pytest.mark.parametrize("rule", ["multilabel", "binary"])
def test_identical_readers(rule):
    votes = table({(0, 0, 0): 300, (1, 1, 1): 40, (2, 2, 2): 3}, (0, 1, 2))
    consensus = staple(votes, rule=rule)
    assert np.array_equal(consensus.label, votes.values_of("b"))
    assert np.allclose(consensus.sensitivity, 1) and np.allclose(consensus.specificity, 1)
    assert consensus.notices == ()


def test_two_readers_in_total_disagreement():
    votes = table({(0, 0): 300, (1, 0): 20, (0, 1): 20})
    binary = staple(votes, rule="binary")
    masks = {"a": np.repeat([0, 1, 0], (300, 20, 20)), "b": np.repeat([0, 0, 1], (300, 20, 20))}
    expected, _ = sitk_binary({rater: mask[None].astype(np.uint8) for rater, mask in masks.items()}, 1)
    assert np.allclose(paint(masks, votes, binary.posterior[:, 1]), expected[0], rtol=0, atol=1e-6)
    multilabel = staple(votes)
    assert np.isfinite(multilabel.posterior).all()
    assert np.array_equal(multilabel.sensitivity[:, 0], multilabel.sensitivity[:, 1])
    for consensus in (binary, multilabel):
        assert has_notice(consensus, "a and b differ on as many voxels either way and are taken alike")


@pytest.mark.parametrize(("labels", "first"), [((0, 1, 2), 1), ((0, 2, 1), 2)])
def test_a_tie_goes_to_the_label_declared_first(labels, first):
    # Swapping labels 1 and 2 and readers a and b leaves these votes as they are.
    votes = table({(0, 0): 100, (1, 1): 10, (2, 2): 10, (1, 2): 4, (2, 1): 4}, labels)
    consensus = staple(votes)
    split = votes.values_of("a") != votes.values_of("b")
    assert consensus.label[split].tolist() == [first, first]
    assert has_notice(consensus, "of labels that tied the one declared first was taken: 8 voxels")

    # Two readers say 1 and two say 2, each pair as often: both levels reach 0.95.
    pairs = {(1, 1, 2, 2), (2, 2, 1, 1), (1, 2, 1, 2), (2, 1, 2, 1), (1, 2, 2, 1), (2, 1, 1, 2)}
    lone = {tuple(label * (k == reader) for k in range(4)) for label in (1, 2) for reader in range(4)}
    rows = {(0,) * 4: 200, (1,) * 4: 20, (2,) * 4: 20} | dict.fromkeys(pairs, 3) | dict.fromkeys(lone, 4)
    votes = table(rows, labels, ("a", "b", "c", "d"))
    consensus = staple(votes, rule="binary")
    assert {int(consensus.label[row]) for row, n in enumerate(votes.counts) if n == 3} == {first}
    assert has_notice(consensus, "of labels that tied the one declared first was taken: 18 voxels")


def test_probability_one_half_is_not_taken():
    # As many foreground as background voxels, and readers alike: a lone vote is worth exactly 0.5.
    votes = table({(0, 0): 30, (1, 1): 30, (1, 0): 5, (0, 1): 5})
    consensus = staple(votes, rule="binary")
    lone = votes.patterns.sum(axis=1) == 1
    assert np.allclose(consensus.posterior[lone, 1], 0.5)
    assert (consensus.label[lone] == 0).all()
    assert has_notice(consensus, "a level at probability 0.5 exactly is not taken: 10 voxels")


def test_a_search_cut_short_says_so():
    votes = count_votes(*random_problem(0))
    for rule in ("multilabel", "binary"):
        consensus = staple(votes, rule=rule, max_iterations=3)
        assert not consensus.converged
        assert has_notice(consensus, "not converged after 3 EM steps")


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="'median'"):
        staple(table({(0, 1): 3}), rule="median")
    with pytest.raises(ValueError, match="no voxel"):
        staple(count_votes({"a": np.zeros((0, 3), int)}, (0, 1)))
    with pytest.raises(ValueError, match="label 7"):
        binary_staple(table({(0, 1): 3}), 7)
