"""Figures of where a rater fails: by volume, along the slices, voxel by voxel; each returns a Figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from evaluation.failures.covariates import spearman
from evaluation.figures.panels import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LIGHT,
    NO_COLOR,
    PALE,
    PURPLE,
    SMALL,
    VERMILLION,
    noted,
    panels,
)
from evaluation.figures.scores import COLUMN_INCHES, PAGE_INCHES, _figure, _styled, _tinted
from evaluation.masks.exam import ENDS
from evaluation.statistics.words import p_is, signed

#: What a voxel is, mask against reference, and its colour.
DIFFERENCES = {
    "same level": GREEN,
    "other level": PURPLE,
    "false positive": VERMILLION,
    "false negative": BLUE,
}
# Kinds of difference are read by colour alone: less of the image shines through than in the masks.
_STRONGER = 1.4


@_styled
def dice_against_volume(
    errors: pd.DataFrame, *, rater: str, colors: Mapping[str, str], note: str = ""
) -> Figure:
    """One rater's Dice against the volume that the reference holds, a panel a level, a point an exam.

    Parameters
    ----------
    errors : DataFrame
        Of `evaluation.failures.volumes.error_volumes`. The dotted line is at the median volume; Spearman's
        rho and its p are printed.
    rater : str
    colors : mapping of str to str
        Level to colour; levels without one are grey.
    note : str
        Printed below the figure.
    """
    chosen = errors[errors.rater == rater]
    levels = list(dict.fromkeys(chosen.level))
    figure, grid = panels(levels, height=1.45, extra=0.35)
    for level, axes in grid.items():
        exams = chosen[chosen.level == level].dropna(subset="dice")
        axes.scatter(
            exams.reference_ml, exams.dice, s=16, color=colors.get(level, NO_COLOR), edgecolor=INK,
            linewidth=0.5, zorder=3, clip_on=False,
        )  # fmt: skip
        axes.axvline(exams.reference_ml.median(), color=GREY, linestyle=":", linewidth=0.9)
        rho, p = spearman(exams.dice.to_numpy(), exams.reference_ml.to_numpy())
        told = f"n = {len(exams)}" if np.isnan(rho) else f"ρ = {signed(rho, typeset=True)}, {p_is(p)}"
        axes.set_title(f"{level}\n", fontsize=9)
        axes.text(0.5, 1.03, told, transform=axes.transAxes, ha="center", fontsize=SMALL + 0.5, color=GREY)
        axes.set(ylim=(0, 1), xlim=(0, None), yticks=[0, 0.5, 1])
        axes.locator_params(axis="x", nbins=4)
    for axes in list(grid.values())[-2:]:
        axes.set_xlabel("Reference volume (ml)")
    figure.supylabel(f"Dice of {rater}", fontsize=8)
    return noted(figure, note)


@_styled
def slice_profile_panels(
    profile: pd.DataFrame, *, model: str, plane: str = "coronal", note: str = ""
) -> Figure:
    """Dice, and false volume, along the slices: a row a level, the model before the readers.

    Parameters
    ----------
    profile : DataFrame
        Of `evaluation.failures.places.slice_profile`, of model and readers.
    model : str
        Drawn in colour with its interval; everybody else is a grey line.
    plane : str
        Of the slices, for the axis: a key of `evaluation.failures.places.ENDS`.
    note : str
        Printed below the figure.
    """
    levels = list(dict.fromkeys(profile.level))
    figure = _figure(COLUMN_INCHES, 1.05 * len(levels) + 0.9)
    grid = figure.subplots(len(levels), 2, squeeze=False, sharex=True)
    for row, level in zip(grid, levels, strict=True):
        found = profile[profile.level == level]
        for _, lines in found[found.rater != model].groupby("rater", sort=False):
            row[0].plot(lines.position, lines.dice, color=LIGHT, linewidth=0.8)
        ours = found[found.rater == model]
        row[0].fill_between(ours.position, ours.low, ours.high, color=INK, alpha=0.15, linewidth=0)
        row[0].plot(ours.position, ours.dice, color=INK, marker="o", markersize=2.5, linewidth=1.2)
        row[1].plot(ours.position, ours.fp_ml, color=VERMILLION, marker="^", markersize=3, linewidth=1)
        row[1].plot(ours.position, ours.fn_ml, color=BLUE, marker="v", markersize=3, linewidth=1)
        row[0].set(ylim=(0, 1), yticks=[0, 0.5, 1], ylabel=level)
        row[1].set_ylim(0, None)
        row[1].locator_params(axis="y", nbins=3)
        for axes in row:
            axes.set(xlim=(0, 1), xticks=[0, 0.25, 0.5, 0.75, 1])
            axes.axvspan(0, 0.25, color=PALE, alpha=0.35, linewidth=0, zorder=0)
            axes.axvspan(0.75, 1, color=PALE, alpha=0.35, linewidth=0, zorder=0)
    first, last = ENDS[plane]
    for axes in grid[-1]:
        axes.set_xlabel("Slice position")
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], [first, "", "", "", last], fontsize=7)
        axes.get_xticklabels()[0].set_ha("left")
        axes.get_xticklabels()[-1].set_ha("right")
    grid[0, 0].set_title("Dice")
    grid[0, 1].set_title(f"False volume of {model}\n(ml an exam)", fontsize=8)
    handles = [
        Line2D([], [], color=INK, marker="o", markersize=3, label=model),
        Line2D([], [], color=LIGHT, label="readers"),
        Line2D([], [], color=VERMILLION, marker="^", markersize=3, label="false positive"),
        Line2D([], [], color=BLUE, marker="v", markersize=3, label="false negative"),
        Patch(facecolor=PALE, alpha=0.5, label="peripheral quarters"),
    ]
    figure.legend(handles=handles, ncols=3, loc="outside upper center", frameon=False, columnspacing=1)
    return noted(figure, note)


@_styled
def difference_sheet(
    slices: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]],
    *,
    rater: str,
    colors: Mapping[int, str],
    reference: str = "consensus",
    levels: Sequence[int] | None = None,
    aspect: float = 1.0,
    note: str = "",
) -> Figure:
    """Slices in rows: the image, the reference, a rater, and where the two agree or do not.

    Parameters
    ----------
    slices : sequence of (title, image, reference, mask)
        Arrays (rows, columns) of one shape, as seen; exams may differ in shape. Reference and mask are
        label maps.
    rater, reference : str
        Headings of the columns.
    colors : mapping of int to str
        Mask value to colour.
    levels : sequence of int, optional
        Mask values to look at, taken as one; by default all, each of its own.
    aspect : float
        Height of a pixel divided by its width.
    note : str
        Printed below the figure.
    """
    headings = ["image", reference, rater, "difference"]
    width = (PAGE_INCHES - 0.35) / len(headings)
    heights = [width * image.shape[0] * aspect / image.shape[1] for _, image, _, _ in slices]
    figure = _figure(PAGE_INCHES, sum(heights) + 0.06 * len(slices) + 0.75)
    grid = figure.subplots(len(slices), len(headings), squeeze=False, height_ratios=heights)
    codes = dict(enumerate(DIFFERENCES.values(), start=1))
    for row, (title, image, expected, mask) in zip(grid, slices, strict=True):
        low, high = np.percentile(image, [1, 99.7])
        shown = [None, *(_of_levels(array, levels) for array in (expected, mask))]
        layers = [*shown, difference(expected, mask, levels)]
        for axes, layer, palette in zip(row, layers, [{}, colors, colors, codes], strict=True):
            axes.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1), aspect=aspect)
            if layer is not None:
                tint = _tinted(layer, palette)
                if palette is codes:
                    tint[..., 3] *= _STRONGER
                axes.imshow(tint, aspect=aspect, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        row[0].set_ylabel(title, fontsize=7)
    for axes, heading in zip(grid[0], headings, strict=True):
        axes.set_title(heading)
    kinds = [kind for kind in DIFFERENCES if levels is None or kind != "other level"]
    handles = [Patch(facecolor=DIFFERENCES[kind], label=kind) for kind in kinds]
    figure.legend(handles=handles, ncols=len(handles), loc="outside upper right", frameon=False)
    return noted(figure, note)


def difference(reference: np.ndarray, mask: np.ndarray, levels: Sequence[int] | None = None) -> np.ndarray:
    """What each voxel of a mask is against the reference.

    Parameters
    ----------
    reference, mask : ndarray of one shape
        Label maps.
    levels : sequence of int, optional
        As in `difference_sheet`.

    Returns
    -------
    ndarray of uint8
        0 where neither marks, else the place in `DIFFERENCES`, from 1.
    """
    expected, found = _of_levels(reference, levels), _of_levels(mask, levels)
    in_both = (expected > 0) & (found > 0)
    same = in_both if levels is not None else in_both & (expected == found)
    kinds = [same, in_both & ~same, (found > 0) & (expected == 0), (expected > 0) & (found == 0)]
    return np.select(kinds, range(1, len(kinds) + 1), 0).astype(np.uint8)


def _of_levels(mask: np.ndarray, levels: Sequence[int] | None) -> np.ndarray:
    return mask if levels is None else np.where(np.isin(mask, list(levels)), mask, 0)
