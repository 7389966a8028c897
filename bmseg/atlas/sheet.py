"""A sheet of A4 that is laid out in millimetres from its upper left corner."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bmseg.atlas.pictures import OPACITY, Picture, tint
from evaluation.figures.display import Window
from evaluation.figures.style import GREY, INK

WIDTH, HEIGHT, MARGIN = 210.0, 297.0, 14.0
#: What headings leave, from top to bottom.
TOP, BOTTOM = 36.0, 281.0

_MM_PER_INCH = 25.4
_POINT = _MM_PER_INCH / 72
_LINE = 1.35


class Sheet:
    """A page with a heading, and `lead`, a line or two below it; everything is placed in mm."""

    def __init__(self, title: str, lead: str = "") -> None:
        self.figure = Figure(figsize=(WIDTH / _MM_PER_INCH, HEIGHT / _MM_PER_INCH))
        self.text(MARGIN, MARGIN, title, size=15, weight="bold")
        if lead:
            self.paragraph(MARGIN, MARGIN + 8.5, lead, size=8.5, color=GREY)

    def text(self, x: float, y: float, words: str, *, size: float = 9, **style: Any) -> None:
        """Words whose upper left corner is at x, y."""
        style = {"color": INK, "va": "top", "linespacing": _LINE, **style}
        self.figure.text(x / WIDTH, 1 - y / HEIGHT, words, fontsize=size, parse_math=False, **style)

    def paragraph(
        self, x: float, y: float, words: str, *, size: float = 9, width: float | None = None, **style: Any
    ) -> float:
        """Words in lines of a width (by default to the right margin); returns where the next may begin."""
        width = WIDTH - MARGIN - x if width is None else width
        # Letters of matplotlib's own face are this wide, as a share of its size, on average.
        lines = textwrap.wrap(words, max(10, int(width / (0.53 * size * _POINT))))
        self.text(x, y, "\n".join(lines), size=size, **style)
        return y + len(lines) * size * _POINT * _LINE

    def swatch(self, x: float, y: float, color: str, side: float = 3.2) -> None:
        """A square of a level's colour."""
        self.figure.add_artist(
            Rectangle(
                (x / WIDTH, 1 - (y + side) / HEIGHT), side / WIDTH, side / HEIGHT, facecolor=color,
                edgecolor=GREY, linewidth=0.5,
            )
        )  # fmt: skip

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes whose upper left corner is at x, y."""
        box = (x / WIDTH, 1 - (y + height) / HEIGHT, width / WIDTH, height / HEIGHT)
        return self.figure.add_axes(box)

    def picture(
        self,
        x: float,
        y: float,
        size: tuple[float, float],
        shown: Picture,
        window: Window,
        colors: Mapping[int, str],
        *,
        layers: Sequence[str],
    ) -> None:
        """A picture with the layers ``image`` and ``mask``; a mask alone is opaque, on black."""
        axes = self.axes(x, y, *size)
        image = window.applied(shown.image) if "image" in layers else np.zeros(shown.image.shape)
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, aspect="auto", interpolation="bicubic")
        if "mask" in layers:
            opacity = OPACITY if "image" in layers else 1.0
            axes.imshow(tint(shown.mask, colors, opacity), aspect="auto", interpolation="nearest")
        axes.set_axis_off()


def finish(pages: Sequence[Figure], note: str, title: str) -> None:
    """Number the pages and write the note below each."""
    for number, page in enumerate(pages, 1):
        style: dict[str, Any] = {"fontsize": 8, "color": GREY, "parse_math": False}
        foot = 1 - (HEIGHT - 9) / HEIGHT
        page.text(MARGIN / WIDTH, foot, textwrap.shorten(title, 50, placeholder=" ..."), **style)
        page.text(0.5, foot, note, ha="center", **(style | {"color": INK, "weight": "bold"}))
        page.text(1 - MARGIN / WIDTH, foot, f"page {number} of {len(pages)}", ha="right", **style)
