"""What a board does not have yet, added from masks that are at hand.

That is what an earlier version did not keep, and scores by measures that challenge.toml asks for since.
"""

from __future__ import annotations

from typing import Any

from bmseg.leaderboard.board import MEASURES_FILE, READERS_WAYS_FILE, WAYS_FILE, Board
from bmseg.leaderboard.entries import Entry, entry_text, write_entry
from bmseg.leaderboard.kept import scores_text
from bmseg.leaderboard.ledger import now
from bmseg.leaderboard.making import keep_readers_measures
from bmseg.leaderboard.measuring import score_measures
from bmseg.leaderboard.resembling import resembling
from bmseg.leaderboard.scoring import Reference
from bmseg.leaderboard.submission import check_submission
from bmseg.leaderboard.ways import score_readers_ways, score_ways
from bmseg.outputs import provenance
from dataset_conversion.files import write_text


def complete(board: Board, reference: Reference) -> list[str]:
    """Add other ways, measures and whose copies they are to whatever lacks them; returns what was added.

    A submission whose masks are not at hand, or are others than were submitted, stays as it is.
    """
    added = []
    with board.lock():
        if of_readers := _of_readers(board, reference):
            board.record(of_readers, now())
            added.append("the readers")
            board = Board.open(board.root)
        entries = board.entries()
        for entry in entries:
            if (entry.ways_sha256 and not lacking(board, entry)) or not board.masks(entry.key).is_dir():
                continue
            checked = check_submission(board.masks(entry.key), board.contract)
            if checked.faults or checked.sha256 != entry.masks_sha256:
                continue
            known: dict[str, Any] = {}
            if not entry.ways_sha256:
                path = board.folder(entry.key) / WAYS_FILE
                write_text(path, scores_text(score_ways(checked.masks, reference)))
                others = {
                    one.key: board.masks(one.key)
                    for one in entries
                    if one.masks_sha256 != entry.masks_sha256 and not (entry.simulated or one.simulated)
                }
                copied = entry.copied or resembling(entry.key, checked.masks, reference, others)
                known = {"ways_sha256": provenance.file_hash(path), "copied": copied}
            if lacking(board, entry):
                path = board.folder(entry.key) / MEASURES_FILE
                names, mm = board.challenge.ranking.measures, board.contract.tolerances
                write_text(path, scores_text(score_measures(checked.masks, reference, names, mm)))
                known["measures_sha256"] = provenance.file_hash(path)
            changed = entry.model_copy(update=known)
            with board.noted("completed", entry.key, now(), entry_text(changed)):
                write_entry(changed, board.folder(entry.key))
            added.append(entry.key)
    return added


def lacking(board: Board, entry: Entry) -> list[str]:
    """The measures that the challenge ranks by and a submission has no scores of."""
    names = board.challenge.ranking.measures
    return [name for name in names if name not in set(board.measures(entry).measure)]


def _of_readers(board: Board, reference: Reference) -> dict[str, Any]:
    """What reference.json is to say of the readers, whose tables are written."""
    known: dict[str, Any] = {}
    if board.reader_ways() is None:
        path = board.root / READERS_WAYS_FILE
        write_text(path, scores_text(score_readers_ways(reference)))
        known["readers_ways_sha256"] = provenance.file_hash(path)
    ranking = board.challenge.ranking
    lacks = len(reference.readers) > 1 and set(ranking.measures) - set(board.reader_measures().measure)
    by_readers = any(task.measure.deferred for task in ranking.tasks)
    if lacks or (by_readers and "tolerances" not in board.reference):
        known |= keep_readers_measures(board.root, board.challenge, board.contract, reference)
    return known
