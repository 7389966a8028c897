"""Figures of a model's learning curves, a figure a quantity; nothing is smoothed and no gap is bridged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import AbstractPathEffect, Normal, Stroke
from matplotlib.ticker import MaxNLocator

from bmseg.curves.found import Model
from bmseg.nnunet.curves import Curves, Values
from bmseg.study import Study
from evaluation.figures import style
from evaluation.figures.panels import headed, ruled, shortened
from evaluation.figures.style import new_figure, styled

#: Of one figure.
WIDTH, HEIGHT = 3.1, 2.3
# More points than that want a thinner line.
_MANY = 200
# Letters of a legend that fit a line.
_LETTERS = 34


@styled
def loss_figure(model: Model, note: str) -> Figure:
    """Loss on training and on validation patches."""
    figure, axes = _empty(model, "Loss", note)
    for fold in model.folds:
        _line(axes, fold.train_loss, style.BLUE)
        _line(axes, fold.val_loss, style.VERMILLION)
    _legend(figure, {"training": style.BLUE, "validation": style.VERMILLION})
    return figure


@styled
def dice_figure(model: Model, study: Study, note: str) -> Figure:
    """Pseudo Dice, a line a level or region."""
    figure, axes = _empty(model, "Pseudo Dice", note)
    colors = {level.value: level.color for level in study.levels}
    shown = {}
    for fold in model.folds:
        for place, values in enumerate(fold.labels):
            color = colors.get(min(values), style.NO_COLOR)
            shown[label_title(values, study)] = color
            _line(axes, [row[place] for row in fold.pseudo_dice], color, edged=True)
    axes.set_ylim(-0.03, 1.03)
    _legend(figure, shown, edged=True)
    return figure


@styled
def amount_figure(model: Model, title: str, of: Callable[[Curves], Values], note: str) -> Figure:
    """A quantity of each epoch that begins at 0, such as its seconds."""
    figure, axes = _empty(model, title, note)
    for fold in model.folds:
        _line(axes, of(fold), style.INK)
    axes.set_ylim(bottom=0)
    return figure


def label_title(values: Sequence[int], study: Study) -> str:
    """What a pseudo Dice is of: a level, or a level and all above it.

    ``Levels 1 and 3`` where it is neither.
    """
    names = {level.value: study.shown(level.name) for level in study.levels}
    shown = [names.get(value, f"label {value}") for value in sorted(values)]
    above = [value for value in names if value >= min(values)]
    if study.scale == "ordinal" and len(shown) > 1 and sorted(values) == sorted(above):
        return f"{shown[0]} or higher"
    return " and ".join(shown)


def _empty(model: Model, title: str, note: str) -> tuple[Figure, Axes]:
    figure = new_figure(WIDTH, HEIGHT)
    axes = figure.subplots()
    axes.set_xlim(0, 1.02 * model.epochs)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("Epoch")
    headed(axes, title)
    axes.set_title(note, loc="right", fontsize=style.NOTE, color=style.GREY)
    ruled(axes, axis="y")
    return figure, axes


def _line(axes: Axes, values: Sequence[float | None], color: str, *, edged: bool = False) -> None:
    """The values of epochs 1, 2, ...; what is no number is a gap, and one between two gaps a point."""
    numbers = np.array(values, float)
    epochs, width = np.arange(1, len(numbers) + 1), 1.0 if len(numbers) <= _MANY else 0.5
    look: dict[str, Any] = {"color": color, "path_effects": _edge(width) if edged else None}
    axes.plot(epochs, numbers, linewidth=width, **look)
    known = np.pad(np.isfinite(numbers), 1)
    alone = known[1:-1] & ~known[:-2] & ~known[2:]
    axes.plot(epochs[alone], numbers[alone], linestyle="none", marker="o", markersize=3, **look)


def _edge(width: float) -> list[AbstractPathEffect]:
    """Bright colours of levels are seen on white by a thin edge."""
    return [Stroke(linewidth=width + 0.6, foreground=style.GREY), Normal()]


def _legend(figure: Figure, shown: dict[str, str], *, edged: bool = False) -> None:
    handles = [
        Line2D([], [], color=color, linewidth=1.6, label=shortened(name, 24),
               path_effects=_edge(1.6) if edged else None)
        for name, color in shown.items()
    ]  # fmt: skip
    columns = len(handles) if sum(map(len, shown)) <= _LETTERS else 2
    figure.legend(handles=handles, ncols=columns, loc="outside lower center")
