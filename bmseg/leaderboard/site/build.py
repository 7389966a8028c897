"""The site of a board: a static folder that opens from disk and from any web host.

Everything but figures and overlays is text that follows from the standings and from what is passed as
`made`, byte for byte: `site_texts` makes it again, for whoever wants to compare.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.leaderboard.site.downloads import downloads
from bmseg.leaderboard.site.figures import draw_figures, figures_of
from bmseg.leaderboard.site.overlays import OverlaySource, draw_overlays, worst_exams
from bmseg.leaderboard.site.pages import assets, pages
from bmseg.leaderboard.standings import Standings
from bmseg.outputs import provenance
from bmseg.outputs.records import read_record, write_record

#: Written last: what the site is, how it was made, and the SHA-256 of every other file of it.
PROVENANCE_FILE = "provenance.json"

_KIND = "bmseg leaderboard site"


def build_site(
    standings: Standings, out: Path, *, made: Mapping[str, Any], overlays: OverlaySource | None = None
) -> list[Path]:
    """Write the site of a board.

    Files are written beside `out` and moved in one by one, the final provenance.json last; pages of an
    earlier site that this one has not are removed, and nothing else.

    Parameters
    ----------
    standings : Standings
    out : Path
        A new or empty folder, or that of an earlier site.
    made : mapping
        How it was made, for the page: versions, seed. Plain values of JSON.
    overlays : OverlaySource, optional
        Images and masks of the submissions' worst exams; used where the challenge makes them public.

    Returns
    -------
    list of Path
        Every file of the site.

    Raises
    ------
    InputError
        When the folder holds anything but an earlier site.
    """
    earlier = _earlier(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".partial-{out.name}-", dir=out.parent) as folder:
        site = Path(folder)
        worst = worst_exams(standings, overlays)
        for name, text in site_texts(standings, made=made, overlays=overlays).items():
            _write(site / name, text)
        draw_figures(standings, site / "figures")
        if overlays:
            draw_overlays(standings, worst, overlays, site)
        files = sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())
        record = {
            "kind": _KIND,
            "made": dict(made),
            "overlays": {
                key: {exam["exam"]: exam["why_not"] for exam in exams} for key, exams in worst.items()
            },
            "files": {name: provenance.file_hash(site / name) for name in files},
        }
        # Until it is whole it says of itself that it is not: what stops this leaves a folder that the next
        # build takes for its own, and that verify does not trust.
        listed = dict.fromkeys([*earlier, *files], "")
        write_record(out / PROVENANCE_FILE, {"kind": _KIND, "made": {}, "files": listed})
        for name in files:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (site / name).replace(out / name)
    _remove(out, set(earlier) - set(files))
    write_record(out / PROVENANCE_FILE, record)
    return [out / name for name in [*files, PROVENANCE_FILE]]


def site_texts(
    standings: Standings, *, made: Mapping[str, Any], overlays: OverlaySource | None = None
) -> dict[str, str]:
    """Every file of the site but figures, overlays and provenance.json: name to content.

    Parameters
    ----------
    standings : Standings
    made : mapping
        As of `build_site`.
    overlays : OverlaySource, optional
        Asked only what it has; to compare with a finished site, ``RecordedOverlays.of(site)``.
    """
    worst = worst_exams(standings, overlays)
    plates = [plate.name for plate in figures_of(standings)]
    return assets() | downloads(standings, made, worst) | pages(standings, made, plates, worst)


def read_made(site: Path) -> dict[str, Any]:
    """How the site in a folder was made, as `build_site` was told; empty where there is none."""
    return dict(read_record(site / PROVENANCE_FILE).get("made", {}))


def _earlier(out: Path) -> list[str]:
    """The files of an earlier site in the folder, by its own record."""
    if not out.is_dir() or not any(out.iterdir()):
        return []
    record = read_record(out / PROVENANCE_FILE)
    if record.get("kind") != _KIND:
        raise InputError(
            f"{out}: found files and no {PROVENANCE_FILE} of a site, expected a new or empty folder or an "
            "earlier site; name another folder"
        )
    return list(record.get("files", {}))


def _remove(out: Path, names: set[str]) -> None:
    """Remove files of an earlier site, and folders that are empty then; nothing outside of it."""
    root = out.resolve()
    for name in sorted(names):
        path = out / name
        if path.resolve().is_relative_to(root) and path.is_file():
            path.unlink()
            if path.parent != out and not any(path.parent.iterdir()):
                path.parent.rmdir()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The same bytes on every system: hashes of pages are compared.
    path.write_bytes(text.encode("utf-8"))
