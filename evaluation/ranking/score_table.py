"""Long tables of scores, checked, as a matrix a task: cases in rows, algorithms in columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.ranking.rules import OVERALL, Rules
from evaluation.statistics.intervals import StatisticsError

KEYS = ("task", "algorithm", "case")
SCORED, UNDEFINED, MISSING = "scored", "undefined", "missing"
# Of a cell: the place in this tuple. A cell that no row fills is missing.
_STATUSES = (SCORED, UNDEFINED, MISSING)


@dataclass(frozen=True)
class TaskScores:
    """The scores of one task; names are sorted, algorithms the same in every task."""

    task: str
    algorithms: tuple[str, ...]
    cases: tuple[str, ...]
    #: Shape (cases, algorithms). Turned so that larger is better; a missing case holds the worst score, an
    #: undefined one NaN.
    values: np.ndarray
    missing: np.ndarray


def split_tasks(scores: pd.DataFrame, rules: Rules) -> list[TaskScores]:
    """Check a table of scores and give each task's matrix, tasks sorted by name.

    Columns ``task, algorithm, case, value`` and, if known, ``status`` (scored, undefined, missing); without a
    status NaN is undefined. A case is one of a task when any algorithm has it there; an algorithm without it
    misses it. A column ``worst``, if there, is what a case counts as where it is missing, before the rules'.

    Raises
    ------
    StatisticsError
        When a column is absent, a value is not a finite number or contradicts its status, a case of an
        algorithm is given twice, a task is named as the consensus is, the rules name a task that is not
        there, or a case is missing and nothing says what it counts as or lets it beat a case that is not.
    """
    values, status = _checked_values(scores)
    codes, names = zip(*(_coded(scores, key) for key in KEYS), strict=True)
    if OVERALL in names[0]:
        raise StatisticsError(
            f"task: found '{OVERALL}', which names the ranking across tasks; rename the task"
        )
    _refuse_twice(codes, names)
    rules.check_tasks(names[0].tolist())
    shape = tuple(len(found) for found in names)
    grid, state = np.full(shape, np.nan), np.full(shape, _STATUSES.index(MISSING))
    grid[codes], state[codes] = values, status
    has_case = np.zeros((shape[0], shape[2]), bool)
    has_case[codes[0], codes[2]] = True
    tasks, algorithms, cases = names
    is_missing = (state == _STATUSES.index(MISSING)) & has_case[:, None, :]
    signs = np.array([1.0 if rules.larger_is_better(task) else -1.0 for task in tasks])
    turned = signs[:, None, None] * grid
    if is_missing.any():
        own = _own_worst(scores, codes, (shape[0], shape[2]))
        of_tasks = np.array([rules.worst_of(task) for task in tasks], float)
        worst = signs[:, None] * np.where(np.isnan(own), of_tasks[:, None], own)
        _refuse_unknown(is_missing & np.isnan(worst)[:, None, :], tasks, algorithms)
        _refuse_what_pays(worst, turned, is_missing, ~np.isnan(own), signs, tasks)
        turned = np.where(is_missing, worst[:, None, :], turned)
    return [
        TaskScores(task, tuple(algorithms), tuple(cases[here]), of_task[:, here].T, missed[:, here].T)
        for task, here, of_task, missed in zip(tasks, has_case, turned, is_missing, strict=True)
    ]


def _checked_values(scores: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Values as numbers, and the place of each one's status."""
    absent = [column for column in (*KEYS, "value") if column not in scores.columns]
    if absent:
        raise StatisticsError(
            f"scores: found no column {', '.join(absent)}, expected {', '.join(KEYS)}, value"
        )
    if not len(scores):
        raise StatisticsError("scores: found no row, expected one for each case of an algorithm")
    numbers = pd.to_numeric(scores["value"], errors="coerce").to_numpy(float)
    is_empty = scores["value"].isna().to_numpy()
    bad = ~np.isfinite(numbers) & ~is_empty
    if bad.any():
        raise StatisticsError(f"value: {_row(scores, bad)}, expected a finite number")
    if "status" not in scores.columns:
        return numbers, np.where(is_empty, _STATUSES.index(UNDEFINED), _STATUSES.index(SCORED))
    status = pd.Index(_STATUSES).get_indexer(scores["status"].astype(object))
    if (status < 0).any():
        raise StatisticsError(
            f"status: {_row(scores, status < 0, 'status')}, expected {', '.join(_STATUSES)}"
        )
    bad = (status == _STATUSES.index(SCORED)) == is_empty
    if bad.any():
        raise StatisticsError(
            f"value: {_row(scores, bad)} and status {scores['status'].to_numpy()[bad][0]}, "
            "expected a number where the status is scored and none elsewhere"
        )
    return numbers, status


