"""The page of a board: a static folder that opens from disk and from any web host."""

from bmseg.leaderboard.site.build import build_site, site_in, site_texts
from bmseg.leaderboard.site.overlays import NOT_HERE, Overlay, OverlaySource, RecordedOverlays

__all__ = [
    "NOT_HERE", "Overlay", "OverlaySource", "RecordedOverlays", "build_site", "site_in", "site_texts",
]  # fmt: skip
