"""Figures of where a rater fails: by volume, along the slices, voxel by voxel; each returns a Figure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from evaluation.failures.volumes import sparse_against_ample
from evaluation.figures import many, style
from evaluation.figures.matrix import MANY
from evaluation.figures.panels import HALF_COLUMN, MANY_EXAMS, dots, headed, panels, shortened
from evaluation.figures.style import AxesLike, lettered, new_figure, noted, styled
from evaluation.masks.exam import ENDS
from evaluation.statistics.permutation import spearman
from evaluation.statistics.words import p_is, signed


@styled
def dice_against_volume(
    errors: pd.DataFrame,
    *,
    rater: str,
    colors: Mapping[str, str],
    correlations: pd.DataFrame | None = None,
    splits: pd.DataFrame | None = None,
    note: str = "",
    axes: AxesLike | None = None,
) -> Figure:
    """One rater's Dice against the volume that the reference holds, a panel a level, a point an exam.

    Of many levels a table: median Dice where there is little and where there is much.

    Parameters
    ----------
    errors : DataFrame
        Of `evaluation.failures.volumes.error_volumes`. The dotted line is at the median volume; Spearman's
        rho and its p are printed.
    colors : mapping of str to str
        Level to colour; levels without one are grey.
    correlations, splits : DataFrame, optional
        Of `evaluation.failures.covariates.correlations` with the volume, and of
        `evaluation.failures.volumes.sparse_against_ample`, where these are known: of many exams they take
        longer than the figure.
    """
    chosen = errors[errors.rater == rater]
    levels = list(dict.fromkeys(chosen.level))
    if axes is None and len(levels) > MANY:
        label = f"Median Dice of {rater} (exams) by the reference's volume; its median is beside the row"
        found = sparse_against_ample(chosen) if splits is None else splits[splits.rater == rater]
        return many.dice_by_volume(found, label, note)
    known: dict[str, tuple[float, float]] = {}
    if correlations is not None:
        own = correlations[correlations.rater == rater]
        known = dict(zip(own.level, zip(own.rho, own.p, strict=True), strict=True))
    drawing = panels(levels, axes, height=1.45, extra=0.6)
    for level, panel in drawing.grid.items():
        exams = chosen[chosen.level == level].dropna(subset="dice")
        looks = dots(len(exams), 16, colors.get(level, style.NO_COLOR))
        panel.scatter(exams.reference_ml, exams.dice, zorder=3, clip_on=False, **looks)
        if len(exams) > MANY_EXAMS:
            _tenths(panel, exams)
        panel.axvline(exams.reference_ml.median(), color=style.GREY, linestyle=":", linewidth=0.9)
        rho, p = known.get(level) or spearman(exams.dice.to_numpy(), exams.reference_ml.to_numpy())
        told = f"n = {len(exams)}" if np.isnan(rho) else f"ρ = {signed(rho, typeset=True)}, {p_is(p)}"
        headed(panel, level, HALF_COLUMN)
        # There is room: who finds little of much is rare.
        panel.text(
            0.97, 0.06, told, transform=panel.transAxes, ha="right", fontsize=style.SMALL,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8},
        )  # fmt: skip
        panel.set(ylim=(0, 1), xlim=(0, None), yticks=[0, 0.5, 1])
        panel.locator_params(axis="x", nbins=4)
    for panel in drawing.axes[-2:]:
        panel.set_xlabel("Reference volume (ml)")
    drawing.side_label(f"Dice of {shortened(rater)}")
    drawing.legend([
        Line2D([], [], linestyle="none", marker="o", markersize=4, markerfacecolor="white",
               markeredgecolor=style.INK, markeredgewidth=0.5, label="an exam"),
        Line2D([], [], color=style.GREY, linestyle=":", linewidth=0.9, label="median volume"),
        Line2D([], [], linestyle="none", label="ρ: Spearman's correlation"),
    ], columns=3, columnspacing=1, handletextpad=0.4)  # fmt: skip
    if (chosen.groupby("level").dice.count() > MANY_EXAMS).any():
        note = f"Line, band: median and 80 % of each tenth of the exams.\n{note}".rstrip()
    return drawing.done(note)


def _tenths(panel: Axes, exams: pd.DataFrame) -> None:
    """Where the Dice lie in each tenth of the exams by volume."""
    parts = np.array_split(exams.sort_values("reference_ml")[["reference_ml", "dice"]].to_numpy(), 10)
    middles = [np.median(part[:, 0]) for part in parts]
    low, median, high = np.transpose([np.percentile(part[:, 1], (10, 50, 90)) for part in parts])
    panel.fill_between(middles, low, high, color=style.INK, alpha=0.15, linewidth=0, zorder=4)
    panel.plot(middles, median, color=style.INK, linewidth=1.2, zorder=5)


@styled
def slice_profile_panels(
    profile: pd.DataFrame, *, model: str, plane: str = "coronal", note: str = ""
) -> Figure:
    """Dice, and false volume, along the slices: a row a level, the model before the readers.

    Of many levels a table of Dice alone.

    Parameters
    ----------
    profile : DataFrame
        Of `evaluation.failures.places.slice_profile`, of model and readers.
    model : str
        Drawn in colour with its interval; everybody else is a grey line.
    plane : str
        Of the slices, for the axis: a key of `evaluation.failures.places.ENDS`.
    """
    levels = list(dict.fromkeys(profile.level))
    if len(levels) > MANY:
        return many.dice_along_slices(profile, model, ENDS[plane], note)
    figure = new_figure(style.COLUMN_INCHES, 1.15 * len(levels) + 0.95)
    grid = figure.subplots(len(levels), 2, squeeze=False, sharex=True)
    for row, level in zip(grid, levels, strict=True):
        found = profile[profile.level == level]
        for _, lines in found[found.rater != model].groupby("rater", sort=False):
            row[0].plot(lines.position, lines.dice, color=style.LIGHT, linewidth=0.8)
        ours = found[found.rater == model]
        row[0].fill_between(ours.position, ours.low, ours.high, color=style.INK, alpha=0.15, linewidth=0)
        row[0].plot(ours.position, ours.dice, color=style.INK, marker="o", markersize=2.5, linewidth=1.2)
        row[1].plot(ours.position, ours.fp_ml, color=style.VERMILLION, marker="^", markersize=3, linewidth=1)
        row[1].plot(ours.position, ours.fn_ml, color=style.BLUE, marker="v", markersize=3, linewidth=1)
        row[0].set(ylim=(0, 1), yticks=[0, 0.5, 1], ylabel=shortened(level, 14))
        row[1].set_ylim(0, None)
        row[1].locator_params(axis="y", nbins=3)
        for axes in row:
            axes.set(xlim=(0, 1), xticks=[0, 0.25, 0.5, 0.75, 1])
            axes.axvspan(0, 0.25, color=style.PALE, alpha=0.35, linewidth=0, zorder=0)
            axes.axvspan(0.75, 1, color=style.PALE, alpha=0.35, linewidth=0, zorder=0)
    first, last = ENDS[plane]
    for axes in grid[-1]:
        axes.set_xlabel("Slice position")
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], [first, "", "", "", last], fontsize=7)
        axes.get_xticklabels()[0].set_ha("left")
        axes.get_xticklabels()[-1].set_ha("right")
    grid[0, 0].set_title("Dice", fontsize=8)
    grid[0, 1].set_title("False volume (ml)", fontsize=8)
    lettered(grid.ravel())
    handles = [
        Line2D([], [], color=style.INK, marker="o", markersize=3, label=shortened(model, 14)),
        Line2D([], [], color=style.LIGHT, label="readers"),
        Patch(facecolor=style.INK, alpha=0.15, label="its 95 % interval"),
        Line2D([], [], color=style.VERMILLION, marker="^", markersize=3, label="false positive"),
        Line2D([], [], color=style.BLUE, marker="v", markersize=3, label="false negative"),
        Patch(facecolor=style.PALE, alpha=0.5, label="outer quarters"),
    ]
    figure.legend(handles=handles, ncols=3, loc="outside upper center", columnspacing=0.8, handletextpad=0.5)
    return noted(figure, note)
