"""The board over time, on its page: a chart, and when the best score rose."""

from __future__ import annotations

from datetime import datetime

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bmseg.leaderboard.gathering import AVERAGE_READER
from bmseg.leaderboard.site.cells import Cell, number
from bmseg.leaderboard.standings import Standings
from bmseg.leaderboard.texts import plain
from evaluation.figures.style import BLUE, GREY, LIGHT, PAGE_INCHES, new_figure, noted, styled

#: Of history.csv.
HISTORY_FILE = "history.csv"
# Room at both ends of the axis, as a share of it.
_ROOM = 0.04


def rises(standings: Standings) -> list[tuple[str, str, Cell]]:
    """Each time at which the best score became another: date, whose it was, the score."""
    table = standings.over_time
    if table.empty:
        return []
    named = {
        entry.key: plain(standings.called(entry)) for entry in [*standings.entries, *standings.superseded]
    }
    changed = table[table.best_key.ne(table.best_key.shift()) & table.best_key.astype(bool)]
    return [(row.date, named[row.best_key], number(row.best, 3)) for row in changed.itertuples()]


@styled
def draw_history(standings: Standings, note: str) -> Figure:
    """The best score as a line of steps, every submission as a point at the time of its addition."""
    table = standings.over_time
    figure = new_figure(PAGE_INCHES, 2.6)
    axes = figure.subplots()
    when = pd.Series([mdates.date2num(_time(date)) for date in table.date], index=table.index, dtype=float)
    begin, end = when.min(), when.max()
    room = _ROOM * (end - begin)
    known = table.best.notna()
    # The best stands until the end of the axis.
    x, y = [*when[known], end + room], [*table.best[known], *table.best[known].tail(1)]
    axes.step(x[: len(y)], y, where="post", color=BLUE, linewidth=1.4, zorder=2)
    added = (table.event == "added").to_numpy()
    ranked = table.key.isin([entry.key for entry in standings.entries]).to_numpy()
    for chosen, face, edge in (
        (added & ~ranked, LIGHT, LIGHT),
        (added & ranked & table.simulated.to_numpy(bool), "none", GREY),
        (added & ranked & ~table.simulated.to_numpy(bool), BLUE, BLUE),
    ):
        axes.scatter(
            when[chosen], table.score[chosen], s=16, facecolor=face, edgecolor=edge, linewidth=0.8, zorder=3
        )
    average = standings.rows.score[standings.rows.kind == AVERAGE_READER]
    if len(average) and np.isfinite(average.iloc[0]):
        axes.axhline(average.iloc[0], color=GREY, linewidth=0.8, linestyle="--", zorder=1)
    axes.set_xlim(begin - room, end + room)
    locator = mdates.AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))
    axes.set_ylabel("score (Dice)")
    axes.set_xlabel("added, UTC")
    return noted(figure, note)


def _time(date: str) -> datetime:
    return datetime.strptime(date, "%Y-%m-%dT%H:%M:%S.%fZ")
