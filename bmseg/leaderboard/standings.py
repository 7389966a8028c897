"""Who stands where: the board's scores, ranked, with the readers beside them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bmseg.leaderboard.challenge import Challenge
from bmseg.leaderboard.contract import Contract
from bmseg.leaderboard.entries import Entry
from bmseg.study import Study
from evaluation.ranking import Rankings

#: Columns of `Standings.rows`, besides one a level.
ROWS = [
    "key", "kind", "name", "team", "title", "simulated", "rank", "rank_low", "rank_high", "group", "value",
    "score", "n_defined", "n_undefined", "n_missing", "n", "difference", "low", "high", "beside",
]  # fmt: skip


@dataclass(frozen=True)
class Standings:
    """A board, ranked.

    Parameters
    ----------
    challenge : Challenge
    study : Study
    contract : Contract
    entries : list of Entry
        Those that stand, in rank order.
    withdrawn : list of Entry
    superseded : list of Entry
        A team's earlier submissions, where only the latest is ranked.
    rows : DataFrame
        `ROWS` and a column a level; see docs.
    rankings : Rankings or None
        Of the entries; algorithms are their keys. None without one.
    scores : DataFrame
        ``exam, key, kind, name, level, dice, status, n_defined, n_consensuses`` of every row.
    """

    challenge: Challenge
    study: Study
    contract: Contract
    entries: list[Entry]
    withdrawn: list[Entry]
    superseded: list[Entry]
    rows: pd.DataFrame
    rankings: Rankings | None
    scores: pd.DataFrame
