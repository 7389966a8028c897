"""What a round came to, and in sentences whether the model helps yet, and more than the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bmseg.annotation.corrections import Effort
from evaluation.comparison.readers import estimate_and_test
from evaluation.statistics.intervals import Interval
from evaluation.statistics.words import interval, number, signed, with_interval

#: The name of the mean of an exam's defined Dice of single levels.
OVER_LEVELS = "over levels"

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class RoundReport:
    """What one round came to."""

    number: int
    #: Exams that its model learnt from.
    trained_on: int
    state: str
    #: Of the round; then those accepted.
    exams: int
    accepted: int
    #: Accepted exams whose mask is exactly the proposal.
    unchanged: int
    #: Accepted exams in which less was changed than drawing from nothing takes.
    helped: int
    #: Level or group, and `OVER_LEVELS`, to the median Dice of proposal to corrected mask.
    dice: dict[str, Interval]
    #: Over the accepted exams.
    effort: Effort
    #: Index level or group; ``added_ml`` and ``removed_ml`` over the accepted exams.
    volumes: pd.DataFrame
    #: Index exam; ``now`` and ``earlier``: the mean Dice of single levels, over those that both define, of
    #: this round's model and of the one before. Empty in the first round.
    pairs: pd.DataFrame


def sentences(reports: Sequence[RoundReport]) -> list[str]:
    """For each round with accepted exams: does the model help, and more than the round before?"""
    measured = [one for one in reports if one.accepted]
    said = []
    for place, one in enumerate(measured):
        said.append(_help(one))
        if place:
            said.append(_same_exams(one) if len(one.pairs) else _rise(measured[place - 1], one))
    return said or ["No round is accepted yet: whether the model helps is not known."]


def _help(one: RoundReport) -> str:
    saved = one.effort.saved
    if np.isnan(saved):
        return f"Round {one.number}: the corrected masks mark nothing; effort saved is not defined."
    verdict = "the model helped" if saved > 0 else "the model did not help yet"
    less = f"{saved:.0%}" if saved > 0 else "no"
    same = f"; {one.unchanged} masks were left exactly as proposed" if one.unchanged else ""
    return (
        f"Round {one.number}: {verdict}: {one.effort.changed} voxels were changed where the corrected masks "
        f"mark {one.effort.marked}, {less} less than drawing from nothing; in {one.helped} of {one.accepted} "
        f"exams it was less{same}."
    )


def _same_exams(now: RoundReport) -> str:
    """The models of a round and of the one before on the round's exams, which neither was trained on."""
    pairs = now.pairs
    found = estimate_and_test((pairs.now - pairs.earlier).to_numpy(), _CONFIDENCE)
    word = "better" if pairs.now.median() > pairs.earlier.median() else "not better"
    exams = f"{len(pairs)} exams" if len(pairs) > 1 else "one exam"
    text = (
        f"Round {now.number} against round {now.number - 1}, both models on round {now.number}'s {exams}: "
        f"median Dice {OVER_LEVELS} {pairs.now.median():.2f}, by the model before "
        f"{pairs.earlier.median():.2f}: {word}"
    )
    if np.isnan(found["low"]):
        return f"{text}; too few exams for an interval."
    between = interval(found["low"], found["high"], sign=True, typeset=True)
    return (
        f"{text}; difference {signed(found['difference'], typeset=True)} ({between}, exact Wilcoxon p "
        f"{found['p']:.3f}). The masks were corrected from round {now.number}'s proposals, which favours its "
        "model."
    )


def _rise(before: RoundReport, now: RoundReport) -> str:
    """Compare two rounds; their exams differ, so no paired test applies."""
    earlier, later = before.dice[OVER_LEVELS], now.dice[OVER_LEVELS]
    if not (earlier.is_defined and later.is_defined):
        return (
            f"Round {now.number} against round {before.number}: too few exams with a defined Dice to compare."
        )
    word = "rose" if later.estimate > earlier.estimate else "did not rise"
    apart = later.low > earlier.high or earlier.low > later.high
    sure = (
        "the intervals do not overlap"
        if apart
        else f"the intervals overlap: {earlier.n} and {later.n} exams, other ones each time, cannot tell the "
        "model from the choice of exams"
    )
    return (
        f"Round {now.number} against round {before.number}: the median Dice {OVER_LEVELS} {word}, from "
        f"{median_text(earlier)} to {median_text(later)}; {sure}."
    )


def median_text(dice: Interval) -> str:
    """A median with its interval, where it has one."""
    if not dice.is_defined:
        return number(dice.estimate)
    return with_interval(dice.estimate, dice.low, dice.high)
