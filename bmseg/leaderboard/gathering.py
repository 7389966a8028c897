"""Every score of a board's page: of submissions, copies and readers, by Dice and by other tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bmseg.errors import InputError
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.copies import Copy
from bmseg.leaderboard.entries import Entry
from bmseg.leaderboard.scoring import MISSING, SCORED, UNDEFINED, on_yardstick
from bmseg.leaderboard.tasks import Task
from evaluation.measures.measure import Status

#: Key and kind of the row of the readers' mean.
AVERAGE_READER = "average_reader"
#: Kind of the row of a copy, which has no rank.
COPY = "copy"
#: Of `measured_scores`.
MEASURED = [
    "exam", "key", "kind", "name", "task", "level", "measure", "value", "status", "worst", "n_defined",
    "n_consensuses", "absent",
]  # fmt: skip


def gathered(
    board: Board, entries: Sequence[Entry], copies: Mapping[str, Copy], task: Task | None = None
) -> pd.DataFrame:
    """The Dice of every row of the page, on the challenge's yardstick; readers always on the fair one.

    Of another task its values, as ``dice`` too. A reader's copy meets what that reader meets, in the exams in
    which it has the reader's masks. Columns of `bmseg.leaderboard.standings.Standings.scores`.
    """
    yardstick = board.challenge.ranking.yardstick
    known = {entry.key: entry for entry in board.entries()}
    tables = [
        on_yardstick(_of_entry(board, entry, task), yardstick).assign(
            key=entry.key, kind="submission", name=entry.name
        )
        for entry in entries
    ]
    readers = board.reader_scores() if task is None else _values(board.reader_measures(), task)
    with_readers = {key: copy for key, copy in copies.items() if copy.of_reader and len(readers)}
    as_readers = [readers]
    for key, copy in copies.items():
        dice = _of_entry(board, known[key], task)
        shared = dice.exam.isin(copy.shared or dice.exam) & (key in with_readers)
        as_readers.append(dice[shared & (dice.left_out == copy.of)].assign(rater=key))
        if len(rest := dice[~shared]):
            named = {"key": key, "kind": COPY, "name": known[key].name}
            tables.append(on_yardstick(rest, yardstick).assign(**named))
    if len(readers):
        all_of_them = on_yardstick(pd.concat(as_readers, ignore_index=True), "fair")
        of_copies = all_of_them[all_of_them.rater.isin(copies)]
        names = of_copies.rater.map({key: known[key].name for key in copies})
        tables.append(of_copies.assign(key=of_copies.rater, kind=COPY, name=names))
        each = all_of_them[~all_of_them.rater.isin(copies)]
        tables.append(each.assign(key=each.rater, kind="reader", name=each.rater))
        together = each.groupby(["exam", "level"], sort=False).agg(
            dice=("dice", "mean"),
            n_defined=("n_defined", "sum"),
            n_consensuses=("n_consensuses", "sum"),
            absent=("absent", "any"),
        )
        status = np.where(together.dice.isna(), UNDEFINED, SCORED)
        average = {"key": AVERAGE_READER, "kind": AVERAGE_READER, "name": "average reader"}
        tables.append(together.reset_index().assign(status=status, **average))
    columns = [
        "exam", "key", "kind", "name", "level", "dice", "status", "n_defined", "n_consensuses", "absent",
    ]  # fmt: skip
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def measured_scores(board: Board, entries: Sequence[Entry], copies: Mapping[str, Copy]) -> pd.DataFrame:
    """Every score of the tasks that are no Dice, `MEASURED`; ``worst`` is what a missing exam counts as.

    Raises `InputError` where the contract lacks a tolerance, or a submission has no scores of a task.
    """
    board.check_tolerances()
    tables = []
    for task in board.challenge.ranking.tasks:
        found = gathered(board, entries, copies, task).rename(columns={"dice": "value"})
        worst = {exam: task.worst(grid) for exam, grid in board.contract.exams.items()}
        tables.append(
            found.assign(task=task.name, measure=task.measure.name, worst=found.exam.map(worst).astype(float))
        )
        lacks = found[(found.status == MISSING) & (not task.measure.needs_both)]
        if len(lacks):
            raise InputError(
                f"{board.folder(str(lacks.key.iloc[0]))}: found no mask of {lacks.exam.iloc[0]}, which has "
                f"no score of {task.name}; withdraw the submission, or take the task from challenge.toml"
            )
    return pd.concat(tables, ignore_index=True)[MEASURED] if tables else pd.DataFrame(columns=MEASURED)


def as_tasks(measured: pd.DataFrame) -> pd.DataFrame:
    """Of submissions, as `evaluation.ranking.rank_scores` takes them."""
    own = measured[measured.kind == "submission"].drop(columns="level")
    named = own.rename(columns={"key": "algorithm", "exam": "case"})
    return named[["task", "algorithm", "case", "value", "status", "worst"]]


def mean_values(measured: pd.DataFrame, tasks: Sequence[str]) -> pd.DataFrame:
    """Mean over exams, a row a ``key``, a column a task: undefined left out, missing as the exam's worst."""
    if not len(tasks):
        return pd.DataFrame()
    counted = measured.assign(value=measured.value.mask(measured.status == MISSING, measured.worst))
    return counted.groupby(["key", "task"], sort=False).value.mean().unstack().reindex(columns=list(tasks))


def _of_entry(board: Board, entry: Entry, task: Task | None) -> pd.DataFrame:
    """A submission's scores by Dice or by a task, as of `bmseg.leaderboard.scoring.score_submission`."""
    if task is None:
        return board.dice(entry)
    found = _values(board.measures(entry), task)
    if found.empty:
        raise InputError(
            f"{board.folder(entry.key)}: found no scores of {task.name}, expected some; 'bmseg leaderboard "
            "init' adds them where the masks are at hand, else withdraw the submission"
        )
    return found


def _values(measures: pd.DataFrame, task: Task) -> pd.DataFrame:
    """A task's values as ``dice``; of a measure with a sign its size. One that is empty has a value."""
    found = measures[(measures.level == task.level) & (measures.measure == task.measure.name)]
    value = found.value.abs() if task.measure.signed else found.value
    status = found.status.replace(str(Status.ONE_EMPTY), SCORED)
    found = found.assign(dice=value.astype(float), status=status)
    if not task.measure.needs_both:
        # It is defined whether or not anybody marked the level.
        there = found.status != MISSING
        found = found.assign(n_reference=there.astype("Int64"), n_rater=there.astype("Int64"))
    return found.drop(columns=["value", "measure"]).reset_index(drop=True)
