"""What a verdict beside the median reader is in a few words: a call, and the levels that it is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from evaluation.comparison.verdicts import Verdict

#: Calls that are of no level.
_OF_NONE = {"not settled": "not settled", "not comparable": "cannot be compared"}
# Of submissions that differ in their levels.
_OF_MANY = {
    "better": "better on one level or more",
    "worse": "worse on one level or more",
    "split": "better on some levels and worse on others",
}
#: So many levels are named, more are counted.
_MOST_LEVELS = 4
#: So many lists of levels of one call are told apart.
_MOST_LISTS = 3


def call_in_words(verdict: Verdict) -> str:
    """A call with its levels, by the names that the verdict has of them.

    As "worse on level1", "better on level1, worse on level2, both on level3": both where one side has the
    higher Dice and the other marks the level where it is not.
    """
    if verdict.call in _OF_NONE:
        return _OF_NONE[verdict.call]
    on: dict[str, list[str]] = {"better": [], "worse": [], "both": []}
    for level in verdict.levels:
        if sides := {level.side, level.absent_side} - {0}:
            on["both" if len(sides) > 1 else "better" if 1 in sides else "worse"].append(level.level)
    n = len(verdict.levels)
    if verdict.call == "split":
        return ", ".join(f"{side} on {_listed(levels, n)}" for side, levels in on.items() if levels)
    return f"{verdict.call} on {_listed(on[verdict.call], n)}"


def by_call(rows: pd.DataFrame, calls: Mapping[str, str]) -> dict[str, list[str]]:
    """The teams of each call, the better ones first.

    `rows` are some of `bmseg.leaderboard.standings.Standings.rows`, `calls` those of the standings.
    """
    found: dict[str, list[str]] = {}
    for call in [*_OF_MANY, *_OF_NONE]:
        own = rows[rows.beside == call]
        words = [calls[key] for key in own.key]
        if len({*words}) > _MOST_LISTS:
            words = [_OF_MANY[call]] * len(own)
        for said, team in zip(words, own.team, strict=True):
            found.setdefault(said, []).append(team)
    return found


def _listed(levels: Sequence[str], n: int) -> str:
    if len(levels) == n > 1:
        return "every level"
    if len(levels) > _MOST_LEVELS:
        return f"{len(levels)} of {n} levels"
    return " and ".join(filter(None, [", ".join(levels[:-1]), levels[-1]]))
