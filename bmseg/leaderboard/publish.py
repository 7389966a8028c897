"""From a board's files to its page, and the ranking as it is printed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bmseg.leaderboard.board import Board
from bmseg.leaderboard.history import moment_of
from bmseg.leaderboard.made import site_inputs
from bmseg.leaderboard.scoring import Reference
from bmseg.leaderboard.site import NOT_HERE, Overlay, build_site, is_made
from bmseg.leaderboard.site.cells import difference_interval, own_interval
from bmseg.leaderboard.site.tasks import notices as tasks_notices
from bmseg.leaderboard.site.tasks import shown_task, shown_tasks
from bmseg.leaderboard.standings import Standings, standings
from bmseg.wording import synthetic_notes
from bmseg.workspace import Workspace
from dataset_conversion.images import read_volume
from evaluation.ranking.groups import in_short
from evaluation.statistics.words import number, percent, signed
from evaluation.table import DASH, Table

#: Heading of the column of names.
NAMED = "Submission or reader"


def publish(
    board: Board, workspace: Workspace | None, reference: Reference | None, *, as_of: str = ""
) -> tuple[Table, bool]:
    """Rank a board and write its site; without the test exams' images and readers' masks it has no overlays.

    With `as_of`, a day, the submissions that stood at its end are ranked, and the site is one beside the
    board's own (`bmseg.leaderboard.history.moment_of`). Returns the ranking, and whether the site was
    written: not when the one that is there was made from the same files by the same versions, and is whole.
    """
    # Nobody withdraws a submission between the reading of the standings and the record of the page.
    with board.lock():
        return _publish(board, workspace, reference, as_of)


def _publish(
    board: Board, workspace: Workspace | None, reference: Reference | None, as_of: str
) -> tuple[Table, bool]:
    moment = moment_of(board, as_of) if as_of else ""
    site = board.site_of(moment[:10])
    found = standings(board, moment)
    sources = _Overlays(board, workspace, reference) if workspace and reference else None
    made = site_inputs(board) | {"images_at_hand": sources is not None}
    made["in_workspace"] = workspace is not None and site.parent == workspace.leaderboard
    if moment:
        made["as_of"] = moment
    written = not is_made(found, site, made=made, overlays=sources)
    if written:
        build_site(found, site, made=made, overlays=sources)
    return printed(found), written


def printed(found: Standings) -> Table:
    """The ranking table, readers at their places."""
    levels = found.study.level_names
    rule = found.challenge.ranking
    heads = [
        "Rank", "Mean rank", "Group", NAMED, "Score", *map(found.shown, levels),
        *(f"{shown_task(task, found)} ({task.way})" for task in rule.tasks), "n", "To the median reader",
    ]  # fmt: skip
    rows = [
        _cells(found, row, [*levels, *(task.name for task in rule.tasks)])
        for row in found.rows.to_dict("records")
    ]
    ranked_by = f"Rank by {rule.scheme} over {', '.join(shown_tasks(found))}"
    if found.rows.rank_low.notna().any():
        ranked_by += (
            f", with the {percent(rule.confidence)} interval of all ranks at once, by Holm-adjusted tests of "
            "every pair; between those who share a letter no difference is clear"
        )
    notes = [
        f"{ranked_by}.",
        f"To the median reader: Hodges-Lehmann estimate and {difference_interval(found)}, each by itself; "
        "the words are the verdict, by Holm's rule over all submissions and levels.",
        f"Dice: mean over exams, {rule.yardstick} yardstick; score: mean over the ranked levels. n: defined "
        "scores of all.",
        *map(found.in_titles, found.contract.unsure),
        *found.contract.patients_told,
        *_of_tasks(found),
        *tasks_notices(found),
    ]
    if counted := int(found.rows.n_missing.sum()):
        of_dice = "" if rule.is_of_dice else "Dice "
        notes.append(f"{counted} {of_dice}scores are of exams without a mask and count as 0.")
    rows_shown = found.rows.assign(verdict=found.rows.key.map(found.said).fillna(""))
    notes += verdicts_in(rows_shown)
    notes += map(found.in_titles, found.why_copy.values())
    if found.as_of:
        notes.append(f"As the board stood at the end of {found.as_of[:10]} (UTC).")
    notes += synthetic_notes(found.challenge.synthetic)
    return Table(found.challenge.title, heads, rows, notes, rows_shown)


def verdicts_of(table: Table) -> list[str]:
    """What a printed ranking says of each submission beside the median reader, the best first."""
    return verdicts_in(table.data)


def verdicts_in(rows: pd.DataFrame) -> list[str]:
    """The same of `Standings.rows`."""
    return rows.verdict[rows.verdict.astype(bool) & ~rows.simulated.astype(bool)].tolist()


def _of_tasks(found: Standings) -> list[str]:
    """What else is to be said where tasks are not Dice."""
    rule = found.challenge.ranking
    if rule.is_of_dice:
        return []
    levels = ", ".join(map(found.shown, rule.of_dice))
    said = [
        "Levels by themselves are Dice, and so are score, n, the difference to the median reader and the "
        f"verdict, whatever else is ranked; the score is over {levels}. Other tasks: mean "
        "over exams, an exam without a mask as its worst score."
    ]
    if rule.is_unlike:
        said.append(
            "The overall tests compare, exam by exam, the mean over the tasks of the ranks within the exam, "
            "for scores of unlike measures have no mean; what is clear holds for the mean of the scores as "
            "well, each task in units of its spread."
        )
    return said


@dataclass(frozen=True)
class _Overlays:
    """Images of the workspace, masks that the board kept, the consensus of all readers."""

    board: Board
    workspace: Workspace
    reference: Reference

    def why_not(self, key: str, exam: str) -> str:
        return "" if self._mask(key, exam).is_file() and self._image(exam).is_file() else NOT_HERE

    def read(self, key: str, exam: str) -> Overlay:
        consensus = self.reference.consensus_map(exam)
        return Overlay(
            image=_image(self._image(exam)),
            consensus=consensus.array,
            submission=self.reference.without_ignored(exam, read_volume(self._mask(key, exam))).array,
            affine=consensus.affine,
        )

    def _mask(self, key: str, exam: str) -> Path:
        return self.board.masks(key) / f"{exam}.nii.gz"

    def _image(self, exam: str) -> Path:
        dataset = self.workspace.dataset
        return dataset.image_path(exam, "test", dataset.spec.channels[0])


@lru_cache(maxsize=1)
def _image(path: Path) -> np.ndarray:
    """An exam's image, which the masks of several submissions are shown on one after another."""
    return read_volume(path).array


def _cells(found: Standings, row: dict[str, Any], levels: list[str]) -> list[str]:
    ranked = row["kind"] == "submission"
    rank = f"{row['rank']:.0f}" if ranked else DASH
    if ranked and not pd.isna(row["rank_low"]):
        rank += f" ({row['rank_low']:.0f} to {row['rank_high']:.0f})"
    called = found.shown(row["team"] or row["name"]) + row["name"].removeprefix(row["team"] or row["name"])
    name = called if ranked else f"[{called}]"
    mark = " (simulated)" if row["simulated"] else ""
    beside = (
        f"a copy of {found.shown(row['copy_of'])}, not ranked"
        if row["copy_of"]
        else found.calls.get(row["key"], "")
    )
    scores = [number(row[column]) for column in ("score", *levels)]
    interval = own_interval(row, found.challenge.ranking.confidence)
    difference = signed(row["difference"], 3, typeset=True) + (f" ({interval})" if interval else "")
    return [
        rank, number(row["value"]), in_short(row["group"]) if ranked else DASH, name + mark, *scores,
        f"{row['n_defined']} of {row['n']}",
        f"{difference}: {beside}" if beside else DASH,
    ]  # fmt: skip
