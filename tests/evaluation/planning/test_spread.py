"""What a pilot says of its differences: limits of normal theory, and what is drawn from it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evaluation.planning.spread import Spread
from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.signed_rank import hodges_lehmann

#: Skewed: a model that failed in one exam of ten.
PILOT = [0.02, -0.03, 0.05, 0.01, -0.31, 0.04, 0.0, -0.02, 0.03, 0.015]


def drawn(spread: Spread, difference: float, sd: float, shape: tuple[int, ...]) -> np.ndarray:
    random = np.random.default_rng(0)
    return spread.drawn(random.random(shape), random.standard_normal(shape), difference, sd)


def test_limits_are_those_of_normal_theory() -> None:
    """R 4.2: sqrt(9 * 0.11^2 / qchisq(c(0.8, 0.2), 9)); -0.02 - qt(0.8, 9) * 0.11 / sqrt(10)."""
    spread = Spread.normal(-0.02, 0.11, 10)
    assert spread.sd_limits == pytest.approx((0.09431595618, 0.14227239889), abs=1e-10)
    assert spread.lower == pytest.approx(-0.05072925119, abs=1e-10)
    # How often the upper limit holds, of normal pilots: what it promises.
    sds = np.random.default_rng(0).standard_normal((4000, 10)).std(axis=1, ddof=1)
    factor = spread.sd_limits[1] / spread.sd
    assert (sds * factor >= 1).mean() == pytest.approx(0.8, abs=0.02)


def test_a_pilot_is_what_the_comparison_says_of_it() -> None:
    spread = Spread.of([*PILOT, np.nan])
    assert (spread.n, spread.n_undefined, spread.n_equal) == (10, 1, 1)
    assert spread.difference == hodges_lehmann(PILOT).estimate
    assert spread.sd == pytest.approx(np.std(PILOT, ddof=1))
    assert spread.share_defined == pytest.approx(10 / 11)
    # One-sided at 80 % is a two-sided interval of 60 %.
    assert spread.lower == hodges_lehmann(PILOT, confidence=0.6).low < spread.difference


def test_what_is_drawn_has_the_difference_and_spread_asked_for() -> None:
    values = drawn(Spread.of(PILOT), 0.04, 0.2, (400_000,))
    assert values.std() == pytest.approx(0.2, rel=0.01)
    # The pseudo-median: of means of two of them.
    assert np.median((values[::2] + values[1::2]) / 2) == pytest.approx(0.04, abs=0.002)
    assert stats.skew(values) < -1
    assert len(np.unique(values)) == len(values)
    known = drawn(Spread.normal(0.04, 0.2), 0.04, 0.2, (100_000,))
    assert stats.kstest(known, stats.norm(0.04, 0.2).cdf).pvalue > 0.01


@settings(max_examples=20)
@given(st.lists(st.floats(-1, 1), min_size=3, max_size=12).filter(lambda values: np.std(values) > 1e-3))
def test_the_unit_and_the_order_of_exams_decide_nothing(values: list[float]) -> None:
    one, other = Spread.of(values), Spread.of([100 * value for value in reversed(values)])
    assert other.sd == pytest.approx(100 * one.sd)
    assert one.centres is not None
    assert other.centres is not None
    np.testing.assert_allclose(other.centres, one.centres, atol=1e-7)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Spread.of([0.1, 0.2, np.nan]), "pilot: found 2 exams with a difference, expected three"),
        (lambda: Spread.of([0.1] * 5), "pilot: found the same difference 0.1 in all 5 exams, expected some"),
        (lambda: Spread.of([0.3 - 0.2, 0.2 - 0.1, 0.1]), "found the same difference 0.1"),
        (lambda: Spread.normal(0, 0), "sd: found 0, expected a standard deviation above 0"),
        (lambda: Spread.normal(0, np.nan), "sd: found nan"),
        (lambda: Spread.normal(np.inf, 1), "mean: found inf, expected a finite difference"),
        (lambda: Spread.normal(0, 1, 1), "exams: found 1, expected two or more"),
    ],
)
def test_what_says_nothing_of_the_spread_is_refused(make: object, message: str) -> None:
    with pytest.raises(StatisticsError, match=message):
        make()  # type: ignore[operator]
