"""How many exams: for an interval of a wanted width, or for power that a model is not worse, or better.

What is wanted is an event in the next study, such as an interval no wider than so much, and a number of exams
reaches it where a share of studies, the power, has it. Each is asked under several assumptions, since a small
pilot knows neither its spread nor its difference well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from evaluation.planning.closed import MOST, fewest, t_narrow, t_power
from evaluation.planning.simulated import STUDIES, Simulated, standard_error
from evaluation.planning.spread import Spread
from evaluation.statistics.intervals import StatisticsError, check_confidence


class Goal(StrEnum):
    """What a study is to reach."""

    HALF_WIDTH = "half width"
    """The interval of the difference is no wider than so much to each side."""
    NOT_WORSE = "not worse"
    """Non-inferiority by a margin is clear."""
    BETTER = "better"
    """A difference in favour is clear."""
    BOARD = "board"
    """Of several teams the best is clearly ahead of the second (`evaluation.planning.board`)."""


class Assumed(StrEnum):
    """What is assumed of the truth."""

    PILOT = "as in the pilot"
    GIVEN = "as given"
    WIDER = "SD at upper limit"
    LOWER = "difference at lower limit"
    EQUAL = "no difference"


#: Columns of `plan_exams`.
COLUMNS = [
    "goal", "target", "assumed", "difference", "sd", "power", "confidence", "tests", "n", "reached", "error",
    "studies", "n_closed", "n_all", "why",
]  # fmt: skip
#: Columns of `curves`.
CURVE_COLUMNS = ["goal", "target", "assumed", "n", "value"]
#: Why no number of exams is enough.
NEVER, TOO_MANY = "never", "too many"
_POINTS = 16


@dataclass(frozen=True)
class Wanted:
    """A goal with its rules; StatisticsError where they make no sense.

    Parameters
    ----------
    target : float
        The half width, or the margin; of "better" 0.
    power : float
        The share of studies that are to reach it.
    tests : int
        Tests that Holm's rule adjusts together, such as models times levels: each is planned for at the
        strictest step, the level divided by their number. Intervals are not adjusted.
    """

    goal: Goal
    target: float = 0.0
    power: float = 0.8
    confidence: float = 0.95
    tests: int = 1

    def __post_init__(self) -> None:
        check_confidence(self.confidence)
        if not 0 < self.power < 1:
            raise StatisticsError(f"power: found {self.power:g}, expected between 0 and 1, such as 0.8")
        if self.goal != Goal.BETTER and not 0 < self.target < np.inf:
            name = {Goal.HALF_WIDTH: "half-width", Goal.NOT_WORSE: "margin"}.get(self.goal, "gap")
            raise StatisticsError(f"{name}: found {self.target:g}, expected a number above 0, such as 0.05")
        if self.tests < 1:
            raise StatisticsError(f"tests: found {self.tests}, expected one or more")

    @property
    def alpha(self) -> float:
        """Of each one-sided test."""
        return (1 - self.confidence) / 2 / self.tests

    def beyond(self, difference: float) -> float:
        """How far a true difference is beyond what the test holds it against: 0 or less is never shown."""
        return difference + (self.target if self.goal is Goal.NOT_WORSE else 0.0)


def plan_exams(
    spread: Spread,
    wanted: Sequence[Wanted],
    *,
    difference: float | None = None,
    studies: int = STUDIES,
    seed: int = 0,
) -> pd.DataFrame:
    """The fewest exams that reach each goal, by simulation, and what Student's t says of the same.

    Parameters
    ----------
    difference : float, optional
        The true difference, in place of the pilot's.
    studies, seed : int
        Of `evaluation.planning.simulated.Simulated`.

    Returns
    -------
    DataFrame
        `COLUMNS`, a row a goal and assumption: ``n`` exams in which there is a difference (NaN where none
        is enough: ``why`` is `NEVER`, or `TOO_MANY` beyond 1,000), ``reached`` the share of simulated
        studies that reach the goal with so many, ``error`` its standard error and ``studies`` how many were
        simulated (fewer of intervals of many exams); ``n_closed`` by the t test and t interval; ``n_all``
        exams in all, where some of a pilot's had no difference.

    Examples
    --------
    >>> known = Spread.normal(0.05, 0.1)
    >>> plan_exams(known, [Wanted(Goal.BETTER)])[["sd", "n", "n_closed"]]
        sd   n  n_closed
    0  0.1  35        34
    """
    simulated = Simulated(spread, studies, seed)
    rows = [
        row
        for each in wanted
        for row in (_row(simulated, each, *assumed) for assumed in assumptions(spread, each, difference))
    ]
    return as_table(rows)


def as_table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Rows with `COLUMNS`; whole numbers stay so where one is missing."""
    whole = dict.fromkeys(["n", "studies", "n_closed", "n_all"], "Int64")
    return pd.DataFrame(rows, columns=COLUMNS).astype(whole)


