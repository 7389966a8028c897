"""Every measure of a level beside the others: where readers and models stand; returns a Figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evaluation.figures import style
from evaluation.figures.panels import headed, ruled, scaled, shortened
from evaluation.figures.style import AxesLike, Drawing, styled
from evaluation.measures.measure import Measure

_COLUMNS = 4
_ROW_INCHES = 0.17


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
        ``measure, way, level, rater, median, median_low, median_high``: measures_table1.csv.
    measures : sequence of Measure
        Those to draw, in order.
    models : sequence of str
        The raters that are drawn in colour; the others are readers, grey.
    """
    rows = summary[summary.level == level]
    raters = list(dict.fromkeys(rows.rater))
    colors = dict(zip(models, sns.color_palette("colorblind", max(1, len(models))), strict=False))
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
        panel.set_ylim(len(raters) - 0.5, -0.5)
        panel.set_yticks(range(len(raters)), [shortened(rater, 14) for rater in raters])
        panel.tick_params(axis="y", length=0)
        panel.tick_params(labelsize=style.SMALL + 0.5)
        panel.locator_params(axis="x", nbins=4)
        scaled(panel, measure, "x")
        ruled(panel, axis="x")
        panel.spines["left"].set_visible(False)
        headed(panel, f"{_titled(measure)}{_direction(measure)}")
    handles = [
        Line2D([], [], marker="o", color=style.GREY, label="fair, with 95 % interval", markersize=4),
        Line2D([], [], marker="o", color=style.GREY, label="usual", markerfacecolor="white", linestyle="",
               markersize=4),
        Line2D([], [], linestyle="", label="\N{RIGHTWARDS ARROW} \N{LEFTWARDS ARROW}: better this way"),
    ]  # fmt: skip
    drawing.legend(handles, 3)
    return drawing.done(note)


def _titled(measure: Measure) -> str:
    return measure.with_unit.replace("the readers' tolerance", "readers' tol.")


def _direction(measure: Measure) -> str:
    if measure.signed:
        return ""
    return " \N{RIGHTWARDS ARROW}" if measure.higher_is_better else " \N{LEFTWARDS ARROW}"
