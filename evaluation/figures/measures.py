"""Every measure of a level, or of many: where readers and models stand; each returns a Figure."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evaluation.figures import style
from evaluation.figures.panels import headed, ruled, scaled, shortened
from evaluation.figures.style import AxesLike, Drawing, styled
from evaluation.measures.measure import Measure
from evaluation.statistics.words import interval_label

_COLUMNS = 4
_ROW_INCHES = 0.17
#: Of a figure of many levels: panels beside each other, the height of a row, letters over a panel.
_MOST_BESIDE, _LEVEL_INCHES, _LETTERS = 5, 0.16, 15


@styled
def measure_panels(
    summary: pd.DataFrame,
    *,
    measures: Sequence[Measure],
    level: str,
    models: Sequence[str],
    note: str = "",
    axes: AxesLike | None = None,
) -> Figure:
    """Medians of one level by every measure, a panel each, a row a rater: usual (hollow) and fair (filled).

    Lines are intervals of the fair medians. An arrow points to where a measure is better.

    Parameters
    ----------
    summary : DataFrame
        ``measure, way, level, rater, median, median_low, median_high, median_coverage``: measures_table1.csv.
    measures : sequence of Measure
        Those to draw, in order.
    models : sequence of str
        The raters that are drawn in colour; the others are readers, grey.
    """
    rows = summary[summary.level == level]
    raters = list(dict.fromkeys(rows.rater))
    colors = style.of_models(models)
    names = [measure.name for measure in measures]
    lines = -(-len(names) // _COLUMNS)
    height = lines * (_ROW_INCHES * len(raters) + 0.55) + 0.5
    columns = min(_COLUMNS, len(names))
    drawing = Drawing.of(axes, names, (style.PAGE_INCHES, height), columns, sharey=True)
    for measure, panel in zip(measures, drawing.axes, strict=True):
        found = rows[rows.measure == measure.name]
        for way, filled in (("usual", False), ("fair", True)):
            for row in found[found.way == way].itertuples():
                y, color = raters.index(row.rater), colors.get(row.rater, style.GREY)
                if filled and not np.isnan(row.median_low):
                    panel.plot([row.median_low, row.median_high], [y, y], color=color, linewidth=1.1)
                panel.plot(
                    row.median, y, "o", markersize=4, color=color, markeredgewidth=0.9,
                    markerfacecolor=color if filled else "white", zorder=3 + filled,
                )  # fmt: skip
        _set_up(panel, measure, [shortened(rater, 14) for rater in raters])
        ruled(panel, axis="x")
        headed(panel, f"{_titled(measure)}{_direction(measure)}")
    intervals = interval_label(0.95, rows[rows.way == "fair"].median_coverage)
    handles = [
        Line2D([], [], marker="o", color=style.GREY, label=f"fair, with {intervals}", markersize=4),
        Line2D([], [], marker="o", color=style.GREY, label="usual", markerfacecolor="white", linestyle="",
               markersize=4),
        Line2D([], [], linestyle="", label="\N{RIGHTWARDS ARROW} \N{LEFTWARDS ARROW}: better this way"),
    ]  # fmt: skip
    drawing.legend(handles, 3)
    return drawing.done(note)


@styled
def measures_of_levels(
    summary: pd.DataFrame,
    *,
    measures: Sequence[Measure],
    levels: Sequence[str],
    models: Sequence[str],
    note: str = "",
    axes: AxesLike | None = None,
) -> Figure:
    """Fair medians of many levels, a panel a measure, a row a level, a point a rater: readers grey.

    `summary` is as in `measure_panels`; `measures`, `levels` and `models` are those to draw, in order, beside
    all readers. A level without a point has no defined value, or no such measure.
    """
    rows = summary[(summary.way == "fair") & summary.level.isin(levels)]
    places = rows.level.map({level: place for place, level in enumerate(levels)})
    bright = style.of_models(models)
    names = [measure.name for measure in measures]
    lines = -(-len(names) // _MOST_BESIDE)
    columns = -(-len(names) // lines)
    height = lines * (_LEVEL_INCHES * len(levels) + 0.55) + 0.5
    drawing = Drawing.of(axes, names, (style.PAGE_INCHES, height), columns, sharey=True)
    for measure, panel in zip(measures, drawing.axes, strict=True):
        found = rows[rows.measure == measure.name]
        for some, look in (
            (found[~found.rater.isin(models)], {"color": style.GREY, "alpha": 0.6}),
            *(
                (found[found.rater == model], {"color": color, "zorder": 3})
                for model, color in bright.items()
            ),
        ):
            panel.plot(some["median"], places[some.index], "o", markersize=3.5, markeredgewidth=0, **look)
        _set_up(panel, measure, [shortened(level, 20) for level in levels])
        ruled(panel)
        headed(panel, fill(f"{_titled(measure)}{_direction(measure)}", _LETTERS))
    point: dict[str, Any] = {"marker": "o", "linestyle": "", "markersize": 4}
    handles = [
        Line2D([], [], color=color, label=shortened(model, 20), **point) for model, color in bright.items()
    ]
    handles += [
        Line2D([], [], color=style.GREY, label="readers", **point),
        Line2D([], [], linestyle="", label="\N{RIGHTWARDS ARROW} \N{LEFTWARDS ARROW}: better this way"),
    ]
    drawing.legend(handles, min(4, len(handles)))
    return drawing.done("\n".join(filter(None, ("A point is a rater's fair median over exams.", note))))


def _set_up(panel: Axes, measure: Measure, rows: Sequence[str]) -> None:
    """A row each, the first on top, and the measure's scale."""
    panel.set_ylim(len(rows) - 0.5, -0.5)
    panel.set_yticks(range(len(rows)), rows)
    panel.tick_params(axis="y", length=0)
    panel.tick_params(labelsize=style.SMALL + 0.5)
    panel.locator_params(axis="x", nbins=4)
    panel.spines["left"].set_visible(False)
    scaled(panel, measure, "x")


def _titled(measure: Measure) -> str:
    return measure.with_unit.replace("the readers' tolerance", "readers' tol.")


def _direction(measure: Measure) -> str:
    if measure.signed:
        return ""
    return " \N{RIGHTWARDS ARROW}" if measure.higher_is_better else " \N{LEFTWARDS ARROW}"
