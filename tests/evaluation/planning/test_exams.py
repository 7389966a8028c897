"""How many exams: closed forms, new studies tested by the package's own functions, and what never is."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.power import TTestPower

from benchmarks.planning import reached
from evaluation.planning.exams import (
    CURVE_COLUMNS,
    NEVER,
    TOO_MANY,
    Assumed,
    Goal,
    Wanted,
    curves,
    plan_exams,
)
from evaluation.planning.spread import Spread
from evaluation.statistics.intervals import StatisticsError

PILOT = [0.02, -0.03, 0.05, 0.01, -0.31, 0.04, 0.0, -0.02, 0.03, 0.015]
STUDIES = 400


def only(spread: Spread, wanted: Wanted, **how: float) -> pd.Series:
    return plan_exams(spread, [wanted], studies=STUDIES, **how).iloc[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(("difference", "margin"), [(0.05, None), (0.0, 0.05), (-0.02, 0.07)])
def test_of_normal_differences_it_is_that_of_statsmodels_and_a_little_more(
    difference: float, margin: float | None
) -> None:
    """0.05 in SDs of 0.1: 34 exams by t, 35 by the signed-rank test (2,000 studies)."""
    wanted = Wanted(Goal.BETTER) if margin is None else Wanted(Goal.NOT_WORSE, margin)
    row = only(Spread.normal(difference, 0.1), wanted)
    peer = TTestPower().solve_power(0.5, power=0.8, alpha=0.025, alternative="larger")
    assert row.n_closed == np.ceil(peer) == 34
    assert 32 <= row.n <= 39
    assert row.reached >= 0.8
    assert row.error == pytest.approx((row.reached * (1 - row.reached) / STUDIES) ** 0.5)
    assert (row.assumed, row.n_all, row.why) == (Assumed.GIVEN, row.n, "")


@pytest.mark.parametrize(
    ("goal", "target", "difference"),
    [(Goal.HALF_WIDTH, 0.06, 0.0), (Goal.NOT_WORSE, 0.06, 0.0), (Goal.BETTER, 0.0, 0.08)],
)
def test_new_studies_of_so_many_exams_reach_it(goal: Goal, target: float, difference: float) -> None:
    """`python -m benchmarks.planning` draws 2,000 studies a goal: 0.796 to 0.854 where 0.8 is asked for."""
    n = int(only(Spread.normal(difference, 0.1), Wanted(goal, target)).n)
    assert reached(goal, target, difference, n, 300) >= 0.8 - 0.07
    assert reached(goal, target, difference, n - 4, 300) < 0.8


def test_a_pilot_is_asked_at_its_limits_too() -> None:
    rows = plan_exams(
        Spread.of(PILOT), [Wanted(Goal.HALF_WIDTH, 0.05), Wanted(Goal.NOT_WORSE, 0.05)], studies=STUDIES
    )
    assert rows.assumed.tolist() == [
        Assumed.PILOT, Assumed.WIDER, Assumed.PILOT, Assumed.WIDER, Assumed.LOWER, Assumed.EQUAL,
    ]  # fmt: skip
    spread = Spread.of(PILOT)
    assert rows.sd[1] == rows.sd[3] == spread.sd_limits[1]
    assert rows.difference[4] == spread.lower
    assert rows.n[1] > rows.n[0]
    assert rows.n[3] > rows.n[2]
    assert rows.n[4] > rows.n[2]
    # Some exams without a difference: as many more in all.
    with_gaps = plan_exams(
        Spread.of([*PILOT, np.nan, np.nan]), [Wanted(Goal.HALF_WIDTH, 0.05)], studies=STUDIES
    )
    assert with_gaps.n.tolist() == rows.n[:2].tolist()
    assert with_gaps.n_all.tolist() == [int(np.ceil(n * 12 / 10)) for n in rows.n[:2]]
    # A difference that is given is not the pilot's, and has no limit.
    given = plan_exams(spread, [Wanted(Goal.BETTER)], difference=0.1, studies=STUDIES)
    assert given.assumed.tolist() == [Assumed.GIVEN, Assumed.WIDER]


def test_the_same_seed_plans_the_same() -> None:
    wanted = [Wanted(Goal.NOT_WORSE, 0.05)]
    one, again, other = (plan_exams(Spread.of(PILOT), wanted, studies=200, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, again)
    assert not one.reached.equals(other.reached)


def test_what_no_number_of_exams_reaches_says_so() -> None:
    beyond = only(Spread.normal(-0.05, 0.1), Wanted(Goal.NOT_WORSE, 0.05))
    worse = only(Spread.normal(-0.001, 0.1), Wanted(Goal.BETTER))
    assert beyond.why == worse.why == NEVER
    assert pd.isna(beyond.n)
    assert pd.isna(beyond.n_closed)
    many = only(Spread.normal(0.001, 0.1), Wanted(Goal.BETTER))
    assert (many.why, pd.isna(many.n)) == (TOO_MANY, True)


def test_more_tests_and_more_power_take_more_exams() -> None:
    spread = Spread.normal(0.1, 0.1)
    numbers = [
        int(only(spread, Wanted(Goal.BETTER, power=power, tests=tests)).n)
        for power, tests in ((0.8, 1), (0.95, 1), (0.95, 6))
    ]
    assert numbers == sorted(set(numbers))


def test_curves_pass_through_the_number_and_have_a_band() -> None:
    spread = Spread.of(PILOT)
    for wanted, bound in ((Wanted(Goal.HALF_WIDTH, 0.08), 0.08), (Wanted(Goal.NOT_WORSE, 0.08), 0.8)):
        n = int(only(spread, wanted).n)
        table = curves(spread, wanted, 3 * n, studies=STUDIES)
        assert table.columns.tolist() == CURVE_COLUMNS
        wide = table.pivot(index="n", columns="assumed", values="value")
        falls = wanted.goal is Goal.HALF_WIDTH
        better = wide.middle <= bound if falls else wide.middle >= bound
        assert better[wide.index >= 1.2 * n].all()
        assert not better[wide.index <= n / 1.2].any()
        assert ((wide.lower <= wide.middle) == falls)[wide.lower != wide.middle].all()
        assert ((wide.upper >= wide.middle) == falls)[wide.upper != wide.middle].all()
    known = curves(Spread.normal(0, 0.1), Wanted(Goal.BETTER), 20, difference=0.1, studies=200)
    assert set(known.assumed) == {"middle"}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"goal": Goal.HALF_WIDTH, "target": 0.0}, "half-width: found 0, expected a number above 0"),
        ({"goal": Goal.NOT_WORSE, "target": -0.1}, "margin: found -0.1, expected a number above 0"),
        ({"goal": Goal.BOARD, "target": np.nan}, "gap: found nan"),
        ({"goal": Goal.BETTER, "power": 1.0}, "power: found 1, expected between 0 and 1, such as 0.8"),
        ({"goal": Goal.BETTER, "power": 0.0}, "power: found 0"),
        ({"goal": Goal.BETTER, "confidence": 95}, "confidence: found 95"),
        ({"goal": Goal.BETTER, "tests": 0}, "tests: found 0, expected one or more"),
    ],
)
def test_what_makes_no_sense_is_refused(how: dict, message: str) -> None:
    with pytest.raises(StatisticsError, match=message):
        Wanted(**how)
