"""Pooled decisions and convergence, counted by hand."""

import numpy as np
import pytest

from evaluation.consensus.decisions import (
    CONVERGENCE,
    convergence,
    convergence_table,
    decision_table,
    pooled_decisions,
    pooled_table,
)
from evaluation.consensus.rules import staple
from evaluation.consensus.votes import Votes, count_votes


def table(rows, names="abc"):
    patterns = np.array(sorted(rows, key=lambda row: row[::-1]), np.uint8)
    counts = np.array([rows[tuple(row)] for row in patterns.tolist()], np.int64)
    return Votes(tuple(names[: patterns.shape[1]]), (0, 1, 2), patterns, counts)


@pytest.fixture
def consensuses():
    """The pattern (1, 1, 0) becomes 1 where c misses much, 0 where a and b draw too much."""
    careful = {(0, 0, 0): 900, (1, 1, 1): 60, (1, 1, 0): 40, (2, 2, 2): 10}
    careless = {(0, 0, 0): 900, (1, 1, 1): 60, (1, 1, 0): 5, (1, 0, 0): 150, (0, 1, 0): 90, (0, 0, 1): 1}
    return {
        "one": staple(table(careful), rule="binary"),
        "two": staple(table(careless), rule="binary"),
    }


def test_pooled_decisions_are_the_sum_of_each_exam(consensuses):
    pooled = pooled_decisions(consensuses)
    assert list(pooled.columns) == [
        "a", "b", "c", "voxels", "exams", "share0", "share1", "share2", "p0", "p1", "p2",
    ]  # fmt: skip
    assert pooled.voxels.sum() == sum(c.votes.n_voxels for c in consensuses.values())
    assert pooled.voxels.is_monotonic_decreasing
    assert pooled[["share0", "share1", "share2"]].sum(axis=1).to_numpy() == pytest.approx(1)
    row = pooled[(pooled.a == 1) & (pooled.b == 1) & (pooled.c == 0)].iloc[0]
    assert (row.voxels, row.exams) == (45, 2)
    each = [
        decision_table(c.votes, c).query("a == 1 and b == 1 and c == 0").iloc[0] for c in consensuses.values()
    ]
    assert [found.consensus for found in each] == [1, 0]
    assert (row.share0, row.share1) == (0.5, 0.5)
    assert row.p1 == pytest.approx((40 * each[0].p1 + 5 * each[1].p1) / 45)
    background = pooled.iloc[0]
    assert (background.voxels, background.exams, background.share0) == (1800, 2, 1)


def test_who_did_not_draw_an_exam_has_no_vote_in_it(consensuses):
    others = staple(table({(0, 0): 9, (1, 1): 3}), rule="binary")
    pooled = pooled_decisions({"three": others, **consensuses})
    assert list(pooled.columns[:3]) == ["a", "b", "c"]
    both = pooled[(pooled.a == 1) & (pooled.b == 1)]
    assert sorted(both.voxels[both.c.isna()]) == [3] and 45 in set(both.voxels[(both.c == 0).fillna(False)])
    printed = pooled_table(pooled, title="Votes")
    assert "1, 1, –" in [row[0] for row in printed.rows]
    assert "–: did not draw the exam." in printed.notes[0]


def test_pooling_refuses_other_labels(consensuses):
    others = staple(count_votes({name: np.array([0, 1]) for name in "abc"}, (0, 1)))
    with pytest.raises(ValueError, match="exam three: consensus on labels .* as exam one"):
        pooled_decisions({**consensuses, "three": others})


def test_pooled_table_prints_what_somebody_marked(consensuses):
    printed = pooled_table(
        pooled_decisions(consensuses), title="Decisions", most=3, notes=("synthetic cohort",)
    )
    assert list(printed.columns) == ["Votes", "Voxels", "Exams", "Became 0", "Became 1", "Became 2"]
    assert len(printed.rows) == 3
    assert [row[:3] for row in printed.rows] == [
        ["1, 0, 0", "150", "1"],
        ["1, 1, 1", "120", "2"],
        ["0, 1, 0", "90", "1"],
    ]
    assert "3 of 6 patterns, 86.5 % of the 416 voxels marked by a rater." in printed.notes
    assert printed.notes[-1] == "synthetic cohort"
    assert (printed.data.voxels == 1800).any()


def test_convergence_counts_the_starts_that_reached_the_best():
    rng = np.random.default_rng(0)
    masks = {name: rng.integers(0, 3, 400) for name in "abc"}
    votes = count_votes(masks, (0, 1, 2))
    multilabel = staple(votes)
    found = convergence(
        {
            "multilabel": multilabel,
            "binary": staple(votes, rule="binary"),
            "majority": staple(votes, rule="majority", region="union"),
            "ordinal": staple(votes, rule="ordinal"),
            "cut short": staple(votes, rule="ordinal", max_iterations=3),
        }
    )
    assert list(found.columns) == CONVERGENCE
    printed = convergence_table(found, title="Convergence", notes=("synthetic cohort",))
    assert [row[0] for row in printed.rows][2:] == [
        "majority, majority vote", "ordinal, ordinal STAPLE, whole volume",
        "cut short, ordinal STAPLE, whole volume",
    ]  # fmt: skip
    assert printed.rows[2][1:] == ["0", "–", "yes", "–"]
    assert printed.rows[4][3] == "no"
    found = found.set_index("exam")
    best = max(start.log_likelihood for start in multilabel.starts)
    reached = sum(start.log_likelihood >= best - 1e-10 * abs(best) for start in multilabel.starts)
    assert found.loc["multilabel", ["starts", "reached_best"]].tolist() == [27, reached]
    # Votes without a truth behind them have many maxima.
    assert 1 <= reached < 27
    assert found.loc["binary", ["starts", "reached_best"]].tolist() == [1, 1]
    assert found.loc["majority", ["region", "starts", "reached_best"]].tolist() == ["union", 0, 0]
    assert np.isnan(found.log_likelihood["majority"])
    assert found.loc["ordinal", "starts"] == 4
    assert found.converged.tolist() == [True, True, True, True, False]
    assert "not converged after 3 EM steps" in found.notices["cut short"]
