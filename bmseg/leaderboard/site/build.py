"""The site of a board: a static folder that opens from disk and from any web host.

Everything but figures and overlays is text that follows from the standings and from what is passed as
`made`, byte for byte: `site_texts` makes it again, for whoever wants to compare.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bmseg.leaderboard.site.downloads import downloads
from bmseg.leaderboard.site.figures import draw_figures
from bmseg.leaderboard.site.overlays import OverlaySource, WhyNot, draw_overlays, worst_exams
from bmseg.leaderboard.site.pages import assets, pages
from bmseg.leaderboard.standings import Standings
from bmseg.outputs import Output


def site_in(folder: Path) -> Output:
    """The site in a folder; it takes a new or empty one, or that of an earlier site."""
    return Output(folder, "bmseg leaderboard site", exclusive=True)


def build_site(
    standings: Standings, out: Path, *, made: Mapping[str, Any], overlays: OverlaySource | None = None
) -> None:
    """Write the site of a board; of an earlier site what this one has not is removed, and nothing else.

    `made` says how, for the page: versions, seed, in plain values of JSON; `overlays` are used where the
    challenge makes them public.

    Raises `InputError` where the folder holds anything but an earlier site.
    """
    with site_in(out).replaced(made) as staged:
        why_not = overlays.why_not if overlays else None
        worst = worst_exams(standings, why_not)
        for name, text in site_texts(standings, made=made, why_not=why_not).items():
            staged.write(name, text)
        draw_figures(standings, staged.folder / "figures")
        if overlays:
            draw_overlays(standings, worst, overlays, staged.folder)
        reasons = {key: {exam["exam"]: exam["why_not"] for exam in exams} for key, exams in worst.items()}
        staged.facts.update(made=dict(made), overlays=reasons)


def site_texts(
    standings: Standings, *, made: Mapping[str, Any], why_not: WhyNot | None = None
) -> dict[str, str]:
    """Every file of the site but figures, overlays and provenance.json: name to content.

    `made` is that of `build_site`, `why_not` that of its overlays, or of `recorded_overlays` to compare.
    """
    worst = worst_exams(standings, why_not)
    return assets() | downloads(standings, made, worst) | pages(standings, made, worst)
