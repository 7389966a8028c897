"""Figure of volumes: how far a rater's lie from a reference's; it returns a Figure and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from evaluation.figures import many, style
from evaluation.figures.matrix import MANY
from evaluation.figures.panels import HALF_COLUMN, dots, headed, panels, shortened
from evaluation.figures.style import AxesLike, styled
from evaluation.measures.volume import bland_altman
from evaluation.statistics.words import signed_figures


@styled
def bland_altman_panels(
    volumes: pd.DataFrame,
    *,
    rater: str,
    reference: str,
    colors: Mapping[str, str],
    note: str = "",
    axes: AxesLike | None = None,
) -> Figure:
    """A rater's volumes against a reference's, a panel a level: difference against mean, a point an exam.

    Lines are bias (solid) and 95 % limits of agreement (dashed), bands their 95 % intervals; many: a table.

    Parameters
    ----------
    volumes : DataFrame
        ``exam, level, rater, ml`` of `evaluation.measures.volume.volumes`, the reference among the raters.
    colors : mapping of str to str
        Level to colour; levels without one are grey.
    """
    levels = list(dict.fromkeys(volumes.level))
    if axes is None and len(levels) > MANY:
        return many.volume_differences(volumes, rater, reference, note)
    drawing = panels(levels, axes, height=1.55, extra=0.95)
    for level, panel in drawing.grid.items():
        exams = volumes[volumes.level == level].pivot(index="exam", columns="rater", values="ml")
        found = bland_altman(exams[rater].tolist(), exams[reference].tolist())
        for line, dashes in ((found.bias, "-"), (found.lower, "--"), (found.upper, "--")):
            if line.is_defined:
                color = style.LIGHT if line is found.bias else style.PALE
                panel.axhspan(line.low, line.high, color=color, alpha=0.5, linewidth=0)
            panel.axhline(line.estimate, color=style.INK, linestyle=dashes, linewidth=0.9)
            panel.annotate(
                signed_figures(line.estimate, typeset=True), (1, line.estimate), (2, 0), va="center",
                fontsize=style.SMALL, xycoords=("axes fraction", "data"), textcoords="offset points",
                annotation_clip=False,
            )  # fmt: skip
        panel.axhline(0, color=style.GREY, linewidth=0.5, linestyle=":")
        means, differences = (exams[rater] + exams[reference]) / 2, exams[rater] - exams[reference]
        looks = dots(len(exams), 16, colors.get(level, style.NO_COLOR))
        panel.scatter(means, differences, zorder=3, **looks)
        headed(panel, level, HALF_COLUMN)
        panel.locator_params(nbins=4)
    for panel in drawing.axes[-2:]:
        panel.set_xlabel("Mean of the two (ml)")
    drawing.side_label(f"{shortened(rater)} minus {reference} (ml)")
    drawing.legend([
        Line2D([], [], color=style.INK, linewidth=0.9, label="mean difference"),
        Line2D([], [], color=style.INK, linewidth=0.9, linestyle="--", label="95 % limits of agreement"),
        Line2D([], [], color=style.GREY, linewidth=0.8, linestyle=":", label="no difference"),
        Patch(color=style.LIGHT, alpha=0.5, linewidth=0, label="95 % interval of the mean"),
        Patch(color=style.PALE, alpha=0.5, linewidth=0, label="95 % interval of a limit"),
        Line2D([], [], linestyle="none", marker="o", markersize=4, markerfacecolor="white",
               markeredgecolor=style.INK, markeredgewidth=0.5, label="an exam"),
    ])  # fmt: skip
    return drawing.done(note)
