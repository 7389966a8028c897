"""The page of a board: a static folder that opens from disk and from any web host."""

from bmseg.leaderboard.site.build import PROVENANCE_FILE, build_site, read_made, site_texts
from bmseg.leaderboard.site.overlays import NOT_HERE, Overlay, OverlaySource, RecordedOverlays

__all__ = [
    "NOT_HERE",
    "PROVENANCE_FILE",
    "Overlay",
    "OverlaySource",
    "RecordedOverlays",
    "build_site",
    "read_made",
    "site_texts",
]
