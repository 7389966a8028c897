"""Intervals against SciPy, the definition of CR2 term by term, and coverage by simulation."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, stats

from benchmarks.coverage import coverages
from evaluation.statistics.intervals import Interval, StatisticsError, mean_interval, median_interval

samples = st.lists(st.floats(0, 1).map(lambda value: round(value, 3)), min_size=2, max_size=25)
distinct = st.lists(st.integers(0, 1000), min_size=6, max_size=25, unique=True).map(
    lambda v: np.array(v) / 1000
)


def test_mean_is_scipys_t_interval() -> None:
    values = np.random.default_rng(1).beta(8, 4, 10)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    found = mean_interval(values)
    assert (found.estimate, found.coverage, found.n) == (pytest.approx(values.mean()), 0.95, 10)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@given(values=distinct, confidence=st.sampled_from([0.8, 0.9, 0.95]))
def test_median_is_scipys_interval_of_order_statistics(values: np.ndarray, confidence: float) -> None:
    expected = stats.quantile_test(values, q=0, p=0.5).confidence_interval(confidence)
    found = median_interval(values, confidence=confidence)
    assert (found.low, found.high) == (expected.low, expected.high)
    assert found.coverage >= confidence


def test_median_of_ten_runs_from_second_to_ninth_and_says_so() -> None:
    found = median_interval(np.arange(1, 11))
    assert found == Interval(5.5, 2.0, 9.0, 0.95, 1 - 22 / 1024, 10, 0, "order statistics 2 and 9 of 10")


@pytest.mark.parametrize(("n", "coverage"), [(2, 0.5), (3, 0.75), (4, 0.875), (5, 0.9375)])
@pytest.mark.parametrize("clustered", [False, True])
def test_few_values_give_the_widest_median_interval_and_its_true_coverage(
    n: int, coverage: float, clustered: bool
) -> None:
    found = median_interval(np.arange(n), np.arange(n) if clustered else None)
    assert (found.low, found.high) == (0, n - 1)
    assert (found.coverage, found.falls_short) == (coverage, True)
    assert not median_interval(np.arange(6), np.arange(6) if clustered else None).falls_short


@pytest.mark.parametrize("interval", [mean_interval, median_interval])
@pytest.mark.parametrize("values", [[], [0.5], [np.nan, 0.5], [np.nan, np.nan]])
@pytest.mark.parametrize("clustered", [False, True])
def test_one_value_or_none_is_undefined_and_no_exception(
    interval: Callable[..., Interval], values: list[float], clustered: bool
) -> None:
    found = interval(values, list(range(len(values))) if clustered else None)
    assert not found.is_defined and not found.falls_short
    assert np.isnan([found.low, found.high, found.coverage]).all()
    np.testing.assert_equal(found.estimate, 0.5 if 0.5 in values else np.nan)


def test_two_knees_of_one_exam_give_no_interval() -> None:
    for interval in (mean_interval, median_interval):
        found = interval([0.4, 0.6], ["a", "a"])
        assert (found.estimate, found.is_defined, found.method) == (
            0.5, False, "no interval: fewer than two clusters are defined",
        )  # fmt: skip


@given(values=samples, n_undefined=st.integers(0, 4))
def test_undefined_values_are_left_out_and_counted(values: list[float], n_undefined: int) -> None:
    for interval in (mean_interval, median_interval):
        found = interval([*values, *[np.nan] * n_undefined])
        clean = interval(values)
        assert (found.low, found.high, found.n, found.n_left_out) == (
            clean.low, clean.high, len(values), n_undefined,
        )  # fmt: skip


@given(values=samples)
def test_clusters_of_one_change_nothing(values: list[float]) -> None:
    names = [f"exam{place}" for place in range(len(values))]
    for interval in (mean_interval, median_interval):
        one, other = interval(values), interval(values, names)
        assert (other.low, other.high) == pytest.approx((one.low, one.high), abs=1e-12)


@given(values=samples)
def test_a_second_knee_equal_to_the_first_adds_no_certainty(values: list[float]) -> None:
    exams = list(range(len(values)))
    for interval in (mean_interval, median_interval):
        one, both = interval(values), interval([*values, *values], [*exams, *exams])
        assert (both.low, both.high) == pytest.approx((one.low, one.high), abs=1e-12)


@given(seed=st.integers(0, 10_000))
def test_clusters_of_one_size_give_the_t_interval_of_their_means(seed: int) -> None:
    values = np.random.default_rng(seed).beta(3, 2, (7, 2))
    found = mean_interval(values.ravel(), np.repeat(np.arange(7), 2))
    expected = mean_interval(values.mean(axis=1))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@given(sizes=st.lists(st.integers(1, 3), min_size=2, max_size=8), seed=st.integers(0, 10_000))
def test_unequal_clusters_follow_the_definition_of_cr2(sizes: list[int], seed: int) -> None:
    """Bell and McCaffrey (2002) with matrices: adjustment (I - H)^(-1/2), Satterthwaite's freedom."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    values = np.random.default_rng(seed).normal(size=len(groups))
    n = len(values)
    hat = np.full((n, n), 1 / n)
    pieces = []
    for group in range(len(sizes)):
        inside = np.flatnonzero(groups == group)
        adjust = linalg.inv(linalg.sqrtm(np.eye(len(inside)) - hat[np.ix_(inside, inside)]).real)
        pieces.append((np.full(len(inside), 1 / n) @ adjust) @ (np.eye(n) - hat)[inside])
    contributions = np.array(pieces)
    variance = ((contributions @ values) ** 2).sum()
    products = contributions @ contributions.T
    freedom = np.trace(products) ** 2 / (products**2).sum()
    half = stats.t.ppf(0.975, freedom) * np.sqrt(variance)
    found = mean_interval(values, groups)
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), rel=1e-6)


