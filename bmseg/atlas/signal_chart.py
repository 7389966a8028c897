"""Relative signal of the levels by age: where they lie, and where they overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bmseg.atlas.levels import LevelShown
from bmseg.atlas.pictures import Knee
from bmseg.atlas.sheet import MARGIN, TOP, WIDTH, Sheet
from bmseg.atlas.signal import Measured
from evaluation.figures.panels import GREY, INK, PALE, SMALL, noted
from evaluation.figures.scores import PAGE_INCHES, _figure, _styled

_MARKERS = "osD^vPX*"


@_styled
def signal_page(
    knees: Sequence[Knee], measured: Sequence[Measured], levels: Sequence[LevelShown], *, lead: str
) -> Figure:
    """Relative signal of every level in every knee, by age: where the levels lie and where they overlap.

    Parameters
    ----------
    knees, measured, levels, lead
        As of `pages.overview_page`, of all knees.
    """
    sheet = Sheet("Signal of the levels, by age", lead)
    _draw_signal(sheet.axes(MARGIN + 14, TOP + 14, WIDTH - 2 * MARGIN - 14, 120), knees, measured, levels)
    for place, (level, words) in enumerate(zip(levels, signal_ranges(knees, measured, levels), strict=True)):
        y = TOP + 152 + 6 * place
        sheet.swatch(MARGIN, y, level.color)
        sheet.text(MARGIN + 6, y, level.name, weight="bold")
        sheet.text(MARGIN + 45, y, words)
    return sheet.figure


@_styled
def signal_chart(
    knees: Sequence[Knee], measured: Sequence[Measured], levels: Sequence[LevelShown], *, note: str = ""
) -> Figure:
    """The chart of `signal_page` by itself, with a note below."""
    figure = _figure(PAGE_INCHES, 4.2)
    _draw_signal(figure.subplots(), knees, measured, levels)
    return noted(figure, note)


def signal_ranges(
    knees: Sequence[Knee], measured: Sequence[Measured], levels: Sequence[LevelShown]
) -> list[str]:
    """A level's median and range over the knees and how many have it, in words, a level each."""
    found = []
    for level in levels:
        own = [one.signal for one in measured if one.level == level.value]
        signals = [signal for signal in own if not np.isnan(signal)]
        words = f"marked in {len(own)} of {len(knees)}"
        if undefined := len(own) - len(signals):
            words += f", undefined in {undefined}"
        if signals:
            words = f"median {np.median(signals):.2f}, {min(signals):.2f} to {max(signals):.2f}; {words}"
        found.append(words)
    return found


def _draw_signal(
    axes: Axes, knees: Sequence[Knee], measured: Sequence[Measured], levels: Sequence[LevelShown]
) -> None:
    known = [knee.age for knee in knees if not np.isnan(knee.age)]
    # Unknown ages stand at the right, apart.
    aside = max(known) + 0.08 * (np.ptp(known) or 10) if known else 0.0
    x_of = {knee.number: aside if np.isnan(knee.age) else knee.age for knee in knees}
    for place, level in enumerate(levels):
        points = [one for one in measured if one.level == level.value and not np.isnan(one.signal)]
        axes.scatter(
            [x_of[one.knee] for one in points], [one.signal for one in points], s=42, color=level.color,
            edgecolor=INK, linewidth=0.7, marker=_MARKERS[place % len(_MARKERS)], label=level.name, zorder=3,
        )  # fmt: skip
        for one in points:
            axes.annotate(
                str(one.knee), (x_of[one.knee], one.signal), (5, 0), textcoords="offset points",
                fontsize=SMALL, va="center",
            )  # fmt: skip
    axes.axhline(1, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
    axes.grid(axis="y", color=PALE, linewidth=0.5)
    axes.set(xlabel="age, years", ylabel="relative signal")
    if len(known) < len(knees):
        ticks = [tick for tick in axes.get_xticks() if known and min(known) <= tick <= max(known)]
        axes.set_xticks([*ticks, aside], [*(f"{tick:g}" for tick in ticks), "unknown"])
    axes.legend(ncols=len(levels), loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
