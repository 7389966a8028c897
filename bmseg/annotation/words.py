"""Whether the model helps yet, and more than the one before: in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bmseg.annotation.round_report import OVER_LEVELS, RoundReport
from evaluation.comparison.readers import estimate_and_test
from evaluation.statistics.intervals import Interval
from evaluation.statistics.words import signed
from evaluation.table import DASH

_CONFIDENCE = 0.95


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
    if np.isnan(one.saved):
        return f"Round {one.number}: the corrected masks mark nothing; effort saved is not defined."
    verdict = "the model helped" if one.saved > 0 else "the model did not help yet"
    than = (
        f"{one.saved:.0%} less than drawing from nothing"
        if one.saved > 0
        else "no less than drawing from nothing"
    )
    same = f"; {one.unchanged} masks were left exactly as proposed" if one.unchanged else ""
    return (
        f"Round {one.number}: {verdict}: {one.changed} voxels were changed where the corrected masks mark "
        f"{one.marked}, {than}; in {one.helped} of {one.accepted} exams it was less{same}."
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
    low, high = signed(found["low"], typeset=True), signed(found["high"], typeset=True)
    return (
        f"{text}; difference {signed(found['difference'], typeset=True)} ({low} to {high}, "
        f"exact Wilcoxon p {found['p']:.3f}). The masks were corrected from round {now.number}'s proposals, "
        "which favours its model."
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
    if np.isnan(dice.estimate):
        return DASH
    if not dice.is_defined:
        return f"{dice.estimate:.2f}"
    return f"{dice.estimate:.2f} ({dice.low:.2f}{DASH}{dice.high:.2f})"