def test_clustered_median_is_every_value_that_the_sign_test_does_not_reject() -> None:
    """Ten exams whose knees lie 0.5 apart, by the binomial distribution of exams on one side."""
    right = np.arange(10.0)
    values, exams = np.r_[right, right + 0.5], np.r_[np.arange(10), np.arange(10)]
    found = median_interval(values, exams)

    def p(median: float) -> float:
        below = int(((right < median) & (right + 0.5 < median)).sum())
        above = int(((right > median) & (right + 0.5 > median)).sum())
        return stats.binomtest(below, below + above).pvalue

    tried = np.arange(-0.75, 10.5, 0.5)
    kept = [median for median in tried if p(median) > 0.05]
    assert (found.low, found.high) == (min(kept) - 0.25, max(kept) + 0.25)


def test_bounds_cut_the_mean_interval() -> None:
    values = [0.0, 0.0, 0.0, 0.6]
    assert mean_interval(values).low < 0
    assert mean_interval(values, bounds=(0, 1)).low == 0


def test_equal_values_have_no_width() -> None:
    for interval in (mean_interval, median_interval):
        for clusters in (None, [1, 1, 2, 2, 3, 3, 4, 4]):
            found = interval([0.5] * 8, clusters)
            assert (found.low, found.high) == (0.5, 0.5)


def test_nonsense_is_refused_in_one_line() -> None:
    with pytest.raises(StatisticsError, match=r"confidence: found 95, expected between 0 and 1"):
        median_interval([1, 2, 3], confidence=95)
    with pytest.raises(StatisticsError, match=r"clusters: found 2, expected one for each of 3 values"):
        mean_interval([1, 2, 3], ["a", "b"])


@pytest.mark.slow
def test_intervals_of_ten_exams_cover_what_they_promise() -> None:
    rows = coverages(repeats=1000)
    assert len(rows) == 49
    for row in rows:
        if row.method == "t" and "fails" in row.values:
            # Why tables lead with medians: 0.79 and 0.68 of 4,000 studies.
            assert 0.6 < row.coverage < 0.85, row
        elif row.method in ("t", "t, CR2"):
            # A t interval of a strongly skewed level covers a little less.
            assert (0.92 if "skewed" in row.values else 0.93) <= row.coverage <= 0.97, row
        elif row.method in ("order statistics", "sign test for clusters"):
            assert row.coverage >= 0.95, row
        elif row.method == "Hodges-Lehmann":
            assert row.coverage >= 0.94, row
    too_narrow = [row for row in rows if row.method == "percentile bootstrap" and row.statistic == "mean"]
    assert all(row.coverage < 0.92 for row in too_narrow)
