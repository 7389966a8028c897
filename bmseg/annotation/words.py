"""What a round came to, and in sentences whether the model helps yet, and more than the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bmseg.annotation.corrections import Effort
from evaluation.comparison.models import compare_models
from evaluation.comparison.verdicts import Verdict, model_verdicts
from evaluation.comparison.ways import COLUMNS
from evaluation.statistics.intervals import Interval
from evaluation.statistics.words import number, plural, with_interval

#: The name of the mean of an exam's defined Dice of single levels.
OVER_LEVELS = "over levels"


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
    #: ``exam, level, now, earlier``: the Dice that both models have with the corrected masks, on the levels
    #: that verdicts speak of. Empty where the model of the round before drew none of the exams.
    compared: pd.DataFrame


def sentences(reports: Sequence[RoundReport]) -> list[str]:
    """For each round with accepted exams: does the model help, and more than the round before?"""
    measured = [one for one in reports if one.accepted]
    said = []
    for place, one in enumerate(measured):
        said.append(_help(one))
        if place:
            said.append(_same_exams(one) if len(one.compared) else _other_exams(measured[place - 1], one))
    return said or ["No round is accepted yet: whether the model helps is not known."]


def _help(one: RoundReport) -> str:
    saved = one.effort.saved
    if np.isnan(saved):
        return f"Round {one.number}: the corrected masks mark nothing; effort saved is not defined."
    verdict = "the model helped" if saved > 0 else "the model did not help yet"
    less = f"{saved:.0%}" if saved > 0 else "no"
    same = f"; left exactly as proposed: {plural(one.unchanged, 'mask')}" if one.unchanged else ""
    return (
        f"Round {one.number}: {verdict}: voxels changed: {one.effort.changed}, where the corrected masks "
        f"mark {one.effort.marked}, {less} less than drawing from nothing; in {one.helped} of {one.accepted} "
        f"exams it was less{same}."
    )


def verdict_of(now: RoundReport) -> Verdict:
    """The models of a round and of the one before, on the round's exams, which neither was trained on."""
    names = {"now": f"round {now.number}'s model", "earlier": f"round {now.number - 1}'s model"}
    scores = now.compared.melt(["exam", "level"], [*names], var_name="rater", value_name="dice")
    table = compare_models(scores.assign(rater=scores.rater.map(names)), models=list(names.values()))
    levels = list(dict.fromkeys(now.compared.level))
    # One reader's corrected masks are all there is: there is no other way to look.
    (found,) = model_verdicts(table, pd.DataFrame(columns=COLUMNS), levels=levels)
    return found


def _same_exams(now: RoundReport) -> str:
    """The verdict, as everywhere, and what favours one of the two."""
    found = verdict_of(now)
    medians = ""
    if len(now.pairs):
        medians = (
            f" (median Dice {OVER_LEVELS} {number(now.pairs.now.median())}, by the model before "
            f"{number(now.pairs.earlier.median())})"
        )
    favours = f" The masks were corrected from round {now.number}'s proposals, which favours its model"
    much = ": how much of the difference that is these exams cannot say." if found.call == "better" else "."
    exams = plural(now.compared.exam.nunique(), "exam")
    return f"Both models on round {now.number}'s {exams}{medians}: {_go_on(found.words)}{favours}{much}"


def _go_on(words: str) -> str:
    return words[0].lower() + words[1:]


def _other_exams(before: RoundReport, now: RoundReport) -> str:
    """Two rounds whose exams differ: no paired test applies, and none is settled."""
    earlier, later = (median_text(one.dice[OVER_LEVELS]) for one in (before, now))
    return (
        f"Round {now.number} against round {before.number}: the median Dice {OVER_LEVELS} is {later}, and "
        f"was {earlier} in other exams: which of the two models is better is not settled."
    )


def median_text(dice: Interval) -> str:
    """A median with its interval, where it has one."""
    if not dice.is_defined:
        return number(dice.estimate)
    return with_interval(dice.estimate, dice.low, dice.high)
