"""Figure of a plan: what numbers of exams reach; it returns a Figure and writes nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator, PercentFormatter, ScalarFormatter

from evaluation.figures import style
from evaluation.figures.panels import ruled
from evaluation.figures.style import AxesLike, Drawing, styled
from evaluation.statistics.words import percent, plural, signed

_NARROW = "half width"


@styled
def exams_needed(
    curves: pd.DataFrame,
    plan: pd.DataFrame,
    *,
    titles: Callable[[str, float], str] = lambda goal, target: f"{goal} {target:g}",
    note: str = "",
    axes: AxesLike | None = None,
) -> Figure:
    """Half width or power over the number of exams, a panel a goal, with the band that an unsure SD leaves.

    Parameters
    ----------
    curves : DataFrame
        Of `evaluation.planning.exams.curves`, of one goal or several together.
    plan : DataFrame
        Of `evaluation.planning.exams.plan_exams`: the number of exams under the first assumption of a goal
        is marked.
    titles : callable
        Of a goal and its target: the panel's title.
    """
    goals = list(dict.fromkeys(zip(curves.goal, curves.target, strict=True)))
    width = style.COLUMN_INCHES if len(goals) == 1 else style.PAGE_INCHES
    drawing = Drawing.of(axes, [f"{goal} {target}" for goal, target in goals], (width, 2.9), len(goals))
    has_band = False
    for (goal, target), panel in zip(goals, drawing.axes, strict=True):
        own = curves[(curves.goal == goal) & (curves.target == target)]
        row = plan[(plan.goal == goal) & (plan.target == target)].iloc[0]
        has_band |= _panel(panel, own, row, goal == _NARROW)
        # Power is that of a true difference; an interval is as wide whatever it is.
        under = "" if goal == _NARROW else f"\nif truly {signed(row.difference, typeset=True)}"
        panel.set_title(f"{titles(goal, target)}{under}")
    share = percent(float(plan.power.iloc[0]))
    handles: list = [Line2D([], [], color=style.BLUE, linewidth=1.5, label="SD as assumed")]
    if has_band:
        handles.append(Patch(color=style.BLUE, alpha=0.2, linewidth=0, label="SD at its limits"))
    handles.append(Line2D([], [], color=style.INK, linestyle=(0, (4, 2)), linewidth=0.8, label="wanted"))
    drawing.legend(handles, columns=3)
    if any(goal == _NARROW for goal, _ in goals):
        said = f"Half width: that which {share} of studies keep to"
        note = f"{note}\n{said}" if note else said
    return drawing.done(note)


def _panel(panel: Axes, own: pd.DataFrame, row: pd.Series, narrow: bool) -> bool:
    """One goal; whether it has a band."""
    wide = own.pivot(index="n", columns="assumed", values="value").replace(np.inf, np.nan)
    panel.plot(wide.index, wide.middle, color=style.BLUE, linewidth=1.5)
    has_band = {"lower", "upper"} <= {*wide}
    if has_band:
        panel.fill_between(wide.index, wide.lower, wide.upper, color=style.BLUE, alpha=0.2, linewidth=0)
    wanted = row.target if narrow else row.power
    panel.axhline(wanted, color=style.INK, linestyle=(0, (4, 2)), linewidth=0.8)
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter(ScalarFormatter())
    panel.xaxis.set_minor_locator(NullLocator())
    last = int(wide.index.max())
    ticks = (6, 10, 20, 50, 100) if last <= 150 else (6, 20, 50, 100, 300, 1000)
    panel.set_xticks([n for n in ticks if n <= last])
    panel.set_xlabel("Exams")
    if narrow:
        panel.set_ylabel("Half width of the interval")
        panel.set_ylim(0, min(float(wide.max().max()), 6 * row.target) * 1.05)
    else:
        panel.set_ylabel("Power")
        panel.set_ylim(0, 1.03)
        panel.set_yticks(np.linspace(0, 1, 6))
        panel.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    if pd.isna(row.n):
        panel.annotate(
            "no number of exams is enough" if row.why == "never" else "more than 1000 exams", (0.5, wanted),
            (0, -6), xycoords=("axes fraction", "data"), textcoords="offset points", ha="center", va="top",
            fontsize=style.NOTE, color=style.INK,
        )  # fmt: skip
    else:
        panel.plot([row.n], [wanted], marker="o", markersize=5, color=style.INK, zorder=4)
        # On the side of the curve where there is room.
        panel.annotate(
            plural(row.n, "exam"), (row.n, wanted), (6 if narrow else -6, 5), textcoords="offset points",
            fontsize=style.NOTE, color=style.INK, ha="left" if narrow else "right", va="bottom",
        )  # fmt: skip
    ruled(panel, axis="y")
    return has_band
