"""Interchangeability against worked examples, brute force, SciPy, and readers who are exchangeable."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.interchangeability import EXCHANGEABLE, rates
from evaluation.scores.interchangeability import (
    COLUMNS,
    FIXED,
    MARGIN_COLUMNS,
    NOBODY,
    ONE_MORE,
    RANDOM,
    READER_COLUMNS,
    by_reader,
    interchangeability,
)
from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.signed_rank import holm
from tests.support.agreement import READERS, drawn, table


def of(pairs: pd.DataFrame, readers: list[str], **how: object) -> pd.DataFrame:
    return interchangeability(pairs, models=["net"], readers=readers, **how)  # type: ignore[arg-type]


def only(found: pd.DataFrame, way: str = FIXED, left_out: str = NOBODY) -> pd.Series:
    rows = found[(found.way == way) & (found.left_out == left_out)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_worked_by_hand() -> None:
    """Two exams, three readers: 0.6 beside 0.7, then 0.7 beside 0.6; in anna's place -0.15 and +0.1."""
    dice = {
        ("anna", "ben"): (0.8, 0.5), ("anna", "carl"): (0.6, 0.5), ("ben", "carl"): (0.7, 0.8),
        ("net", "anna"): (0.7, 0.9), ("net", "ben"): (0.5, 0.6), ("carl", "net"): (0.6, 0.6),
    }  # fmt: skip
    rows = [(f"exam{n}", "level1", *pair, both[n]) for pair, both in dice.items() for n in range(2)]
    pairs = pd.DataFrame(rows, columns=["exam", "level", "rater", "other", "dice"])
    row = only(of(pairs, ["anna", "ben", "carl"]))
    assert (row.model_mean, row.readers_mean, row.difference) == pytest.approx((0.65, 0.65, 0))
    # Differences -0.1 and 0.1: standard error 0.1.
    # The part is not cut, for planning takes it apart; the interval of a difference of two Dice is.
    assert (row.jackknife_low, row.jackknife_high) == pytest.approx(np.array([-1, 1]) * 1.27062, abs=1e-4)
    assert (row.low, row.high) == (-1, 1)
    mm = pairs.assign(dice=1 - pairs.dice)
    far = only(of(mm, ["anna", "ben", "carl"], agreed=0.0, higher_is_better=False))
    assert far.low <= -1.27 and far.high >= 1.27
    found = by_reader(pairs, models=["net"], readers=["anna", "ben", "carl"])
    anna = found[found.other == "anna"].iloc[0]
    assert (anna.model_mean, anna.reader_mean, anna.difference) == pytest.approx((0.575, 0.6, -0.025))


def test_every_number_is_that_of_loops() -> None:
    """Means, jackknife over exams and over readers, both bootstraps: a loop each, and SciPy's t."""
    values, raters = drawn(3), [*READERS, "net"]
    found = of(table(values, raters), READERS, seed=5)

    def difference(exam: np.ndarray, readers: list[int]) -> float:
        ours = np.mean([exam[-1, r] for r in readers])
        return float(ours - np.mean([exam[r, s] for r, s in combinations(readers, 2)]))

    differences = np.array([difference(exam, [0, 1, 2, 3]) for exam in values])
    fixed = only(found)
    assert fixed.difference == pytest.approx(differences.mean())
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (fixed.jackknife_low, fixed.jackknife_high) == pytest.approx((expected.low, expected.high))
    without = [np.mean([difference(e, [s for s in range(4) if s != r]) for e in values]) for r in range(4)]
    for reader, estimate in zip(READERS, without, strict=True):
        assert only(found, left_out=reader).difference == pytest.approx(estimate)
    of_exams, of_readers = stats.sem(differences) ** 2, 3 / 4 * np.sum((without - np.mean(without)) ** 2)
    for way, times in ((RANDOM, 1), (ONE_MORE, 5)):
        variance = of_exams + times * of_readers
        freedom = variance**2 / (of_exams**2 / 7 + (times * of_readers) ** 2 / 3)
        half = stats.t.ppf(0.975, freedom) * np.sqrt(variance)
        row = only(found, way)
        bounds = differences.mean() - half, differences.mean() + half
        assert (row.jackknife_low, row.jackknife_high) == pytest.approx(bounds)
        outer = min(bounds[0], fixed.low), max(bounds[1], fixed.high)
        assert (row.low, row.high) == pytest.approx(outer)
    random = np.random.default_rng(5)
    exams = random.multinomial(8, np.full(8, 1 / 8), 2000)
    readers = random.multinomial(4, np.full(4, 1 / 4), 2000)
    estimates = []
    for of_exam, of_reader in zip(exams, readers, strict=True):
        picked = [r for r in range(4) for _ in range(of_reader[r])]
        # A reader drawn twice is never paired with the own copy.
        paired = [(r, s) for r, s in combinations(picked, 2) if r != s]
        if paired:
            mean = np.average(values, axis=0, weights=of_exam)
            among = np.mean([mean[r, s] for r, s in paired])
            estimates.append(np.mean([mean[-1, r] for r in picked]) - among)
    row = only(found, RANDOM)
    assert (row.bootstrap_low, row.bootstrap_high) == pytest.approx(
        tuple(np.quantile(estimates, [0.025, 0.975]))
    )


