"""Sheets of slices: masks over the image, and where two of them agree or do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from evaluation.figures import style
from evaluation.figures.style import lettered, new_figure, noted, styled
from evaluation.masks.differing import difference, of_levels

#: What a voxel is, mask against reference, and its colour: none that levels commonly have.
DIFFERENCES = {
    "same level": style.GREEN,
    "other level": style.PALE,
    "false positive": style.VERMILLION,
    "false negative": style.PURPLE,
}
# Kinds of difference are read by colour alone: less of the image shines through than in the masks.
_OPACITY, _STRONGER = 0.6, 1.4
# Colour and line of what is outlined: seen on the image, told apart without colour.
_OUTLINES = (("#ffffff", "-"), ("#ffffff", ":"))


@styled
def overlay_sheet(
    slices: Sequence[tuple[str, np.ndarray, Mapping[str, np.ndarray]]],
    *,
    colors: Mapping[int, str],
    names: Mapping[int, str] = MappingProxyType({}),
    aspect: float = 1.0,
    note: str = "",
) -> Figure:
    """Slices in rows; the image alone and with each mask in columns.

    Parameters
    ----------
    slices : sequence of (title, image, masks)
        ``image`` and every mask are arrays (rows, columns) of one shape, as seen; exams may differ in
        shape. ``masks`` maps a column's heading to a label map.
    colors : mapping of int to str
        Mask value to colour.
    names : mapping of int to str
        Mask value to what it is called in the legend; without any there is no legend.
    aspect : float
        Height of a pixel divided by its width.
    """
    images, headings = [(title, image) for title, image, _ in slices], ["image", *slices[0][2]]
    figure, rows = _sheet(images, headings, aspect, legend=bool(names))
    for row, (_, _, masks) in zip(rows, slices, strict=True):
        for axes, mask in zip(row[1:], masks.values(), strict=True):
            axes.imshow(_tinted(mask, colors), aspect=aspect, interpolation="nearest")
    if names:
        handles = [Patch(facecolor=colors[value], label=name) for value, name in names.items()]
        figure.legend(handles=handles, ncols=min(len(handles), 6), loc="outside upper right")
    return noted(figure, note, "#555555")


@styled
def difference_sheet(
    slices: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]],
    *,
    rater: str,
    colors: Mapping[int, str],
    reference: str = "consensus",
    levels: Sequence[int] | None = None,
    names: Mapping[int, str] = MappingProxyType({}),
    outlined: Sequence[Mapping[str, np.ndarray]] = (),
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
    names : mapping of int to str
        Mask value to what it is called in the legend.
    outlined : sequence of mapping of str to ndarray
        Of each slice what is outlined in the last column, such as foci that were missed: bool, of the shape
        of the masks, by what the key calls it, two at most.
    aspect : float
        Height of a pixel divided by its width.
    """
    headings = ["image", reference, rater, "difference"]
    figure, rows = _sheet([(title, image) for title, image, *_ in slices], headings, aspect, legend=True)
    codes = dict(enumerate(DIFFERENCES.values(), start=1))
    drawn = list(rows)
    for row, (_, _, *masks) in zip(drawn, slices, strict=True):
        layers = [_tinted(of_levels(mask, levels), colors) for mask in masks]
        layers.append(_tinted(difference(masks[0], masks[1], levels), codes, _OPACITY * _STRONGER))
        for axes, layer in zip(row[1:], layers, strict=True):
            axes.imshow(layer, aspect=aspect, interpolation="nearest")
    looks = dict(zip(dict.fromkeys(name for each in outlined for name in each), _OUTLINES, strict=False))
    for row, each in zip(drawn, outlined, strict=False):
        for name, mask in each.items():
            if mask.any():
                color, line = looks[name]
                row[-1].contour(mask, [0.5], colors=color, linestyles=line, linewidths=1)
    kinds = [kind for kind in DIFFERENCES if levels is None or kind != "other level"]
    keys: dict[str, Any] = {name: Patch(facecolor=colors[value]) for value, name in names.items()}
    keys |= {kind: Patch(facecolor=DIFFERENCES[kind]) for kind in kinds}
    # A line as it is seen on the image, which is dark.
    keys |= {
        name: (Patch(facecolor="#555555"), Line2D([], [], color=color, linestyle=line, linewidth=1.2))
        for name, (color, line) in looks.items()
    }
    figure.legend(
        list(keys.values()), list(keys), ncols=min(len(keys), 6), loc="outside upper right",
        handler_map={tuple: HandlerTuple(ndivide=1)},
    )  # fmt: skip
    return noted(figure, note)


def _sheet(
    images: Sequence[tuple[str, np.ndarray]], headings: Sequence[str], aspect: float, *, legend: bool = False
) -> tuple[Figure, Iterator[Sequence[Axes]]]:
    """A page-wide figure with an image a row, in each of the columns, under their headings."""
    width = (style.PAGE_INCHES - (0.35 if legend else 0)) / len(headings)
    heights = [width * image.shape[0] * aspect / image.shape[1] for _, image in images]
    figure = new_figure(style.PAGE_INCHES, sum(heights) + 0.06 * len(images) + (0.75 if legend else 0.45))
    grid = figure.subplots(len(images), len(headings), squeeze=False, height_ratios=heights)
    for row, (title, image) in zip(grid, images, strict=True):
        low, high = np.percentile(image, [1, 99.7])
        for axes in row:
            axes.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1), aspect=aspect)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        row[0].set_ylabel(title, fontsize=7)
    for axes, heading in zip(grid[0], headings, strict=True):
        axes.set_title(heading)
    lettered(grid[:, 0])
    return figure, iter(grid)


def _tinted(mask: np.ndarray, colors: Mapping[int, str], opacity: float = _OPACITY) -> np.ndarray:
    layer = np.zeros((*mask.shape, 4))
    for value, color in colors.items():
        layer[mask == value] = (*to_rgb(color), opacity)
    return layer
