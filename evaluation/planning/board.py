"""How many cases a board of several teams needs, so that the truly best is told apart from the second.

Boards are simulated and tested as `evaluation.ranking` does: signed ranks and means of every ordered pair,
adjusted by Holm's rule. The teams' scores in a case share what makes the case easy or hard, which no paired
difference sees; beside it each team's varies by itself, normally. All teams but the best are taken to be
equally good: then no rejected pair makes Holm's rule milder for another, which is the hardest board.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evaluation.planning.closed import MOST, fewest, t_power
from evaluation.planning.exams import TOO_MANY, Assumed, Goal, Wanted, as_table, searched
from evaluation.planning.simulated import standard_error
from evaluation.planning.spread import Spread
from evaluation.ranking.pairwise import pairwise_tests
from evaluation.ranking.rules import Rules
from evaluation.statistics.intervals import StatisticsError

#: Boards drawn.
BOARDS = 400
_ROUNDING = 1e-12


def plan_board(
    spread: Spread,
    teams: int,
    gap: float,
    *,
    power: float = 0.8,
    confidence: float = 0.95,
    boards: int = BOARDS,
    seed: int = 0,
    assumed: Assumed = Assumed.GIVEN,
) -> pd.DataFrame:
    """The fewest cases with which the best of some teams is clearly ahead of the second.

    Parameters
    ----------
    spread : Spread
        Of the differences between two teams; its difference is not asked.
    gap : float
        By how much the best is truly ahead of the second, and of all others.
    confidence : float
        Of the board's intervals of ranks: pairs are clear at 1 minus it, over all of them.
    assumed : Assumed
        Whose spread it is.

    Returns
    -------
    DataFrame
        `evaluation.planning.exams.COLUMNS`; ``tests`` are the ordered pairs, ``n_closed`` is of the t test at
        the level divided by them.

    Raises
    ------
    StatisticsError
        When there are fewer than two teams, or the gap, power or confidence makes no sense.
    """
    if teams < 2:
        raise StatisticsError(f"teams: found {teams}, expected two or more")
    wanted = Wanted(Goal.BOARD, gap, power=power, confidence=confidence, tests=teams * (teams - 1))
    sds = {assumed: spread.sd} | ({Assumed.WIDER: spread.sd_limits[1]} if spread.n else {})
    rows = [_row(wanted, teams, each, sd, boards, seed) for each, sd in sds.items()]
    for row in rows:
        row["n_all"] = row["n"] and int(np.ceil(row["n"] / spread.share_defined))
    return as_table(rows)


def told_apart(
    n: int,
    teams: int,
    gap: float,
    sd: float,
    *,
    confidence: float = 0.95,
    boards: int = BOARDS,
    seed: int = 0,
) -> float:
    """Share of simulated boards of n cases in which the best is clearly ahead of the second.

    `sd` is that of the difference between two teams.
    """
    rules = Rules()
    found = 0
    for board in range(boards):
        # The first cases of a larger board are those of a smaller one.
        own = np.random.default_rng([seed, board]).standard_normal((n, teams))
        scores = own * sd / np.sqrt(2) + np.r_[gap, np.zeros(teams - 1)]
        found += bool(pairwise_tests(scores, rules).p_clear[0, 1] <= 1 - confidence + _ROUNDING)
    return found / boards


def _row(wanted: Wanted, teams: int, assumed: Assumed, sd: float, boards: int, seed: int) -> dict[str, Any]:
    gap, alpha = wanted.target, (1 - wanted.confidence) / wanted.tests
    closed = fewest(lambda n: t_power(n, gap, sd, alpha) >= wanted.power)
    n, reached = searched(
        lambda n: told_apart(n, teams, gap, sd, confidence=wanted.confidence, boards=boards, seed=seed),
        wanted.power,
        closed or MOST,
    )
    error = standard_error(reached, boards) if n else np.nan
    return {
        "goal": wanted.goal, "target": gap, "assumed": assumed, "difference": gap, "sd": sd,
        "power": wanted.power, "confidence": wanted.confidence, "tests": wanted.tests, "n": n,
        "reached": reached, "error": error, "studies": boards, "n_closed": closed, "n_all": None,
        "why": "" if n else TOO_MANY,
    }  # fmt: skip
