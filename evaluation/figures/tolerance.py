"""Figure of NSD over the tolerance; it returns a Figure and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evaluation.figures import style
from evaluation.figures.panels import headed, ruled, shortened
from evaluation.figures.style import AxesLike, Drawing, styled
from evaluation.measures.tolerance import OUTLINES, SURFACES
from evaluation.statistics.words import number, plural


@styled
def nsd_over_tolerance(
    curve: pd.DataFrame,
    *,
    models: Sequence[str],
    spacing: Sequence[float],
    tolerances: Mapping[str, float] | None = None,
    note: str = "",
    axes: AxesLike | None = None,
) -> Figure:
    """NSD of every rater over the tolerance, a panel a level: readers in grey, models in colour.

    Parameters
    ----------
    curve : DataFrame
        Of `evaluation.measures.tolerance.tolerance_curve`: columns ``rater``, ``level``, ``tolerance``,
        ``nsd``, ``n``, ``of``; what is of outlines, slice by slice, is dashed.
    models : sequence of str
        The raters that are models.
    spacing : sequence of float
        Of the voxels in mm: the smallest and, where it differs, the largest step (that between slices) are
        marked.
    tolerances : mapping of str to float, optional
        The readers' tolerance a level, mm: marked too.
    """
    levels = list(dict.fromkeys(curve.level))
    raters, last = list(dict.fromkeys(curve.rater)), curve.tolerance.max()
    bright = style.of_models(models)
    columns = min(3, len(levels))
    rows = -(-len(levels) // columns)
    width = style.COLUMN_INCHES if columns == 1 else style.PAGE_INCHES
    drawing = Drawing.of(axes, levels, (width, 2.1 * rows + 0.6), columns, sharey=True)
    for level, panel in drawing.grid.items():
        found = curve[curve.level == level]
        steps = _steps(spacing)
        for step, line in steps.items():
            panel.axvline(step, color=style.GREY, linestyle=line, linewidth=0.8, zorder=1)
        if tolerances and level in tolerances:
            _mark(panel, tolerances[level], last)
        for rater in sorted(raters, key=lambda name: name in bright):
            color, wide = (bright[rater], 1.5) if rater in bright else (style.LIGHT, 1.0)
            for of, drawn in found[found.rater == rater].groupby("of", sort=False):
                # NSD stays the same up to the next distance that voxels can have.
                panel.step(
                    drawn.tolerance, drawn.nsd, where="post", color=color,
                    linewidth=wide if of == SURFACES else 0.7 * wide,
                    linestyle="-" if of == SURFACES else (0, (4, 2)),
                )  # fmt: skip
        panel.set(ylim=(-0.03, 1.03), xlim=(0, last), xlabel="Tolerance (mm)")
        headed(panel, f"{shortened(level, 18)} ({plural(int(found.n.max()), 'exam')})")
        ruled(panel, axis="y")
    drawing.axes[0].set_ylabel("NSD (median of exams)")
    handles = [Line2D([], [], color=bright[name], linewidth=1.5, label=shortened(name)) for name in bright]
    handles.append(Line2D([], [], color=style.LIGHT, label="readers"))
    if tolerances:
        handles.append(Line2D([], [], color=style.INK, label="readers' tolerance"))
    if (curve.of == OUTLINES).any():
        handles.append(Line2D([], [], color=style.GREY, linestyle=(0, (4, 2)), label="slice by slice"))
    for (step, line), name in zip(_steps(spacing).items(), ("voxel", "step between slices"), strict=False):
        handles.append(Line2D([], [], color=style.GREY, linestyle=line, label=f"{name}, {step:g} mm"))
    drawing.legend(handles, columns=3)
    return drawing.done(note)


def _mark(panel: Axes, tolerance: float, last: float) -> None:
    """A line at the readers' tolerance, and its number; an arrow where the axis ends before."""
    within = tolerance <= last
    if within:
        panel.axvline(tolerance, color=style.INK, linewidth=1, zorder=1)
    # Beside the line on the side where there is room.
    right = within and tolerance < last / 2
    words = f"{number(tolerance)} mm" if within else f"{number(tolerance)} mm →"
    panel.annotate(
        words, (min(tolerance, last), 0.02), (3 if right else -3, 0), textcoords="offset points",
        ha="left" if right else "right", color=style.INK, fontsize=style.SMALL,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )  # fmt: skip


def _steps(spacing: Sequence[float]) -> dict[float, str]:
    """The smallest step of the voxels and the largest, each with its kind of line."""
    ends = round(min(spacing), 2), round(max(spacing), 2)
    return dict(zip(dict.fromkeys(ends), (":", "-."), strict=False))
