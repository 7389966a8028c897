"""Repeatability: numbers of other programs, and variance components that are known."""

import numpy as np
import pandas as pd
import pingouin
import pytest
from scipy import stats

from evaluation.scores.repeats import (
    MODEL,
    OTHERS,
    SAME,
    repeatability,
    summarise_repeats,
    volumes_of_repeats,
)


def test_within_subject_sd_is_that_of_one_way_analysis_of_variance() -> None:
    """The mean square within exams of SciPy's tables (Bland and Altman 1996)."""
    rng = np.random.default_rng(0)
    table = rng.normal(20, 4, (12, 1)) + rng.normal(0, 1.5, (12, 2))
    within = ((table - table.mean(axis=1, keepdims=True)) ** 2).sum() / 12
    found = repeatability(table[:, 0], table[:, 1])
    assert found.within_sd == pytest.approx(np.sqrt(within))
    assert found.coefficient[0] == pytest.approx(1.96 * np.sqrt(2 * within), rel=1e-4)
    assert found.bias == pytest.approx(np.diff(table[:, ::-1]).mean())
    low, high = np.sqrt(12 * within / stats.chi2.ppf([0.975, 0.025], 12))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_known_components_are_recovered() -> None:
    """Within-subject SD 1.5, ten exams: over 2,000 studies the variance is 2.24 on average and 95.0 % of the
    intervals hold 1.5 (by hand; of one study of 500 exams it is 2.2733, as statsmodels' `mixedlm` says). Here
    are 200."""
    rng = np.random.default_rng(1)
    variances, held = [], []
    for _ in range(200):
        one, two = rng.normal(20, 4, 10) + rng.normal(0, 1.5, (2, 10))
        found = repeatability(one, two)
        variances.append(found.within_sd**2)
        held.append(found.low <= 1.5 <= found.high)
    assert np.mean(variances) == pytest.approx(2.25, abs=0.25)
    assert 0.9 <= np.mean(held) <= 0.99


def volumes() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    truth = rng.gamma(4, 2, 8)
    drawn = {name: truth + rng.normal(0, sd, 8) for name, sd in (
        ("anna", 0.5), ("anna2", 0.5), ("ben", 1.0), ("net", 0.2), ("consensus", 0.1))}  # fmt: skip
    rows = [
        (f"exam{n}", "level1", rater, ml)
        for rater, values in drawn.items()
        for n, ml in enumerate(values)
        if rater != "anna2" or n < 6
    ]
    return pd.DataFrame(rows, columns=["exam", "level", "rater", "ml"])


def test_intraclass_correlation_is_pingouins() -> None:
    every = volumes()
    found = volumes_of_repeats(every, {"anna2": "anna"}, ["anna", "ben"], ["net"])
    assert found.kind.tolist() == [SAME, OTHERS, MODEL] and found.other.tolist() == ["anna2", "ben", "net"]
    # All of the exams that anna read twice.
    assert found.n.tolist() == [6, 6, 6]
    for row in found.itertuples():
        table = every[every.rater.isin(["anna", row.other]) & every.exam.isin([f"exam{n}" for n in range(6)])]
        other = pingouin.intraclass_corr(table, targets="exam", raters="rater", ratings="ml")
        value, bounds = other.loc[
            other.Type.isin(["ICC2", "ICC(A,1)"]), ["ICC", "CI95%" if "CI95%" in other else "CI95"]
        ].iloc[0]
        assert row.icc == pytest.approx(value, abs=1e-6)
        assert [row.icc_low, row.icc_high] == pytest.approx(list(bounds), abs=0.006)


def test_rows_of_a_reader_are_of_the_exams_read_twice() -> None:
    again = pd.DataFrame(
        [("a", "anna", "anna2", 0.8), ("b", "anna", "anna2", 0.9), ("c", "anna", "anna2", np.nan)],
        columns=["exam", "rater", "other", "value"],
    ).assign(level="level1", measure="dice")
    pairs = pd.DataFrame(
        [(exam, *pair, value) for exam, value in zip("abcd", (0.6, 0.7, 0.5, 0.1), strict=True)
         for pair in (("anna", "ben"), ("anna", "net"), ("ben", "net"))],
        columns=["exam", "rater", "other", "value"],
    ).assign(level="level1", measure="dice")  # fmt: skip
    found = summarise_repeats(again, pairs, ["net"])
    assert found[["kind", "other"]].values.tolist() == [[SAME, "anna2"], [OTHERS, "ben"], [MODEL, "net"]]
    assert found["mean"].tolist() == pytest.approx([0.85, 0.6, 0.6])
    assert found.n_defined.tolist() == [2, 3, 3] and found.n.tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ("measure", "values", "ends"),
    [
        ("dice", (0.7, 1.0), (0.0, 1.0)),
        ("foci_f1", (0.7, 1.0), (0.0, 1.0)),
        ("nsd@2", (0.7, 1.0), (0.0, 1.0)),
        ("hd95", (0.0, 0.2), (0.0, np.inf)),
        # The size of it, which is how it comes.
        ("volume_difference", (0.0, 0.2), (0.0, np.inf)),
        ("false_positive_volume", (0.0, 0.2), (0.0, np.inf)),
    ],
)
def test_intervals_stay_within_what_a_measure_can_be(
    measure: str, values: tuple[float, float], ends: tuple[float, float]
) -> None:
    again = pd.DataFrame(
        [(exam, "anna", "anna2", value) for exam, value in zip("ab", values, strict=True)],
        columns=["exam", "rater", "other", "value"],
    ).assign(level="level1", measure=measure)
    (row,) = summarise_repeats(again, again.iloc[:0], []).itertuples()
    t = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (row.low, row.high) == pytest.approx((max(t.low, ends[0]), min(t.high, ends[1])))


def test_of_no_pair_nothing_is_known() -> None:
    found = repeatability([1.0, np.nan], [np.nan, 2.0])
    assert found.n == 0 and np.isnan([found.bias, found.within_sd, found.low, found.high]).all()
