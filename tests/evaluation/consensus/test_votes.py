import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from evaluation.consensus.votes import Votes, count_votes, paint

LABELS = (0, 1, 2, 3)


@st.composite
def mask_sets(draw, labels=LABELS, dtypes=(np.uint8, np.int16, np.int64)):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=9))
    readers = draw(st.integers(1, 5))
    dtype = draw(st.sampled_from(dtypes))
    elements = st.sampled_from(labels)
    return {f"r{k}": draw(hnp.arrays(dtype, shape, elements=elements)) for k in range(readers)}


def naive(masks):
    stacked = np.stack([mask.ravel() for mask in masks.values()], axis=1)
    patterns, counts = np.unique(stacked, axis=0, return_counts=True)
    return dict(zip(map(tuple, patterns.tolist()), counts.tolist(), strict=True))


def as_dict(votes: Votes):
    values = np.array(votes.labels)[votes.patterns]
    return dict(zip(map(tuple, values.tolist()), votes.counts.tolist(), strict=True))


@settings(deadline=None)
@given(mask_sets())
def test_counts_what_a_plain_count_of_rows_counts(masks):
    votes = count_votes(masks, LABELS)
    assert as_dict(votes) == naive(masks)
    assert votes.n_voxels == masks["r0"].size
    assert votes.label_counts.tolist() == [
        np.bincount(m.astype(int).ravel(), minlength=4).tolist() for m in masks.values()
    ]


@settings(deadline=None)
@given(mask_sets(labels=(0, 7, 3, 300), dtypes=(np.int16, np.uint32)))
def test_label_values_need_not_be_consecutive_sorted_or_small(masks):
    votes = count_votes(masks, (0, 7, 3, 300))
    assert as_dict(votes) == naive(masks)
    painted = paint(masks, votes, votes.values_of("r0"))
    assert np.array_equal(painted, masks["r0"])


@settings(deadline=None)
@given(mask_sets())
def test_painting_a_raters_labels_returns_the_mask(masks):
    votes = count_votes(masks, LABELS)
    for rater, mask in masks.items():
        painted = paint(masks, votes, votes.values_of(rater))
        assert painted.dtype == np.uint8
        assert np.array_equal(painted, mask)
    fraction = votes.patterns.mean(axis=1)
    expected = np.mean(np.stack(list(masks.values())), axis=0)
    assert np.allclose(paint(masks, votes, fraction), expected)


@settings(deadline=None)
@given(mask_sets(), st.randoms())
def test_selecting_raters_equals_counting_them_alone(masks, random):
    votes = count_votes(masks, LABELS)
    some = random.sample(list(masks), random.randint(1, len(masks)))
    marginal = votes.select(some)
    alone = count_votes({rater: masks[rater] for rater in some}, LABELS)
    assert marginal.raters == alone.raters == tuple(some)
    assert np.array_equal(marginal.patterns, alone.patterns)
    assert np.array_equal(marginal.counts, alone.counts)
    rows = votes.rows_in(marginal)
    columns = [votes.column(rater) for rater in some]
    assert np.array_equal(marginal.patterns[rows], votes.patterns[:, columns])


def test_many_raters_are_counted_by_sorting_instead_of_a_table():
    rng = np.random.default_rng(0)
    masks = {f"r{k:02}": rng.integers(0, 4, (5, 6, 7), np.uint8) for k in range(20)}
    for mask in masks.values():
        mask[:4] = 0
    votes = count_votes(masks, LABELS)
    assert as_dict(votes) == naive(masks)
    assert np.array_equal(paint(masks, votes, votes.values_of("r07")), masks["r07"])


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda m: m[::-1, ::2]])
def test_memory_layout_does_not_matter(layout):
    rng = np.random.default_rng(1)
    masks = {f"r{k}": layout(rng.integers(0, 4, (6, 8, 5), np.uint8)) for k in range(3)}
    masks["plain"] = np.ascontiguousarray(masks["r0"])
    votes = count_votes(masks, LABELS)
    assert as_dict(votes) == naive(masks)
    assert np.array_equal(paint(masks, votes, votes.values_of("r2")), masks["r2"])


def test_masks_are_not_changed():
    masks = {"a": np.full((3, 3), 2, np.uint8), "b": np.full((3, 3), 1, np.uint8)}
    votes = count_votes(masks, LABELS)
    paint(masks, votes, votes.values_of("a"))
    assert (masks["a"] == 2).all() and (masks["b"] == 1).all()


def test_boolean_masks_count_as_labels_0_and_1():
    votes = count_votes({"a": np.array([True, False, True])}, (0, 1))
    assert as_dict(votes) == {(0,): 1, (1,): 2}


MASK = np.zeros((2, 3), np.uint8)


@pytest.mark.parametrize(
    ("masks", "labels", "message"),
    [
        ({"ann": MASK, "bo": np.zeros((3, 2), np.uint8)}, LABELS, r"rater 'bo': .*\(3, 2\).*\(2, 3\).*'ann'"),
        ({"ann": MASK, "bo": MASK + 9}, LABELS, r"rater 'bo': undeclared label 9 in 6 voxels"),
        ({"ann": MASK.astype(np.int16) - 1}, LABELS, r"rater 'ann': undeclared label -1 in 6 voxels"),
        ({"ann": MASK.astype(np.int16) + 700}, LABELS, r"rater 'ann': undeclared label 700 in 6 voxels"),
        ({"ann": MASK.astype(float)}, LABELS, r"rater 'ann': mask of type float64"),
        ({}, LABELS, "raters: found none"),
        ({"ann": MASK}, (1, 2), "background 0 first"),
        ({"ann": MASK}, (0, 2, 2), "distinct"),
    ],
)
def test_bad_input_is_named_in_one_line(masks, labels, message):
    with pytest.raises(ValueError, match=message) as caught:
        count_votes(masks, labels)
    assert "\n" not in str(caught.value)


def test_paint_and_select_name_what_does_not_fit():
    masks = {"a": MASK.copy(), "b": MASK.copy()}
    votes = count_votes(masks, LABELS)
    with pytest.raises(ValueError, match="rater 'b': counted in the votes"):
        paint({"a": MASK}, votes, np.zeros(1))
    with pytest.raises(ValueError, match="values to paint"):
        paint(masks, votes, np.zeros(3))
    with pytest.raises(ValueError, match="a vote pattern that the votes do not"):
        paint({"a": MASK + 1, "b": MASK}, votes, np.zeros(1))
    with pytest.raises(ValueError, match="found 12 voxels"):
        paint({"a": np.zeros((4, 3), np.uint8), "b": np.zeros((4, 3), np.uint8)}, votes, np.zeros(1))
    with pytest.raises(ValueError, match="rater 'c'"):
        votes.select(["c"])
    with pytest.raises(ValueError, match="named twice"):
        votes.select(["a", "a"])
    with pytest.raises(ValueError, match="counted on other masks"):
        votes.rows_in(count_votes({"a": MASK + 1}, LABELS))


def test_patterns_of_other_labels_have_no_rows_here() -> None:
    masks = {"a": np.array([0, 1, 2]), "b": np.array([0, 1, 1])}
    votes, fewer = count_votes(masks, [0, 1, 2]), count_votes({"b": masks["b"]}, [0, 1])
    with pytest.raises(ValueError, match=r"vote patterns of labels \(0, 1\): expected labels \(0, 1, 2\)"):
        votes.rows_in(fewer)
