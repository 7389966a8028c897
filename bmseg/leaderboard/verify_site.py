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
    """Make the pages and downloads again from the files; drawings must be those that were written.

    Those as of a day too, which lie beside the board's own.
    """
    if not board.site.is_dir():
        found.notices.append(f"{board.site}: no page yet; 'bmseg leaderboard build' makes it")
    for site in [board.site, *sorted(board.root.glob("site-*"))]:
        if site.is_dir():
            _verify_site(board, site, found, drawings)


def _verify_site(board: Board, site: Path, found: Verification, drawings: bool) -> None:
    try:
        record = site_record(site)
    except WorkError as error:
        found.differences.append(str(error))
        return
    as_of = str(record["made"].get("as_of", ""))
    if site != board.site_of(as_of[:10]):
        found.differences.append(f"{site}: found a page as of {as_of[:10] or 'now'}, expected another folder")
        return
    named = record["made"].get("ledger", "")
    if named and str(named) not in {line.sha256 for line in ledger_lines(board.root)[0]}:
        found.differences.append(f"{board.root / LEDGER_FILE}: found no line of the hash that the page names")
    why_not = recorded_overlays(record)
    ranked = standings(board, as_of)
    texts = site_texts(ranked, made=record["made"], why_not=why_not, viewed=record["viewed"])
    for name, text in texts.items():
        found.n_files += 1
        path = site / name
        if not path.is_file():
            found.differences.append(f"{path}: found no such file, the results give one")
        elif (written := path.read_bytes().decode(errors="replace")) != text:
            number, *_ = first_difference(written, text) or (1,)
            found.differences.append(f"{path}: line {number}: found other text than the results give")
    outputs = record["outputs"]
    for path in sorted(path for path in site.rglob("*") if path.is_file()):
        name = path.relative_to(site).as_posix()
        if name not in {*outputs, *texts, PROVENANCE} and not name.startswith("."):
            found.differences.append(f"{path}: found a file that is no part of the page")
    for name, expected in outputs.items():
        path = site / name
        if name not in texts and (not path.is_file() or provenance.file_hash(path) != expected):
            found.differences.append(f"{path}: found another file than {PROVENANCE} has the hash of")
    if drawings and not found.differences:
        _verify_drawings(site, ranked, record, found)


def _verify_drawings(site: Path, ranked: Standings, record: Mapping[str, Any], found: Verification) -> None:
    """Draw the figures again; other versions draw otherwise."""
    if record.get("versions") != provenance.versions():
        found.notices.append(f"{site}: drawn by other versions: figures were compared with hashes only")
        return
    with TemporaryDirectory() as folder:
        draw_figures(ranked, Path(folder))
        for drawn in sorted(Path(folder).iterdir()):
            found.n_files += 1
            path = site / "figures" / drawn.name
            if not path.is_file() or path.read_bytes() != drawn.read_bytes():
                found.differences.append(f"{path}: found another drawing than the results give")
