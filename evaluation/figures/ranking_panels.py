"""What the figures of a ranking share: a row an algorithm, and names that fit."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.figures.panels import SMALL
from evaluation.figures.scores import COLUMN_INCHES, PAGE_INCHES, _figure

ROW_INCHES = 0.19
# Letters of a name that are shown.
_LONGEST = 26


def shortened(name: str, longest: int = _LONGEST) -> str:
    """A name that fits a figure: a long one loses its middle, and none is read as a formula.

    Examples
    --------
    >>> shortened("a_team_with_a_long_name/submission_7", 16)
    'a_team_w…ssion_7'
    """
    if len(name) > longest:
        tail = (longest - 1) // 2
        name = f"{name[: longest - 1 - tail]}…{name[-tail:]}"
    return name.replace("$", r"\$")


def sized(n: int, names: Sequence[str], *, square: bool = False) -> Figure:
    """A figure for n rows with names: a column wide where that is enough, else a page."""
    needed = n * ROW_INCHES + names_inches(names)
    width = COLUMN_INCHES if needed <= COLUMN_INCHES else PAGE_INCHES
    cell = min(0.28 if square else ROW_INCHES, (width - names_inches(names)) / n)
    height = n * cell + (names_inches(names) if square else 0.45) + 0.75
    return _figure(width, max(height, 1.8))


def names_inches(names: Sequence[str]) -> float:
    """Room for the longest name."""
    return 0.35 + 0.058 * max(map(len, names))


def name_size(n: int) -> float:
    """Points of the print of n names."""
    return 7.5 if n <= 20 else SMALL


def named_rows(axes: Axes, names: Sequence[str]) -> None:
    """A row a name, first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(length=0)
    axes.tick_params(axis="y", labelsize=name_size(len(names)))
