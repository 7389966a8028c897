"""One slice with outlines: what the reference marks and what a rater marks; returns a Figure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from evaluation.figures import style
from evaluation.figures.panels import shortened
from evaluation.figures.style import styled

#: Inches of the longer side.
_INCHES = 2.6
#: Of the reference and of the rater: told apart without colour, which says the level.
_LINES = ("-", (0, (1.6, 1.1)))


@styled
def outlined_slice(
    image: np.ndarray,
    reference: np.ndarray,
    mask: np.ndarray,
    *,
    colors: Mapping[int, str],
    limits: tuple[float, float],
    names: tuple[str, str],
    aspect: float = 1.0,
) -> Figure:
    """The image twice: with the reference's outlines, and with the rater's; nothing else.

    Parameters
    ----------
    image, reference, mask : array
        Of one shape (rows, columns), as seen; the masks are label maps.
    colors : mapping of int to str
        Mask value to colour.
    limits : tuple of float
        What is black and what is white, in units of the image.
    names : tuple of str
        Whose outlines they are, in the corners.
    aspect : float
        Height of a pixel divided by its width.
    """
    rows, columns = image.shape
    high, wide = rows * aspect, 2.03 * columns
    scale = 2 * _INCHES / max(wide, 1.6 * high)
    figure = Figure(figsize=(wide * scale, high * scale))
    for place, (labels, line) in enumerate(zip((reference, mask), _LINES, strict=True)):
        axes = figure.add_axes((0.507 * place, 0, 0.493, 1))
        axes.imshow(image, cmap="gray", vmin=limits[0], vmax=limits[1], aspect="auto")
        for value, color in colors.items():
            if (labels == value).any():
                inside = np.pad(labels == value, 1)[1:-1, 1:-1]
                axes.contour(inside, [0.5], colors=color, linewidths=1.0, linestyles=[line])
        axes.text(
            0.02, 0.98, shortened(names[place], 18), transform=axes.transAxes, va="top", color="white",
            fontsize=7.5, bbox={"facecolor": "black", "alpha": 0.55, "linewidth": 0, "pad": 1.5},
        )  # fmt: skip
        axes.set_axis_off()
        axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    figure.patch.set_facecolor(style.INK)
    return figure
