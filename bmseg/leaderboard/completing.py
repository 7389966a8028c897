"""What a board does not have yet, added from masks that are at hand.

That is what an earlier version did not keep, and scores by measures that challenge.toml asks for since. A
table is written right before its record. Where a process was stopped between the two, the table is not the
one that the record has the hash of: it counts as one that is lacking.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bmseg.leaderboard.board import MEASURES_FILE, READERS_MEASURES_FILE, READERS_WAYS_FILE, WAYS_FILE, Board
from bmseg.leaderboard.entries import Entry, entry_text, write_entry
from bmseg.leaderboard.kept import scores_text
from bmseg.leaderboard.ledger import now
from bmseg.leaderboard.making import measure_readers
from bmseg.leaderboard.measuring import score_measures
from bmseg.leaderboard.resembling import resembling
from bmseg.leaderboard.scoring import Reference
from bmseg.leaderboard.submission import check_submission
from bmseg.leaderboard.ways import score_readers_ways, score_ways
from bmseg.outputs import provenance
from dataset_conversion.files import write_text


def complete(board: Board, reference: Reference) -> list[str]:
    """Add other ways, measures and whose copies they are to whatever lacks them.

    Returns what was added to, and which tables were made again because they were not as on record. A
    submission whose masks are not at hand, or are others than were submitted, stays as it is; raises
    `WorkError` where a table of it is not as on record.
    """
    added = []
    with board.lock():
        facts, files, broken = _of_readers(board, reference)
        if facts:
            board.record(facts, now(), files)
            added.append(_told("the readers", broken))
            board = Board.open(board.root)
        entries, left = board.entries(), []
        for entry in entries:
            broken = _broken(board, entry)
            if entry.ways_sha256 and not broken and not lacking(board, entry):
                continue
            masks = board.masks(entry.key)
            checked = check_submission(masks, board.contract) if masks.is_dir() else None
            if not checked or checked.faults or checked.sha256 != entry.masks_sha256:
                left.append(entry)
                continue
            known: dict[str, Any] = {}
            tables: dict[str, str] = {}
            if WAYS_FILE in broken or not entry.ways_sha256:
                tables[WAYS_FILE] = scores_text(score_ways(checked.masks, reference))
                known["ways_sha256"] = provenance.text_hash(tables[WAYS_FILE])
            if not entry.ways_sha256:
                others = {
                    one.key: board.masks(one.key)
                    for one in entries
                    if one.masks_sha256 != entry.masks_sha256 and not (entry.simulated or one.simulated)
                }
                known["copied"] = entry.copied or resembling(entry.key, checked.masks, reference, others)
            if MEASURES_FILE in broken or lacking(board, entry):
                names, mm = board.challenge.ranking.measures, board.contract.tolerances
                tables[MEASURES_FILE] = scores_text(score_measures(checked.masks, reference, names, mm))
                known["measures_sha256"] = provenance.text_hash(tables[MEASURES_FILE])
            changed = entry.model_copy(update=known)
            with board.noted("completed", entry.key, now(), entry_text(changed)):
                for name, text in tables.items():
                    write_text(board.folder(entry.key) / name, text)
                write_entry(changed, board.folder(entry.key))
            added.append(_told(entry.key, broken))
        for entry in left:
            # Says which table is not as on record, if one is.
            board.ways(entry)
            board.measures(entry)
    return added


def lacking(board: Board, entry: Entry) -> list[str]:
    """The measures that the challenge ranks by and a submission has no scores of."""
    names = board.challenge.ranking.measures
    if MEASURES_FILE in _broken(board, entry):
        return names
    return [name for name in names if name not in set(board.measures(entry).measure)]


def _of_readers(board: Board, reference: Reference) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """What reference.json is to say of the readers, files with it, and which were not as on record."""
    known: dict[str, Any] = {}
    files: dict[str, str] = {}
    hashes = {
        name: board.reference.get(field, "")
        for name, field in (
            (READERS_WAYS_FILE, "readers_ways_sha256"),
            (READERS_MEASURES_FILE, "readers_measures_sha256"),
        )
    }
    broken = _not_as_on_record(board.root, hashes)
    if READERS_WAYS_FILE in broken or board.reader_ways() is None:
        files[READERS_WAYS_FILE] = scores_text(score_readers_ways(reference))
        known["readers_ways_sha256"] = provenance.text_hash(files[READERS_WAYS_FILE])
    ranking = board.challenge.ranking
    by_readers = any(task.measure.deferred for task in ranking.tasks)
    lacks = READERS_MEASURES_FILE in broken
    if not lacks and len(reference.readers) > 1:
        lacks = bool(set(ranking.measures) - set(board.reader_measures().measure))
    if lacks or (by_readers and "tolerances" not in board.reference):
        facts, measured = measure_readers(board.challenge, board.contract, reference)
        known, files = known | facts, files | measured
    return known, files, broken


def _broken(board: Board, entry: Entry) -> list[str]:
    """The tables of a submission that are not as on record."""
    hashes = {WAYS_FILE: entry.ways_sha256, MEASURES_FILE: entry.measures_sha256}
    return _not_as_on_record(board.folder(entry.key), hashes)


def _not_as_on_record(folder: Path, hashes: Mapping[str, str]) -> list[str]:
    """Names of files that are not there, or have another hash than their record says, where it says one."""
    return [
        name
        for name, sha256 in hashes.items()
        if sha256 and not ((folder / name).is_file() and provenance.file_hash(folder / name) == sha256)
    ]


def _told(whom: str, broken: list[str]) -> str:
    return f"{whom} (made again, not as on record: {', '.join(broken)})" if broken else whom
