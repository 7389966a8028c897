"""Figures of agreement and comparison, one column of a journal page wide; each returns a Figure.

Boxplots are in `evaluation.figures.scores`, volumes in `evaluation.figures.bland_altman`, where a rater fails
in `evaluation.figures.failures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evaluation.comparison.models import YARDSTICK, side_by_side
from evaluation.figures import many, style
from evaluation.figures.matrix import MANY
from evaluation.figures.panels import (
    HALF_COLUMN,
    MANY_EXAMS,
    above,
    beside,
    dots,
    headed,
    panels,
    rater_rows,
    shortened,
)
from evaluation.figures.style import AxesLike, styled
from evaluation.scores.agreement import dice_matrix
from evaluation.statistics.words import number, percent, signed, star_if_short, with_interval

_DIAMOND = "D"
#: More are drawn as one table, or without the pairs.
_MOST_RATERS, _MOST_PAIRS = 24, 12
# Of a panel a level a column wide: names and numbers of more meet.
_MOST_CELLS = 11


@styled
def agreement_heatmap(
    summary: pd.DataFrame, *, value: str = "mean", note: str = "", axes: AxesLike | None = None
) -> Figure:
    """Dice of every pair of raters, a panel a level.

    Parameters
    ----------
    summary : DataFrame
        Of `evaluation.scores.agreement.summarise_pairs`.
    value : str
        The column shown.
    """
    levels = list(dict.fromkeys(summary.level))
    if axes is None and (len(levels) > MANY or len({*summary.rater}) > _MOST_CELLS):
        return many.agreement(summary, value, note)
    drawing = panels(levels, axes, height=1.55, extra=0.5)
    for place, (level, panel) in enumerate(drawing.grid.items()):
        matrix = dice_matrix(summary, level, value).iloc[1:, :-1]
        shown = np.tril(np.ones(matrix.shape, bool))
        panel.imshow(np.where(shown, matrix, np.nan), cmap="viridis", vmin=0, vmax=1, aspect="auto")
        for row, column in np.argwhere(shown):
            dice = matrix.iat[row, column]
            color = "white" if dice <= 0.6 else style.INK
            panel.text(column, row, number(dice), ha="center", va="center", fontsize=style.SMALL, color=color)
        panel.set_xticks(
            range(matrix.shape[1]),
            [shortened(one, 12) for one in matrix.columns],
            rotation=45,
            ha="right",
            rotation_mode="anchor",
        )
        names = [shortened(one, 12) for one in matrix.index] if place % 2 == 0 else [""] * len(matrix)
        panel.set_yticks(range(len(matrix)), names)
        panel.tick_params(length=0, labelsize=style.SMALL + 0.5)
        panel.spines[:].set_visible(False)
        headed(panel, level, HALF_COLUMN)
    shades = drawing.axes[-1].get_images()[0]
    bar = drawing.figure.colorbar(shades, ax=drawing.axes, location="top", aspect=40, shrink=0.7, pad=0.04)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=style.SMALL, length=2)
    bar.set_label(f"Dice of two raters, {value}", fontsize=8)
    return drawing.done(note)


@styled
def fair_against_usual(
    bias: pd.DataFrame, *, models: Sequence[str], note: str = "", axes: AxesLike | None = None
) -> Figure:
    """Mean Dice the usual way and the fair way, a line a rater, a panel a level.

    Parameters
    ----------
    bias : DataFrame
        ``exam, rater, level, usual, fair`` of `evaluation.scores.fair.bias`; exams where one of the two is
        undefined are left out. Printed on the right: usual minus fair.
    models : sequence of str
        The raters that are models: drawn in colour.
    """
    both = bias.dropna(subset=["usual", "fair"])
    means = both.groupby(["level", "rater"], sort=False)[["usual", "fair"]].mean()
    levels, raters = list(dict.fromkeys(bias.level)), list(dict.fromkeys(bias.rater))
    if axes is None and (len(levels) > MANY or len(raters) > _MOST_RATERS):
        return many.fair_beside_usual(means, levels, raters, note)
    drawing = rater_rows(levels, raters, axes, extra=0.75)
    for level, panel in drawing.grid.items():
        for place, rater in enumerate(raters):
            if (level, rater) not in means.index:
                continue
            usual, fair = means.loc[(level, rater)]
            color = style.BLUE if rater in models else style.INK
            panel.plot([usual, fair], [place, place], color=color, linewidth=1.1, zorder=2)
            panel.scatter([usual], [place], s=34, facecolor="white", edgecolor=color, linewidth=1, zorder=3)
            panel.scatter([fair], [place], s=14, color=color, linewidth=0, zorder=4)
            beside(panel, place, signed(usual - fair, typeset=True))
    panel.set(xlim=(0, 1), xlabel="Mean Dice")
    above(drawing.axes[0], "usual − fair")
    ring: dict[str, Any] = {"linestyle": "none", "marker": "o", "color": style.INK}
    handles = [
        Line2D([], [], markersize=6, markerfacecolor="white", label="usual", **ring),
        Line2D([], [], markersize=4, label="fair: own mask left out", **ring),
        Line2D([], [], color=style.BLUE, label="models"),
        Line2D([], [], color=style.INK, label="readers"),
    ]
    drawing.legend(handles)
    return drawing.done(note)


@styled
def forest_plot(
    comparisons: pd.DataFrame, *, model: str, note: str = "", axes: AxesLike | None = None
) -> Figure:
    """A model's difference of Dice to each reader, with intervals, a panel a level.

    Parameters
    ----------
    comparisons : DataFrame
        Of `evaluation.comparison.readers.compare`; with a margin, minus the margin is a dashed line. Where
        no exam could be compared the row says so. Diamonds are the estimates, filled where the difference is
        clear (Holm's p at most 1 minus the confidence), grey where a group of levels has no such p.
    """
    chosen = comparisons[comparisons.model == model]
    levels, others = list(dict.fromkeys(chosen.level)), list(dict.fromkeys(chosen.other))
    if axes is None and (len(levels) > MANY or len(others) > _MOST_RATERS):
        return many.differences(chosen, f"Dice, {model} minus reader; *: clear (Holm)", note)
    drawing = rater_rows(levels, others, axes, extra=0.95)
    farthest = 0.05
    for level, panel in drawing.grid.items():
        panel.axvline(0, color=style.GREY, linewidth=0.8, zorder=1)
        for row in chosen[chosen.level == level].itertuples():
            place = others.index(row.other)
            if np.isnan(row.difference):
                beside(panel, place, "not comparable")
                continue
            color, is_clear = _told(row)
            farthest = max([farthest, *map(abs, (row.difference, row.low, row.high))])
            panel.plot([row.low, row.high], [place, place], color=color, linewidth=1.2, zorder=2)
            panel.scatter(
                [row.difference], [place], marker=_DIAMOND, s=18, linewidth=1, zorder=3,
                facecolor=color if is_clear else "white", edgecolor=color,
            )  # fmt: skip
            beside(panel, place, _with_interval(row))
        if "margin" in chosen:
            panel.axvline(
                -chosen.margin.iloc[0], color=style.VERMILLION, linewidth=0.8, linestyle="--", zorder=1
            )
    # Zero in the middle: neither side looks larger than it is.
    panel.set_xlim(-1.05 * farthest, 1.05 * farthest)
    panel.set_xlabel("Difference of Dice", labelpad=15)
    _which_is_better(panel, model, "reader", at=0, below=26)
    panel.locator_params(axis="x", nbins=5)
    above(drawing.axes[0], f"estimate ({percent(chosen.confidence.iloc[0])} interval)")
    handles = _estimates(chosen)
    if "margin" in chosen:
        words = f"margin of non-inferiority, {signed(-chosen.margin.iloc[0], typeset=True)}"
        handles.append(Line2D([], [], color=style.VERMILLION, linewidth=0.8, linestyle="--", label=words))
    drawing.legend(handles)
    return drawing.done(note)


def _told(row: Any) -> tuple[str, bool]:
    """The colour of an estimate, grey where a group of levels has no p, and whether it is clear."""
    return style.GREY if np.isnan(row.p_holm) else style.BLUE, row.p_holm <= 1 - row.confidence + 1e-12


@styled
def paired_models(
    scores: pd.DataFrame, table: pd.DataFrame, *, note: str = "", axes: AxesLike | None = None
) -> Figure:
    """Differences of Dice between two models, a panel a pair, a row a level, every exam as a point.

    Parameters
    ----------
    scores : DataFrame
        What the way by the yardstick was made of: ``exam``, ``rater``, ``level``, ``dice``, and ``knee``
        where scored by knee.
    table : DataFrame
        Of `evaluation.comparison.models.compare_models`; its way by the yardstick is drawn. Diamonds are the
        estimates, filled where the difference is clear (Holm's p at most 1 minus the confidence), grey where
        a group of levels has no such p, lines the intervals.
    """
    chosen = table[table.way == YARDSTICK]
    levels = list(dict.fromkeys(chosen.level))
    pairs = list(chosen.groupby(["model", "other"], sort=False).groups)
    if axes is None and len(pairs) > _MOST_PAIRS:
        return many.clear_pairs(chosen, note)
    names = [f"pair {place}" for place in range(len(pairs))]
    drawing = rater_rows(names, levels, axes, extra=0.8 + 0.12 * len(chosen))
    farthest = 0.05
    for (model, other), panel in zip(pairs, drawing.axes, strict=True):
        panel.axvline(0, color=style.GREY, linewidth=0.8, zorder=1)
        for row in chosen[(chosen.model == model) & (chosen.other == other)].itertuples():
            exams = side_by_side(scores[scores.level == row.level], model, other)
            differences = (exams[model] - exams[other]).dropna()
            farthest = max([farthest, *differences.abs()])
            _pair_row(panel, levels.index(row.level), differences, row)
        panel.set_title("", loc="left")
        _which_is_better(panel, model, other, at=1, below=-3)
    # Zero in the middle: neither side looks larger than it is.
    panel.set(xlim=(-1.05 * farthest, 1.05 * farthest), xlabel="Difference of Dice")
    panel.locator_params(axis="x", nbins=5)
    exam = Line2D([], [], linestyle="none", marker="o", markersize=3.5, color=style.NO_COLOR, label="an exam")
    drawing.legend([*_estimates(chosen), exam])
    return drawing.done(note, letters=len(pairs) > 1)


def _which_is_better(axes: Axes, model: str, other: str, *, at: float, below: float) -> None:
    """On each side of zero, which stands in the middle, who is better there; points `below` a height."""
    left = f"\N{LEFTWARDS ARROW} {shortened(other, 14)} better"
    right = f"{shortened(model, 14)} better \N{RIGHTWARDS ARROW}"
    for words, aside, side in ((left, -4, "right"), (right, 4, "left")):
        axes.annotate(
            words, (0.5, at), (aside, -below), xycoords="axes fraction", textcoords="offset points", ha=side,
            fontsize=7.5, annotation_clip=False,
        )  # fmt: skip


def _pair_row(axes: Axes, place: int, differences: pd.Series, row: Any) -> None:
    """Every exam above the line of the estimate with its interval, and the numbers beside."""
    if not row.n_pairs:
        beside(axes, place, "not comparable")
        return
    looks = dots(len(differences), 11, style.NO_COLOR) | {"linewidth": 0}
    alpha = 0.1 if len(differences) > MANY_EXAMS else 0.7
    axes.scatter(differences, np.full(len(differences), place - 0.2), zorder=2, **looks | {"alpha": alpha})
    color, is_clear = _told(row)
    axes.plot([row.low, row.high], [place + 0.17] * 2, color=color, linewidth=1.4, zorder=3)
    axes.scatter(
        [row.difference], [place + 0.17], marker=_DIAMOND, s=18, zorder=4, linewidth=1,
        facecolor=color if is_clear else "white", edgecolor=color,
    )  # fmt: skip
    beside(axes, place, _with_interval(row))


def _with_interval(row: Any) -> str:
    shown = with_interval(row.difference, row.low, row.high, sign=True, typeset=True)
    return shown + star_if_short(row.coverage, row.confidence)


def _estimates(rows: pd.DataFrame) -> list[Line2D]:
    """What markers and lines of comparisons mean."""
    confidence = rows.confidence.iloc[0]
    # In a column there is no room for the words of `interval_label`.
    short = any(star_if_short(each, confidence) for each in rows.coverage)
    interval = f"{percent(confidence)} interval" + " (*: less)" * short
    mark: dict[str, Any] = {"linestyle": "none", "marker": _DIAMOND, "markersize": 4, "color": style.BLUE}
    handles = [
        Line2D([], [], **mark, label=f"clear (Holm p \u2264 {1 - confidence:.2g})"),
        Line2D([], [], **mark, markerfacecolor="white", label="could be chance"),
        Line2D([], [], color=style.BLUE, linewidth=1.4, label=interval),
    ]
    if (rows.p_holm.isna() & (rows.n_pairs > 0)).any():
        grey = mark | {"color": style.GREY, "markerfacecolor": "white"}
        handles.append(Line2D([], [], **grey, label="group of levels: no Holm p"))
    return handles
