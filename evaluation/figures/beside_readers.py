"""The picture of an answer: models beside the readers, level by level; returns a Figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from evaluation.figures import style
from evaluation.figures.matrix import matrix
from evaluation.figures.panels import ruled, shortened
from evaluation.figures.style import AxesLike, Drawing, styled
from evaluation.statistics.words import interval_label, number

#: Told apart by colour and by shape; more models are drawn as one kind, without intervals.
_LOOKS = (
    (style.BLUE, "o"), (style.VERMILLION, "s"), (style.GREEN, "D"), (style.PURPLE, "^"),
)  # fmt: skip
#: More levels are a table.
_MOST_LEVELS = 12
#: Inches of a level's row of readers, of one of a model, and of all else.
_READERS, _MODEL, _REST = 0.2, 0.15, 0.62


@styled
def levels_beside_readers(
    summary: pd.DataFrame,
    *,
    models: Sequence[str],
    readers: Sequence[str],
    median_reader: Mapping[str, float],
    apart: Sequence[str] = (),
    colors: Mapping[str, str] | None = None,
    label: str = "Median Dice, fair",
    note: str = "",
    axes: AxesLike | None = None,
) -> Figure:
    """Median Dice of every reader and model, models with their intervals, a row of marks a level.

    Parameters
    ----------
    summary : DataFrame
        ``level, rater, median, median_low, median_high, median_coverage`` of `evaluation.scores.table1`, one
        way.
    median_reader : mapping of str to float
        Level to the median over exams of the median reader; a level need not be in it.
    apart : sequence of str
        Groups of levels, which repeat levels: below a line.
    colors : mapping of str to str
        Level to colour.
    """
    levels = list(dict.fromkeys(summary.level))
    if axes is None and len(levels) > _MOST_LEVELS:
        medians = summary.pivot(index="level", columns="rater", values="median").loc[levels]
        medians = medians[[*models, *(name for name in medians if name not in models)]]
        return matrix(medians, medians.map(number), label=label, note=note)
    several = len(models) > len(_LOOKS)
    rows = 1 if several else len(models)
    step = _READERS + _MODEL * max(rows, 1)
    size = style.COLUMN_INCHES * 1.35, step * len(levels) + _REST
    drawing = Drawing.of(axes, ["levels"], size)
    panel = drawing.axes[0]
    cells = {(row.level, row.rater): row for row in summary.itertuples()}
    for place, level in enumerate(levels):
        _row_of_readers(
            panel, place, [cells.get((level, name)) for name in readers], median_reader.get(level)
        )
        found = [cells.get((level, name)) for name in models]
        if several:
            _many_models(panel, place, found)
        else:
            for number_, (cell, look) in enumerate(zip(found, _LOOKS, strict=False), start=1):
                _model(panel, place + number_ * _MODEL / step, cell, look)
        if level in apart and place and levels[place - 1] not in apart:
            panel.axhline(place - 0.25, color=style.LIGHT, linewidth=0.6, linestyle=":")
    _framed(panel, levels, colors or {}, label)
    drawn = summary[summary.rater.isin(list(models))]
    intervals = interval_label(0.95, drawn.median_coverage)
    _legend(drawing, models, readers, median_reader, several, intervals)
    return drawing.done(note)


def _row_of_readers(axes: Axes, place: float, cells: Sequence[Any], median: float | None) -> None:
    medians = [cell.median for cell in cells if cell is not None and not np.isnan(cell.median)]
    if medians:
        axes.plot([min(medians), max(medians)], [place] * 2, color=style.PALE, linewidth=5, zorder=1)
        axes.scatter(
            medians,
            [place] * len(medians),
            s=15,
            facecolor="white",
            edgecolor=style.GREY,
            linewidth=0.9,
            zorder=3,
        )
    if median is not None and not np.isnan(median):
        axes.plot([median] * 2, [place - 0.16, place + 0.16], color=style.INK, linewidth=1.8, zorder=4)


def _model(axes: Axes, place: float, cell: Any, look: tuple[str, str]) -> None:
    if cell is None or np.isnan(cell.median):
        return
    color, marker = look
    if not np.isnan(cell.median_low):
        axes.plot([cell.median_low, cell.median_high], [place] * 2, color=color, linewidth=1.3, zorder=3)
    axes.scatter([cell.median], [place], s=20, color=color, marker=marker, linewidth=0, zorder=4)


def _many_models(axes: Axes, place: float, cells: Sequence[Any]) -> None:
    medians = [cell.median for cell in cells if cell is not None and not np.isnan(cell.median)]
    axes.scatter(
        medians, [place + 0.4] * len(medians), marker="|", s=34, color=style.BLUE, linewidth=1, zorder=3
    )


def _framed(axes: Axes, levels: Sequence[str], colors: Mapping[str, str], label: str) -> None:
    axes.set_yticks(range(len(levels)), [shortened(level) for level in levels])
    axes.set_ylim(len(levels) - 0.25, -0.35)
    axes.set(xlim=(-0.02, 1.02), xlabel=label)
    axes.tick_params(axis="y", length=0, labelsize=8, pad=17)
    axes.spines["left"].set_visible(False)
    ruled(axes, axis="x")
    for place, level in enumerate(levels):
        if level in colors:
            axes.scatter(
                [-0.035], [place], marker="s", s=38, color=colors[level], edgecolor=style.INK, linewidth=0.4,
                transform=axes.get_yaxis_transform(), clip_on=False,
            )  # fmt: skip


def _legend(
    drawing: Drawing,
    models: Sequence[str],
    readers: Sequence[str],
    median_reader: Mapping[str, float],
    several: bool,
    intervals: str,
) -> None:
    handles: list[Any] = []
    if several:
        handles.append(
            Line2D([], [], linestyle="none", marker="|", color=style.BLUE, label=f"{len(models)} models")
        )
    else:
        handles += [
            Line2D([], [], color=color, marker=marker, markersize=4.5, linewidth=1.3, label=shortened(model))
            for model, (color, marker) in zip(models, _LOOKS, strict=False)
        ]
        handles.append(Line2D([], [], color=style.GREY, linewidth=1.3, label=intervals))
    if readers:
        reader: dict[str, Any] = {
            "marker": "o",
            "markersize": 4,
            "markerfacecolor": "white",
            "color": style.GREY,
        }
        handles.append(Line2D([], [], linestyle="none", label="a reader", **reader))
    if median_reader:
        handles.append(
            Line2D([], [], linestyle="none", marker="|", markersize=9, markeredgewidth=1.8, color=style.INK,
                   label="median reader")
        )  # fmt: skip
    if len(readers) > 1:
        handles.append(Patch(facecolor=style.PALE, label="range of readers"))
    if handles:
        drawing.legend(handles, columns=3)
