"""What is made of a STAPLE consensus: leave-one-out and the decision table."""

import numpy as np

from evaluation.consensus.decisions import decision_table
from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.votes import count_votes, paint
from tests.support.staple_problems import random_problem, table


def test_leave_one_out_is_the_consensus_of_the_others_on_everyones_patterns():
    masks, labels = random_problem(4)
    votes = count_votes(masks, labels)
    for rater, consensus in leave_one_out(votes).items():
        others = {name: mask for name, mask in masks.items() if name != rater}
        assert consensus.raters == tuple(others)
        alone = count_votes(others, labels)
        expected = paint(others, alone, staple(alone).label)
        assert np.array_equal(paint(masks, votes, consensus.label_on(votes)), expected)


def test_decision_table_prints_the_consensus():
    votes = table({(0, 0, 0): 300, (1, 1, 1): 40, (1, 1, 0): 9, (0, 1, 0): 16})
    consensus = staple(votes)
    frame = decision_table(votes, consensus)
    assert list(frame.columns) == ["a", "b", "c", "voxels", "p0", "p1", "consensus"]
    assert frame["voxels"].tolist() == [300, 40, 16, 9]
    assert frame.loc[1, ["a", "b", "c", "consensus"]].tolist() == [1, 1, 1, 1]
    assert np.allclose(frame["p0"] + frame["p1"], 1)


def test_votes_and_consensus_show_themselves_in_a_line_and_are_equal_to_themselves_alone():
    votes = table({(0, 0, 0): 300, (1, 1, 1): 40, (1, 1, 0): 9})
    assert repr(votes) == "<Votes of a, b, c: 3 patterns in 349 voxels, labels 0, 1>"
    consensus = staple(votes, rule="majority")
    assert repr(consensus) == "<Consensus of a, b, c: majority vote, 3 patterns, 0 notices>"
    assert votes != votes.select(votes.raters)
    assert consensus == consensus and consensus != staple(votes, rule="majority")
