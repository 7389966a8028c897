"""The searches: side by side as one by one, and starts that are given up."""

import numpy as np
import pytest

from evaluation.consensus.binary import binary_staple
from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.squarem import search
from evaluation.consensus.votes import count_votes
from tests.support.staple_problems import random_problem, table


@pytest.mark.parametrize("seed", range(0, 40, 3))
def test_levels_side_by_side_are_what_each_is_alone(seed):
    votes = count_votes(*random_problem(seed))
    together = staple(votes, rule="binary", max_iterations=5_000)
    for place, label in enumerate(votes.labels[1:]):
        alone = binary_staple(votes, label, max_iterations=5_000)
        assert np.array_equal(together.posterior[:, place + 1], alone.probability)
        assert np.array_equal(together.sensitivity[place], alone.sensitivity)
        assert np.array_equal(together.specificity[place], alone.specificity)
        assert together.starts[place] == alone.start


@pytest.mark.parametrize("rule", ["binary", "map", "majority"])
@pytest.mark.parametrize("region", ["volume", "union"])
def test_left_out_side_by_side_is_left_out_alone(rule, region):
    votes = count_votes(*random_problem(26))
    for rater, consensus in leave_one_out(votes, rule=rule, region=region).items():
        alone = staple(
            votes.select([other for other in votes.raters if other != rater]), rule=rule, region=region
        )
        assert consensus.raters == alone.raters
        assert np.array_equal(consensus.label, alone.label)
        assert np.array_equal(consensus.posterior, alone.posterior)
        assert consensus.notices == alone.notices


def test_a_level_of_one_rater_and_one_that_nobody_drew_stand_beside_others():
    votes = table({(0, 0, 0): 40, (1, 1, 0): 9, (1, 0, 1): 4, (0, 3, 0): 2, (1, 1, 1): 8}, (0, 1, 2, 3))
    consensus = staple(votes, rule="binary")
    assert [start.iterations for start in consensus.starts][1] == 0
    assert np.isnan(consensus.sensitivity[1]).all()
    for place, label in enumerate(votes.labels[1:]):
        assert np.array_equal(consensus.posterior[:, place + 1], binary_staple(votes, label).probability)


class Creeping:
    """Every start rises by a pace of its own for ever; a pace of 0 has converged."""

    def __init__(self, paces):
        self.paces = np.array(paces)

    def step(self, start):
        likelihood, number = start.T
        after = likelihood + self.paces[number.astype(int)]
        return likelihood, np.column_stack([after, number])

    @staticmethod
    def difference(after, before):
        return after - before

    @staticmethod
    def jump(_start, _linear, _quadratic, second, /):
        return second


def test_a_start_is_given_up_when_another_is_out_of_its_reach():
    # The first has converged at -10; in 30,000 steps the others would rise by 3, 30 and 300.
    model = Creeping([0, 1e-4, 1e-3, 1e-2])
    starts = np.array([[-10.0, 0], [-20.0, 1], [-20.0, 2], [-20.0, 3]])
    found = search(model, list("abcd"), starts, tolerance=1e-10, max_iterations=30_000)
    given_up, slow, fast = (start.iterations for start in found.starts[1:])
    assert given_up < 2_000
    assert slow == fast == 30_000
    assert [start.converged for start in found.starts] == [True, False, False, False]
    assert found.best == 3


def test_no_start_is_given_up_for_one_that_has_not_converged():
    model = Creeping([1e-3, 1e-4])
    found = search(
        model, ["a", "b"], np.array([[-10.0, 0], [-20.0, 1]]), tolerance=1e-10, max_iterations=3_000
    )
    assert [start.iterations for start in found.starts] == [3_000, 3_000]
