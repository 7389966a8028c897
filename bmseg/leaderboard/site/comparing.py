"""What the page compares two submissions by: their scores exam by exam, and the ranking's own tests.

A file a submission, which the page asks for when it is chosen: tests of every pair are too many for one page.
Whether a difference is clear was decided when these were made; a browser only shows it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bmseg.leaderboard.means import WORST
from bmseg.leaderboard.scoring import MISSING
from bmseg.leaderboard.standings import Standings
from evaluation.ranking import OVERALL, Rankings, Scheme
from evaluation.statistics.words import p_value

FOLDER = "compare"
# Of scores, as a board keeps them.
_DIGITS = 9


def file_of(page_name: str) -> str:
    """The file of a submission, from the site's root."""
    return f"{FOLDER}/{page_name}.js"


def tasks_of(standings: Standings) -> list[str]:
    """What two submissions are compared by: the levels, then the other tasks."""
    return [*standings.study.level_names, *(task.name for task in standings.challenge.ranking.tasks)]


def is_compared(standings: Standings) -> bool:
    """Whether there are two submissions."""
    return len(standings.entries) > 1 and standings.rankings is not None


def comparisons(standings: Standings) -> dict[str, str]:
    """File to text, a call of the page's script each; none where there is nobody to be compared with.

    ``scores``: overall (the exam's weighted mean, where tasks have one) and by task a score an exam, null
    where it is undefined, a text with its worst score where the mask is missing. ``tests``, and ``alone``
    without the simulated submissions: ``p`` by task against every submission in the order of the board,
    ``clear`` the places of those than which it is clearly better, ``against`` those of them that have no
    worse rank, ``but`` the ranked tasks on which such a one has the better rank.
    """
    if not is_compared(standings):
        return {}
    scores = _scores(standings)
    tests = _tests(standings, standings, range(len(standings.entries)))
    alone: dict[str, Any] = {}
    if standings.alone and len(standings.alone.entries) > 1:
        place = {entry.key: number for number, entry in enumerate(standings.entries)}
        alone = _tests(standings, standings.alone, [place[one.key] for one in standings.alone.entries])
    found = {}
    for entry in standings.entries:
        data = {"scores": scores[entry.key], "tests": tests[entry.key]}
        if entry.key in alone:
            data["alone"] = alone[entry.key]
        text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
        found[file_of(entry.page_name)] = f'bmsegCompare("{entry.page_name}",{text});\n'
    return found


def _scores(standings: Standings) -> dict[str, dict[str, list[float | str | None]]]:
    """Key to what it has in each exam, overall and by task."""
    rule = standings.challenge.ranking
    own = standings.scores[standings.scores.kind == "submission"]
    every = own.rename(columns={"level": "task", "dice": "value"}).assign(worst=WORST)
    columns = ["key", "exam", "task", "value", "status", "worst"]
    every = every[columns]
    if len(measured := standings.measured):
        every = pd.concat([every, measured.loc[measured.kind == "submission", columns]], ignore_index=True)
    missing = every.status == MISSING
    every = every.assign(value=every.value.astype(float).mask(missing, every.worst), missing=missing)
    tables = {
        what: every.pivot(index="key", columns=["task", "exam"], values=what) for what in ("value", "missing")
    }
    exams = list(standings.contract.exams)
    found: dict[str, dict[str, list[float | str | None]]] = {entry.key: {} for entry in standings.entries}
    values: dict[str, np.ndarray] = {}
    gone: dict[str, np.ndarray] = {}
    for task in tasks_of(standings):
        wanted = pd.MultiIndex.from_product([[task], exams])
        keys = list(found)
        values[task] = tables["value"].reindex(index=keys, columns=wanted).to_numpy(float)
        gone[task] = tables["missing"].reindex(index=keys, columns=wanted).fillna(False).to_numpy(bool)
    if not rule.is_unlike:
        values = {OVERALL: _mean(values, rule.weights), **values}
        gone[OVERALL] = np.all([gone[task] for task in rule.weights], axis=0)
    for task, table in values.items():
        for row, key in enumerate(found):
            found[key][task] = [
                _score(value, lacks)
                for value, lacks in zip(table[row].tolist(), gone[task][row].tolist(), strict=True)
            ]
    return found


def _mean(values: Mapping[str, np.ndarray], weights: Mapping[str, float]) -> np.ndarray:
    """The exam's weighted mean over the ranked tasks that are defined there, as the overall tests take it."""
    stacked = np.stack([values[task] for task in weights])
    weight = np.array(list(weights.values()))[:, None, None] * ~np.isnan(stacked)
    with np.errstate(invalid="ignore"):
        return np.nansum(weight * np.nan_to_num(stacked), axis=0) / weight.sum(axis=0)


def _score(value: float, is_missing: bool) -> float | str | None:
    if np.isnan(value):
        return None
    return f"{value:g}" if is_missing else round(value, _DIGITS)


def _tests(standings: Standings, of: Standings, places: Sequence[int]) -> dict[str, dict[str, Any]]:
    """Key to its tests against all others, of the submissions of a ranking, which have these places."""
    assert of.rankings is not None  # there are two
    rule, n = standings.challenge.ranking, len(standings.entries)
    place = {entry.key: where for entry, where in zip(of.entries, places, strict=True)}
    ranks = _ranks(of.rankings, rule.scheme, place, n)
    found: dict[str, dict[str, Any]] = {
        key: {"p": {}, "clear": {}, "against": {}, "but": {}} for key in place
    }
    for task, pairs in of.rankings.pairwise.groupby("task", sort=False):
        p = np.full((n, n), np.nan)
        p[pairs.algorithm.map(place), pairs.other.map(place)] = pairs.p_clear
        # By the tests alone; what the ranks are against, which intervals and tie groups leave out, is below.
        clear = p <= rule.alpha
        values, inverse = np.unique(p, return_inverse=True)
        words = np.array(["" if np.isnan(value) else p_value(value) for value in values], object)
        texts = words[inverse.reshape(n, n)]
        for key, row in place.items():
            others = np.flatnonzero(clear[row]).tolist()
            found[key]["p"][str(task)] = texts[row].tolist()
            found[key]["clear"][str(task)] = others
            own = ranks[str(task)]
            found[key]["against"][str(task)] = [other for other in others if not own[row] < own[other]]
            if task == OVERALL:
                behind = {o: [t for t in rule.weights if ranks[t][o] < ranks[t][row]] for o in others}
                found[key]["but"] = {str(other): tasks for other, tasks in behind.items() if tasks}
    return found


def _ranks(rankings: Rankings, scheme: str, place: Mapping[str, int], n: int) -> dict[str, np.ndarray]:
    own = rankings.ranks[rankings.ranks.scheme == Scheme(scheme)]
    found = {}
    for task, table in own.groupby("task"):
        found[str(task)] = np.full(n, np.nan)
        found[str(task)][table.algorithm.map(place)] = table["rank"]
    return found
