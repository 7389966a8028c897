"""Figure of reliability: what got a probability, and how many readers marked it; writes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evaluation.figures import style
from evaluation.figures.panels import headed, ruled, shortened
from evaluation.figures.style import AxesLike, Drawing, styled

# Square points of the largest bin.
_LARGEST = 70


@styled
def reliability_panels(
    table: pd.DataFrame,
    *,
    levels: Sequence[str],
    models: Sequence[str],
    note: str = "",
    axes: AxesLike | None = None,
) -> Figure:
    """Share of readers over a model's probability, a panel a level; above the diagonal is not sure enough.

    Parameters
    ----------
    table : DataFrame
        Of `evaluation.scores.calibration.reliability`, of one region and against the votes.
    levels, models : sequence of str
        Those that are drawn.
    """
    columns = min(3, len(levels))
    rows = -(-len(levels) // columns)
    width = style.COLUMN_INCHES if columns == 1 else style.PAGE_INCHES
    drawing = Drawing.of(axes, levels, (width, 2.4 * rows + 0.7), columns, sharey=True)
    bright = style.of_models(models)
    for level, panel in drawing.grid.items():
        panel.plot([0, 1], [0, 1], color=style.GREY, linewidth=0.8, linestyle=":", zorder=1)
        for model, color in bright.items():
            found = table[(table.level == level) & (table.model == model)]
            if found.empty:
                continue
            panel.plot(found.probability, found.observed, color=color, linewidth=1, zorder=2)
            share = found.n_voxels / found.n_voxels.max()
            panel.scatter(
                found.probability, found.observed, s=np.maximum(_LARGEST * share, 3), color=[color],
                alpha=0.8, linewidth=0, zorder=3,
            )  # fmt: skip
        panel.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal", xlabel="Probability by the model")
        headed(panel, level, 26)
        ruled(panel)
    drawing.axes[0].set_ylabel("Share of readers")
    handles = [
        Line2D([], [], color=color, marker="o", markersize=5, linewidth=1, label=shortened(model))
        for model, color in bright.items()
    ]
    handles.append(Line2D([], [], color=style.GREY, linestyle=":", label="as many readers as it says"))
    handles.append(
        Line2D(
            [], [], color=style.LIGHT, marker="o", linestyle="", markersize=7, label="area: share of voxels"
        )
    )
    drawing.legend(handles, columns=3)
    return drawing.done(note)
