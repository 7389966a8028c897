"""Simulated studies are tested as the package tests them."""

import numpy as np
import pytest

from evaluation.planning.closed import t_power
from evaluation.planning.simulated import Simulated, p_above, place_of_bounds
from evaluation.planning.spread import Spread
from evaluation.statistics.signed_rank import hodges_lehmann, signed_rank
from tests.support.closed_forms import t_half_width

KNOWN = Spread.normal(0, 0.1)


@pytest.mark.parametrize(("n", "within"), [(5, 0), (12, 0), (150, 0), (151, 0.0008), (200, 0.0008)])
def test_p_and_interval_are_those_of_the_package(n: int, within: float) -> None:
    drawn = np.random.default_rng(n).normal(0.3, 1, (20, n))
    expected = [signed_rank(row, "greater").p for row in drawn]
    np.testing.assert_allclose(p_above(drawn), expected, atol=within + 1e-12)
    place, walsh = place_of_bounds(n, 0.95), n * (n + 1) // 2
    if n < 6:
        assert place == 0
        return
    found = hodges_lehmann(drawn[0])
    method = int(found.method.split()[2])
    assert abs(method - place) <= (0 if n <= 150 else 1)
    assert walsh == int(found.method.split()[-1])


def test_half_widths_are_those_of_the_package() -> None:
    simulated = Simulated(Spread.of([0.1, 0.3, -0.2, 0.15, 0.05]), studies=100)
    found = simulated.half_widths(9, 0.3, 0.95)
    again = np.sort(Simulated(simulated.spread, studies=100).half_widths(9, 0.3, 0.95))
    np.testing.assert_array_equal(np.sort(found), again)
    drawn = simulated.spread.drawn(simulated._uniform[:9], simulated._normal[:9], 0.0, 0.3).T
    bounds = [hodges_lehmann(row) for row in drawn]
    np.testing.assert_allclose(found, [(each.high - each.low) / 2 for each in bounds])
    assert np.isinf(simulated.half_widths(5, 0.3, 0.95)).all()


def test_normal_studies_are_a_little_below_the_closed_forms() -> None:
    """The signed-rank test has 95.5 % of the efficiency of t where t is right (Hodges and Lehmann 1956)."""
    simulated = Simulated(KNOWN, studies=2000)
    for n in (20, 34, 80):
        difference = 2.9 * 0.1 / n**0.5
        power, closed = simulated.power(n, difference, 0.1, 0.025), t_power(n, difference, 0.1, 0.025)
        assert closed - 0.05 < power < closed + 0.02
        half = np.quantile(simulated.half_widths(n, 0.1, 0.95), 0.8)
        assert half == pytest.approx(t_half_width(n, 0.8, 0.1, 0.95) / 0.955**0.5, rel=0.03)


def test_power_grows_with_exams_and_difference_and_falls_with_the_spread() -> None:
    simulated = Simulated(Spread.of([0.1, 0.3, -0.2, 0.15, 0.05]), studies=500)
    by_exams = [simulated.power(n, 0.05, 0.1, 0.025) for n in range(6, 60, 6)]
    assert (np.diff(by_exams) > -0.02).all()
    assert simulated.power(20, 0.1, 0.1, 0.025) > simulated.power(20, 0.05, 0.1, 0.025)
    assert simulated.power(20, 0.05, 0.2, 0.025) < simulated.power(20, 0.05, 0.1, 0.025)
    # With no difference the level is kept, and five exams can never be enough.
    assert simulated.power(25, 0.0, 0.1, 0.025) < 0.05
    assert simulated.power(5, 1.0, 0.1, 0.025) == 0
