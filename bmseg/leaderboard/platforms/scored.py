"""Score a submission on a platform, to the board's own numbers.

The same steps in the same order as `bmseg.leaderboard.adding` and `bmseg.leaderboard.standings`: check,
score, keep the nine digits that the board ranks by, take the yardstick, take means.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bmseg.errors import InputError
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.kept import as_kept
from bmseg.leaderboard.means import mean_dice, weighted_score
from bmseg.leaderboard.platforms.bundle import Organised
from bmseg.leaderboard.scoring import MISSING, SCORED, UNDEFINED, on_yardstick, score_submission
from bmseg.leaderboard.submission import CheckedSubmission

#: Codabench takes column keys of 36 characters; ``usual_`` stands before these, and a number may follow.
_LONGEST_KEY = 24


class SubmissionError(ValueError):
    """A submission has faults, each in one line with file, field, found and expected."""

    def __init__(self, faults: Sequence[str], notices: Sequence[str] = ()) -> None:
        super().__init__(f"found {len(faults)} faults, expected none")
        self.faults = list(faults)
        self.notices = list(notices)


@dataclass(frozen=True)
class ScoredSubmission:
    """A submission's numbers."""

    board: Board
    #: By yardstick, fair (where there are two readers) and usual: ``exam, level, dice, status, n_defined,
    #: n_consensuses``.
    scores: Mapping[str, pd.DataFrame]
    missing: list[str]  # exams without a mask
    notices: list[str]  # what was seen when the masks were read

    @property
    def yardstick(self) -> str:
        """The one that the challenge ranks by."""
        return self.board.challenge.ranking.yardstick

    @property
    def score(self) -> float:
        """The weighted mean of the ranked levels' means, as on the board; NaN where none is defined."""
        means = mean_dice(self.scores[self.yardstick].assign(key=""))
        return float(weighted_score(means, self.board.challenge.ranking.of_dice).iloc[0])

    @property
    def means(self) -> dict[str, dict[str, float]]:
        """Yardstick to level to mean Dice, as on the board: undefined left out, missing counted as 0."""
        return {
            name: {level: float(mean) for level, mean in mean_dice(table.assign(key="")).iloc[0].items()}
            for name, table in self.scores.items()
        }

    def counts(self, level: str | None = None) -> dict[str, int]:
        """``n_defined, n_undefined, n_missing`` on the challenge's yardstick, of a level or of all."""
        table = self.scores[self.yardstick]
        status = (table if level is None else table[table.level == level]).status.value_counts()
        return {f"n_{name}": int(status.get(value, 0)) for name, value in _STATUS.items()}


_STATUS = {"defined": SCORED, "undefined": UNDEFINED, "missing": MISSING}


def score_on_platform(checked: CheckedSubmission, made_from: Organised) -> ScoredSubmission:
    """Score a submission; raises a `SubmissionError` that names every fault, missing exams by the rule."""
    board = made_from.board
    if refusals := checked.refusals(board.challenge):
        raise SubmissionError(refusals, checked.notices)
    dice = as_kept(score_submission(checked.masks, made_from.reference))
    yardsticks = ["fair", "usual"] if len(made_from.reference.readers) > 1 else ["usual"]
    scores = {name: on_yardstick(dice, name) for name in yardsticks}
    return ScoredSubmission(board, scores, checked.missing, checked.notices)


def reported(score: Callable[[], ScoredSubmission]) -> ScoredSubmission | None:
    """Score, and say on stdout what was scored; None where it is refused, with every fault on stderr.

    Platforms show the last line, so that one sums up.
    """
    try:
        scored = score()
    except (SubmissionError, InputError) as error:
        refused = error if isinstance(error, SubmissionError) else SubmissionError([str(error)])
        for notice in refused.notices:
            print(notice)
        for fault in refused.faults:
            print(f"fault: {fault}", file=sys.stderr)
        first = refused.faults[0] + ("" if len(refused.faults) == 1 else "; the others stand above")
        print(f"refused, {refused}: {first}", file=sys.stderr)
        return None
    for notice in scored.notices:
        print(notice)
    n_exams = len(scored.board.contract.exams)
    if scored.missing:
        names = ", ".join(scored.missing)
        print(f"missing {len(scored.missing)} of {n_exams} exams, which count as Dice 0: {names}")
    print(f"score {scored.score:.4f}: the ranked levels' mean Dice ({scored.yardstick} yardstick)")
    for level in scored.board.study.level_names:
        means = ", ".join(f"{name} {table[level]:.4f}" for name, table in scored.means.items())
        counts = scored.counts(level)
        print(
            f"{level}: {means}; {counts['n_defined']} of {n_exams} defined, "
            f"{counts['n_undefined']} undefined (both masks empty), {counts['n_missing']} missing"
        )
    return scored


def level_keys(names: Sequence[str]) -> dict[str, str]:
    """Levels' names as keys of letters, digits and underscores, for columns and JSON paths.

    >>> level_keys(["level1", "level2+3", "level2-3"])
    {'level1': 'level1', 'level2+3': 'level2_3', 'level2-3': 'level2_3_2'}
    """
    keys: dict[str, str] = {}
    for name in names:
        key = re.sub(r"[^A-Za-z0-9]", "_", name)[:_LONGEST_KEY]
        again = 2
        while key in keys.values():
            key, again = f"{key[:_LONGEST_KEY]}_{again}", again + 1
        keys[name] = key
    return keys


def number(value: float) -> float | None:
    """A number for JSON, which has no NaN: None where there is none."""
    return None if math.isnan(value) else float(value)
