"""Figures as files: PNG at 300 dots an inch and SVG, the same bytes for the same table."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from dataset_conversion.images import atomic_path
from evaluation.figures.fonts import with_fonts


def save_figure(
    figure: Figure,
    folder: Path | str,
    name: str,
    *,
    endings: Sequence[str] = ("png", "svg"),
    dpi: int = 300,
    screen: float = 1.0,
) -> list[Path]:
    """Write ``<name>.png`` and ``<name>.svg`` atomically; returns the paths.

    Text stays text: an SVG brings the letters that it shows, so that it looks the same where their font is
    not installed, and so does a PDF.

    Parameters
    ----------
    endings : sequence of str
        Of the formats, "pdf" among them.
    dpi : int
        Dots an inch of PNG.
    screen : float
        An SVG is shown so many times as large: print has smaller letters than a screen.
    """
    written = []
    # Without a fixed salt and date, matplotlib's SVG differs from run to run. And None is no layout then,
    # whatever the caller's settings.
    settings: dict[str, Any] = {"svg.hashsalt": "bmseg", "svg.fonttype": "none"}
    # Letters stay letters: whole fonts, not their outlines.
    settings |= {"pdf.fonttype": 42, "ps.fonttype": 42}
    settings |= {"figure.autolayout": False, "figure.constrained_layout.use": False}
    with mpl.rc_context(settings), warnings.catch_warnings():
        # Names may have letters that no font here has: in an SVG they are text, and the browser shows them.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        with _laid_out(figure, dpi):
            for ending in endings:
                path = Path(folder) / f"{name}.{ending}"
                options = _OPTIONS.get(ending, {"dpi": dpi})
                if ending == "png":
                    # PIL's own compression takes 40 % longer, for files 7 % smaller.
                    options = options | {"pil_kwargs": {"compress_level": 3}}
                with atomic_path(path) as temporary:
                    figure.savefig(temporary, format=ending, **options)
                    if ending == "svg":
                        text = with_fonts(temporary.read_text("utf-8"))
                        temporary.write_text(_enlarged(text, screen) if screen != 1 else text, "utf-8")
                written.append(path)
    return written


# Without a date: the same bytes for the same table.
_OPTIONS: dict[str, dict[str, Any]] = {
    "svg": {"metadata": {"Date": None}}, "pdf": {"metadata": {"CreationDate": None}}
}  # fmt: skip


@contextmanager
def _laid_out(figure: Figure, dpi: int) -> Iterator[None]:
    """Find the layout once, for all formats: matplotlib would draw everything once more for each."""
    layout, own = figure.get_layout_engine(), figure.dpi
    if layout is None:
        yield
        return
    figure.dpi = dpi
    layout.execute(figure)
    figure.dpi = own
    figure.set_layout_engine(None)
    try:
        yield
    finally:
        figure.set_layout_engine(layout)


def _enlarged(svg: str, times: float) -> str:
    def larger(size: re.Match[str]) -> str:
        return f'{size[1]}="{times * float(size[2]):.2f}pt"'

    return re.sub(r'\b(width|height)="([\d.]+)pt"', larger, svg, count=2)
