import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from evaluation.consensus.all_votes import count_all
from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.votes import count_votes, paint
from evaluation.measures.dice import score
from evaluation.measures.volume import volumes
from evaluation.scores.agreement import pairwise_dice
from evaluation.scores.fair import score_fair
from evaluation.scores.twins import alike

LEVELS = {"one": (1,), "two": (2,), "both": (1, 2)}


def many_masks(n_raters, n_labels, shape=(6, 9, 10), seed=0):
    """Raters who mostly say what one of them says, most of it background."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_labels, shape, np.uint8) * (rng.random(shape) < 0.3)
    masks = {}
    for number in range(n_raters):
        other = rng.random(shape) < 0.1
        masks[f"r{number:02}"] = np.where(other, rng.integers(0, n_labels, shape), truth).astype(np.uint8)
    return masks, tuple(range(n_labels))


def plain_count(masks):
    stacked = np.stack([mask.ravel() for mask in masks.values()], axis=1)
    patterns, counts = np.unique(stacked, axis=0, return_counts=True)
    return dict(zip(map(tuple, patterns.tolist()), counts.tolist(), strict=True))


@pytest.mark.parametrize(("n_raters", "n_labels"), [(17, 22), (41, 4), (64, 2), (65, 3), (9, 255), (30, 101)])
def test_combinations_beyond_a_machine_word_are_counted_as_rows_are(n_raters, n_labels):
    masks, labels = many_masks(n_raters, n_labels)
    votes = count_votes(masks, labels)
    found = dict(zip(map(tuple, votes.patterns.tolist()), votes.counts.tolist(), strict=True))
    assert found == plain_count(masks)
    # The first rater's label runs fastest.
    assert [tuple(row) for row in votes.patterns.tolist()] == sorted(found, key=lambda row: row[::-1])
    assert np.array_equal(paint(masks, votes, votes.values_of("r03")), masks["r03"])
    some = [*masks][1::2]
    marginal, alone = votes.select(some), count_votes({rater: masks[rater] for rater in some}, labels)
    assert np.array_equal(marginal.patterns, alone.patterns)
    assert np.array_equal(marginal.counts, alone.counts)
    assert np.array_equal(alone.patterns[votes.rows_in(alone)], votes.patterns[:, 1::2])


def test_other_masks_beyond_a_word_are_not_painted_as_the_counted_ones():
    masks, labels = many_masks(41, 4)
    votes = count_votes(masks, labels)
    other = {**masks, "r40": 3 - masks["r40"]}
    with pytest.raises(ValueError, match="a vote pattern that the votes do not"):
        paint(other, votes, votes.values_of("r00"))
    with pytest.raises(ValueError, match="counted on other masks"):
        count_votes(other, labels).rows_in(votes)


@pytest.mark.parametrize("rule", ["multilabel", "map", "binary", "majority"])
def test_sixty_four_readers_have_a_consensus(rule):
    masks, labels = many_masks(64, 3, shape=(4, 5, 6))
    votes = count_votes(masks, labels)
    consensus = staple(votes, rule=rule, ordered=False, restarts=1)
    plurality = np.array([np.bincount(row, minlength=3).argmax() for row in votes.patterns])
    assert np.array_equal(consensus.label, plurality)


@st.composite
def _exams(draw):
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, max_side=5))
    order = draw(st.sampled_from("CF"))
    names = ["a", "b", "c", "m", "n"][: draw(st.integers(2, 5))]
    elements = st.sampled_from((0, 0, 0, 1, 2))
    masks = {
        name: np.asarray(draw(hnp.arrays(np.uint8, shape, elements=elements)), order=order) for name in names
    }
    return masks, names[: draw(st.integers(1, len(names)))]


@settings(deadline=None, max_examples=60)
@given(_exams())
def test_models_apart_give_what_all_raters_together_give(exam):
    masks, readers = exam
    labels = (0, 1, 2)
    apart, joint = count_all(masks, readers, labels), count_votes(masks, labels)
    assert apart.raters == joint.raters
    assert apart.n_voxels == joint.n_voxels
    for one in masks:
        for two in masks:
            if one != two:
                assert np.array_equal(apart.together(one, two), joint.together(one, two))
    consensus = staple(apart.of_readers, rule="majority")
    of_apart, of_joint = consensus.label_on(apart), consensus.label_on(joint)
    assert score(apart, of_apart, LEVELS).equals(score(joint, of_joint, LEVELS))
    ml = volumes(apart, LEVELS, 0.5, {"consensus": of_apart})
    assert ml.equals(volumes(joint, LEVELS, 0.5, {"consensus": of_joint}))
    if len(readers) > 1:
        without = leave_one_out(apart.select(readers), rule="majority")
        assert score_fair(apart, without, LEVELS).equals(score_fair(joint, without, LEVELS))
    assert pairwise_dice({"e": apart}, LEVELS).equals(pairwise_dice({"e": joint}, LEVELS))
    levels = {"one": 1, "two": 2}
    assert alike(apart, levels).equals(alike(joint, levels))


def test_patterns_of_the_readers_do_not_grow_with_models():
    masks, labels = many_masks(33, 22)
    readers = ["r00", "r01", "r02"]
    votes = count_all(masks, readers, labels)
    alone = count_votes({reader: masks[reader] for reader in readers}, labels)
    assert np.array_equal(votes.of_readers.patterns, alone.patterns)
    for model, beside in votes.beside.items():
        both = count_votes({name: masks[name] for name in (*readers, model)}, labels)
        assert np.array_equal(beside.patterns, both.patterns)
        assert np.array_equal(beside.counts, both.counts)


def test_a_model_of_another_shape_or_label_is_named():
    masks = {"a": np.zeros((2, 3), np.uint8), "m": np.zeros((3, 2), np.uint8)}
    with pytest.raises(
        ValueError, match=r"rater 'm': mask of shape \(3, 2\), expected \(2, 3\) as rater 'a'"
    ):
        count_all(masks, ["a"], (0, 1))
    with pytest.raises(ValueError, match="rater 'm': undeclared label 7"):
        count_all({**masks, "m": np.full((2, 3), 7, np.uint8)}, ["a"], (0, 1))


def test_they_print_who_stands_beside() -> None:
    found = count_all(
        {"a": np.array([0, 1]), "b": np.array([1, 1]), "net": np.array([0, 1])}, ["a", "b"], [0, 1]
    )
    assert repr(found) == f"<AllVotes: {found.of_readers!r}, beside them net>"
    alone = count_all({"a": np.array([0, 1]), "b": np.array([1, 1])}, ["a", "b"], [0, 1])
    assert repr(alone) == f"<AllVotes: {alone.of_readers!r}>"
