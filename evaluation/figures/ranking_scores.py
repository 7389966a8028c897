"""Figures of the scores behind a ranking: every case of every algorithm; each returns a Figure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evaluation.figures import style
from evaluation.figures.panels import ROW_INCHES, beside, headed, named_rows, names_inches, ruled, shortened
from evaluation.figures.style import new_figure, noted, styled
from evaluation.statistics.words import number

_MISSING: dict[str, Any] = {"linestyle": "none", "marker": "x", "color": style.VERMILLION}
_UNDEFINED: dict[str, Any] = {"linestyle": "none", "marker": "o", "color": style.GREY, "markeredgewidth": 0}


@styled
def score_boxplots(
    scores: pd.DataFrame,
    order: Sequence[str],
    *,
    muted: Collection[str] = (),
    worst: float | Mapping[str, float] | None = None,
    label: str | Mapping[str, str] = "Dice",
    apart: bool = False,
    note: str = "",
) -> Figure:
    """Every algorithm's scores, every case as a point, a panel a task.

    Printed beside a box: how many cases are undefined and missing, where any are. Boxes run from the first
    to the third quartile with the median as their line; whiskers to the last point within 1.5 boxes.

    Parameters
    ----------
    scores : DataFrame
        ``task, algorithm, case, value`` and optionally ``status``, as `evaluation.ranking.rank_scores`
        takes them: without a status an empty value is undefined; a case without a row is missing.
    order : sequence of str
        Algorithms, first on top; those of the table that are not named are left out.
    muted : collection of str
        Algorithms drawn in grey, such as readers.
    worst : float or mapping of str to float, optional
        Where missing cases stand, in all tasks or by task, as crosses that are part of the box. Without it
        they are counted only, unless the table has a column ``worst``, which goes before it.
    label : str or mapping of str to str
        What the scores are, in all tasks or by task.
    apart : bool
        Whether each task has an axis of its own, as of measures in other units.
    """
    tasks = list(dict.fromkeys(scores.task))
    columns = min(len(tasks), 2 if len(tasks) in (2, 4) else 3)
    rows = -(-len(tasks) // columns)
    names = [shortened(name, 20) for name in order]
    height = rows * (0.45 + ROW_INCHES * len(order) + (0.35 if apart else 0)) + 0.45
    figure = new_figure(style.PAGE_INCHES, height)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=not apart)
    for axes in grid.ravel()[len(tasks) :]:
        axes.remove()
    has_missing = False
    for place, task in enumerate(tasks):
        axes = grid.ravel()[place]
        own = _with_status(scores[scores.task == task])
        at = worst.get(task) if isinstance(worst, Mapping) else worst
        has_missing |= _boxes(axes, own, order, muted, at)
        named_rows(axes, names if place % columns == 0 else [""] * len(names))
        ruled(axes, axis="x", color="#e6e6e6")
        headed(axes, shortened(str(task), 40))
        if apart or place + columns >= len(tasks):
            axes.tick_params(axis="x", labelbottom=True)
            axes.set_xlabel(label if isinstance(label, str) else label[task])
        # Where all share an axis, of all scores.
        of_axis = own.value if apart else scores.value
        if of_axis.dropna().between(0, 1).all():
            axes.set_xlim(-0.03, 1.03)
    if has_missing:
        handle = Line2D([], [], label="missing: counts as the worst score", markersize=4, **_MISSING)
        figure.legend(handles=[handle], loc="outside upper right")
    return noted(figure, note)


@styled
def exam_heatmap(
    scores: pd.DataFrame,
    order: Sequence[str],
    *,
    label: str | Mapping[str, str] = "Dice",
    apart: bool = False,
    smaller_is_better: Collection[str] = (),
    note: str = "",
) -> Figure:
    """Every score: a row an algorithm, a column a case, a panel a task; gaps are marked.

    Parameters
    ----------
    scores : DataFrame
        As for `score_boxplots`.
    order : sequence of str
        Algorithms, first on top.
    label : str or mapping of str to str
        What the scores are, in all tasks or by task.
    apart : bool
        Whether each task has colours of its own, as of measures in other units.
    smaller_is_better : collection of str
        Tasks whose colours run the other way, so that dark is bad everywhere.
    """
    tasks = list(dict.fromkeys(scores.task))
    tables = {task: _matrices(scores[scores.task == task], order) for task in tasks}
    columns = [list(values) for values, _ in tables.values()]
    # Cases are named once, below all panels, where all panels have the same.
    are_named = len(columns[0]) <= 40 and all(cases == columns[0] for cases in columns)
    names = [shortened(name, 20) for name in order]
    cell = (style.PAGE_INCHES - names_inches(names) - 0.2) / max(map(len, columns))
    below = 0.1 + (0.055 * min(20, max(map(len, columns[0]))) if are_named else 0.2 * len(tasks))
    height = len(tasks) * (0.3 + (0.17 if len(order) <= 20 else 0.125) * len(order)) + below + 0.75
    figure = new_figure(style.PAGE_INCHES, height)
    grid = figure.subplots(len(tasks), 1, squeeze=False).ravel()
    shared = _shades(scores.value)
    marks: set[str] = set()
    for axes, (task, (values, state)) in zip(grid, tables.items(), strict=True):
        low, high = _shades(values.stack()) if apart else shared
        turned = task in smaller_is_better
        shades = axes.imshow(
            values, cmap="viridis_r" if turned else "viridis", vmin=low, vmax=high, aspect="auto",
            interpolation="none",
        )  # fmt: skip
        marks |= _mark_gaps(axes, state, min(4.0, 30 * cell))
        if cell >= 0.27:
            _print_values(axes, values.to_numpy(float), low, high, turned=turned)
        named_rows(axes, names)
        axes.set_ylim(len(order) - 0.5, -0.5)
        axes.set_xticks([])
        axes.spines[:].set(color=style.LIGHT, visible=True)
        headed(axes, shortened(str(task), 60))
        if not are_named:
            axes.set_xlabel(f"{values.shape[1]} cases", fontsize=7.5)
        if apart:
            own = figure.colorbar(shades, ax=axes, location="right", aspect=8, pad=0.02)
            _plain(own, label if isinstance(label, str) else label[task])
    if are_named:
        shown = [shortened(case, 20) for case in columns[0]]
        turn = 90 if max(map(len, shown)) * 0.055 > cell else 0
        axes.set_xticks(range(len(shown)), shown, rotation=turn, fontsize=style.SMALL)
    if not apart:
        bar = figure.colorbar(shades, ax=list(grid), location="top", aspect=50, shrink=0.5, pad=0.06 / height)
        _plain(bar, label if isinstance(label, str) else ", ".join(dict.fromkeys(label.values())))
    styles = {"missing": _MISSING, "undefined": _UNDEFINED}
    handles = [Line2D([], [], label=mark, markersize=3.5, **styles[mark]) for mark in styles if mark in marks]
    if handles:
        # Beside the bar of colours.
        figure.legend(handles=handles, loc="upper right")
    return noted(figure, note)


def _plain(bar: Colorbar, label: str) -> None:
    """A bar of colours without a frame."""
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=style.SMALL, length=2)
    bar.set_label(label, fontsize=8)


def _matrices(scores: pd.DataFrame, order: Sequence[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """One task's values and statuses, a row an algorithm, a column a case in natural order."""
    own = _with_status(scores).assign(case=scores.case.astype(str))
    cases = sorted(own.case.unique(), key=_natural)
    values, status = (
        own.pivot(index="algorithm", columns="case", values=column).reindex(order, columns=cases)
        for column in ("value", "status")
    )
    return values.astype(float), np.where(status.isna(), "missing", status)


