"""Do scores by measures beside Dice follow from the files, and where masks are at hand from these?

A Dice follows from counts of voxels. Of a surface no counts are kept: without the masks a value is only known
to be one that the measure can have, and an empty mask's to be its worst.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bmseg.errors import WorkError
from bmseg.leaderboard.board import MEASURES_FILE, READERS_MEASURES_FILE, Board
from bmseg.leaderboard.challenge import CONTRACT_FILE
from bmseg.leaderboard.entries import Entry
from bmseg.leaderboard.kept import read_scores, scores_text
from bmseg.leaderboard.measuring import (
    COLUMNS,
    expected_names,
    score_measures,
    score_readers_measures,
    tolerances_of_readers,
)
from bmseg.leaderboard.scoring import MISSING, Reference, consensus_names
from bmseg.leaderboard.tasks import Task
from bmseg.leaderboard.verification import Verification, first_difference
from bmseg.outputs import provenance
from dataset_conversion.images import Volume
from evaluation.measures.measure import Measure, Status
from evaluation.measures.named import measures
from evaluation.statistics.words import plural

# Of what a table keeps: nine digits.
_DIGITS = 5e-9
_MOST_NAMED = 3


def verify_readers_measures(board: Board, reference: Reference | None, found: Verification) -> None:
    """Tolerances and the readers' scores; nothing where every task is Dice."""
    known = board.reference
    fixed, notices = known.get("tolerances", {}), known.get("tolerance_notices", [])
    if board.contract.tolerance_notices != notices:
        found.differences.append(
            f"{board.root / CONTRACT_FILE}: tolerance_notices: found others than reference.json has"
        )
    if board.contract.tolerances != fixed:
        found.differences.append(
            f"{board.root / CONTRACT_FILE}: tolerances: found {_listed(board.contract.tolerances)}, "
            f"reference.json has {_listed(fixed)}"
        )
    if "tolerances" in known and reference:
        derived, _ = tolerances_of_readers(reference)
        if derived != fixed:
            found.differences.append(
                f"{board.root / CONTRACT_FILE}: tolerances: found {_listed(fixed)}, the readers' masks give "
                f"{_listed(derived)}"
            )
    if not (sha256 := known.get("readers_measures_sha256")):
        return
    path = board.root / READERS_MEASURES_FILE
    scores = _read(path, sha256, "reference.json", found)
    if scores is None:
        return
    if len(board.readers) > 1:
        _verify_rows(board, scores, board.readers, path, found)
    if reference:
        names = _names(scores)
        _compare(path, scores_text(score_readers_measures(reference, names, fixed)), found)


def verify_entry_measures(
    board: Board,
    entry: Entry,
    masks: Mapping[str, Volume] | None,
    reference: Reference | None,
    found: Verification,
) -> None:
    """Those of a submission; derived from its masks where they are given."""
    if not entry.measures_sha256:
        return
    path = board.folder(entry.key) / MEASURES_FILE
    scores = _read(path, entry.measures_sha256, "submission.toml", found)
    if scores is None:
        return
    _verify_rows(board, scores, consensus_names(board.readers), path, found)
    if reference and masks is not None:
        mm = board.contract.tolerances
        _compare(path, scores_text(score_measures(masks, reference, _names(scores), mm)), found)


def _names(scores: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(scores.measure))


def _listed(tolerances: Mapping[str, float]) -> str:
    return ", ".join(f"{level} {mm:g} mm" for level, mm in tolerances.items()) or "none"


def _read(path: Path, sha256: str, record: str, found: Verification) -> pd.DataFrame | None:
    try:
        scores = read_scores(path, COLUMNS)
        measures(_names(scores))
    except (WorkError, ValueError) as error:
        found.differences.append(str(error) if isinstance(error, WorkError) else f"{path}: {error}")
        return None
    if provenance.file_hash(path) != sha256:
        found.differences.append(f"{path}: found other contents than {record} has the hash of")
    return scores


def _compare(path: Path, expected: str, found: Verification) -> None:
    found.n_from_masks += 1
    if differing := first_difference(path.read_text(encoding="utf-8"), expected):
        number, line, right = differing
        found.differences.append(f"{path}: line {number}: found {line}, the masks give {right}")


def _verify_rows(
    board: Board, scores: pd.DataFrame, left_out: Sequence[str], path: Path, found: Verification
) -> None:
    """Every score is there once, and is one that its measure can have in such an exam."""
    found.n_scores += len(scores)
    named = expected_names(board.study, _names(scores), board.contract.tolerances)
    expected = {
        (exam, *names, other) for exam, names, other in product(board.contract.exams, named, left_out)
    }
    keys = [*scores[["exam", "level", "measure", "left_out"]].itertuples(index=False, name=None)]
    for what, names in (
        ("missing", expected - {*keys}),
        ("unexpected", {*keys} - expected),
        ("repeated", {key for key in keys if keys.count(key) > 1} if len({*keys}) < len(keys) else set()),
    ):
        if names:
            listed = ", ".join("/".join(name) for name in sorted(names)[:_MOST_NAMED])
            found.differences.append(f"{path}: found {plural(len(names), 'row')} {what}, such as {listed}")
    by_name = {measure.name: measure for measure in measures(_names(scores))}
    wrong = [
        row
        for row in scores[scores.exam.isin(board.contract.exams)].itertuples()
        if not _can_be(row, by_name[row.measure], board)
    ]
    for row in wrong[:_MOST_NAMED]:
        found.differences.append(
            f"{path}: {row.exam} {row.level} {row.measure} {row.left_out}: value: found {row.value}, status "
            f"{row.status}, worst {row.worst}, which do not go with counts {row.n_reference}, "
            f"{row.n_rater}"
        )
    if len(wrong) > _MOST_NAMED:
        found.differences.append(f"{path}: {len(wrong) - _MOST_NAMED} more rows that do not go together")


def _can_be(row: Any, measure: Measure, board: Board) -> bool:
    """Whether status, value, worst and counts of a row go together."""
    if row.status == MISSING:
        return bool(np.isnan(row.value) and np.isnan(row.worst) and pd.isna(row.n_reference))
    if pd.isna(row.n_reference) or pd.isna(row.n_rater):
        return False
    worst = Task("", row.level, measure, 1.0).worst(board.contract.exams[row.exam])
    if not np.isclose(row.worst, worst, rtol=_DIGITS, atol=_DIGITS, equal_nan=True):
        return False
    expected = measure.status_of(row.n_reference, row.n_rater)
    if expected is not Status.SCORED:
        value = worst if expected is Status.ONE_EMPTY else np.nan
        return row.status == expected and bool(
            np.isclose(row.value, value, rtol=_DIGITS, atol=_DIGITS, equal_nan=True)
        )
    low, high = measure.bounds
    return row.status == Status.SCORED and low - _DIGITS <= row.value <= high + _DIGITS
