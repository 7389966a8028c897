"""What the figures of a study share: panels, rows of raters, words, colours."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.figures.scores import COLUMN_INCHES, _figure

# Of Okabe and Ito (2008, Color Universal Design): told apart by the colour-blind.
GREEN, VERMILLION, BLUE, PURPLE = "#009e73", "#d55e00", "#0072b2", "#cc79a7"
INK, GREY, LIGHT, PALE = "#222222", "#6e6e6e", "#a6a6a6", "#d9d9d9"
#: Of a level that the study gives no colour, such as a group of levels.
NO_COLOR = "#9a9a9a"

#: Points of the smallest print.
SMALL = 6.5

_ROW_INCHES = 0.175


def panels(levels: Sequence[str], *, height: float, extra: float) -> tuple[Figure, dict[str, Axes]]:
    """A column-wide figure with a panel a level, two beside each other.

    Parameters
    ----------
    levels : sequence of str
    height, extra : float
        Inches of a row of panels, and for everything else.
    """
    rows = (len(levels) + 1) // 2
    # Room for the label along the side where there is one row only.
    figure = _figure(COLUMN_INCHES, max(rows * height + extra, 2.4))
    grid = figure.subplots(rows, min(2, len(levels)), squeeze=False).ravel()
    for axes in grid[len(levels) :]:
        axes.remove()
    return figure, dict(zip(levels, grid, strict=False))


def rater_rows(
    levels: Sequence[str], raters: Sequence[str], *, extra: float
) -> tuple[Figure, dict[str, Axes]]:
    """A column-wide figure with a panel a level, below each other, and in it a row a rater, first on top.

    Parameters
    ----------
    levels, raters : sequence of str
    extra : float
        Inches for what is beside the rows of raters and the titles of levels.
    """
    height = len(levels) * (_ROW_INCHES * len(raters) + 0.28)
    figure = _figure(COLUMN_INCHES, height + extra)
    grid = figure.subplots(len(levels), 1, squeeze=False, sharex=True).ravel()
    for axes, level in zip(grid, levels, strict=True):
        axes.set_yticks(range(len(raters)), raters)
        axes.set_ylim(len(raters) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0, labelsize=7.5)
        axes.grid(axis="x", color=PALE, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
        axes.set_title(level, loc="left", fontsize=8, fontweight="bold")
    return figure, dict(zip(levels, grid, strict=True))


def beside(axes: Axes, y: float, words: str) -> None:
    """Small print on the right of the axes, at a height in the data."""
    axes.annotate(
        words, (1, y), (4, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
        fontsize=SMALL, annotation_clip=False,
    )  # fmt: skip


def above(axes: Axes, words: str) -> None:
    """The heading of what stands `beside`."""
    axes.annotate(
        words, (1, 1), (4, 4), xycoords="axes fraction", textcoords="offset points", fontsize=SMALL,
        annotation_clip=False,
    )  # fmt: skip


def noted(figure: Figure, note: str) -> Figure:
    """The figure with its note below, in grey."""
    if note:
        figure.supxlabel(note, fontsize=7, color=GREY)
    return figure
