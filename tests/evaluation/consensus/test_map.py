"""Multi-label STAPLE with a prior, against EM written out voxel by voxel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.consensus.audit import overruled_voxels
from evaluation.consensus.map import DIAGONAL, FALL, STRENGTH, pseudo_counts
from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.votes import count_votes, paint

LABELS = (0, 1, 2)


def readers(seed: int, n: int = 3, size: int = 400) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, size, p=(0.7, 0.2, 0.1))
    masks = {}
    for number in range(n):
        wrong = rng.random(size) < rng.uniform(0.05, 0.35)
        masks[f"reader{number + 1}"] = np.where(wrong, rng.choice(3, size), truth).astype(np.uint8)
    return masks


def brute_force(masks: dict[str, np.ndarray], *, ordered: bool, steps: int = 3000) -> np.ndarray:
    """Posteriors (voxels, labels) of EM with pseudo-counts, in loops over voxels' raters and labels."""
    decisions = np.array(list(masks.values()))
    n_raters, n_labels = len(decisions), len(LABELS)
    sizes = np.array([np.mean([(mask == label).sum() for mask in decisions]) for label in LABELS])
    pseudo = np.zeros((n_labels, n_labels))
    for truth in range(n_labels):
        pseudo[truth, truth] = STRENGTH * DIAGONAL * sizes[truth]
        others = [label for label in range(n_labels) if label != truth]
        weights = [FALL ** (abs(label - truth) - 1) if ordered else 1.0 for label in others]
        for label, weight in zip(others, weights, strict=True):
            share = STRENGTH * (1 - DIAGONAL) * weight / sum(weights)
            pseudo[label, truth] = share * min(sizes[label], sizes[truth])
    prior = sizes / sizes.sum()
    posterior = np.array([(decisions == label).mean(axis=0) for label in range(n_labels)]).T
    posterior = 0.99 * posterior + 0.01 / n_labels
    for _ in range(steps):
        joint = np.tile(np.log(prior), (decisions.shape[1], 1))
        for rater in range(n_raters):
            confusion = pseudo.copy()
            for decided in range(n_labels):
                confusion[decided] += posterior[decisions[rater] == decided].sum(axis=0)
            confusion /= confusion.sum(axis=0)
            joint += np.log(confusion[decisions[rater]])
        after = np.exp(joint - joint.max(axis=1, keepdims=True))
        posterior = after / after.sum(axis=1, keepdims=True)
    return posterior


@pytest.mark.parametrize(("seed", "ordered"), [(1, True), (2, True), (3, False), (4, False)])
def test_posteriors_are_those_of_em_written_out(seed: int, ordered: bool) -> None:
    masks = readers(seed)
    votes = count_votes(masks, LABELS)
    found = staple(votes, rule="map", ordered=ordered)
    ours = np.column_stack([paint(masks, votes, found.posterior[:, label]) for label in range(3)])
    assert ours == pytest.approx(brute_force(masks, ordered=ordered), abs=1e-6)
    assert found.converged


def test_the_prior_never_falls_below_one_step_and_knows_the_order() -> None:
    sizes = np.array([1000.0, 100.0, 10.0])
    ordered, nominal = pseudo_counts(sizes), pseudo_counts(sizes, ordered=False)
    # Limited by the smaller label: false marks on background are no share of the background.
    assert ordered[1, 0] <= 0.1 * 100
    assert ordered[2, 0] == pytest.approx(0.1 * FALL / (1 + FALL) * 10)
    assert nominal[2, 0] == pytest.approx(0.1 * 0.5 * 10)
    assert np.diag(ordered) == pytest.approx(STRENGTH * DIAGONAL * sizes)


@given(seed=st.integers(0, 10_000), n=st.integers(2, 5))
def test_exchanging_two_readers_exchanges_their_matrices(seed: int, n: int) -> None:
    masks = readers(seed, n, 60)
    first, second = "reader1", "reader2"
    turned = masks | {first: masks[second], second: masks[first]}
    one, other = (staple(count_votes(each, LABELS), rule="map") for each in (masks, turned))
    painted = [
        paint(each, consensus.votes, consensus.label) for each, consensus in ((masks, one), (turned, other))
    ]
    assert np.array_equal(*painted)
    assert one.confusion is not None and other.confusion is not None
    assert np.allclose(one.confusion[0], other.confusion[1], atol=1e-6, equal_nan=True)


@given(seed=st.integers(0, 10_000), n=st.integers(3, 5))
def test_votes_that_all_agree_on_stay(seed: int, n: int) -> None:
    masks = readers(seed, n, 200)
    votes = count_votes(masks, LABELS)
    label = staple(votes, rule="map").label
    agreed = (votes.patterns == votes.patterns[:, :1]).all(axis=1)
    assert np.array_equal(label[agreed], votes.patterns[agreed, 0])


def test_where_multilabel_overrules_everybody_the_prior_does_not() -> None:
    """Readers of a graded signal err together along its borders, as in knee_093 of the synthetic cohort."""
    rng = np.random.default_rng(1)
    signal = rng.normal(size=20_000)
    masks = {}
    for reader in "abcd":
        cuts = np.sort(np.array([1.2, 1.9, 2.5]) + rng.normal(0, 0.25, 3))
        masks[reader] = np.digitize(signal + rng.normal(0, 0.1, signal.size), cuts).astype(np.uint8)
    votes = count_votes(masks, (0, 1, 2, 3))
    assert overruled_voxels(staple(votes, rule="multilabel"))[0] > 0
    assert overruled_voxels(staple(votes, rule="map"))[0] == 0
    for consensus in leave_one_out(votes, rule="map").values():
        assert overruled_voxels(consensus)[0] == 0


def test_labels_without_an_order_refuse_rules_for_levels() -> None:
    votes = count_votes(readers(1), LABELS)
    for rule in ("ordinal", "median_lower", "median_upper"):
        with pytest.raises(ValueError, match=f"consensus rule '{rule}': found labels without an order"):
            staple(votes, rule=rule, ordered=False)
