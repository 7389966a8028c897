"""Closed forms against statsmodels and brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from evaluation.planning.closed import fewest, t_narrow, t_power
from tests.support.closed_forms import t_half_width


@pytest.mark.parametrize("n", [2, 5, 34, 300])
@pytest.mark.parametrize("effect", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("alpha", [0.025, 0.025 / 6])
def test_power_is_that_of_statsmodels(n: int, effect: float, alpha: float) -> None:
    peer = TTestPower().power(effect, n, alpha, alternative="larger")
    assert t_power(n, 0.1 * effect, 0.1, alpha) == pytest.approx(peer, abs=1e-9)


@pytest.mark.parametrize(("effect", "power"), [(0.5, 0.8), (0.5, 0.9), (0.3, 0.8), (1.0, 0.95)])
def test_the_number_of_exams_is_that_of_statsmodels(effect: float, power: float) -> None:
    peer = TTestPower().solve_power(effect, power=power, alpha=0.025, alternative="larger")
    assert fewest(lambda n: t_power(n, effect, 1, 0.025) >= power) == np.ceil(peer)


def test_the_share_of_narrow_intervals_is_that_of_studies_drawn() -> None:
    drawn = 0.1 * np.random.default_rng(0).standard_normal((20_000, 15))
    half = stats.t.ppf(0.975, 14) * drawn.std(axis=1, ddof=1) / 15**0.5
    for wanted in (0.05, 0.06):
        assert t_narrow(15, wanted, 0.1, 0.95) == pytest.approx((half <= wanted).mean(), abs=0.01)
    assert t_half_width(15, 0.8, 0.1, 0.95) == pytest.approx(np.quantile(half, 0.8), rel=0.01)
    assert t_narrow(15, t_half_width(15, 0.8, 0.1, 0.95), 0.1, 0.95) == pytest.approx(0.8)
    assert t_narrow(1, 1, 0.1, 0.95) == t_power(1, 1, 0.1, 0.05) == 0


@given(st.integers(2, 1001), st.integers(1, 1200))
def test_the_smallest_number_is_found_from_wherever_one_begins(threshold: int, start: int) -> None:
    asked: list[int] = []

    def reached(n: int) -> bool:
        asked.append(n)
        return n >= threshold

    found = fewest(reached, start=start)
    assert found == (threshold if threshold <= 1000 else None)
    assert len(asked) <= 30
    assert all(2 <= n <= 1000 for n in asked)
