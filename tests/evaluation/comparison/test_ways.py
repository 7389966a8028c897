"""Differences another way, against the same computed by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.comparison.readers import MEDIAN_READER
from evaluation.comparison.ways import COLUMNS, by_pair, differences_by_way, turned_by
from evaluation.statistics.signed_rank import hodges_lehmann

READERS = ["anna", "ben", "cora"]


def scores(seed: int = 1) -> pd.DataFrame:
    """Random Dice of two models and three readers, as `ScoredExam.ways` holds them."""
    rng = np.random.default_rng(seed)
    rows = [
        (exam, rule, left_out, rater, level, rng.uniform())
        for exam in [f"e{i}" for i in range(7)]
        for rule in ("map", "majority")
        for left_out in ["", *READERS]
        for rater in ["a", "b", *([left_out] if left_out else [])]
        for level in ("level1", "level2")
    ]
    return pd.DataFrame(rows, columns=["exam", "rule", "left_out", "rater", "level", "dice"])


def test_every_way_is_the_estimate_of_its_own_scores() -> None:
    table = scores()
    found = differences_by_way(table, models=["a", "b"], readers=READERS, yardstick="map")
    assert list(found) == COLUMNS
    dice = table.set_index(["rule", "left_out", "rater", "level", "exam"]).dice.sort_index()
    chosen = found.set_index(["model", "other", "level", "way"]).difference
    expected = dice["map", "ben", "a", "level1"] - dice["map", "ben", "b", "level1"]
    assert chosen["a", "b", "level1", "without ben"] == hodges_lehmann(expected.to_numpy()).estimate
    expected = dice["majority", "", "a", "level2"] - dice["majority", "", "b", "level2"]
    assert chosen["a", "b", "level2", "by majority vote"] == hodges_lehmann(expected.to_numpy()).estimate
    # Beside the median of the readers that are left, on the yardsticks without each of them.
    left = ["anna", "cora"]
    model = sum(dice["map", reader, "b", "level1"] for reader in left) / 2
    median = sum(dice["map", reader, reader, "level1"] for reader in left) / 2
    expected = hodges_lehmann((model - median).to_numpy()).estimate
    assert chosen["b", MEDIAN_READER, "level1", "without ben"] == expected
    panel = pd.concat([dice["majority", r, r, "level1"].rename(r) for r in READERS], axis=1).median(axis=1)
    model = sum(dice["majority", reader, "a", "level1"] for reader in READERS) / 3
    expected = hodges_lehmann((model - panel).to_numpy()).estimate
    assert np.isclose(chosen["a", MEDIAN_READER, "level1", "by majority vote"], expected, rtol=1e-12)
    # Pairs: three readers and a rule, on two levels; beside readers the same, for two models.
    assert len(found) == 2 * 4 + 2 * 2 * 4


def test_two_readers_cannot_lose_one() -> None:
    table = scores()
    two = table[table.left_out.isin(["", "anna", "ben"])]
    found = differences_by_way(two, models=["a"], readers=["anna", "ben"], yardstick="map")
    assert set(found.way) == {"by majority vote"}


def test_a_turn_is_a_hundredth_at_least_on_either_side() -> None:
    values = {"one": -0.02, "two": 0.3, "three": -0.004, "four": np.nan}
    ways = pd.DataFrame(
        [("a", "b", "level1", name, value, 5) for name, value in values.items()], columns=COLUMNS
    )
    (chosen,) = (rows := by_pair(ways)).values()
    assert turned_by(chosen, 0.1) == ["one"]
    assert turned_by(chosen, -0.1) == ["two"]
    assert turned_by(chosen, 0.004) == []
    assert turned_by(rows.get(("a", "c", "level1")), 0.1) == []
