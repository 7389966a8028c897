"""The tables of a submission's page, made of all submissions at once: key to rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bmseg.leaderboard.means import counted
from bmseg.leaderboard.scoring import MISSING, SCORED, UNDEFINED
from bmseg.leaderboard.site.cells import Cell, number, whole
from bmseg.leaderboard.site.tables import SCHEME_NAMES, Line, rank_cells
from bmseg.leaderboard.standings import Standings
from evaluation.ranking import OVERALL
from evaluation.ranking.groups import letters_of
from evaluation.table import DASH

#: Submissions that a page names of those that it cannot be told apart from.
MOST_NAMED = 60
#: What stands before a row, and its cells.
Row = tuple[str, list[Cell]]


@dataclass(frozen=True, eq=False)
class SubmissionTables:
    """What the pages of all submissions hold, by key."""

    lines: Mapping[str, Line]
    levels: Mapping[str, list[Row]]
    schemes: Mapping[str, list[Row]]
    exams: Mapping[str, list[Row]]
    peers: Mapping[str, list[Line]]

    @classmethod
    def of(cls, standings: Standings, lines: Mapping[str, Line]) -> SubmissionTables:
        """Of a board, whose lines are of `bmseg.leaderboard.site.tables.ranking_lines`."""
        return cls(
            lines,
            level_rows(standings, lines.values()),
            own_scheme_rows(standings),
            exam_rows(standings),
            not_told_apart(list(lines.values())),
        )


def level_rows(standings: Standings, lines: Iterable[Line]) -> dict[str, list[Row]]:
    """Of each key mean, median, lowest, highest Dice, and how many are defined, level by level.

    The mean is that of the ranking table. As there, a missing exam counts as 0.
    """
    if standings.scores.empty:
        return {}
    keys = [standings.scores.key, standings.scores.level]
    spread = counted(standings.scores).dice.groupby(keys).agg(["median", "min", "max"])
    counts = standings.scores.status.groupby(keys).value_counts().unstack(fill_value=0)
    counts = counts.reindex(columns=[SCORED, UNDEFINED, MISSING], fill_value=0)
    spreads, n_of = (
        dict(zip(table.index, table.to_numpy().tolist(), strict=True)) for table in (spread, counts)
    )
    return {
        line.key: [
            (level, [mean, *map(number, spreads[line.key, level]), *map(whole, n_of[line.key, level])])
            for level, mean in zip(standings.study.level_names, line.levels, strict=True)
        ]
        for line in lines
    }


def own_scheme_rows(standings: Standings) -> dict[str, list[Row]]:
    """Of each submission its rank with interval and spread: scheme, and a cell overall and for each level."""
    if standings.rankings is None:
        return {}
    cells = rank_cells(standings.rankings.ranks)
    tasks = [OVERALL, *standings.study.level_names]
    tasks += [task.name for task in standings.challenge.ranking.tasks]
    return {
        entry.key: [
            (name, [cells[str(scheme), task, entry.key] for task in tasks])
            for scheme, name in SCHEME_NAMES.items()
        ]
        for entry in standings.entries
    }


def exam_rows(standings: Standings) -> dict[str, list[Row]]:
    """Every Dice of each submission, a row an exam, a column a level; undefined and missing ones say so."""
    names = ["key", "exam", "level", "dice", "status"]
    cells = {
        (key, exam, level): Cell(str(status)) if status != SCORED else number(dice)
        for key, exam, level, dice, status in zip(
            *(standings.scores[name].tolist() for name in names), strict=True
        )
    }
    levels = standings.study.level_names
    return {
        entry.key: [
            (exam, [cells.get((entry.key, exam, level), Cell(DASH)) for level in levels])
            for exam in standings.contract.exams
        ]
        for entry in standings.entries
    }


def not_told_apart(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Of each key the other submissions that share a letter of the overall tie group with it."""
    letters = {line.key: letters_of(line.group) for line in lines}
    return {
        line.key: [
            other
            for other in lines
            if other.key != line.key and not letters[line.key].isdisjoint(letters[other.key])
        ]
        for line in lines
    }


def nearest(peers: Sequence[Line], line: Line, lines: Sequence[Line]) -> list[Line]:
    """Those of `peers` that stand nearest to a line, as many as are named, in the order of the board."""
    if len(peers) <= MOST_NAMED:
        return list(peers)
    place = {one.key: number for number, one in enumerate(lines)}
    near = sorted(peers, key=lambda peer: abs(place[peer.key] - place[line.key]))[:MOST_NAMED]
    return sorted(near, key=lambda peer: place[peer.key])
