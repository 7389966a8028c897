"""Figures as files: PNG at 300 dots an inch and SVG, the same bytes for the same table."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from dataset_conversion.images import atomic_path


def save_figure(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write ``<name>.png`` and ``<name>.svg`` atomically; returns both paths."""
    written = []
    # Without a fixed salt and date, matplotlib's SVG differs from run to run.
    with mpl.rc_context({"svg.hashsalt": "bmseg", "svg.fonttype": "none"}):
        for ending, options in (("png", {"dpi": 300}), ("svg", {"metadata": {"Date": None}})):
            path = folder / f"{name}.{ending}"
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format=ending, **options)
            written.append(path)
    return written
