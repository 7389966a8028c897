"""The page of a board: a static folder that opens from disk and from any web host."""

from bmseg.leaderboard.site.build import build_site, is_made, site_record, site_texts
from bmseg.leaderboard.site.overlays import NOT_HERE, Overlay, OverlaySource, recorded_overlays

__all__ = [
    "NOT_HERE", "Overlay", "OverlaySource", "build_site", "is_made", "recorded_overlays", "site_record",
    "site_texts",
]  # fmt: skip
