"""Does every number follow from the files? A board is derived again and compared.

Three steps, each counted: the scores follow from the counts of voxels beside them and cover every exam and
level; they follow from the masks, where these are at hand; the page follows from the scores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from bmseg.errors import InputError, WorkError
from bmseg.leaderboard.board import (
    DICE_FILE,
    MEASURES_FILE,
    READERS_FILE,
    READERS_WAYS_FILE,
    STAGING,
    WAYS_FILE,
    Board,
)
from bmseg.leaderboard.entries import ENTRY_FILE, Entry, read_entry
from bmseg.leaderboard.kept import read_scores, scores_text
from bmseg.leaderboard.ledger import LEDGER_FILE, REFERENCE, ledger_faults
from bmseg.leaderboard.scoring import (
    COLUMNS,
    MISSING,
    SCORED,
    UNDEFINED,
    Reference,
    consensus_names,
    other_rules,
    score_readers,
    score_submission,
)
from bmseg.leaderboard.submission import check_submission
from bmseg.leaderboard.verification import Verification, first_difference
from bmseg.leaderboard.verify_measures import verify_entry_measures, verify_readers_measures
from bmseg.leaderboard.verify_site import verify_site
from bmseg.leaderboard.ways import COLUMNS as WAYS
from bmseg.leaderboard.ways import names_of_readers, names_of_ways, score_readers_ways, score_ways
from bmseg.outputs import provenance
from bmseg.study import Study
from evaluation.masks.reading import MaskError
from evaluation.measures.dice import EmptyMask
from evaluation.statistics.words import plural

# Of what a table of scores keeps: nine digits.
_DIGITS = 5e-9


def verify(board: Board, reference: Reference | None = None, *, drawings: bool = False) -> Verification:
    """Derive everything on a board again; every score from masks, where the readers' are at hand.

    With `drawings` the page's figures are drawn again too, where these versions drew them.
    """
    found = Verification()
    if reference:
        try:
            board.check_reference(reference)
        except InputError as error:
            found.differences.append(str(error))
            reference = None
    _verify_ledger(board, found)
    _verify_readers(board, reference, found)
    verify_readers_measures(board, reference, found)
    for folder in sorted(board.results.glob("[!.]*/[!.]*")):
        try:
            entry = read_entry(folder)
        except InputError as error:
            found.differences.append(str(error))
        else:
            _verify_entry(board, entry, reference, found)
    for leftover in sorted(board.root.glob(f"{STAGING}*")):
        found.notices.append(f"{leftover}: left by a process that was stopped, or being written; not read")
    if not found.differences:
        verify_site(board, found, drawings)
    return found


def _verify_ledger(board: Board, found: Verification) -> None:
    """Records are those that the ledger names, and no other thing stands among them."""
    if not (board.root / LEDGER_FILE).is_file():
        found.notices.append(
            f"{board.root / LEDGER_FILE}: not here, as on a board of an earlier version: what was taken away "
            "or dated otherwise cannot be seen"
        )
    found.differences += ledger_faults(board.root, board.records())
    rule, expected = board.reference.get("consensus_rule"), board.study.consensus.rule
    if board.reference and rule != expected:
        found.differences.append(f"reference.json: consensus_rule: found {rule}, expected {expected}")
    known = {ENTRY_FILE, DICE_FILE, WAYS_FILE, MEASURES_FILE}
    keys = {entry for entry in board.records() if entry != REFERENCE}
    for path in sorted(board.results.rglob("*")):
        place = path.relative_to(board.results)
        part_of = "/".join(place.parts[:2]) in keys and (len(place.parts) == 2 or place.name in known)
        if not (part_of or (path.is_dir() and len(place.parts) == 1)):
            found.differences.append(f"{path}: found a file that is no part of a submission")
    for path in sorted(board.masks("").glob("*/*")):
        if f"{path.parent.name}/{path.name}" not in keys:
            # A stopped addition leaves some: masks are put in place before the record.
            found.notices.append(f"{path}: found masks of no submission on the board; not read")


def _verify_readers(board: Board, reference: Reference | None, found: Verification) -> None:
    path = board.root / READERS_FILE
    scores = _scores(
        path, board.reference.get("readers_sha256", ""), "reference.json", found, [*COLUMNS, "rater"]
    )
    if scores is None:
        return
    if len(board.readers) > 1:
        own = scores[scores.rater == scores.left_out]
        _verify_scores(own, _expected(board, board.readers), path, board.study, found)
        if "readers_ways_sha256" in board.reference:
            _verify_readers_ways(board, found)
    if reference:
        _compare_text(path, scores_text(score_readers(reference)), "the readers' masks give", found)
        if "readers_ways_sha256" in board.reference:
            ways = board.root / READERS_WAYS_FILE
            _compare_text(ways, scores_text(score_readers_ways(reference)), "the readers' masks give", found)


def _verify_readers_ways(board: Board, found: Verification) -> None:
    path = board.root / READERS_WAYS_FILE
    ways = _scores(path, board.reference["readers_ways_sha256"], "reference.json", found, [*WAYS, "rater"])
    if ways is not None:
        names = names_of_readers(board.readers, list(other_rules(board.study)))
        named = ways.assign(left_out=list(zip(ways.rater, ways.rule, ways.reader, strict=True)))
        _verify_scores(named, _expected(board, names), path, board.study, found)


def _verify_entry(board: Board, entry: Entry, reference: Reference | None, found: Verification) -> None:
    found.n_entries += 1
    path = board.folder(entry.key) / DICE_FILE
    scores = _scores(path, entry.dice_sha256, "submission.toml", found)
    if scores is None:
        return
    _verify_scores(scores, _expected(board, consensus_names(board.readers)), path, board.study, found)
    ways_path = board.folder(entry.key) / WAYS_FILE
    if entry.ways_sha256:
        ways = _scores(ways_path, entry.ways_sha256, "submission.toml", found, WAYS)
        if ways is None:
            return
        names = names_of_ways(board.readers, list(other_rules(board.study)))
        named = ways.assign(left_out=list(zip(ways.rule, ways.reader, strict=True)))
        _verify_scores(named, _expected(board, names), ways_path, board.study, found)
    masks = board.masks(entry.key)
    if reference is None or not masks.is_dir():
        verify_entry_measures(board, entry, None, reference, found)
    if reference is None:
        return
    if not masks.is_dir():
        found.notices.append(
            f"{masks}: not here: the scores of {entry.key} were compared with their counts only"
        )
        return
    checked = check_submission(masks, board.contract)
    if checked.faults or checked.sha256 != entry.masks_sha256:
        faults = "; ".join(map(str, checked.faults)) or "others"
        found.differences.append(f"{masks}: masks: found {faults}, expected those that were submitted")
        return
    try:
        text = scores_text(score_submission(checked.masks, reference))
        by_way = scores_text(score_ways(checked.masks, reference)) if entry.ways_sha256 else ""
        verify_entry_measures(board, entry, checked.masks, reference, found)
    except MaskError as error:
        found.differences.append(str(error))
        return
    _compare_text(path, text, "the masks give", found)
    if entry.ways_sha256:
        _compare_text(ways_path, by_way, "the masks give", found)


def _scores(
    path: Path, sha256: str, record: str, found: Verification, columns: Sequence[str] = COLUMNS
) -> pd.DataFrame | None:
    """A table of scores, compared with the hash in a record; None where it cannot be read."""
    try:
        scores = read_scores(path, columns)
    except WorkError as error:
        found.differences.append(str(error))
        return None
    if provenance.file_hash(path) != sha256:
        found.differences.append(f"{path}: found other contents than {record} has the hash of")
    return scores


def _expected(board: Board, left_out: Sequence[Hashable]) -> frozenset[tuple]:
    """Exam, level and whose mask it is of every row."""
    return _every(tuple(board.contract.exams), tuple(board.study.level_names), tuple(left_out))


@lru_cache(maxsize=8)
def _every(*of: tuple[Hashable, ...]) -> frozenset[tuple]:
    """Every combination: all submissions have the same."""
    return frozenset(product(*of))


def _compare_text(path: Path, expected: str, whence: str, found: Verification) -> None:
    """Compare a table of scores with what it is derived from; name the first line that differs."""
    found.n_from_masks += 1
    if differing := first_difference(path.read_text(encoding="utf-8"), expected):
        number, line, right = differing
        found.differences.append(f"{path}: line {number}: found {line}, {whence} {right}")


def _verify_scores(
    scores: pd.DataFrame, expected: frozenset[tuple], path: Path, study: Study, found: Verification
) -> None:
    """Check that every score is there once, and is what its counts of voxels say."""
    found.n_scores += len(scores)
    keys = list(zip(scores.exam, scores.level, scores.left_out, strict=True))
    once = frozenset(keys)
    for what, names in (
        ("missing", sorted(expected - once)),
        ("unexpected", sorted(once - expected)),
        ("repeated", [key for key, n in Counter(keys).items() for _ in range(n - 1)]),
    ):
        if len(names):
            listed = ", ".join("/".join(map(str, name)) for name in names[:3])
            found.differences.append(f"{path}: found {plural(len(names), 'row')} {what}, such as {listed}")
    wrong = ~_consistent(scores, study)
    for row in scores[wrong].head(3).itertuples():
        found.differences.append(
            f"{path}: {row.exam} {row.level} {row.left_out}: dice: found {row.dice}, status {row.status}, "
            f"expected what tp {row.tp}, fp {row.fp}, fn {row.fn} say"
        )
    if wrong.sum() > 3:
        found.differences.append(
            f"{path}: {wrong.sum() - 3} more rows whose Dice is not what their counts say"
        )


def _consistent(scores: pd.DataFrame, study: Study) -> np.ndarray:
    tp, fp, fn, n_reference, n_rater = (
        scores[name].astype("Float64").to_numpy(float, na_value=np.nan)
        for name in ("tp", "fp", "fn", "n_reference", "n_rater")
    )
    empty = EmptyMask(study.scores.empty_mask).value_when_empty
    total = 2 * tp + fp + fn
    with np.errstate(invalid="ignore"):
        dice = np.where(total > 0, 2 * tp / total, empty)
        counts = (tp + fn == n_reference) & (tp + fp == n_rater) & (np.minimum(np.minimum(tp, fp), fn) >= 0)
    given = scores.dice.to_numpy(float)
    same = np.isclose(given, dice, rtol=0, atol=_DIGITS, equal_nan=True)
    status = np.where(np.isnan(dice), UNDEFINED, SCORED)
    missing = (scores.status == MISSING).to_numpy()
    nothing = np.isnan(given) & np.isnan(tp) & np.isnan(fp) & np.isnan(fn)
    return np.where(missing, nothing, same & counts & (scores.status == status))
