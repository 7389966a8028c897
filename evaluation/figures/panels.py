"""What figures share: a panel a level, a row a rater, names that fit, words beside the axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from matplotlib.axes import Axes

from evaluation.figures.style import COLUMN_INCHES, INK, LIGHT, PAGE_INCHES, PALE, SMALL, AxesLike, Drawing
from evaluation.measures.measure import Measure

#: Of a ranking.
ROW_INCHES = 0.19
_RATER_INCHES = 0.175
#: Of more exams points lie upon each other: they are drawn small and pale, or those alone that stand out.
MANY_EXAMS = 200
#: Letters over one of two panels in a column.
HALF_COLUMN = 14
# Letters of a name that are shown.
_LONGEST = 26


def panels(levels: Sequence[str], axes: AxesLike | None, *, height: float, extra: float) -> Drawing:
    """A panel a level, two beside each other, a column wide; in `axes`, one a level, where given.

    `height` and `extra` are inches of a row of panels, and for everything else.
    """
    columns = min(len(levels), 2)
    rows = -(-len(levels) // columns)
    # Room for the label along the side where there is one row only.
    size = COLUMN_INCHES, max(rows * height + extra, 2.4)
    return Drawing.of(axes, levels, size, columns)


def rater_rows(
    levels: Sequence[str], raters: Sequence[str], axes: AxesLike | None, *, extra: float
) -> Drawing:
    """A panel a level, below each other, a column wide, and in it a row a rater, first on top.

    It is drawn into `axes`, one a level, where given; `extra` are inches for what is beside the rows of
    raters and the titles of levels.
    """
    height = len(levels) * (_RATER_INCHES * len(raters) + 0.28)
    drawing = Drawing.of(axes, levels, (COLUMN_INCHES, height + extra), sharex=True)
    for level, panel in drawing.grid.items():
        panel.set_yticks(range(len(raters)), [shortened(rater, 20) for rater in raters])
        panel.set_ylim(len(raters) - 0.5, -0.5)
        panel.tick_params(axis="y", length=0, labelsize=7.5)
        ruled(panel, axis="x")
        panel.spines["left"].set_visible(False)
        headed(panel, level, HALF_COLUMN)
    return drawing


def dots(n: int, size: float, color: Any, edge: float = 0.5) -> dict[str, Any]:
    """How n exams look as points of a scatter: of many the places where they are dense are darker."""
    if n > MANY_EXAMS:
        return {"s": max(2.0, size * MANY_EXAMS / n), "color": color, "alpha": 0.4, "linewidth": 0}
    return {"s": size, "color": color, "edgecolor": INK, "linewidth": edge}


def headed(axes: Axes, title: str, longest: int | None = None) -> None:
    """A bold title on the left; with `longest` a name, of which so many letters have room."""
    axes.set_title(shortened(title, longest) if longest else title, loc="left", fontsize=8, fontweight="bold")


def scaled(axes: Axes, measure: Measure, which: Literal["x", "y"]) -> None:
    """One of the axes as fits the values of a measure."""
    if measure.bounds == (0.0, 1.0):
        axes.set(**{f"{which}lim": (-0.04, 1.04)})
    if measure.unit == "mm":
        # Who marks nothing is an exam's diagonal away.
        getattr(axes, f"set_{which}scale")("asinh", linear_width=2)
        getattr(axes, f"set_{which}ticks")([0, 2, 10, 50, 250], ["0", "2", "10", "50", "250"])
        last = getattr(axes, f"get_{which}lim")()[1]
        getattr(axes, f"set_{which}lim")(-0.3, 1.2 * last)
    if measure.signed:
        line = axes.axvline if which == "x" else axes.axhline
        line(0, color=LIGHT, linewidth=0.6, zorder=0)


def ruled(axes: Axes, *, axis: str = "both", color: str = PALE, width: float = 0.5) -> None:
    """A grid below what is drawn."""
    axes.grid(axis=axis, color=color, linewidth=width)  # type: ignore[arg-type]
    axes.set_axisbelow(True)


def beside(axes: Axes, y: float, words: str) -> None:
    """Small print on the right of the axes, at a height in the data."""
    axes.annotate(
        words, (1, y), (4, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
        fontsize=SMALL, annotation_clip=False,
    )  # fmt: skip


def above(axes: Axes, words: str) -> None:
    """The heading of what stands `beside`."""
    axes.annotate(
        words, (1, 1), (4, 4), xycoords="axes fraction", textcoords="offset points", fontsize=SMALL,
        annotation_clip=False,
    )  # fmt: skip


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


def size_of(n: int, names: Sequence[str], *, square: bool = False) -> tuple[float, float]:
    """Inches of a figure for n rows with names: a column wide where that is enough, else a page."""
    needed = n * ROW_INCHES + names_inches(names)
    width = COLUMN_INCHES if needed <= COLUMN_INCHES else PAGE_INCHES
    cell = min(0.28 if square else ROW_INCHES, (width - names_inches(names)) / n)
    height = n * cell + (names_inches(names) if square else 0.45) + 0.75
    return width, max(height, 1.8)


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
