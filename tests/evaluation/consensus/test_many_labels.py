"""Consensuses of many labels: organs drawn by two or three readers who differ along their borders."""

import numpy as np
import pytest

from evaluation.consensus import multilabel, pattern_model
from evaluation.consensus.exponential import exponential
from evaluation.consensus.pattern_model import PatternModel
from evaluation.consensus.rules import staple
from evaluation.consensus.votes import count_votes


def organs(n_labels, readers, seed=0, length=4000):
    """Organs side by side on a line, whose ends each reader draws a little elsewhere."""
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.choice(np.arange(20, length - 20), 2 * n_labels, replace=False))
    labels = np.r_[0, np.repeat(np.arange(1, n_labels + 1), 2)]
    labels[2::2] = 0
    masks = {}
    for number in range(readers):
        moved = np.sort(cuts + rng.integers(-4, 5, len(cuts)))
        masks[f"r{number}"] = labels[np.searchsorted(moved, np.arange(length), side="right")].astype(np.uint8)
    return masks, tuple(range(n_labels + 1))


@pytest.mark.parametrize("rule", ["multilabel", "map"])
def test_sparse_products_give_what_dense_ones_give(rule, monkeypatch):
    masks, labels = organs(14, 3)
    votes = count_votes(masks, labels)
    sparse = staple(votes, rule=rule, ordered=False, restarts=2)
    monkeypatch.setattr(pattern_model, "SPARSE_FROM", 100)
    dense = staple(votes, rule=rule, ordered=False, restarts=2)
    assert np.array_equal(sparse.label, dense.label)
    assert sparse.log_likelihood == pytest.approx(dense.log_likelihood, rel=1e-10)
    assert np.allclose(sparse.confusion, dense.confusion, atol=1e-6)


@pytest.mark.parametrize("readers", [3, 4])
def test_products_of_chances_are_sums_of_their_logarithms(readers, monkeypatch):
    votes = count_votes(*organs(14, readers))
    patterns, counts = votes.patterns.astype(int), votes.counts
    multiplied = PatternModel(patterns, counts, 15)
    monkeypatch.setattr(pattern_model, "_FEW_RATERS", 0)
    added = PatternModel(patterns, counts, 15)
    rng = np.random.default_rng(0)
    start = rng.dirichlet(np.full(15, 0.05), (3, readers, 15)).swapaxes(2, 3)
    for model in (multiplied, added):
        assert model.against_masks().shape == (readers, readers, 15, 15)
    for _ in range(3):
        (one, after), (other, expected) = multiplied.step(start), added.step(start)
        assert one == pytest.approx(other, rel=1e-12)
        assert np.allclose(after, expected, rtol=1e-9, atol=1e-12)
        start = after


def test_giving_up_the_lower_starts_early_loses_nothing(monkeypatch):
    """By hand: on six exams of 20 labels all starts give the same; of 100 it is a quarter of the time."""
    masks, labels = organs(12, 3, seed=5, length=900)
    rng = np.random.default_rng(5)
    # Readers who mistake one organ for another, so that starts end at different maxima.
    mistaken = {
        name: np.where(rng.random(len(mask)) < 0.2, rng.choice(labels, len(mask)), mask)
        for name, mask in masks.items()
    }
    votes = count_votes(mistaken, labels)
    found = staple(votes, rule="multilabel", ordered=False, restarts=8)
    monkeypatch.setattr(multilabel, "_KEPT", 1000)
    everyone = staple(votes, rule="multilabel", ordered=False, restarts=8)
    assert np.array_equal(found.label, everyone.label)
    assert found.log_likelihood == pytest.approx(everyone.log_likelihood)
    steps = [sum(start.iterations for start in each.starts) for each in (found, everyone)]
    assert steps[0] < steps[1] and found.converged


def test_starts_one_after_the_other_lead_where_all_at_once_do(monkeypatch):
    votes = count_votes(*organs(5, 3))
    at_once = staple(votes, restarts=4)
    monkeypatch.setattr(pattern_model, "_AT_ONCE", 1)
    one_by_one = staple(votes, restarts=4)
    assert np.array_equal(at_once.label, one_by_one.label)
    assert [start.name for start in at_once.starts] == [start.name for start in one_by_one.starts]


@pytest.mark.parametrize("n_labels", [8, 20])
def test_two_raters_end_early_and_say_so(n_labels, monkeypatch):
    taken = 0
    step = PatternModel.step

    def counted(model, confusion):
        nonlocal taken
        taken += 1
        return step(model, confusion)

    monkeypatch.setattr(PatternModel, "step", counted)
    votes = count_votes(*organs(n_labels, 2))
    consensus = staple(votes)
    # Followed to its end this took 30,000 steps of 26 starts.
    assert taken < 1000
    assert len(consensus.starts) == 4
    if not consensus.converged:
        assert any("two raters: the likelihood is flat" in notice for notice in consensus.notices)
    agreed = votes.patterns[:, 0] == votes.patterns[:, 1]
    assert np.array_equal(consensus.label[agreed], votes.values_of("r0")[agreed])
    # Neither is copied: the starts treat the two alike.
    assert all((consensus.label != votes.values_of(rater)).any() for rater in votes.raters)


def test_two_raters_exchanged_have_one_consensus():
    masks, labels = organs(12, 2, seed=3)
    one = staple(count_votes(masks, labels))
    votes = count_votes({"r1": masks["r1"], "r0": masks["r0"]}, labels)
    other = staple(votes)
    assert np.array_equal(one.label_on(votes), other.label)


def test_a_hundred_labels_have_a_consensus():
    masks, labels = organs(100, 3, length=20000)
    votes = count_votes(masks, labels)
    consensus = staple(votes, rule="map", ordered=False)
    assert consensus.converged
    plurality = staple(votes, rule="majority").label
    differ = votes.counts[consensus.label != plurality].sum()
    assert differ < 0.01 * votes.n_voxels


def test_small_exponentials_are_numpys_to_the_last_bit() -> None:
    rng = np.random.default_rng(4)
    for values in (
        rng.uniform(-750, -700, (5, 7, 3)),
        -rng.exponential(500, (5, 40, 3)),
        np.zeros((2, 3, 1)),
    ):
        assert exponential(values.copy()).tobytes() == np.exp(values).tobytes()