def _with_status(scores: pd.DataFrame) -> pd.DataFrame:
    if "status" in scores:
        return scores
    return scores.assign(status=np.where(scores.value.isna(), "undefined", "scored"))


def _boxes(
    axes: Axes, scores: pd.DataFrame, order: Sequence[str], muted: Collection[str], worst: float | None
) -> bool:
    """Draw one task; whether crosses stand for missing cases."""
    by_algorithm, n_cases = dict(list(scores.groupby("algorithm"))), scores.case.nunique()
    has_crosses = False
    thin = {"color": style.INK, "linewidth": 0.7}
    # The same jitter in every run.
    random = np.random.default_rng(0)
    for row, name in enumerate(order):
        own = by_algorithm.get(name, scores.head(0))
        values = own.value.dropna().to_numpy(float)
        n_missing = int((own.status == "missing").sum()) + n_cases - len(own)
        if "worst" in own:
            at_worst = own.worst[own.status == "missing"].dropna().to_numpy(float)
        else:
            at_worst = np.full(0 if worst is None else n_missing, worst)
        has_crosses |= len(at_worst) > 0
        color = style.GREY if name in muted else style.BLUE
        jitter = random.uniform(-0.22, 0.22, len(values) + len(at_worst))
        axes.scatter(values, row + jitter[: len(values)], s=7, color=color, alpha=0.55, linewidth=0, zorder=2)
        axes.scatter(
            at_worst,
            row + jitter[len(values) :],
            s=12,
            marker="x",
            color=style.VERMILLION,
            linewidth=0.8,
            zorder=4,
        )
        counted = np.concatenate([values, at_worst])
        if len(counted):
            axes.boxplot(
                counted, positions=[row], orientation="horizontal", widths=0.62, showfliers=False, zorder=3,
                boxprops=thin, whiskerprops=thin, capprops=thin, medianprops={**thin, "linewidth": 1.6},
                manage_ticks=False,
            )  # fmt: skip
        gaps = {"undefined": int((own.status == "undefined").sum()), "missing": n_missing}
        beside(axes, row, ", ".join(f"{count} {gap}" for gap, count in gaps.items() if count))
    return has_crosses


def _mark_gaps(axes: Axes, state: np.ndarray, size: float) -> set[str]:
    """Mark missing and undefined cells; those found."""
    found = set()
    for mark, drawn in (("missing", _MISSING), ("undefined", _UNDEFINED)):
        rows, columns = np.nonzero(state == mark)
        if len(rows):
            found.add(mark)
            axes.plot(columns, rows, markersize=size if mark == "missing" else 0.7 * size, **drawn)
    return found


def _print_values(axes: Axes, values: np.ndarray, low: float, high: float, *, turned: bool) -> None:
    for row, column in np.argwhere(~np.isnan(values)):
        value = values[row, column]
        bright = value - low < 0.4 * (high - low) if turned else value - low > 0.6 * (high - low)
        color = style.INK if bright else "white"
        words = number(value) if 0 <= value < 10 else f"{value:.3g}"
        axes.text(column, row, words, ha="center", va="center", fontsize=style.SMALL - 0.5, color=color)


def _shades(values: pd.Series) -> tuple[float, float]:
    """What the ends of the colours stand for: 0 and 1 of shares, else the lowest and highest score."""
    if values.dropna().between(0, 1).all():
        return 0.0, 1.0
    return float(values.min()), float(values.max())


def _natural(name: str) -> list[tuple[int, int | str]]:
    """Sorts case2 before case10."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name) if part]
