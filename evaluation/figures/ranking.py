"""Figures of a ranking: how sure it is, and what another scheme would say; each returns a Figure.

A figure shows one task; `evaluation.figures.ranking_scores` shows the scores behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from evaluation.figures import style
from evaluation.figures.panels import (
    ROW_INCHES,
    name_size,
    named_rows,
    names_inches,
    ruled,
    shortened,
    size_of,
)
from evaluation.figures.style import Drawing, styled

# Of Okabe and Ito (2008, Color Universal Design), for the lines of the first algorithms.
_LINES = (style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE, "#e69f00", "#56b4e9", style.INK)


@styled
def blob_plot(
    probabilities: pd.DataFrame, ranks: pd.DataFrame, *, note: str = "", axes: Axes | None = None
) -> Figure:
    """How likely each rank is for each algorithm, a disc a rank; one scheme and task.

    The area of a disc is the share of bootstraps, which is a spread and no interval; the ring is the
    algorithm's rank, the line its interval, which holds for all algorithms at once.

    Parameters
    ----------
    probabilities : DataFrame
        ``algorithm, rank, probability`` of `evaluation.ranking.Rankings`.
    ranks : DataFrame
        ``algorithm, rank, rank_low, rank_high``; algorithms are drawn in this order, first on top. They may
        be the first of more.
    """
    algorithms = ranks.algorithm.tolist()
    n = len(algorithms)
    seen = probabilities[(probabilities.probability > 0) & probabilities.algorithm.isin(algorithms)]
    last = max(n, *(int(column.max()) for column in (seen["rank"], ranks.rank_high.fillna(0))))
    names = [shortened(name) for name in algorithms]
    drawing = Drawing.of(axes, ["ranks"], size_of(n, names))
    axes = drawing.axes[0]
    named_rows(axes, names)
    axes.set_xlim(0.4, last + 0.6)
    axes.set_xticks(_rank_ticks(last))
    ruled(axes, width=0.4)
    rows = np.arange(n)
    axes.hlines(rows, ranks.rank_low, ranks.rank_high, color=style.INK, linewidth=0.8, zorder=2)
    places = {name: row for row, name in enumerate(algorithms)}
    room = size_of(n, names)[0] - names_inches(names)
    if not drawing.is_ours:
        room = axes.get_position().width * drawing.figure.get_figwidth()
    # Beside more ranks than rows the shares are small, and discs that overlap are better than specks.
    width = ROW_INCHES if last > n else min(ROW_INCHES, room / (n + 0.2))
    largest = (72 * 0.95 * width) ** 2
    axes.scatter(
        seen["rank"],
        seen.algorithm.map(places),
        s=largest * seen.probability,
        color=style.BLUE,
        alpha=0.75,
        linewidth=0,
        zorder=3,
    )
    axes.scatter(
        ranks["rank"], rows, s=0.22 * largest, facecolor="none", edgecolor=style.INK, linewidth=0.9, zorder=4
    )
    axes.set_xlabel("Rank")
    disc: dict[str, Any] = {
        "linestyle": "none",
        "marker": "o",
        "color": style.BLUE,
        "alpha": 0.75,
        "markeredgewidth": 0,
    }
    handles = [
        Line2D([], [], markersize=np.sqrt(largest * share), label=f"{share:.0%} of bootstraps", **disc)
        for share in (0.1, 0.5, 1.0)
    ]
    ring = Line2D([], [], linewidth=0.8, color=style.INK, marker="o", markersize=4, markerfacecolor="white")
    ring.set_label("rank and interval" if ranks.rank_low.notna().any() else "rank")
    drawing.legend([*handles, ring])
    return drawing.done(note)


@styled
def significance_map(
    pairwise: pd.DataFrame,
    order: Sequence[str],
    alpha: float = 0.05,
    *,
    note: str = "",
    axes: Axes | None = None,
) -> Figure:
    """Which algorithm is clearly better than which, after Holm's rule; one task.

    Parameters
    ----------
    pairwise : DataFrame
        ``algorithm, other, p_clear`` of `evaluation.ranking.Rankings`.
    order : sequence of str
        Algorithms by rank, first on top and on the left.
    """
    n = len(order)
    names = [shortened(name) for name in order]
    cells = pairwise.pivot(index="algorithm", columns="other", values="p_clear").reindex(order, columns=order)
    is_clear = np.where(np.isnan(cells), np.nan, cells <= alpha)
    drawing = Drawing.of(axes, ["tests"], size_of(n, names, square=True))
    axes = drawing.axes[0]
    named_rows(axes, names)
    colors = np.full((n, n, 4), 1.0)
    colors[is_clear == 1] = (0, 0x72 / 255, 0xB2 / 255, 1)
    colors[is_clear == 0] = (0.94, 0.94, 0.94, 1)
    axes.imshow(colors, aspect="equal", interpolation="none")
    axes.set_xticks(range(n), names, rotation=90)
    axes.set_xticks(np.arange(-0.5, n), minor=True)
    axes.set_yticks(np.arange(-0.5, n), minor=True)
    axes.grid(which="minor", color="white", linewidth=0.8 if n <= 20 else 0.4)
    axes.tick_params(which="both", length=0)
    axes.tick_params(axis="x", labelsize=name_size(n))
    axes.plot([-0.5, n - 0.5], [-0.5, n - 0.5], color=style.LIGHT, linewidth=0.8)
    untested = np.argwhere(np.isnan(is_clear) & ~np.eye(n, dtype=bool))
    axes.scatter(untested[:, 1], untested[:, 0], marker="x", s=9, color=style.GREY, linewidth=0.7)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("… than the column")
    axes.set_ylabel("Row better …")
    handles: list[Patch | Line2D] = [
        Patch(facecolor=style.BLUE, label=f"clearly better (adjusted p ≤ {alpha:g})"),
        Patch(facecolor="#f0f0f0", label="not clear"),
    ]
    if len(untested):
        cross: dict[str, Any] = {"linestyle": "none", "marker": "x", "markersize": 4, "color": style.GREY}
        handles.append(Line2D([], [], label="no case defined for both", **cross))
    drawing.legend(handles)
    return drawing.done(note)


@styled
def scheme_comparison(ranks: pd.DataFrame, *, note: str = "", axes: Axes | None = None) -> Figure:
    """Ranks by every scheme, a line an algorithm; one task.

    The number in a disc is the rank. Those who share one stand below each other, tied by a grey bar.

    Parameters
    ----------
    ranks : DataFrame
        ``scheme, algorithm, rank`` of `evaluation.ranking.Rankings`.
    """
    table = ranks.pivot(index="algorithm", columns="scheme", values="rank")[list(dict.fromkeys(ranks.scheme))]
    schemes = list(table)
    # Each algorithm has a place of its own in each scheme; equal ranks stand as in the scheme before.
    table = table.sort_values(schemes[0], kind="stable")
    places = pd.DataFrame(index=table.index)
    before = pd.Series(range(len(table)), index=table.index)
    for scheme in schemes:
        order = pd.DataFrame({"rank": table[scheme], "before": before}).sort_values(["rank", "before"]).index
        before = pd.Series(range(len(order)), index=order)
        places[scheme] = before
    n = len(table)
    drawing = Drawing.of(axes, ["ranks"], (style.PAGE_INCHES, 0.9 + max(3, n) * 0.23))
    axes = drawing.axes[0]
    across = range(len(schemes))
    for place, (name, row) in enumerate(places.iterrows()):
        color = _LINES[place] if place < len(_LINES) else style.LIGHT
        axes.plot(across, row, color=color, linewidth=1.3, zorder=2 if place < len(_LINES) else 1)
        axes.scatter(across, row, s=88, facecolor="white", edgecolor=color, linewidth=1, zorder=4)
        for x, scheme in zip(across, schemes, strict=True):
            rank = table.at[name, scheme]
            axes.text(x, row[scheme], str(rank), ha="center", va="center_baseline", fontsize=6, zorder=5)
        for x, side, offset in ((0, "right", -9), (across[-1], "left", 9)):
            axes.annotate(
                shortened(str(name)), (x, row.iloc[x]), (offset, 0), textcoords="offset points", ha=side,
                va="center", fontsize=7.5, annotation_clip=False,
            )  # fmt: skip
    for x, scheme in zip(across, schemes, strict=True):
        for _, tied in places[scheme].groupby(table[scheme]):
            axes.plot(
                [x, x],
                [tied.min(), tied.max()],
                color=style.PALE,
                linewidth=11,
                zorder=3,
                solid_capstyle="round",
            )
    axes.set_xticks(across, [scheme.replace("-then-", "\nthen ") for scheme in schemes], fontsize=7.5)
    axes.set_ylim(n - 0.4, -0.6)
    axes.set_xlim(-0.15, len(schemes) - 0.85)
    axes.set_yticks([])
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    return drawing.done(note)


def _rank_ticks(n: int) -> list[int]:
    step = 5 if n <= 60 else 20
    return list(range(1, n + 1)) if n <= 15 else [1, *range(step, n + 1, step)]
