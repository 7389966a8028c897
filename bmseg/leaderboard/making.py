"""A new board: what is taken from the readers' masks, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.leaderboard import ledger
from bmseg.leaderboard.board import (
    IGNORED,
    READERS_FILE,
    READERS_MEASURES_FILE,
    READERS_WAYS_FILE,
    REFERENCE_FILE,
    STUDY_FILE,
    Board,
    masks_hashes,
)
from bmseg.leaderboard.challenge import (
    CHALLENGE_FILE,
    CONTRACT_FILE,
    Challenge,
    Contract,
    challenge_text,
    contract_text,
)
from bmseg.leaderboard.kept import scores_text
from bmseg.leaderboard.measuring import score_readers_measures, tolerances_of_readers
from bmseg.leaderboard.scoring import Reference, score_readers
from bmseg.leaderboard.tasks import NSD_READERS
from bmseg.leaderboard.ways import score_readers_ways
from bmseg.outputs import locked, provenance, write_record
from dataset_conversion.files import write_bytes, write_if_changed, write_text


def init_board(
    root: Path, challenge: Challenge, study_file: Path, reference: Reference
) -> tuple[Board, bool]:
    """Make a board, or open the one that is there, whose challenge.toml is kept: people edit it.

    Returns the board, and whether it was made. Raises `InputError` where a board of other readers' masks or
    of another study is there.
    """
    with locked(root / ".lock", str(root)):
        return _init(root, challenge, study_file, reference)


def _init(root: Path, challenge: Challenge, study_file: Path, reference: Reference) -> tuple[Board, bool]:
    if (root / CHALLENGE_FILE).is_file():
        board = Board.open(root)
        if provenance.file_hash(root / STUDY_FILE) != provenance.file_hash(study_file):
            raise InputError(
                f"{study_file}: study file: found another than the board was made with "
                f"({root / STUDY_FILE}), expected the same; make a new board with --board"
            )
        board.check_reference(reference)
        return board, False
    text, ways = (scores_text(of(reference)) for of in (score_readers, score_readers_ways))
    # Byte by byte, whatever ends its lines: it is known by its hash.
    write_bytes(root / STUDY_FILE, study_file.read_bytes())
    write_if_changed(root / CONTRACT_FILE, contract_text(reference.contract()))
    write_text(root / READERS_FILE, text)
    write_text(root / READERS_WAYS_FILE, ways)
    measured: dict[str, Any] = {}
    if challenge.ranking.measures:
        measured, files = measure_readers(challenge, reference.contract(), reference)
        for name, content in files.items():
            write_text(root / name, content)
    record = {
        "masks_sha256": masks_hashes(reference),
        "readers_sha256": provenance.file_hash(root / READERS_FILE),
        "readers_ways_sha256": provenance.file_hash(root / READERS_WAYS_FILE),
        "consensus_rule": reference.study.consensus.rule,
        "seed": reference.study.design().seed,
        "versions": provenance.versions(),
        **measured,
    }
    write_record(root / REFERENCE_FILE, record)
    (root / ledger.LEDGER_FILE).unlink(missing_ok=True)
    hashed = provenance.file_hash(root / REFERENCE_FILE)
    with ledger.noted(root, "made", ledger.REFERENCE, ledger.now(), hashed):
        pass
    write_text(root / ".gitignore", IGNORED)
    # Last: a folder with it is a board.
    write_if_changed(root / CHALLENGE_FILE, challenge_text(challenge))
    return Board.open(root), True


def measure_readers(
    challenge: Challenge, contract: Contract, reference: Reference
) -> tuple[dict[str, Any], dict[str, str]]:
    """Fix the tolerances in the contract and score the readers by a challenge's measures.

    Returns what reference.json says of it, and the files, name to text. Tolerances that were fixed stay.
    """
    names = challenge.ranking.measures
    fixed: dict[str, Any] = {}
    files: dict[str, str] = {}
    if NSD_READERS in names:
        told = contract.tolerances, contract.tolerance_notices
        if not contract.tolerances:
            told = tolerances_of_readers(reference)
        fixed = dict(zip(("tolerances", "tolerance_notices"), told, strict=True))
        contract = contract.model_copy(update=fixed)
        files[CONTRACT_FILE] = contract_text(contract)
    text = scores_text(score_readers_measures(reference, names, contract.tolerances))
    files[READERS_MEASURES_FILE] = text
    return {"readers_measures_sha256": provenance.text_hash(text)} | fixed, files


def tolerances_told(contract: Contract) -> list[str]:
    """The tolerances of ``nsd@readers`` in words, and what they cannot carry; nothing without any."""
    if not contract.tolerances:
        return []
    mm = ", ".join(f"{level} {tolerance:g} mm" for level, tolerance in contract.tolerances.items())
    told = f"tolerances of nsd@readers, fixed from the readers' masks: {mm}"
    return [told, *contract.tolerance_notices]