def assumptions(
    spread: Spread, wanted: Wanted, difference: float | None = None
) -> Iterator[tuple[Assumed, float, float]]:
    """What is assumed in turn, with the true difference and standard deviation."""
    known = spread.difference if difference is None else difference
    # Of an interval the difference is not asked.
    is_own = difference is None or wanted.goal is Goal.HALF_WIDTH
    base = Assumed.PILOT if spread.centres is not None and is_own else Assumed.GIVEN
    yield base, known, spread.sd
    if spread.n:
        yield Assumed.WIDER, known, spread.sd_limits[1]
    if wanted.goal is Goal.HALF_WIDTH:
        return
    if spread.n and difference is None:
        yield Assumed.LOWER, spread.lower, spread.sd
    if wanted.goal is Goal.NOT_WORSE and known:
        yield Assumed.EQUAL, 0.0, spread.sd


def curves(
    spread: Spread,
    wanted: Wanted,
    most: int,
    *,
    difference: float | None = None,
    studies: int = STUDIES,
    seed: int = 0,
) -> pd.DataFrame:
    """What numbers of exams up to `most` reach: power, or the half width that a share of studies keeps to.

    `CURVE_COLUMNS`, under the first assumption and with the standard deviation at both of its limits (named
    "lower" and "upper").
    """
    simulated = Simulated(spread, studies, seed)
    known = spread.difference if difference is None else difference
    low, high = spread.sd_limits
    sds = {"middle": spread.sd} | ({"lower": low, "upper": high} if spread.n else {})
    numbers = np.unique(np.geomspace(6, max(most, 12), _POINTS).round().astype(int))
    rows = [
        (wanted.goal, wanted.target, name, int(n), _value(simulated, wanted, int(n), known, sd))
        for name, sd in sds.items()
        for n in numbers
    ]
    return pd.DataFrame(rows, columns=CURVE_COLUMNS)


def _value(simulated: Simulated, wanted: Wanted, n: int, difference: float, sd: float) -> float:
    if wanted.goal is Goal.HALF_WIDTH:
        widths = simulated.half_widths(n, sd, wanted.confidence)
        return float(np.quantile(widths, wanted.power, method="higher"))
    return simulated.power(n, wanted.beyond(difference), sd, wanted.alpha)


def _row(
    simulated: Simulated, wanted: Wanted, assumed: Assumed, difference: float, sd: float
) -> dict[str, Any]:
    def share(n: int) -> float:
        if wanted.goal is Goal.HALF_WIDTH:
            return float((simulated.half_widths(n, sd, wanted.confidence) <= wanted.target).mean())
        return simulated.power(n, wanted.beyond(difference), sd, wanted.alpha)

    row: dict[str, Any] = {
        "goal": wanted.goal, "target": wanted.target, "assumed": assumed, "difference": difference, "sd": sd,
        "power": wanted.power, "confidence": wanted.confidence, "tests": wanted.tests, "why": "",
    }  # fmt: skip
    if wanted.goal is not Goal.HALF_WIDTH and wanted.beyond(difference) <= 0:
        return row | {"why": NEVER}
    closed = fewest(lambda n: _by_t(wanted, n, difference, sd) >= wanted.power)
    n, reached = searched(share, wanted.power, closed or MOST)
    if n is None:
        return row | {"why": TOO_MANY, "n_closed": closed}
    n_all = int(np.ceil(n / simulated.spread.share_defined))
    of_intervals = wanted.goal is Goal.HALF_WIDTH
    studies = simulated.studies_of_intervals(n) if of_intervals else simulated.studies
    found = {"n": n, "reached": reached, "error": standard_error(reached, studies), "studies": studies}
    return row | found | {"n_closed": closed, "n_all": n_all}


def searched(share: Callable[[int], float], power: float, start: int) -> tuple[int | None, float]:
    """The fewest exams with which a share of studies reaches a power, and that share."""
    known: dict[int, float] = {}

    def reached(n: int) -> bool:
        known[n] = share(n)
        return known[n] >= power

    n = fewest(reached, start=start)
    return n, known[n] if n else np.nan


def _by_t(wanted: Wanted, n: int, difference: float, sd: float) -> float:
    if wanted.goal is Goal.HALF_WIDTH:
        return t_narrow(n, wanted.target, sd, wanted.confidence)
    return t_power(n, wanted.beyond(difference), sd, wanted.alpha)
