"""How every figure looks: sizes, print, colours; and what it is drawn on, a figure of ours or given axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from string import ascii_lowercase
from typing import Any, TypeVar

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.statistics.words import plural

#: One column of a journal page is about 3.4 inches, two are 7.
COLUMN_INCHES, PAGE_INCHES = 3.4, 7.0

# Of Okabe and Ito (2008, Color Universal Design): told apart by the colour-blind.
GREEN, VERMILLION, BLUE, PURPLE = "#009e73", "#d55e00", "#0072b2", "#cc79a7"
INK, GREY, LIGHT, PALE = "#222222", "#6e6e6e", "#a6a6a6", "#d9d9d9"
#: Of a level that the study gives no colour, such as a group of levels.
NO_COLOR = "#9a9a9a"

#: Seaborn's for the colour-blind. Its eighth is a grey, and readers are grey.
_BRIGHT = list(sns.color_palette("colorblind").as_hex())
_BRIGHT[7] = "#332288"
#: Of more models colours come again.
MOST_COLORS = len(_BRIGHT)

#: Points of the smallest print, and of notes.
SMALL, NOTE = 6.5, 7

_STYLE = {
    **sns.axes_style("ticks"),
    "axes.spines.top": False,
    "axes.spines.right": False,
    # It comes with matplotlib, so that a figure is the same everywhere.
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 7,
    "legend.frameon": False,
}

#: What a figure is drawn into in place of a figure of its own: the axes of each panel, in order.
AxesLike = Axes | Sequence[Axes] | np.ndarray

_Draw = TypeVar("_Draw", bound=Callable[..., Any])


def styled(draw: _Draw) -> _Draw:
    """Draw in our style and leave the caller's matplotlib settings as they are."""

    @wraps(draw)
    def in_style(*args: Any, **kwargs: Any) -> Any:
        with mpl.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return in_style  # type: ignore[return-value]


def of_models(models: Sequence[str]) -> dict[str, Any]:
    """A bright colour of each; of more than ten, colours come again."""
    return dict(zip(models, sns.color_palette(_BRIGHT, max(1, len(models))), strict=False))


def of_readers(readers: Sequence[str]) -> dict[str, Any]:
    """A grey of each, the first the lightest."""
    return dict(zip(readers, sns.color_palette("Greys", len(readers) + 3)[1:], strict=False))


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches."""
    return Figure(figsize=(width, height), layout="constrained")


def lettered(panels: Sequence[Axes] | np.ndarray) -> None:
    """A letter of each panel in front of its title, as journals print it; none of one, or of very many."""
    if not 1 < len(panels) <= len(ascii_lowercase):
        return
    for letter, panel in zip(ascii_lowercase, panels, strict=False):
        title = f"{letter}  {panel.get_title(loc='left')}".rstrip()
        panel.set_title(title, loc="left", fontsize=8, fontweight="bold")


def noted(figure: Figure, note: str, color: str = GREY) -> Figure:
    """The figure with its note below, in grey."""
    if note:
        figure.supxlabel(note, fontsize=NOTE, color=color)
    return figure


@dataclass(frozen=True, eq=False)
class Drawing:
    """The panels of a figure: of ours, or the caller's axes."""

    figure: Figure
    #: The panels by name, in order.
    grid: dict[str, Axes]
    #: Whether the figure holds nothing else: what stands outside the panels is then the figure's, else that
    #: of the first or last panel.
    is_ours: bool

    @classmethod
    def of(
        cls,
        axes: AxesLike | None,
        panels: Sequence[str],
        size: tuple[float, float],
        columns: int = 1,
        **grid: Any,
    ) -> Drawing:
        """The axes given, one a panel (else a ValueError); without any those of a figure of `size` inches."""
        if axes is None:
            figure = new_figure(*size)
            ours = figure.subplots(-(-len(panels) // columns), columns, squeeze=False, **grid).ravel()
            for empty in ours[len(panels) :]:
                empty.remove()
            return cls(figure, dict(zip(panels, ours, strict=False)), True)
        given = [axes] if isinstance(axes, Axes) else list(np.ravel(np.asarray(axes, dtype=object)))
        if len(given) != len(panels):
            raise ValueError(
                f"axes: found {len(given)}, expected {plural(len(panels), 'panel')}: {', '.join(panels)}"
            )
        whole = given[0].get_figure(root=True)
        assert isinstance(whole, Figure)  # axes that were not removed have one
        return cls(whole, dict(zip(panels, given, strict=True)), False)

    @property
    def axes(self) -> list[Axes]:
        """The panels in order."""
        return list(self.grid.values())

    def legend(
        self, handles: Sequence[Artist], columns: int = 2, loc: str = "upper center", **how: Any
    ) -> None:
        """Above the panels."""
        if self.is_ours:
            self.figure.legend(handles=handles, ncols=columns, loc=f"outside {loc}", **how)
        else:
            self.axes[0].legend(
                handles=handles, ncols=columns, loc="lower center", bbox_to_anchor=(0.5, 1.08), **how
            )

    def side_label(self, words: str) -> None:
        """Along the side of all panels."""
        if self.is_ours:
            self.figure.supylabel(words, fontsize=8)
        else:
            self.axes[0].set_ylabel(words)

    def done(self, note: str, color: str = GREY, *, letters: bool = True) -> Figure:
        """The figure with its note below the panels, and of ours a letter a panel."""
        if self.is_ours:
            if letters:
                lettered(self.axes)
            return noted(self.figure, note, color)
        if note:
            self.axes[-1].annotate(
                note, (0.5, 0), (0, -38), xycoords="axes fraction", textcoords="offset points", ha="center",
                va="top", fontsize=NOTE, color=color, annotation_clip=False,
            )  # fmt: skip
        return self.figure
