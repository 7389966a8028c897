"""How a board came to be what it is: the best score as submissions were added, and the board as of a date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from bmseg.errors import InputError, WorkError
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.entries import Entry
from bmseg.leaderboard.ledger import LEDGER_FILE, ledger_faults, ledger_lines, now

#: Of `over_time`.
COLUMNS = ["date", "event", "key", "name", "simulated", "score", "best", "best_key"]


def moment_of(board: Board, day: str) -> str:
    """The end of a day (UTC) as histories have it.

    What stood then is told by the records' histories, which the ledger vouches for. Raises `InputError` for
    what is no day that has been, `WorkError` where the board has no ledger or one that says otherwise.
    """
    try:
        found = date.fromisoformat(day).isoformat()
    except ValueError:
        found = ""
    if found != day:
        raise InputError(f"as_of: found {day!a}, expected a day as 2026-11-29")
    if found > now()[:10]:
        raise InputError(f"as_of: found {found}, expected a day that has begun (UTC)")
    path = board.root / LEDGER_FILE
    if not ledger_lines(board.root)[0]:
        raise WorkError(
            f"{path}: found no ledger, expected one: without it nothing vouches for what stood when; the "
            "next submission begins one"
        )
    if faults := ledger_faults(board.root, board.records()):
        raise WorkError(f"{faults[0]}; 'bmseg leaderboard verify' says more")
    return f"{found}T23:59:59.999999Z"


def over_time(entries: Sequence[Entry], scores: Mapping[str, float], submissions: str) -> pd.DataFrame:
    """What happened to the submissions of `scores`, oldest first, and the best score from then on.

    `entries` are the submissions that have a rank, or had one before their team's next; `submissions` says
    whether a team's next one takes the place of the one before (``latest``). Best is the score of a
    submission of a team, no simulated one, where there is any team; NaN while there is none.
    """
    counted = [entry for entry in entries if not entry.simulated] or list(entries)
    keys = {entry.key for entry in counted}
    events = [
        (event.date, event.event, entry)
        for entry in entries
        for event in entry.history
    ]  # fmt: skip
    events.sort(key=lambda one: (one[0], one[2].key))
    standing: dict[str, dict[str, Entry]] = {}
    rows = []
    for when, event, entry in events:
        of_team = standing.setdefault(entry.team, {})
        if event == "withdrawn":
            of_team.pop(entry.key, None)
        else:
            of_team[entry.key] = entry
        best, of = _best(standing, keys, scores, submissions)
        rows.append(
            (when, event, entry.key, entry.name, entry.simulated, scores.get(entry.key, np.nan), best, of)
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _best(
    standing: Mapping[str, Mapping[str, Entry]],
    keys: set[str],
    scores: Mapping[str, float],
    submissions: str,
) -> tuple[float, str]:
    """The best score of those that count, and whose it is."""
    best, of = np.nan, ""
    for of_team in standing.values():
        counted = [entry for entry in of_team.values() if entry.key in keys]
        if submissions == "latest":
            counted = sorted(counted, key=lambda entry: (entry.history[0].date, entry.key))[-1:]
        for entry in counted:
            score = scores.get(entry.key, np.nan)
            if not np.isnan(score) and not score <= best:
                best, of = score, entry.key
    return best, of
