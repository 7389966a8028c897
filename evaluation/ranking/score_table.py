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
    misses it.

    Raises
    ------
    StatisticsError
        When a column is absent, a value is not a finite number or contradicts its status, a case of an
        algorithm is given twice, a task is named as the consensus is, or a case is missing and the rules
        do not say what it counts as or let it beat a case that is not.
    """
    values, status = _checked_values(scores)
    codes, names = zip(*(_coded(scores, key) for key in KEYS), strict=True)
    if OVERALL in names[0]:
        raise StatisticsError(
            f"task: found '{OVERALL}', which names the ranking across tasks; rename the task"
        )
    _refuse_twice(codes, names)
    shape = tuple(len(found) for found in names)
    grid, state = np.full(shape, np.nan), np.full(shape, _STATUSES.index(MISSING))
    grid[codes], state[codes] = values, status
    has_case = np.zeros((shape[0], shape[2]), bool)
    has_case[codes[0], codes[2]] = True
    tasks, algorithms, cases = names
    is_missing = (state == _STATUSES.index(MISSING)) & has_case[:, None, :]
    if is_missing.any():
        grid[is_missing] = _worst(rules, values, is_missing, tasks, algorithms)
    sign = 1.0 if rules.larger_is_better else -1.0
    return [
        TaskScores(task, tuple(algorithms), tuple(cases[here]), sign * of_task[:, here].T, missed[:, here].T)
        for task, here, of_task, missed in zip(tasks, has_case, grid, is_missing, strict=True)
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


def _worst(
    rules: Rules, values: np.ndarray, is_missing: np.ndarray, tasks: np.ndarray, algorithms: np.ndarray
) -> float:
    """The score of a missing case; refused when it is not known, or when missing would pay."""
    if rules.worst is None:
        counts = is_missing.sum(axis=2)
        whose = ", ".join(
            f"{algorithms[column]} {counts[row, column]} in {tasks[row]}"
            for row, column in np.argwhere(counts)[:5]
        )
        n, more = is_missing.sum(), ", ..." if np.count_nonzero(counts) > 5 else ""
        raise StatisticsError(
            f"worst: found none, but {n} {'case is' if n == 1 else 'cases are'} missing ({whose}{more}); "
            "expected the score that a missing case counts as, such as 0"
        )
    sign = 1 if rules.larger_is_better else -1
    found = values[~np.isnan(values)] * sign
    if len(found) and found.min() < sign * rules.worst:
        raise StatisticsError(
            f"worst: found {rules.worst:g}, but a score of {sign * found.min():g} is worse; "
            "a missing case must not be ahead of one that was given"
        )
    return rules.worst
