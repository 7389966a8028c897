"""From a board's files to its page, and the ranking as it is printed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bmseg.leaderboard.board import (
    READERS_FILE,
    READERS_MEASURES_FILE,
    READERS_WAYS_FILE,
    STUDY_FILE,
    Board,
)
from bmseg.leaderboard.challenge import CHALLENGE_FILE, CONTRACT_FILE, Ranking
from bmseg.leaderboard.history import moment_of
from bmseg.leaderboard.ledger import head
from bmseg.leaderboard.scoring import Reference
from bmseg.leaderboard.site import NOT_HERE, Overlay, build_site, is_made
from bmseg.leaderboard.site.tasks import notices as tasks_notices
from bmseg.leaderboard.standings import CALLS, Standings, standings
from bmseg.outputs import provenance
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
    if moment:
        made["as_of"] = moment
    written = not is_made(found, site, made=made, overlays=sources)
    if written:
        build_site(found, site, made=made, overlays=sources)
    return printed(found), written


def site_inputs(board: Board) -> dict[str, Any]:
    """What a board's page is made from, but for whether images are at hand."""
    # Every file that the page follows from.
    paths = [
        board.root / name
        for name in (
            CHALLENGE_FILE,
            STUDY_FILE,
            CONTRACT_FILE,
            READERS_FILE,
            READERS_WAYS_FILE,
            READERS_MEASURES_FILE,
        )
    ]
    paths = [path for path in paths if path.is_file()]
    paths += [path for path in board.results.glob("[!.]*/[!.]*/*") if path.is_file()]
    files = {path.relative_to(board.root).as_posix(): path for path in sorted(paths)}
    return {
        "versions": provenance.versions(),
        "machine": provenance.machine(),
        "seed": board.challenge.ranking.seed,
        "study": {"name": board.study.name},
        "consensus_rule": board.study.consensus.rule,
        "yardstick_rule": board.study.design().yardstick,
        "files_sha256": provenance.files_hash(files),
        "ledger": head(board.root),
    }


def printed(found: Standings) -> Table:
    """The ranking table, readers at their places."""
    levels = found.study.level_names
    rule = found.challenge.ranking
    heads = [
        "Rank", "Mean rank", "Group", NAMED, "Score", *levels,
        *(f"{task.title} ({task.way})" for task in rule.tasks), "n", "To the median reader",
    ]  # fmt: skip
    rows = [
        _cells(row, [*levels, *(task.name for task in rule.tasks)]) for row in found.rows.to_dict("records")
    ]
    notes = [
        f"Rank by {rule.scheme} over {', '.join(rule.weights)}, with the {percent(rule.confidence)} interval "
        "of all ranks at once, by Holm-adjusted tests of every pair; between those who share a letter every "
        "difference could be chance.",
        "To the median reader: Hodges-Lehmann estimate and interval, each by itself; the words are the "
        "verdict, by Holm's rule over all submissions and levels.",
        f"Dice: mean over exams, {rule.yardstick} yardstick; score: mean over the ranked levels. n: defined "
        "scores of all.",
        *found.contract.unsure,
        *_of_tasks(rule),
        *tasks_notices(found),
    ]
    if counted := int(found.rows.n_missing.sum()):
        of_dice = "" if rule.is_of_dice else "Dice "
        notes.append(f"{counted} {of_dice}scores are of exams without a mask and count as 0.")
    notes += [row.verdict for row in found.rows.itertuples() if row.verdict and not row.simulated]
    notes += found.why_copy.values()
    if found.as_of:
        notes.append(f"As the board stood at the end of {found.as_of[:10]} (UTC).")
    notes += synthetic_notes(found.challenge.synthetic)
    return Table(found.challenge.title, heads, rows, notes, found.rows)


def verdicts_of(table: Table) -> list[str]:
    """What a printed ranking says of each submission beside the median reader, the best first."""
    rows = table.data[table.data.verdict.astype(bool) & ~table.data.simulated.astype(bool)]
    return rows.verdict.tolist()


def _of_tasks(rule: Ranking) -> list[str]:
    """What else is to be said where tasks are not Dice."""
    if rule.is_of_dice:
        return []
    said = [
        "Levels by themselves are Dice, and so are score, n, the difference to the median reader and the "
        f"verdict, whatever else is ranked; the score is over {', '.join(rule.of_dice)}. Other tasks: mean "
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


def _cells(row: dict[str, Any], levels: list[str]) -> list[str]:
    ranked = row["kind"] == "submission"
    rank = f"{row['rank']:.0f}" if ranked else DASH
    if ranked and not pd.isna(row["rank_low"]):
        rank += f" ({row['rank_low']:.0f} to {row['rank_high']:.0f})"
    name = row["name"] if ranked else f"[{row['name']}]"
    mark = " (simulated)" if row["simulated"] else ""
    beside = f"a copy of {row['copy_of']}, not ranked" if row["copy_of"] else CALLS.get(row["beside"], "")
    scores = [number(row[column]) for column in ("score", *levels)]
    difference, low, high = (signed(row[name], 3, typeset=True) for name in ("difference", "low", "high"))
    return [
        rank, number(row["value"]), in_short(row["group"]) if ranked else DASH, name + mark, *scores,
        f"{row['n_defined']} of {row['n']}",
        f"{difference} ({low} to {high}): {beside}" if beside else DASH,
    ]  # fmt: skip
