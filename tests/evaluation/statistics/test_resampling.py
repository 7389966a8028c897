"""Jackknife, bootstrap-t and relabelling against SciPy, brute force and closed forms."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evaluation.statistics.resampling import (
    Relabelled,
    Student,
    jackknife_variance,
    studentised_bootstrap,
)

# Few and skewed.
MICE = np.array([94.0, 197, 16, 38, 99, 141, 23])

numbers = st.lists(st.floats(-1, 1, allow_nan=False).map(lambda x: round(x, 3)), min_size=3, max_size=8)


@given(values=numbers)
def test_of_a_mean_the_jackknife_is_the_standard_error(values: list[float]) -> None:
    array = np.array(values)
    without = np.array([np.delete(array, place).mean() for place in range(len(array))])
    assert jackknife_variance(without) == pytest.approx(stats.sem(array) ** 2, abs=1e-12)


def test_one_part_is_scipys_t() -> None:
    student = Student.of_parts(MICE.mean(), [(MICE.var(ddof=1) / 7, 6)])
    expected = stats.ttest_1samp(MICE, 50).confidence_interval(0.9)
    assert student.interval(0.9) == pytest.approx((expected.low, expected.high))
    assert student.above(50) == pytest.approx(stats.ttest_1samp(MICE, 50, alternative="greater").pvalue)
    assert student.below(50) == pytest.approx(stats.ttest_1samp(MICE, 50, alternative="less").pvalue)


def test_two_parts_are_welchs_t() -> None:
    """Satterthwaite's degrees of freedom, as in SciPy's unequal-variance test."""
    other = np.array([52.0, 104, 146, 10, 50, 31, 40, 27, 46])
    student = Student.of_parts(
        MICE.mean() - other.mean(), [(x.var(ddof=1) / len(x), len(x) - 1) for x in (MICE, other)]
    )
    expected = stats.ttest_ind(MICE, other, equal_var=False)
    assert student.freedom == pytest.approx(expected.df)
    assert 2 * student.above(0) == pytest.approx(expected.pvalue)


def test_without_any_error_the_estimate_decides() -> None:
    sure = Student.of_parts(0.1, [(0.0, 4), (0.0, 2)])
    assert sure.interval(0.95) == (0.1, 0.1)
    assert (sure.above(0), sure.below(0), sure.above(0.1)) == (0, 1, 1)


def test_bootstrap_t_is_the_loop_over_draws() -> None:
    random, t = np.random.default_rng(4), []
    error = stats.sem(MICE)
    for draw in random.integers(0, 7, (500, 7)):
        drawn = MICE[draw]
        t.append((drawn.mean() - MICE.mean()) / stats.sem(drawn))
    low, high = MICE.mean() - np.quantile(t, [0.975, 0.025]) * error
    found = studentised_bootstrap(MICE, confidence=0.95, seed=4, samples=500)
    assert found == pytest.approx((low, high))
    # Skewed to the right: it reaches further up than t does.
    assert high - MICE.mean() > MICE.mean() - low
    assert np.isnan(studentised_bootstrap(np.full(5, 0.2), confidence=0.95, seed=0)).all()


def test_relabelling_is_every_relabelling() -> None:
    """All 4 ** 5 ways to call one of four raters the model in each of five exams."""
    values = np.random.default_rng(1).normal(size=(5, 4))
    values[:, -1] += 0.8
    every = np.array([values[np.arange(5), list(way)].mean() for way in product(range(4), repeat=5)])
    found = Relabelled.of(values, seed=0)
    assert found.above(0) == pytest.approx((every >= values[:, -1].mean() - 1e-9).mean(), abs=0.005)
    assert found.below(0) == pytest.approx((every <= values[:, -1].mean() + 1e-9).mean(), abs=0.005)
    low, high = found.interval(0.9)
    expected = values[:, -1].mean() - np.quantile(every, [0.95, 0.05])
    assert (low, high) == pytest.approx(tuple(expected), abs=0.03)


@given(shift=st.floats(-1, 1), seed=st.integers(0, 50))
def test_the_interval_of_relabelling_says_what_its_test_says(shift: float, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(6, 4))
    found = Relabelled.of(values, seed=seed, samples=199)
    low, high = found.interval(0.9)
    assert (found.above(shift) <= 0.05) == (round(low, 9) > round(shift, 9)) or abs(low - shift) < 1e-9
    assert (found.below(shift) <= 0.05) == (round(high, 9) < round(shift, 9)) or abs(high - shift) < 1e-9


def test_names_of_raters_decide_nothing() -> None:
    values = np.random.default_rng(2).normal(size=(6, 5))
    order = [2, 0, 3, 1, 4]
    first, second = (Relabelled.of(array, seed=3) for array in (values, values[:, order]))
    assert np.array_equal(first.means, second.means)
    # So few relabellings reach no such confidence.
    assert Relabelled.of(values, seed=3, samples=10).interval(0.95) == (-np.inf, np.inf)