def _coded(scores: pd.DataFrame, key: str) -> tuple[np.ndarray, np.ndarray]:
    if scores[key].isna().any():
        raise StatisticsError(f"{key}: {_row(scores, scores[key].isna().to_numpy(), key)}, expected a name")
    codes, names = pd.factorize(scores[key].astype(str).to_numpy(object), sort=True)
    return codes, names


def _row(scores: pd.DataFrame, bad: np.ndarray, column: str = "value") -> str:
    """What stands in the first bad row, and how many more there are."""
    row = scores.iloc[int(bad.argmax())]
    more = f" (and {bad.sum() - 1} more)" if bad.sum() > 1 else ""
    where = ", ".join(f"{key} {row[key]}" for key in KEYS if key != column)
    found = "nothing" if pd.isna(row[column]) else f"'{row[column]}'"
    return f"{where}: found {found}{more}"


def _refuse_twice(codes: tuple[np.ndarray, ...], names: tuple[np.ndarray, ...]) -> None:
    shape = tuple(len(found) for found in names)
    cells, counts = np.unique(np.ravel_multi_index(codes, shape), return_counts=True)
    if n_again := int((counts - 1).sum()):
        cell = np.unravel_index(cells[counts > 1][0], shape)
        where = ", ".join(f"{key} {found[k]}" for key, found, k in zip(KEYS, names, cell, strict=True))
        more = f" (and {n_again - 1} more rows)" if n_again > 1 else ""
        raise StatisticsError(f"scores: {where}: found more than once{more}, expected one row")


def _own_worst(scores: pd.DataFrame, codes: tuple[np.ndarray, ...], shape: tuple[int, ...]) -> np.ndarray:
    """What a case (column) of a task (row) counts as where it is missing, if its rows say so; else NaN."""
    worst = np.full(shape, np.nan)
    if "worst" in scores.columns:
        given = pd.to_numeric(scores["worst"], errors="coerce").to_numpy(float)
        is_given = np.isfinite(given)
        worst[codes[0][is_given], codes[2][is_given]] = given[is_given]
    return worst


def _refuse_unknown(unknown: np.ndarray, tasks: np.ndarray, algorithms: np.ndarray) -> None:
    """Refuse where a case (tasks, algorithms, cases) is missing and nothing says what it counts as."""
    if not unknown.any():
        return
    counts = unknown.sum(axis=2)
    whose = ", ".join(
        f"{algorithms[column]} {counts[row, column]} in {tasks[row]}"
        for row, column in np.argwhere(counts)[:5]
    )
    n, more = unknown.sum(), ", ..." if np.count_nonzero(counts) > 5 else ""
    raise StatisticsError(
        f"worst: found none, but {n} {'case is' if n == 1 else 'cases are'} missing ({whose}{more}); "
        "expected the score that a missing case counts as, such as 0"
    )


def _refuse_what_pays(
    worst: np.ndarray,
    turned: np.ndarray,
    is_missing: np.ndarray,
    is_own: np.ndarray,
    signs: np.ndarray,
    tasks: np.ndarray,
) -> None:
    """Refuse where a missing case would be ahead of one that was given: of the same case, or of any.

    `worst` (tasks, cases) and `turned` (tasks, algorithms, cases) are larger where they are better.
    """
    lowest = np.where(np.isnan(turned), np.inf, turned).min(axis=1)
    found = np.where(is_own, lowest, lowest.min(axis=1, keepdims=True))
    bad = is_missing.any(axis=1) & (found < worst)
    if bad.any():
        row, case = np.argwhere(bad)[0]
        where = f" in {tasks[row]}" if len(tasks) > 1 else ""
        raise StatisticsError(
            f"worst: found {signs[row] * worst[row, case]:g}, but a score of "
            f"{signs[row] * found[row, case]:g} is worse{where}; a missing case must not be ahead of one "
            "that was given"
        )
