"""The figure of foci: every focus of a level in a cohort, by volume and by what became of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from evaluation.figures import style
from evaluation.figures.panels import ruled, shortened
from evaluation.figures.style import AxesLike, Drawing, styled
from evaluation.measures.foci import FALSE, FOUND, LOWER, MISSED, NOT_MARKED
from evaluation.measures.foci_counts import of_own_yardstick

# A false focus where the reference has nothing, and one where it has mostly another level.
_INVENTED, _OTHER = "invented", "of another level"
#: Of each outcome: marker, colour, whether filled, words. Told apart without colour.
_LOOKS = {
    FOUND: ("o", style.GREEN, True, "found"),
    LOWER: ("v", style.BLUE, False, "called lower"),
    MISSED: ("x", style.VERMILLION, False, "missed"),
    _INVENTED: ("s", style.GREY, True, "false, nothing there"),
    _OTHER: ("s", style.GREY, False, "false, another level there"),
}
_POINTS = 3.2
# Share of a rater's column between two lanes, and how far points may lie from the middle of their lane.
_LANE, _SPREAD = 0.29, 0.115
# Of more raters names are set aslant: side by side they would run into each other.
_MOST_LYING = 8
# The share of a figure's width that columns take, and of a letter's size that a digit does.
_COLUMNS, _DIGIT = 0.85, 0.75
# Points nearer than this share of a power of ten lie side by side.
_NEAR, _STEP = 0.07, 0.033


@styled
def foci_by_volume(
    foci: pd.DataFrame,
    *,
    level: str | None = None,
    models: Sequence[str] = (),
    reference: str = "the reference",
    note: str = "",
    axes: AxesLike | None = None,
) -> Figure:
    """Every focus of a level in the cohort by its volume: found, called lower or missed by each rater.

    Each rater has a column, readers first; below are the rater's own foci that are false, where the reference
    has nothing and where it has another level. The number in each lane is printed above it.

    Parameters
    ----------
    foci : DataFrame
        Of `evaluation.measures.foci.exam_foci` with ``exam`` and ``rater``. Of several yardsticks
        (``left_out``) a reader is drawn by the one without the own mask, a model by that of all readers.
    level : str, optional
        By default the last one, of ordinal levels the highest.
    models : sequence of str
        The raters that are models: they stand behind the readers, their names in bold.
    reference : str
        What the raters were scored against, for the axis.
    axes : sequence of Axes, optional
        Two, of the foci and of the false ones.

    Raises
    ------
    ValueError
        When nobody has a row of the level.
    """
    level = level or str(foci.level.iloc[-1])
    chosen = of_own_yardstick(foci[foci.level == level])
    if chosen.empty:
        raise ValueError(f"level: found '{level}', expected one of {', '.join(dict.fromkeys(foci.level))}")
    raters = sorted(dict.fromkeys(chosen.rater), key=lambda rater: rater in models)
    width = style.COLUMN_INCHES if len(raters) < 4 else style.PAGE_INCHES
    drawing = Drawing.of(axes, ["foci", FALSE], (width, 3.9), sharex=True, height_ratios=[2.6, 1.2])
    upper, lower = drawing.axes
    most = int(chosen.groupby(["rater", "outcome"]).size().max())
    points = 72 * _COLUMNS * drawing.figure.get_figwidth()
    upright = len(str(most)) * _DIGIT * style.SMALL > _LANE * points / len(raters)
    shown = [outcome for outcome in (FOUND, LOWER, MISSED) if (chosen.outcome == outcome).any()] or [FOUND]
    for column, rater in enumerate(raters):
        own = chosen[chosen.rater == rater]
        for place, outcome in enumerate(shown):
            at = column + (place - (len(shown) - 1) / 2) * _LANE
            _lane(upper, at, own.volume_ml[own.outcome == outcome], outcome, upright=upright)
        false = own[own.outcome == FALSE]
        for side, chosen_here in ((-0.5, false.called == NOT_MARKED), (0.5, false.called != NOT_MARKED)):
            outcome = _INVENTED if side < 0 else _OTHER
            _lane(lower, column + side * _LANE, false.volume_ml[chosen_here], outcome, upright=upright)
    for panel in drawing.axes:
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter(FuncFormatter(lambda ml, _: f"{ml:g}"))
        ruled(panel, axis="y")
        panel.set_xlim(-0.5, len(raters) - 0.5)
        for edge in range(1, len(raters)):
            panel.axvline(edge - 0.5, color=style.PALE, linewidth=0.6, zorder=0)
    _limit(upper, chosen[chosen.outcome.isin(shown)])
    _limit(lower, chosen[chosen.outcome == FALSE])
    upper.set_ylabel(f"{level} foci of {reference} (ml)")
    lower.set_ylabel("False foci (ml)")
    upper.tick_params(axis="x", length=0, labelbottom=False)
    lower.set_xticks(range(len(raters)), [shortened(rater, 14) for rater in raters])
    lower.tick_params(axis="x", length=0)
    for label, rater in zip(lower.get_xticklabels(), raters, strict=True):
        label.set_fontweight("bold" if rater in models else "normal")
        if len(raters) > _MOST_LYING:
            label.set(rotation=30, ha="right", rotation_mode="anchor")
    handles = [_handle(outcome) for outcome in [*shown, _INVENTED, _OTHER]]
    handles.append(Line2D([], [], linestyle="", label="above: how many"))
    drawing.legend(
        handles,
        columns=len(handles) if width > style.COLUMN_INCHES else 2,
        columnspacing=1,
        handletextpad=0.3,
    )
    return drawing.done(note)


def _lane(axes: Axes, at: float, volumes: pd.Series, outcome: str, *, upright: bool) -> None:
    """Foci of one outcome, those of nearly one volume side by side, and above them how many there are."""
    marker, color, filled, _ = _LOOKS[outcome]
    ordered = np.sort(volumes.to_numpy(float))
    axes.plot(
        at + _offsets(np.log10(ordered)), ordered, linestyle="", marker=marker, markersize=_POINTS,
        markerfacecolor=color if filled else "none", markeredgecolor=color, markeredgewidth=0.8, zorder=3,
    )  # fmt: skip
    axes.annotate(
        str(len(ordered)), (at, 1), (0, 2), xycoords=("data", "axes fraction"), textcoords="offset points",
        ha="center", fontsize=style.SMALL, color=color if len(ordered) else style.LIGHT,
        annotation_clip=False, rotation=90 if upright else 0, va="bottom",
    )  # fmt: skip


def _offsets(heights: np.ndarray) -> np.ndarray:
    """Sideways steps 0, +1, -1, +2 ... of points that follow each other closely, within the lane."""
    offsets, run = np.zeros(len(heights)), 0
    for place in range(1, len(heights)):
        run = run + 1 if heights[place] - heights[place - run - 1] < _NEAR else 0
        offsets[place] = (run + 1) // 2 * _STEP * (1 if run % 2 else -1)
    return np.clip(offsets, -_SPREAD, _SPREAD)


def _limit(axes: Axes, drawn: pd.DataFrame) -> None:
    """Room around the points; some decades where there are none."""
    low, high = (drawn.volume_ml.min(), drawn.volume_ml.max()) if len(drawn) else (0.01, 1)
    axes.set_ylim(low / 1.6, high * 1.6)


def _handle(outcome: str) -> Line2D:
    marker, color, filled, words = _LOOKS[outcome]
    return Line2D(
        [], [], linestyle="", marker=marker, markersize=4.5, markerfacecolor=color if filled else "none",
        markeredgecolor=color, label=words,
    )  # fmt: skip