def test_the_leading_interval_and_p_are_the_wider_and_larger() -> None:
    found = of(table(drawn(1), [*READERS, "net"]), READERS)
    assert list(found.columns) == COLUMNS
    row = only(found)
    assert row.low == min(row.jackknife_low, row.relabelled_low)
    assert row.high == max(row.jackknife_high, row.relabelled_high)
    assert (row.p <= 0.05) == (row.low > 0 or row.high < 0)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), order=st.permutations(READERS))
def test_the_order_of_readers_and_rows_changes_nothing(seed: int, order: list[str]) -> None:
    pairs = table(drawn(seed, n_exams=4), [*READERS, "net"])
    again = pairs.sample(frac=1, random_state=seed).rename(columns={"rater": "other", "other": "rater"})
    first, second = (
        of(frame, names, margin=0.1, leave_out=False) for frame, names in ((pairs, READERS), (again, order))
    )
    pd.testing.assert_frame_equal(first, second)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), place=st.integers(0, 3))
def test_a_copy_of_a_reader_is_that_reader_in_its_place(seed: int, place: int) -> None:
    values = drawn(seed, n_raters=5)
    values[:, -1], values[:, :, -1] = values[:, place].copy(), values[:, :, place].copy()
    values[:, -1, place] = values[:, place, -1] = 1
    found = by_reader(table(values, [*READERS, "net"]), models=["net"], readers=READERS)
    row = found[found.other == READERS[place]].iloc[0]
    assert (row.difference, row.low, row.high, row.p, row.n_equal) == (0, 0, 0, 1, 8)


def test_inventing_a_level_costs_and_is_counted() -> None:
    """Level 3 is in three exams of ten; two models differ in nothing but marking it in seven more."""
    raters = [*READERS, "right", "wrong"]
    values = np.full((10, 6, 6), np.nan)
    values[:3] = 0.4
    values[3:, :, 5] = values[3:, 5, :] = 0
    pairs = table(values, raters, "level3")
    found = interchangeability(pairs, models=["right", "wrong"], readers=READERS, leave_out=False)
    fixed = found[found.way == FIXED].set_index("model")
    assert fixed.loc["right", ["difference", "n_exams", "n_absent", "n_invented"]].tolist() == [0, 3, 7, 0]
    assert fixed.loc["wrong", ["difference", "n_exams", "n_absent", "n_invented"]].tolist() == [
        -0.7,
        10,
        0,
        7,
    ]
    assert fixed.loc["wrong", "p"] <= 0.05


def test_a_false_focus_that_one_reader_shares_earns_nothing() -> None:
    """Anna alone marks it; the model that marks it too is further from the readers than one that does not."""
    values = np.full((4, 6, 6), np.nan)
    values[:, 0, :] = values[:, :, 0] = values[:, 5, :] = values[:, :, 5] = 0
    values[:, 0, 5] = values[:, 5, 0] = 0.8
    pairs = table(values, [*READERS, "empty", "shares"])
    found = interchangeability(pairs, models=["empty", "shares"], readers=READERS, leave_out=False)
    difference = found[found.way == FIXED].set_index("model").difference
    assert difference["empty"] == pytest.approx(0.75 - 0.5)
    assert difference["shares"] == pytest.approx(0.2 - 0.5)


