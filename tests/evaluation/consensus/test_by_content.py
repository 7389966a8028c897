"""Raters in an order that their masks give, by two ways of counting."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evaluation.consensus.by_content import _content, _content_by_number, by_content
from evaluation.consensus.multilabel import multilabel_staple
from evaluation.consensus.votes import count_votes


@given(st.integers(2, 7), st.integers(2, 4), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_both_ways_give_the_same_bytes(n_raters: int, n_labels: int, n: int, seed: int) -> None:
    drawn = np.random.default_rng(seed).integers(0, n_labels, (n_raters, n)).astype(np.uint8)
    votes = count_votes({f"r{place}": each for place, each in enumerate(drawn)}, tuple(range(n_labels)))
    of_each = np.stack([(votes.patterns == label).sum(axis=1) for label in range(n_labels)], axis=1)
    for column in range(n_raters):
        assert _content(votes, column) == _content_by_number(votes, of_each, column)


def test_the_order_of_many_raters_does_not_depend_on_their_names() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 900)
    masks = [np.where(rng.random(900) < 0.1, rng.integers(0, 3, 900), truth) for _ in range(20)]
    one = count_votes({f"r{n}": mask for n, mask in enumerate(masks)}, (0, 1, 2))
    other = count_votes({f"r{n}": mask for n, mask in enumerate(masks[::-1])}, (0, 1, 2))
    first, second = by_content(one).votes, by_content(other).votes
    assert np.array_equal(first.patterns, second.patterns) and np.array_equal(first.counts, second.counts)
    # Of more than 16 raters, 16 masks are starts; all starts lead to one place.
    found, turned = (
        multilabel_staple(votes, restarts=2, seed=1, max_iterations=3000) for votes in (one, other)
    )
    assert sum(start.name.startswith("mask") for start in found.starts) == 16
    best = [start.log_likelihood for start in found.starts]
    assert np.ptp(best) < 1e-6 * abs(best[0])
    assert {start.log_likelihood for start in turned.starts} == set(best)
