"""What an audit of a consensus found, drawn: votes and consensus side by side; returns a Figure."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from evaluation.figures import style
from evaluation.figures.matrix import MANY
from evaluation.figures.style import lettered, new_figure, noted, styled

#: So many masks are beside each other.
_BESIDE = 9


@styled
def audit_sheet(
    masks: Mapping[str, np.ndarray],
    where: np.ndarray,
    *,
    colors: Mapping[int, str],
    names: Mapping[int, str],
    title: str,
    aspect: float = 1.0,
    note: str = "",
) -> Figure:
    """One slice in the readers' masks and in the consensus; what was found is outlined in all.

    Parameters
    ----------
    masks : mapping of str to array
        Heading of a column to a label map (rows, columns); the consensus last.
    where : array
        Of what was found, bool of the same shape.
    colors, names : mapping of int to str
        Mask value to colour and to the level's name.
    title : str
        What was found.
    aspect : float
        Height of a pixel divided by its width.
    """
    rows, columns = where.shape
    # The legend stands beside the panels.
    beside = min(len(masks), _BESIDE)
    below = -(-len(masks) // beside)
    width = (style.PAGE_INCHES - 1) / beside
    height = below * width * rows * aspect / columns + 0.15 * (below - 1)
    figure = new_figure(style.PAGE_INCHES, height + 0.85)
    panels = figure.subplots(below, beside, squeeze=False).ravel()
    for axes in panels[len(masks) :]:
        axes.remove()
    for axes, (name, mask) in zip(panels, masks.items(), strict=False):
        shown = np.ones((*mask.shape, 3))
        for value in names:
            shown[mask == value] = to_rgb(colors.get(value, style.NO_COLOR))
        axes.imshow(shown, aspect=aspect, interpolation="nearest")
        if where.any():
            axes.contour(where, levels=[0.5], colors=style.INK, linewidths=0.8)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color=style.PALE)
        axes.set_title(fill(name, 20), fontsize=8)
    if below == 1:
        lettered(panels)
    if len(names) > MANY:
        # Of many those that are there.
        there = {int(value) for mask in masks.values() for value in np.unique(mask)}
        names = {value: name for value, name in names.items() if value in there}
    handles = [
        Patch(facecolor=colors.get(value, style.NO_COLOR), label=name) for value, name in names.items()
    ]
    handles.append(Patch(facecolor="none", edgecolor=style.INK, label="found here"))
    figure.legend(handles=handles, loc="outside right center")
    figure.suptitle(title, fontsize=8)
    return noted(figure, note)
