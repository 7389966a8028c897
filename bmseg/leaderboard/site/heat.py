"""The heat map of a board whose exams can be looked at: each cell leads to its exam, with its submission.

The figure of the same name shows the same; the page's script makes tables of these numbers in its place.
"""

from __future__ import annotations

from typing import Any

from bmseg.leaderboard.scoring import MISSING
from bmseg.leaderboard.site.figures import called_in_rows, first_drawn, scores_drawn
from bmseg.leaderboard.site.viewing import Viewed
from bmseg.leaderboard.standings import Standings
from bmseg.leaderboard.texts import plain
from bmseg.viewer import viewer_link


def heat_map(standings: Standings, viewed: Viewed) -> dict[str, Any]:
    """What the script makes the tables of; empty where no exam can be looked at.

    ``exams`` with their addresses (empty: it cannot be looked at), ``levels`` with what they are shown as,
    ``rows``, in the order of the board: what each is ``called``, its ``rater`` in the viewer (empty for
    readers), by level and exam its Dice in hundredths, null where it is undefined and ``x`` where the mask is
    missing, and the places of exams that show it not.
    """
    if not viewed or standings.scores.empty:
        return {}
    drawn = first_drawn(standings)
    called = {key: plain(name) for key, name in called_in_rows(drawn).items()}
    scores, keys = scores_drawn(drawn, {key: key for key in called})
    exams, levels = list(standings.contract.exams), standings.study.level_names
    cells = {
        (key, level, exam): "x" if status == MISSING else None if dice != dice else round(100 * dice)
        for level, key, exam, dice, status in scores.itertuples(index=False)
    }
    pages = {entry.key: entry.page_name for entry in drawn.entries}
    shown = [standings.shown(level) for level in levels]
    rows = [
        {
            "called": called[key],
            "rater": pages.get(key, ""),
            "dice": [[cells.get((key, title, exam), "x") for exam in exams] for title in shown],
            "unseen": [
                place for place, exam in enumerate(exams) if key in pages and key not in viewed.get(exam, [])
            ],
        }
        for key in keys
    ]
    return {
        "exams": [[exam, viewer_link(exam) if exam in viewed else ""] for exam in exams],
        "levels": list(zip(levels, shown, strict=True)),
        "rows": rows,
    }