def test_a_margin_is_tested_on_one_side_and_on_both() -> None:
    values, raters = drawn(7, n_exams=10), [*READERS, "net"]
    found = of(table(values, raters), READERS, margin=0.3)
    assert list(found.columns) == [*COLUMNS, *MARGIN_COLUMNS]
    for row in found.itertuples():
        assert (row.p_worse <= 0.025) == (row.low > -0.3)
        assert (row.p_equivalent <= 0.025) == (row.low > -0.3 and row.high < 0.3)
    assert (found.p_worse <= 0.025).any()
    places = by_reader(table(values, raters), models=["net"], readers=READERS, margin=0.3)
    assert list(places.columns) == [*READER_COLUMNS, *MARGIN_COLUMNS]
    for row in places.itertuples():
        assert (row.p_worse <= (1 - row.coverage) / 2 + 1e-9) == (row.low > -0.3)


def test_holm_adjusts_the_levels_that_a_verdict_speaks_of() -> None:
    pairs = pd.concat(
        [table(drawn(seed), [*READERS, "net"], name) for seed, name in enumerate(["a", "b", "a+b"])]
    )
    found = of(pairs, READERS, family=["a", "b"])
    fixed = found[(found.way == FIXED) & (found.left_out == NOBODY)].set_index("level")
    assert fixed.p_holm[["a", "b"]].tolist() == pytest.approx(holm(fixed.p[["a", "b"]].to_numpy()).tolist())
    assert np.isnan(fixed.p_holm["a+b"]) and not np.isnan(fixed.p["a+b"])
    places = by_reader(pairs, models=["net"], readers=READERS, family=["a", "b"])
    inside = places[places.level != "a+b"]
    assert inside.p_holm.tolist() == pytest.approx(holm(inside.p.to_numpy()).tolist())
    assert places.p_holm[places.level == "a+b"].isna().all()


def test_distances_are_turned_round() -> None:
    values, raters = drawn(2), [*READERS, "net"]
    near = of(table(values, raters), READERS)
    far = table(1 - values, raters).rename(columns={"dice": "mm"})
    turned = of(far, READERS, value="mm", agreed=0.0, higher_is_better=False)
    assert turned.difference.tolist() == pytest.approx(near.difference.tolist())
    assert turned.model_mean.tolist() == pytest.approx((1 - near.model_mean).tolist())


def test_few_exams_and_readers_say_what_they_can() -> None:
    one = of(table(drawn(0, n_exams=1), [*READERS, "net"]), READERS)
    assert one.low.isna().all() and one.p.isna().all() and one.difference.notna().all()
    nothing = of(table(np.full((3, 5, 5), np.nan), [*READERS, "net"]), READERS)
    assert only(nothing).n_absent == 3 and np.isnan(only(nothing).difference)
    two = of(table(drawn(0, n_raters=3), ["anna", "ben", "net"]), ["anna", "ben"])
    assert two.way.tolist() == [FIXED]


@pytest.mark.parametrize(
    ("readers", "how", "words"),
    [
        (["anna"], {}, "readers: found anna, expected two or more"),
        ([*READERS, "net"], {}, "models: found net among the readers"),
        (
            [*READERS, "eve"],
            {},
            "level1: found 80 pairs of anna, .*, net in 8 exams, expected each pair once",
        ),
        (READERS, {"margin": 1.0}, "margin: found 1, expected a loss of agreement between 0 and 1"),
        (READERS, {"value": "nsd"}, "pairs: found no column nsd"),
        (READERS, {"confidence": 95}, "confidence: found 95"),
    ],
)
def test_what_cannot_be_asked_is_refused(readers: list[str], how: dict[str, object], words: str) -> None:
    with pytest.raises(StatisticsError, match=words):
        of(table(drawn(0), [*READERS, "net"]), readers, **how)


def test_one_more_draw_of_one_reader_is_rarely_called_different() -> None:
    """40 studies; those of 200 stand in docs/explanation/interchangeability.md."""
    found = rates(EXCHANGEABLE[0], 5, repeats=40)
    assert found[FIXED] <= 0.1
    # What Student's t alone would claim.
    assert found[f"{FIXED}, jackknife (t), levels not adjusted"] > 0.1
    assert found[ONE_MORE] <= found[RANDOM] <= found[FIXED]
