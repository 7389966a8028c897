"""A board's page as an output: where it lies, and what it is made from; whoever asks draws nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bmseg.leaderboard.board import (
    READERS_FILE,
    READERS_MEASURES_FILE,
    READERS_WAYS_FILE,
    STUDY_FILE,
    Board,
)
from bmseg.leaderboard.challenge import CHALLENGE_FILE, CONTRACT_FILE
from bmseg.leaderboard.ledger import head
from bmseg.outputs import Output, provenance


def site_in(folder: Path) -> Output:
    """The site in a folder; it takes a new or empty one, or that of an earlier site."""
    return Output(folder, "bmseg leaderboard site", exclusive=True)


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
