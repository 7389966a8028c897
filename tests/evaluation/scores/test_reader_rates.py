from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from evaluation.consensus.rules import Consensus, staple
from evaluation.consensus.votes import count_votes
from evaluation.scores.reader_rates import (
    reader_confusions,
    reader_rates,
    summarise_confusions,
    summarise_rates,
)

LABELS = (0, 1, 2, 3)
LEVELS = {"level1": 1, "level2": 2, "level3": 3}
READERS = ["anna", "ben", "carl", "dora"]


@pytest.fixture
def consensuses(ordinal_masks: Callable[..., dict[str, np.ndarray]]) -> dict[str, Consensus]:
    masks = {f"exam{seed}": ordinal_masks(READERS, seed=seed) for seed in range(4)}
    # An exam in which nobody drew level 3.
    masks["exam3"] = {reader: np.minimum(mask, 2) for reader, mask in masks["exam3"].items()}
    return {exam: staple(count_votes(arrays, LABELS), restarts=2) for exam, arrays in masks.items()}


def test_rates_are_those_of_staple(consensuses: dict[str, Consensus]) -> None:
    rates = reader_rates(consensuses, LEVELS)
    assert len(rates) == 4 * 3 * 4
    found = rates.set_index(["exam", "level", "rater"]).loc["exam1", "level2", "carl"]
    assert found.sensitivity == consensuses["exam1"].sensitivity[1, 2]
    assert found.specificity == consensuses["exam1"].specificity[1, 2]


def test_a_level_that_nobody_drew_is_left_out_and_counted(consensuses: dict[str, Consensus]) -> None:
    rates = reader_rates(consensuses, LEVELS)
    summary = summarise_rates(rates).set_index(["level", "rater", "measure"])
    row = summary.loc["level3", "ben", "sensitivity"]
    assert (row.n_defined, row.n) == (3, 4)
    values = rates.query("level == 'level3' and rater == 'ben' and exam != 'exam3'").sensitivity
    low, high = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert (row["mean"], row.low, row.high) == pytest.approx((values.mean(), max(low, 0), min(high, 1)))
    assert summary.loc["level2", "ben", "sensitivity"].n_defined == 4


def test_confusions_by_exam_and_their_means(consensuses: dict[str, Consensus]) -> None:
    confusions = reader_confusions(consensuses)
    assert len(confusions) == 4 * 4 * 16
    one = confusions.set_index(["exam", "rater", "truth", "decision"]).probability
    assert one["exam0", "dora", 3, 1] == consensuses["exam0"].confusion[3, 1, 3]
    summary = summarise_confusions(confusions)
    np.testing.assert_allclose(summary.groupby(["rater", "truth"])["mean"].sum(), 1)
    assert set(summary[summary.truth == 3].n_defined) == {3}
    assert ((summary.low >= 0) & (summary.high <= 1)).all()


def test_the_binary_rule_has_rates_and_no_confusion_matrix(
    ordinal_masks: Callable[..., dict[str, np.ndarray]],
) -> None:
    consensus = {"a": staple(count_votes(ordinal_masks(READERS), LABELS), rule="binary")}
    assert reader_confusions(consensus).empty
    assert reader_rates(consensus, LEVELS).sensitivity.between(0, 1).all()
