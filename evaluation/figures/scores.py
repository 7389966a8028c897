"""Figures of the scores; each function returns a Figure and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

# One column of a journal page is about 3.4 inches, two are 7.
COLUMN_INCHES = 3.4
PAGE_INCHES = 7.0

STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 7,
}


def _styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in our style and leave the caller's matplotlib settings as they are."""

    @wraps(draw)
    def styled(*args: Any, **kwargs: Any) -> Figure:
        with mpl.rc_context({**sns.axes_style("ticks"), **STYLE}):
            return draw(*args, **kwargs)

    return styled


@_styled
def dice_boxplot(
    scores: pd.DataFrame,
    *,
    rater: str,
    colors: Mapping[str, str],
    reference: str = "the consensus",
    note: str = "",
) -> Figure:
    """One rater's Dice a level (Fig. 4 of the study), every exam as a point.

    Parameters
    ----------
    scores : DataFrame
        Columns ``exam``, ``rater``, ``level``, ``dice``; undefined Dice are left out and counted below
        the box.
    rater : str
    colors : mapping of str to str
        Level to colour; levels without one are grey.
    reference : str
        What the rater was scored against, for the title.
    note : str
        Printed below the figure, as "synthetic cohort".
    """
    chosen = scores[scores.rater == rater].reset_index(drop=True)
    levels = list(dict.fromkeys(chosen.level))
    figure = _figure(COLUMN_INCHES, 3.0)
    axes = figure.subplots()
    palette = {level: colors.get(level, "#9a9a9a") for level in levels}
    _boxes_and_points(axes, chosen, x="level", order=levels, hue="level", hue_order=levels, palette=palette)
    axes.set_xticks(range(len(levels)), [_with_count(chosen, level) for level in levels])
    axes.set(xlabel="", title=f"{rater} against {reference}")
    return _finish(figure, axes, note)


@_styled
def raters_boxplot(scores: pd.DataFrame, *, models: Sequence[str], note: str = "") -> Figure:
    """Readers beside models, level by level, every exam as a point.

    Parameters
    ----------
    scores : DataFrame
        Columns ``exam``, ``rater``, ``level``, ``dice``.
    models : sequence of str
        The raters that are models: drawn in colour, readers in greys.
    note : str
        Printed below the figure.
    """
    scores = scores.reset_index(drop=True)
    levels = list(dict.fromkeys(scores.level))
    raters = list(dict.fromkeys(scores.rater))
    readers = [rater for rater in raters if rater not in models]
    greys = dict(zip(readers, sns.color_palette("Greys", len(readers) + 3)[1:], strict=False))
    bright = dict(zip(models, sns.color_palette("colorblind", max(1, len(models))), strict=False))
    figure = _figure(PAGE_INCHES, 3.4)
    axes = figure.subplots()
    _boxes_and_points(
        axes, scores, x="level", order=levels, hue="rater", hue_order=raters, palette=greys | bright
    )
    axes.set_xticks(range(len(levels)), [_with_count(scores, level) for level in levels])
    axes.set(xlabel="")
    palette = greys | bright
    axes.legend(
        handles=[Patch(facecolor=palette[rater], edgecolor="#444444", label=rater) for rater in raters],
        ncols=min(6, len(raters)),
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        frameon=False,
    )
    return _finish(figure, axes, note)


@_styled
def overlay_sheet(
    slices: Sequence[tuple[str, np.ndarray, Mapping[str, np.ndarray]]],
    *,
    colors: Mapping[int, str],
    aspect: float = 1.0,
    note: str = "",
) -> Figure:
    """Slices in rows; the image alone and with each mask in columns.

    Parameters
    ----------
    slices : sequence of (title, image, masks)
        ``image`` and every mask are arrays (rows, columns) of one shape, as seen; exams may differ in
        shape. ``masks`` maps a column's heading to a label map.
    colors : mapping of int to str
        Mask value to colour.
    aspect : float
        Height of a pixel divided by its width.
    note : str
        Printed below the figure.
    """
    headings = ["image", *slices[0][2]]
    width = PAGE_INCHES / len(headings)
    heights = [width * image.shape[0] * aspect / image.shape[1] for _, image, _ in slices]
    figure = _figure(PAGE_INCHES, sum(heights) + 0.06 * len(slices) + 0.45)
    grid = figure.subplots(len(slices), len(headings), squeeze=False, height_ratios=heights)
    for row, (title, image, masks) in zip(grid, slices, strict=True):
        low, high = np.percentile(image, [1, 99.7])
        for axes, heading in zip(row, headings, strict=True):
            axes.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1), aspect=aspect)
            if heading in masks:
                axes.imshow(_tinted(masks[heading], colors), aspect=aspect, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if axes in grid[0]:
                axes.set_title(heading)
        row[0].set_ylabel(title, fontsize=7)
    return _finish(figure, None, note)


def _tinted(mask: np.ndarray, colors: Mapping[int, str]) -> np.ndarray:
    layer = np.zeros((*mask.shape, 4))
    for value, color in colors.items():
        layer[mask == value] = (*to_rgb(color), 0.6)
    return layer


def _boxes_and_points(axes: Any, scores: pd.DataFrame, **kwargs: Any) -> None:
    if scores.dice.isna().all():
        # seaborn 0.13 fails on a table without a single number.
        axes.set_xlim(-0.5, len(kwargs["order"]) - 0.5)
        axes.text(0.5, 0.5, "Dice is undefined in every exam", transform=axes.transAxes, ha="center")
        return
    sns.boxplot(
        scores, y="dice", ax=axes, fliersize=0, linewidth=0.8, width=0.75, saturation=1, legend=False,
        **kwargs,
    )  # fmt: skip
    dodge = kwargs["hue"] != kwargs["x"]
    # Deterministic jitter: the same table gives the same figure.
    state = np.random.get_state()
    np.random.seed(0)
    sns.stripplot(
        scores, y="dice", ax=axes, size=2.6, dodge=dodge, jitter=0.12, linewidth=0.4, edgecolor="black",
        legend=False, **kwargs,
    )  # fmt: skip
    np.random.set_state(state)


def _with_count(scores: pd.DataFrame, level: str) -> str:
    """The level, and in how many exams Dice is defined where that is not all; the least of all raters."""
    dice = scores[scores.level == level].groupby("rater", sort=False).dice
    defined, exams = int(dice.count().min()), int(dice.size().max())
    return level if defined == exams else f"{level}\n({defined} of {exams})"


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout="constrained")


def _finish(figure: Figure, axes: Any, note: str) -> Figure:
    if axes is not None:
        axes.set(ylim=(-0.03, 1.03), ylabel="Dice")
    if note:
        figure.supxlabel(note, fontsize=7, color="#555555")
    return figure
