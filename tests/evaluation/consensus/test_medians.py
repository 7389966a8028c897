"""The median of the votes, against NumPy's quantiles and nested majorities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.consensus.audit import is_monotone
from evaluation.consensus.rules import staple
from evaluation.consensus.votes import count_votes, paint


@given(seed=st.integers(0, 10_000), n=st.integers(1, 6))
def test_numpys_quantiles_and_nested_majorities(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    masks = {f"r{number}": rng.integers(0, 4, 80).astype(np.uint8) for number in range(n)}
    votes, stacked = count_votes(masks, (0, 1, 2, 3)), np.array(list(masks.values()))
    for rule, method in (("median_lower", "lower"), ("median_upper", "higher")):
        consensus = staple(votes, rule=rule)
        painted = paint(masks, votes, consensus.label)
        assert np.array_equal(painted, np.quantile(stacked, 0.5, axis=0, method=method))
        assert is_monotone(consensus)
        for level in (1, 2, 3):
            reached = (stacked >= level).sum(axis=0)
            enough = reached * 2 > n if rule == "median_lower" else reached * 2 >= n
            assert np.array_equal(painted >= level, enough)


def test_two_votes_in_the_middle_are_counted() -> None:
    masks = {"a": np.array([0, 1, 2, 3]), "b": np.array([0, 2, 2, 0])}
    votes = count_votes(masks, (0, 1, 2, 3))
    lower, upper = (staple(votes, rule=rule) for rule in ("median_lower", "median_upper"))
    assert paint(masks, votes, lower.label).tolist() == [0, 1, 2, 0]
    assert paint(masks, votes, upper.label).tolist() == [0, 2, 2, 3]
    assert "of two votes in the middle the lower was taken: 2 voxels" in lower.notices
    assert "of two votes in the middle the upper was taken: 2 voxels" in upper.notices
    assert np.isnan(lower.log_likelihood)
    assert lower.posterior[votes.patterns.tolist().index([1, 2])] == pytest.approx([0, 0.5, 0.5, 0])
