"""The sensitivity panel against Dice, medians and orders computed the long way."""

import dataclasses
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from evaluation.consensus.rules import staple
from evaluation.consensus.votes import count_votes
from evaluation.measures.dice import EmptyMask, score, summarise
from evaluation.scores.sensitivity import ORDER, Sensitivity, sensitivity, sensitivity_table, ways_of

READERS = ["reader1", "reader2", "reader3"]
LEVELS = {"level1": (1,), "level2": (2,), "level2+3": (2, 3)}


def exam(seed):
    """Three readers and two models of one smooth signal; the second model never draws above level 1."""
    rng = np.random.default_rng(seed)

    def blobs(sigma):
        field = ndimage.gaussian_filter(rng.standard_normal((8, 24, 24)), sigma)
        return field / field.std()

    signal = blobs(2)
    masks = {
        rater: np.digitize(signal + noise * blobs(0.8) + shift, [1, 1.5, 2]).astype(np.uint8)
        for rater, noise, shift in [
            ("reader1", 0.2, 0.0),
            ("reader2", 0.4, 0.2),
            ("reader3", 0.6, -0.3),
            ("model", 0.4, -0.1),
            ("timid", 0.4, 0.0),
        ]
    }
    masks["timid"] = np.minimum(masks["timid"], 1)
    return count_votes(masks, (0, 1, 2, 3))


@pytest.fixture(scope="module")
def votes():
    return {f"exam{seed}": exam(seed) for seed in range(5)}


@pytest.fixture(scope="module")
def found(votes) -> Sensitivity:
    return sensitivity(votes, READERS, LEVELS, restarts=2)


def test_every_way_is_the_table_1_of_its_consensus(votes, found):
    assert len(ways_of()) == 11
    assert {rule for rule, _ in ways_of(ordered=False)} == {"multilabel", "map", "binary", "majority"}
    for rule, region in ways_of():
        expected = []
        for name, of_all in votes.items():
            consensus = staple(of_all.select(READERS), rule=rule, region=region, restarts=2)
            expected.append(score(of_all, consensus.label_on(of_all), LEVELS).assign(exam=name))
        expected = summarise(pd.concat(expected))
        chosen = (found.summary.rule == rule) & (found.summary.region == region)
        rows = found.summary[chosen].drop(columns=["rule", "region"]).reset_index(drop=True)
        assert rows.equals(expected)
    assert len(found.scores) == 11 * 5 * 5 * 3
    assert len(found.convergence) == 11 * 5
    assert found.convergence.converged.all()


def test_order_counts_swapped_pairs_and_kendalls_tau(found):
    assert list(found.order.columns) == ORDER
    medians = found.summary.set_index(["rule", "region", "level", "rater"])["median"].sort_index()
    for row in found.order.itertuples():
        own, other = medians["multilabel", "volume", row.level], medians[row.rule, row.region, row.level]
        signs = [
            np.sign(own[a] - own[b]) * np.sign(other[a] - other[b]) for a, b in combinations(own.index, 2)
        ]
        assert row.swapped == sum(sign < 0 for sign in signs)
        assert row.pairs == 10
        assert other[row.first] == other.max()
        assert row.largest_change == pytest.approx((other - own).abs().max())
        # Kendall (1938): without ties, tau = 1 - 2 Q / pairs.
        if 0 not in signs:
            assert row.tau == pytest.approx(1 - 2 * row.swapped / row.pairs)
    own = (found.order.rule == "multilabel") & (found.order.region == "volume")
    assert (found.order[own].swapped == 0).all()
    assert (found.order[own].largest_change == 0).all()
    # The panel would be of no use if nothing ever changed.
    assert found.order.swapped.max() > 0


def test_the_study_can_have_another_rule_of_its_own(votes):
    found = sensitivity(votes, READERS, LEVELS, study=("ordinal", "union"), ways=[("majority", "volume")])
    assert found.order[["rule", "region"]].drop_duplicates().values.tolist() == [
        ["ordinal", "union"],
        ["majority", "volume"],
    ]
    assert found.order[found.order.rule == "ordinal"].tau.to_numpy() == pytest.approx(1)


def test_raters_without_a_median_are_left_out_of_the_order():
    masks = {"a": np.array([0, 1, 1, 0]), "b": np.array([0, 1, 0, 0]), "model": np.array([0, 1, 1, 1])}
    votes = {"exam": count_votes(masks, (0, 1, 2))}
    levels = {"level1": (1,), "level2": (2,)}
    nothing = sensitivity(votes, ["a", "b"], levels, ways=[("majority", "volume")])
    level2 = nothing.order[nothing.order.level == "level2"]
    assert (level2.raters == 0).all()
    assert level2.tau.isna().all()
    assert (level2["first"] == "").all()
    printed = sensitivity_table(nothing, title="t")
    assert printed.rows[-1] == ["level2, majority vote", *["– n 0"] * 3, "–", "0 of 0", "–"]
    assert "n: exams with a defined Dice, where not all." in printed.notes
    # As a score of 1 it ties all raters: an order without a tau.
    one = sensitivity(votes, ["a", "b"], levels, EmptyMask.ONE, ways=[("majority", "volume")])
    level2 = one.order[one.order.level == "level2"]
    assert level2["first"].tolist() == ["a = b = model"] * 2
    assert level2.tau.isna().all()
    assert level2.swapped.tolist() == [0, 0]


def test_table_has_a_row_a_level_and_consensus(found):
    printed = sensitivity_table(found, title="Sensitivity", notes=["synthetic cohort"])
    assert list(printed.columns) == [
        "Level, consensus", *READERS, "model", "timid", "Order: tau", "Pairs swapped", "First",
    ]  # fmt: skip
    assert len(printed.rows) == 3 * 11
    assert printed.rows[0][0] == "level1, multi-label STAPLE, whole volume *"
    assert printed.rows[0][6:8] == ["1.00", "0 of 10"]
    summary = found.summary.iloc[0]
    assert printed.rows[0][1] == f"{summary['median']:.2f} ({summary['mean']:.2f})"
    assert printed.notes[-1] == "synthetic cohort"
    assert len(printed.data) == 11 * 3 * 5
    others = found.order[found.order.level == "level1"].iloc[1:]
    line = next(note for note in printed.notes if note.startswith("level1: "))
    assert f"swapped under {(others.swapped > 0).sum()} of 10 other consensuses" in line
    rounded_up = np.ceil(round(100 * others.largest_change.max(), 6)) / 100
    assert f"more than {rounded_up:.2f}." in line


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (0.004, " changes by more than 0.01."),
        (0.07, " changes by more than 0.07."),
        (0.0701, " changes by more than 0.08."),
        (0.0, " changes."),
        (np.nan, " changes."),
    ],
)
def test_a_change_that_the_table_shows_is_not_called_none(found, change: float, told: str):
    order = found.order.assign(largest_change=change)
    printed = sensitivity_table(dataclasses.replace(found, order=order), title="Sensitivity")
    line = next(note for note in printed.notes if note.startswith("level1: "))
    assert line.endswith(f"no median{told}")


def test_no_exam_is_refused():
    with pytest.raises(ValueError, match="found no exam"):
        sensitivity({}, READERS, LEVELS)
