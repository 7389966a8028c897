"""The tables of a submission's page: its levels, its ranks, its exams, and who is beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from bmseg.leaderboard.scoring import MISSING, SCORED, UNDEFINED
from bmseg.leaderboard.site.tables import SCHEME_NAMES, Cell, Line, number, rank_cells, whole
from bmseg.leaderboard.standings import Standings, counted
from evaluation.ranking import OVERALL
from evaluation.table import DASH


def level_rows(standings: Standings, line: Line, scores: pd.DataFrame) -> list[tuple[str, list[Cell]]]:
    """Mean, median, lowest, highest Dice of a submission, and how many are defined, level by level.

    The mean is that of the ranking table. As there, a missing exam counts as 0.
    """
    found = []
    for level, mean in zip(standings.study.level_names, line.levels, strict=True):
        at = scores[scores.level == level]
        dice = counted(at).dice
        spread = [dice.median(), dice.min(), dice.max()]
        counts = [int((at.status == status).sum()) for status in (SCORED, UNDEFINED, MISSING)]
        found.append((level, [mean, *map(number, spread), *map(whole, counts)]))
    return found


def own_scheme_rows(standings: Standings, key: str) -> list[tuple[str, list[Cell]]]:
    """A submission's rank with its interval: scheme, and a cell overall and for each level."""
    assert standings.rankings is not None  # a board with a submission has rankings
    ranks = standings.rankings.ranks
    cells = rank_cells(ranks[ranks.algorithm == key])
    tasks = [OVERALL, *standings.study.level_names]
    return [
        (name, [cells[str(scheme), task, key] for task in tasks]) for scheme, name in SCHEME_NAMES.items()
    ]


def exam_rows(standings: Standings, scores: pd.DataFrame) -> list[tuple[str, list[Cell]]]:
    """Every Dice of a submission, a row an exam, a column a level; undefined and missing ones say so."""
    cells = {
        (row.exam, row.level): Cell(str(row.status)) if row.status != SCORED else number(row.dice)
        for row in scores.itertuples()
    }
    return [
        (exam, [cells.get((exam, level), Cell(DASH)) for level in standings.study.level_names])
        for exam in standings.contract.exams
    ]


def not_told_apart(lines: Iterable[Line], line: Line) -> list[Line]:
    """The other submissions that share a letter of the overall tie group with one."""
    own = _letters(line.group)
    return [other for other in lines if other.key != line.key and own & _letters(other.group)]


def _letters(group: str) -> set[str]:
    """The letters of a group, each with its number where the alphabet did not suffice: ``a``, ``b1``."""
    return set(re.findall(r"\D\d*", group))
