"""Places on a board: submissions ranked by its rules, tie groups lettered, readers between them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bmseg.leaderboard.board import Board
from bmseg.leaderboard.gathering import as_tasks
from bmseg.leaderboard.means import WORST
from evaluation.ranking import OVERALL, Rankings, Rules, Scheme, rank_scores
from evaluation.ranking.groups import letter_display
from evaluation.ranking.intervals import clear_pairs

#: Columns of `bmseg.leaderboard.standings.Standings.rows` that a ranking gives.
OF_RANK = ["rank", "rank_low", "rank_high", "spread_low", "spread_high", "value"]


def rank(
    board: Board, scores: pd.DataFrame, measured: pd.DataFrame, *, places_alone: bool = False
) -> Rankings:
    """Rank submissions by their scores; with `places_alone` by the board's scheme, without a bootstrap."""
    rule = board.challenge.ranking
    table = scores[scores.kind == "submission"].rename(
        columns={"level": "task", "key": "algorithm", "exam": "case", "dice": "value"}
    )
    same = {"tolerance", "alpha", "exact", "confidence", "bootstraps", "seed"}
    weights = {level: rule.weights.get(level, 0.0) for level in board.study.level_names} | rule.weights
    rules = Rules(**rule.model_dump(include=same), weights=weights, worst=WORST)
    schemes = tuple(Scheme)
    if places_alone:
        rules, schemes = replace(rules, bootstraps=0), (Scheme(rule.scheme),)
    table = table[["task", "algorithm", "case", "value", "status"]]
    if rule.is_of_dice:
        return rank_scores(table, rules, schemes)
    smaller = [task.name for task in rule.tasks if task.smaller_is_better]
    rules = replace(rules, smaller_is_better=smaller, overall_by_ranks=rule.is_unlike)
    every = pd.concat([table.assign(worst=WORST), as_tasks(measured)], ignore_index=True)
    return rank_scores(every, rules, schemes)


def places(rankings: Rankings, scheme: str) -> dict[Hashable, dict[Hashable, Any]]:
    """Key to `OF_RANK`, overall and by a scheme."""
    overall = rankings.ranks[rankings.ranks.task == OVERALL]
    own = overall[overall.scheme == Scheme(scheme)].set_index("algorithm")
    return own[OF_RANK].to_dict("index")


def lettered_from_the_top(
    rows: pd.DataFrame, rankings: Rankings | None, scheme: str, alpha: float
) -> tuple[pd.DataFrame, Rankings | None]:
    """Letter the overall tie groups in the order of the page, where the first line has the letter a.

    By the ranks of the page's own scheme, as the intervals beside them.
    """
    if rankings is None:
        return rows, None
    order = [key for key, kind in zip(rows.key, rows.kind, strict=True) if kind == "submission"]
    place = {key: number for number, key in enumerate(order)}
    pairs = clear_pairs(rankings, OVERALL, scheme)
    clear = pairs[pairs.p_clear <= alpha]
    differs = np.zeros((len(order), len(order)), dtype=bool)
    differs[clear.algorithm.map(place), clear.other.map(place)] = True
    letters = pd.Series(dict(zip(order, letter_display(differs | differs.T), strict=True)))
    overall = rankings.groups.task == OVERALL
    groups = rankings.groups.group.mask(overall, rankings.groups.algorithm.map(letters))
    return rows.assign(group=rows.key.map(letters)), replace(
        rankings, groups=rankings.groups.assign(group=groups)
    )


def placed(rows: pd.DataFrame) -> pd.DataFrame:
    """Submissions by rank; each reader before the first submission of a lower score."""
    ranked = rows[rows.kind == "submission"].sort_values(
        ["rank", "score", "key"], ascending=[True, False, True], kind="stable"
    )
    others = rows[rows.kind != "submission"].sort_values("score", ascending=False, kind="stable")
    order: list[int] = []
    waiting = list(others.index)
    for place in ranked.index:
        while waiting and rows.score[waiting[0]] > rows.score[place]:
            order.append(waiting.pop(0))
        order.append(place)
    return rows.loc[[*order, *waiting]].reset_index(drop=True)
