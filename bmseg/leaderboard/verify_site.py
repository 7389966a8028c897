"""Does the page follow from a board's files?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bmseg.errors import WorkError
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.ledger import LEDGER_FILE, ledger_lines
from bmseg.leaderboard.site import recorded_overlays, site_record, site_texts
from bmseg.leaderboard.site.figures import draw_figures
from bmseg.leaderboard.standings import Standings, standings
from bmseg.leaderboard.verification import Verification, first_difference
from bmseg.outputs import PROVENANCE, provenance


def verify_site(board: Board, found: Verification, drawings: bool) -> None:
    """Make the pages and downloads again from the files; drawings must be those that were written."""
    if not board.site.is_dir():
        found.notices.append(f"{board.site}: no page yet; 'bmseg leaderboard build' makes it")
        return
    try:
        record = site_record(board.site)
    except WorkError as error:
        found.differences.append(str(error))
        return
    named = record["made"].get("ledger", "")
    if named and str(named) not in {line.sha256 for line in ledger_lines(board.root)[0]}:
        found.differences.append(f"{board.root / LEDGER_FILE}: found no line of the hash that the page names")
    why_not = recorded_overlays(record)
    ranked = standings(board)
    texts = site_texts(ranked, made=record["made"], why_not=why_not)
    for name, text in texts.items():
        found.n_files += 1
        path = board.site / name
        if not path.is_file():
            found.differences.append(f"{path}: found no such file, the results give one")
        elif (written := path.read_bytes().decode(errors="replace")) != text:
            number, *_ = first_difference(written, text) or (1,)
            found.differences.append(f"{path}: line {number}: found other text than the results give")
    outputs = record["outputs"]
    for path in sorted(path for path in board.site.rglob("*") if path.is_file()):
        name = path.relative_to(board.site).as_posix()
        if name not in {*outputs, *texts, PROVENANCE} and not name.startswith("."):
            found.differences.append(f"{path}: found a file that is no part of the page")
    for name, expected in outputs.items():
        path = board.site / name
        if name not in texts and (not path.is_file() or provenance.file_hash(path) != expected):
            found.differences.append(f"{path}: found another file than {PROVENANCE} has the hash of")
    if drawings and not found.differences:
        _verify_drawings(board, ranked, record, found)


def _verify_drawings(board: Board, ranked: Standings, record: Mapping[str, Any], found: Verification) -> None:
    """Draw the figures again; other versions draw otherwise."""
    if record.get("versions") != provenance.versions():
        found.notices.append(f"{board.site}: drawn by other versions: figures were compared with hashes only")
        return
    with TemporaryDirectory() as folder:
        draw_figures(ranked, Path(folder))
        for drawn in sorted(Path(folder).iterdir()):
            found.n_files += 1
            path = board.site / "figures" / drawn.name
            if not path.is_file() or path.read_bytes() != drawn.read_bytes():
                found.differences.append(f"{path}: found another drawing than the results give")
