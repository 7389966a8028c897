"""What an earlier version did not keep, added to a board from masks that are at hand."""

from __future__ import annotations

from bmseg.leaderboard.board import READERS_WAYS_FILE, WAYS_FILE, Board
from bmseg.leaderboard.entries import entry_text, write_entry
from bmseg.leaderboard.kept import scores_text
from bmseg.leaderboard.ledger import now
from bmseg.leaderboard.resembling import resembling
from bmseg.leaderboard.scoring import Reference
from bmseg.leaderboard.submission import check_submission
from bmseg.leaderboard.ways import score_readers_ways, score_ways
from bmseg.outputs import provenance
from dataset_conversion.files import write_text


def complete(board: Board, reference: Reference) -> list[str]:
    """Add other ways and whose copies they are to whatever lacks them; returns the names of what was added.

    A submission whose masks are not at hand, or are others than were submitted, stays as it is.
    """
    added = []
    with board.lock():
        if board.reader_ways() is None:
            path = board.root / READERS_WAYS_FILE
            write_text(path, scores_text(score_readers_ways(reference)))
            board.record({"readers_ways_sha256": provenance.file_hash(path)}, now())
            added.append("the readers")
        entries = board.entries()
        for entry in entries:
            if entry.ways_sha256 or not board.masks(entry.key).is_dir():
                continue
            checked = check_submission(board.masks(entry.key), board.contract)
            if checked.faults or checked.sha256 != entry.masks_sha256:
                continue
            path = board.folder(entry.key) / WAYS_FILE
            write_text(path, scores_text(score_ways(checked.masks, reference)))
            others = {
                one.key: board.masks(one.key)
                for one in entries
                if one.masks_sha256 != entry.masks_sha256 and not (entry.simulated or one.simulated)
            }
            copied = entry.copied or resembling(entry.key, checked.masks, reference, others)
            known = {"ways_sha256": provenance.file_hash(path), "copied": copied}
            changed = entry.model_copy(update=known)
            with board.noted("completed", entry.key, now(), entry_text(changed)):
                write_entry(changed, board.folder(entry.key))
            added.append(entry.key)
    return added
