"""A plan as it is printed: tables, sentences, and what a pilot cannot say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evaluation.planning.closed import MOST
from evaluation.planning.exams import NEVER, Assumed, Goal
from evaluation.planning.simulated import sure_to
from evaluation.planning.spread import LIMIT, Spread
from evaluation.statistics.words import DASH, number, percent, plural, signed
from evaluation.table import Table


@dataclass(frozen=True)
class Subject:
    """What a plan is about, in words."""

    #: The two that are compared, as "unet" and "the median reader".
    first: str = "the first rater"
    second: str = "the second"
    measure: str = ""
    unit: str = ""
    level: str = ""
    #: Whether less of the measure is better: differences are then turned round.
    less_is_better: bool = False

    @property
    def difference(self) -> str:
        """What is subtracted from what: more than 0 is in favour of the first."""
        pair = (self.second, self.first) if self.less_is_better else (self.first, self.second)
        return " minus ".join(pair)

    @property
    def in_full(self) -> str:
        """The same, and of which measure and level."""
        return f"{self.difference}{self.where}"

    @property
    def where(self) -> str:
        """The measure and level, behind a comma."""
        return "".join(f", {part}" for part in (self.measure, self.level) if part)

    def size(self, value: float) -> str:
        """A number of the measure."""
        return f"{_short(value)}{f' {self.unit}' if self.unit else ''}"


def exams_table(rows: pd.DataFrame, subject: Subject, notes: Sequence[str] = ()) -> Table:
    """The rows of `evaluation.planning.exams.plan_exams` and `evaluation.planning.board.plan_board`."""
    cells = [
        [
            _wanted(row, subject),
            str(row.assumed),
            DASH if row.goal == Goal.HALF_WIDTH else signed(row.difference),
            number(row.sd, 3),
            _exams(row),
            "none" if row.why == NEVER else _at_most(row.n_closed),
        ]
        for row in rows.itertuples()
    ]
    heads = ["Wanted", "Assumed", "Difference", "SD", "Exams", "By t test"]
    share = percent(float(rows.power.iloc[0]))
    title = f"Exams with which {share} of studies reach what is wanted{subject.where}"
    return Table(title, heads, cells, list(notes), rows)


def sentences(rows: pd.DataFrame, subject: Subject, spread: Spread) -> list[str]:
    """What the rows say, a sentence a goal."""
    said = []
    for (goal, _), found in rows.groupby(["goal", "target"], sort=False):
        first, *others = found.itertuples()
        text = _first(first, subject, spread)
        text += "".join(f"; {_if(row)}, {_number_in_words(row)}" for row in others)
        said.append(f"{text[0].upper()}{text[1:]}.")
        if goal != Goal.HALF_WIDTH and any(row.why == NEVER for row in found.itertuples()):
            beyond = "at the margin or beyond it" if goal == Goal.NOT_WORSE else "0 or less"
            said.append(f"Where the difference is {beyond}, more exams only make that surer.")
    return said


def cannot_say(rows: pd.DataFrame, subject: Subject, spread: Spread, studies: int) -> list[str]:
    """What stands below a plan: how it was made, and what a pilot leaves open."""
    n, confidence = spread.n, float(rows.confidence.iloc[0])
    is_board = rows.goal == Goal.BOARD
    simulated = []
    if not is_board.all():
        drawn = (
            "the pilot's differences drawn again and smoothed"
            if spread.centres is not None
            else "differences distributed normally"
        )
        simulated.append(
            f"{studies} studies, {drawn}; signed-rank test and Hodges-Lehmann interval "
            f"({percent(confidence)}), as evaluations have them{_sure(rows[~is_board])}"
        )
    if is_board.any():
        simulated.append(f"{rows.studies[is_board].iloc[0]} boards{_sure(rows[is_board])}")
    notes = [
        f"Simulated: {'; '.join(simulated)}. By t test: closed forms for the mean of normal differences."
    ]
    if not is_board.all():
        notes.insert(0, f"Difference: {subject.difference}; more than 0: {subject.first} is better.")
    tests = rows.tests[rows.goal.isin([Goal.NOT_WORSE, Goal.BETTER])]
    if (tests > 1).any():
        notes.append(
            f"Verdicts are adjusted by Holm's rule: planned for its strictest step among {tests.max()} tests "
            "(models times levels)."
        )
    if is_board.any():
        notes.append(
            f"Boards: {_short(1 - confidence)} over all ordered pairs by Holm's rule (confidence "
            f"{percent(confidence)}), signed ranks and means; all teams but the best equally good, scores "
            "distributed normally. Where a team fails now and then it takes more."
        )
    if not n:
        return [*notes, "The SD is taken for known. One from few exams is not: give their number."]
    notes.append(
        f"Limits of a pilot of {plural(n, 'exam')}: one-sided, {percent(LIMIT)}. That of the SD is by "
        "chi-square and holds for normal differences; where an exam now and then fails badly it is less sure."
    )
    if spread.centres is None:
        return notes
    unseen = 1 - ((1 - confidence) / 2) ** (1 / n)
    notes.append(
        f"{plural(n, 'exam')} cannot speak of a failure that none of them shows: it may still come in up to "
        f"{percent(unseen, 0)} of exams (exact binomial). Nor of other sites, scanners and readers."
    )
    if spread.n_undefined:
        total = n + spread.n_undefined
        notes.append(
            f"In {spread.n_undefined} of {plural(total, 'exam')} the two cannot be compared: {subject.level} "
            "is not there, and at least one of them marked nothing. The next study is taken to have as many; "
            "with them all exams are counted in brackets."
        )
    if spread.n_equal:
        notes.append(
            f"In {spread.n_equal} of {plural(n, 'exam')} both score the same, as 0 where both miss it. "
            "Smoothed, these differ a little: the next study may need more exams than is said."
        )
    notes.append(
        "A model that was chosen because it did well in this pilot will most likely do less well in the next."
    )
    return notes


def _sure(rows: pd.DataFrame) -> str:
    """How sure the shares of simulated studies are, by the least sure of them."""
    found = rows[rows.reached.notna()]
    if found.empty:
        return ""
    points = 100 * max(map(sure_to, found.reached, found.studies))
    said = number(points, 0) if points >= 1 else f"{points:.1g}"
    return f", shares sure to about ±{said} percentage points (Wilson, 95 %)"


def _wanted(row: Any, subject: Subject) -> str:
    size = subject.size(row.target)
    return {
        Goal.HALF_WIDTH: f"interval ±{size}",
        Goal.NOT_WORSE: f"not worse by {size}",
        Goal.BETTER: "better",
        Goal.BOARD: f"best of {_teams(row.tests)} told apart",
    }[row.goal]


def _first(row: Any, subject: Subject, spread: Spread) -> str:
    exams, share = _exams_in_words(row), percent(row.power)
    made = "makes" if row.why == NEVER else "make"
    of = f" of {plural(spread.n, 'exam')}" if spread.n else ""
    if row.goal == Goal.HALF_WIDTH:
        pilot = f"the spread {'of this pilot' if spread.centres is not None else 'given'} (SD"
        give = "gives" if made == "makes" else "give"
        return (
            f"with {pilot} {number(row.sd, 3)}{of}), {exams} {give} an interval of at most "
            f"±{subject.size(row.target)} in {share} of studies"
        )
    if row.goal == Goal.BOARD:
        tell = "tells" if made == "makes" else "tell"
        return (
            f"{exams} {tell} the best of {_teams(row.tests)} teams from the second in {share} of boards, if "
            f"it is truly {subject.size(row.target)} ahead and two teams' differences have the SD "
            f"{number(row.sd, 3)}{of}"
        )
    claim = f"{subject.first} is better than {subject.second}"
    if row.goal == Goal.NOT_WORSE:
        claim = f"{subject.first} is not worse than {subject.second} by {subject.size(row.target)}"
    return (
        f"{exams} {made} it clear in {share} of studies that {claim}, if the true difference is "
        f"{signed(row.difference)}, {row.assumed} (SD {number(row.sd, 3)}{of})"
    )


def _if(row: Any) -> str:
    return {
        Assumed.WIDER: f"were the SD at its upper limit {number(row.sd, 3)}",
        Assumed.LOWER: f"were the difference at its lower limit {signed(row.difference)}",
        Assumed.EQUAL: "were there no difference",
    }[row.assumed]


def _exams_in_words(row: Any) -> str:
    noun = "case" if row.goal == Goal.BOARD else "exam"
    if row.why == NEVER:
        return f"no number of {noun}s"
    if pd.isna(row.n):
        return f"not even {MOST} {noun}s"
    said = plural(int(row.n), noun)
    return said if row.n_all == row.n else f"{said} in which both can be compared ({row.n_all} in all)"


def _number_in_words(row: Any) -> str:
    """Behind a first number that says of what."""
    if row.why == NEVER:
        return "no number is enough"
    return f"not even {MOST}" if pd.isna(row.n) else str(row.n)


def _exams(row: Any) -> str:
    if row.why == NEVER:
        return "none is enough"
    if row.n is pd.NA or row.n_all == row.n:
        return _at_most(row.n)
    return f"{row.n} ({row.n_all})"


def _at_most(n: Any) -> str:
    return f"> {MOST}" if pd.isna(n) else str(n)


def _teams(tests: int) -> int:
    """Of k teams there are k (k - 1) ordered pairs."""
    return round((1 + np.sqrt(1 + 4 * tests)) / 2)


def _short(value: float) -> str:
    """As given, such as 0.05 or 2.5."""
    return f"{value:g}"
