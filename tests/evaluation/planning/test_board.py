"""Boards: how many cases tell the best from the second."""

import pytest
from statsmodels.stats.power import TTestPower

from evaluation.planning.board import plan_board, told_apart
from evaluation.planning.closed import fewest, t_power
from evaluation.planning.exams import TOO_MANY, Assumed, Goal
from evaluation.planning.spread import Spread
from evaluation.statistics.intervals import StatisticsError


def test_two_teams_are_those_of_the_t_test_and_a_little_more() -> None:
    """SD 0.1, 0.1 ahead: 11 cases by t at 0.05 / 2. Two tests of both ways: Holm halves 0.05."""
    row = plan_board(Spread.normal(0, 0.1), 2, 0.1, boards=100).iloc[0]
    peer = TTestPower().solve_power(1.0, power=0.8, alpha=0.025, alternative="larger")
    assert row.n_closed == -(-peer // 1) == 10
    assert 9 <= row.n <= 13
    assert (row.goal, row.assumed, row.tests) == (Goal.BOARD, Assumed.GIVEN, 2)


def test_more_teams_and_a_wider_spread_take_more_cases() -> None:
    two, four = (plan_board(Spread.normal(0, 0.05, 10), teams, 0.06, boards=25) for teams in (2, 4))
    assert four.tests.tolist() == [12, 12]
    assert (four.n > two.n).all()
    assert four.assumed.tolist() == [Assumed.GIVEN, Assumed.WIDER]
    assert four.n[1] > four.n[0]
    again = plan_board(Spread.normal(0, 0.05, 10), 4, 0.06, boards=25)
    assert again.equals(four)


def test_less_confidence_takes_fewer_cases_and_is_said() -> None:
    sure, less = (
        plan_board(Spread.normal(0, 0.1), 3, 0.06, boards=50, confidence=each).iloc[0] for each in (0.95, 0.8)
    )
    assert (sure.confidence, less.confidence) == (0.95, 0.8)
    assert less.n < sure.n
    # As of a level of 0.2 over six ordered pairs.
    assert less.n_closed == fewest(lambda n: t_power(n, 0.06, 0.1, 0.2 / 6) >= 0.8)
    shares = [told_apart(int(less.n), 3, 0.06, 0.1, boards=50, confidence=each) for each in (0.95, 0.8)]
    assert shares[0] < 0.8 <= shares[1] == less.reached
    with pytest.raises(StatisticsError, match="confidence: found 95"):
        plan_board(Spread.normal(0, 0.1), 3, 0.06, confidence=95)


def test_teams_that_tie_are_hardly_ever_told_apart() -> None:
    assert told_apart(20, 4, 0.0, 0.1, boards=100) <= 0.02


def test_too_small_a_gap_is_said_and_one_team_refused() -> None:
    row = plan_board(Spread.normal(0, 1.0), 2, 0.001, boards=2).iloc[0]
    assert row.why == TOO_MANY
    with pytest.raises(StatisticsError, match="teams: found 1, expected two or more"):
        plan_board(Spread.normal(0, 0.1), 1, 0.1)
    with pytest.raises(StatisticsError, match="gap: found 0, expected a number above 0"):
        plan_board(Spread.normal(0, 0.1), 2, 0.0)
