"""Every score of a board's page: of submissions, copies and readers, by Dice and by other tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, eq=False)
class _Kept:
    """A board's scores by one task, as ``dice``: read once, whatever the number of tasks."""

    of_entries: Mapping[str, pd.DataFrame]
    of_readers: pd.DataFrame


def dice_scores(
    board: Board,
    entries: Sequence[Entry],
    copies: Mapping[str, Copy],
    known: Mapping[str, Entry],
    dice: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """The Dice of every row of the page; see `bmseg.leaderboard.standings.Standings.scores`.

    `known` are the submissions of the page by key, `dice` what the board keeps of each.
    """
    return _gathered(board, entries, copies, known, _Kept(dice, board.reader_scores()))


def _gathered(
    board: Board,
    entries: Sequence[Entry],
    copies: Mapping[str, Copy],
    known: Mapping[str, Entry],
    kept: _Kept,
) -> pd.DataFrame:
    """Every row's scores, on the challenge's yardstick; readers always on the fair one.

    A reader's copy meets what that reader meets, in the exams in which it has the reader's masks.
    """
    yardstick = board.challenge.ranking.yardstick
    tables = [entry_scores(entries, kept.of_entries, yardstick)] if entries else []
    readers = kept.of_readers
    with_readers = {key: copy for key, copy in copies.items() if copy.of_reader and len(readers)}
    as_readers = [readers]
    for key, copy in copies.items():
        dice = kept.of_entries[key]
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


def entry_scores(
    entries: Sequence[Entry], of_entries: Mapping[str, pd.DataFrame], yardstick: str
) -> pd.DataFrame:
    """Each submission on the yardstick, all at once, with ``key, kind, name``."""
    # An exam of each is one by itself.
    every = pd.concat([of_entries[entry.key] for entry in entries], ignore_index=True)
    codes, exams = pd.factorize(every.exam)
    place = np.repeat(np.arange(len(entries)), [len(of_entries[entry.key]) for entry in entries])
    found = on_yardstick(every.assign(exam=place * len(exams) + codes), yardstick)
    place, codes = np.divmod(found.exam.to_numpy(), len(exams))
    keys, names = (
        np.array([getattr(entry, what) for entry in entries], object)[place] for what in ("key", "name")
    )
    return found.assign(exam=exams.to_numpy()[codes], key=keys, kind="submission", name=names)


def measured_scores(
    board: Board, entries: Sequence[Entry], copies: Mapping[str, Copy], known: Mapping[str, Entry]
) -> pd.DataFrame:
    """Every score of the tasks that are no Dice, `MEASURED`; ``worst`` is what a missing exam counts as.

    Raises `InputError` where the contract lacks a tolerance, or a submission has no scores of a task.
    """
    tables = []
    tasks = board.challenge.ranking.tasks
    if not tasks:
        return pd.DataFrame(columns=MEASURED)
    board.check_tolerances()
    own = {key: board.measures(entry) for key, entry in known.items()}
    readers = board.reader_measures()
    for task in tasks:
        of_task = {key: _of_entry(board, known[key], measures, task) for key, measures in own.items()}
        kept = _Kept(of_task, _values(readers, task))
        found = _gathered(board, entries, copies, known, kept).rename(columns={"dice": "value"})
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
    return pd.concat(tables, ignore_index=True)[MEASURED]


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


def _of_entry(board: Board, entry: Entry, measures: pd.DataFrame, task: Task) -> pd.DataFrame:
    """A submission's scores by a task, as `bmseg.leaderboard.scoring.score_submission` has Dice."""
    found = _values(measures, task)
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
    return found.drop(columns=["value", "measure"]).reset_index(drop=True)
