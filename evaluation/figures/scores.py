"""Figures of the scores; each function returns a Figure and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from evaluation.figures import style
from evaluation.figures.boxes import boxes_and_points, explained
from evaluation.figures.matrix import MANY, matrix
from evaluation.figures.panels import headed, scaled, shortened
from evaluation.figures.style import AxesLike, Drawing, styled
from evaluation.measures.measure import Measure
from evaluation.statistics.words import number

_NOTE_COLOR = "#555555"
#: More boxes are drawn as a table of medians.
_MOST_BOXES = 300


@styled
def dice_boxplot(
    scores: pd.DataFrame,
    *,
    rater: str,
    colors: Mapping[str, str],
    reference: str = "the consensus",
    note: str = "",
    axes: Axes | None = None,
) -> Figure:
    """One rater's Dice a level (Fig. 4 of the study), every exam as a point.

    Parameters
    ----------
    scores : DataFrame
        Columns ``exam``, ``rater``, ``level``, ``dice``; undefined Dice are left out and counted below
        the box.
    colors : mapping of str to str
        Level to colour; levels without one are grey.
    reference : str
        What the rater was scored against, for the title.
    """
    chosen = scores[scores.rater == rater].reset_index(drop=True)
    levels = list(dict.fromkeys(chosen.level))
    palette = {level: colors.get(level, style.NO_COLOR) for level in levels}
    if len(levels) > MANY:
        # Names of many levels stand below each other.
        drawing = Drawing.of(axes, [rater], (style.COLUMN_INCHES, 0.19 * len(levels) + 0.7))
        panel = boxes_and_points(drawing.axes[0], chosen, levels, palette, of_levels=True, lying=True)
    else:
        drawing = Drawing.of(axes, [rater], (style.COLUMN_INCHES, 3.0))
        panel = boxes_and_points(drawing.axes[0], chosen, levels, palette, of_levels=True)
    panel.set_title(fill(f"{rater} against {reference}", 44))
    return drawing.done("\n".join(filter(None, (fill(explained(chosen), 64), note))), _NOTE_COLOR)


@styled
def raters_boxplot(
    scores: pd.DataFrame, *, models: Sequence[str] | None = None, note: str = "", axes: Axes | None = None
) -> Figure:
    """Readers beside models, level by level, every exam as a point.

    Parameters
    ----------
    scores : DataFrame
        Columns ``exam``, ``rater``, ``level``, ``dice``.
    models : sequence of str, optional
        The raters that are models: drawn in colour, readers in greys. By default those that the scores
        of a reader study know of (``scores.attrs["models"]``).
    """
    models = scores.attrs.get("models", ()) if models is None else models
    scores = scores.reset_index(drop=True)
    palette = _of_raters(scores, models)
    levels, raters = list(dict.fromkeys(scores.level)), list(palette)
    # Colours that come again tell nobody apart.
    many = len(models) > style.MOST_COLORS or len(levels) * len(raters) > _MOST_BOXES
    if axes is None and many:
        medians = scores.groupby(["level", "rater"], sort=False).dice.median().unstack()
        medians = medians.loc[levels, raters]
        return matrix(medians, medians.map(number), label="Median Dice", note=note)
    rows = [levels] if axes is not None else _in_rows(levels, len(raters))
    size = style.PAGE_INCHES, 3.4 if len(rows) == 1 else 1.9 * len(rows) + 0.5
    drawing = Drawing.of(axes, [str(place) for place in range(len(rows))], size)
    for panel, some in zip(drawing.axes, rows, strict=True):
        shown = scores[scores.level.isin(some)] if len(rows) > 1 else scores
        _readers_and_models(panel, shown, palette)
        # The last row may hold fewer: its boxes stay as wide.
        panel.set_xlim(-0.5, len(rows[0]) - 0.5)
    drawing.axes[0].legend(
        handles=_keys(palette), ncols=min(6, len(palette)), loc="lower center", bbox_to_anchor=(0.5, 1.0)
    )
    # Rows of one panel.
    return drawing.done("\n".join(filter(None, (explained(scores), note))), _NOTE_COLOR, letters=False)


@styled
def measures_boxplot(
    scores: pd.DataFrame,
    *,
    measures: Sequence[Measure],
    models: Sequence[str],
    note: str = "",
    axes: AxesLike | None = None,
) -> Figure:
    """The same by several measures, a panel each, one below the other.

    Parameters
    ----------
    scores : DataFrame
        Columns ``exam``, ``rater``, ``level``, ``measure``, ``value``: scores.csv.
    measures : sequence of Measure
        Those to draw, in order.
    models : sequence of str
        The raters that are drawn in colour; the others are readers, grey.
    """
    palette = _of_raters(scores, models)
    names = [measure.name for measure in measures]
    drawing = Drawing.of(axes, names, (style.PAGE_INCHES, 1.9 * len(names) + 0.4))
    for measure, panel in zip(measures, drawing.axes, strict=True):
        found = scores.loc[scores.measure == measure.name, ["exam", "rater", "level", "value"]]
        found = found.rename(columns={"value": "dice"})
        _readers_and_models(panel, found.reset_index(drop=True), palette, measure.title)
        scaled(panel, measure, "y")
        panel.set_ylabel(measure.unit)
        headed(panel, measure.title)
    drawing.legend(_keys(palette), min(6, len(palette)))
    return drawing.done("\n".join(filter(None, (explained(scores), note))), _NOTE_COLOR)


def _of_raters(scores: pd.DataFrame, models: Sequence[str]) -> dict[str, Any]:
    """A colour each: of readers greys."""
    raters = list(dict.fromkeys(scores.rater))
    readers = [rater for rater in raters if rater not in models]
    greys = style.of_readers(readers)
    bright = style.of_models(models)
    return {rater: (greys | bright)[rater] for rater in raters}


def _keys(palette: Mapping[str, Any]) -> list[Patch]:
    return [
        Patch(facecolor=color, edgecolor="#444444", label=shortened(rater, 20))
        for rater, color in palette.items()
    ]


def _readers_and_models(
    axes: Axes, scores: pd.DataFrame, palette: Mapping[str, Any], value: str = "Dice"
) -> Axes:
    return boxes_and_points(axes, scores, list(dict.fromkeys(scores.level)), palette, value)


def _in_rows(levels: Sequence[str], n_raters: int) -> list[Sequence[str]]:
    """Levels in rows of a page: as many beside each other as names and boxes leave room for."""
    room = max([0.075 * len(level) + 0.1 for level in levels] + [0.09 * n_raters])
    beside = max(1, min(MANY, int(6.4 / room)))
    if len(levels) <= MANY and beside >= len(levels) - 1:
        return [levels]
    n_rows = -(-len(levels) // beside)
    width = -(-len(levels) // n_rows)
    return [levels[start : start + width] for start in range(0, len(levels), width)]
