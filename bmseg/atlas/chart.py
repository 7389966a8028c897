"""Relative signal of the levels by age: where they lie, and where they overlap."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bmseg.atlas.contents import Atlas
from evaluation.figures.style import GREY, INK, PAGE_INCHES, PALE, SMALL, new_figure, noted, styled

_MARKERS = "osD^vPX*"


@styled
def signal_chart(atlas: Atlas) -> Figure:
    """The chart by itself, with the atlas's note below."""
    figure = new_figure(PAGE_INCHES, 4.2)
    draw_signal(figure.subplots(), atlas)
    return noted(figure, atlas.note)


def draw_signal(axes: Axes, atlas: Atlas) -> None:
    """Draw every level in every knee, numbered as the knees are."""
    known = [knee.age for knee in atlas.knees if not np.isnan(knee.age)]
    # Unknown ages stand at the right, apart.
    aside = max(known) + 0.08 * (np.ptp(known) or 10) if known else 0.0
    x_of = {knee.number: aside if np.isnan(knee.age) else knee.age for knee in atlas.knees}
    for place, level in enumerate(atlas.levels):
        points = [one for one in atlas.of_level(level) if not np.isnan(one.signal)]
        axes.scatter(
            [x_of[one.knee] for one in points], [one.signal for one in points], s=42, color=level.color,
            edgecolor=INK, linewidth=0.7, marker=_MARKERS[place % len(_MARKERS)], label=level.shown, zorder=3,
        )  # fmt: skip
        for one in points:
            axes.annotate(
                str(one.knee), (x_of[one.knee], one.signal), (5, 0), textcoords="offset points",
                fontsize=SMALL, va="center",
            )  # fmt: skip
    axes.axhline(1, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
    axes.grid(axis="y", color=PALE, linewidth=0.5)
    axes.set(xlabel="age, years", ylabel="relative signal")
    if len(known) < len(atlas.knees):
        ticks = [tick for tick in axes.get_xticks() if known and min(known) <= tick <= max(known)]
        axes.set_xticks([*ticks, aside], [*(f"{tick:g}" for tick in ticks), "unknown"])
    axes.legend(ncols=len(atlas.levels), loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
