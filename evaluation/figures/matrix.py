"""Where panels would be too many: one coloured table, a row a level and a column a rater (or a pair)."""

from __future__ import annotations

from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from evaluation.figures import style
from evaluation.figures.panels import names_inches, shortened
from evaluation.figures.style import new_figure, noted

#: More levels than this are drawn as a table, or in rows.
MANY = 8
#: Of more columns than this, and than rows, rows are made: a page is higher than wide.
_MOST_COLUMNS = 16
#: So many cells and more have no print.
_MOST_PRINTED = 1500
_ROW_INCHES, _MOST_INCHES = 0.17, 60.0
_LETTER_INCHES = 0.062


def matrix(
    values: pd.DataFrame,
    told: pd.DataFrame | None,
    *,
    label: str,
    limits: tuple[float, float] = (0, 1),
    colors: str = "viridis",
    note: str = "",
) -> Figure:
    """A coloured table with its print in the cells.

    Parameters
    ----------
    values : DataFrame
        What is coloured, rows and columns named; NaN stay white.
    told : DataFrame, optional
        The print of each cell, of the same shape; left out where there are too many cells to be read.
    label : str
        Of the colours.
    limits : tuple of float
        Of the colours.

    Many columns of few rows are drawn as rows.
    """
    if values.shape[1] > max(_MOST_COLUMNS, len(values)):
        values, told = values.T, None if told is None else told.T
    rows, columns = (
        [shortened(str(name)) for name in values.index],
        [shortened(str(n)) for n in values.columns],
    )
    printed = told if told is not None and told.size <= _MOST_PRINTED else None
    letters = 2 if printed is None else max(4, int(printed.map(len).to_numpy().max(initial=0)))
    wide = names_inches(rows) + max(len(columns), 3) * (letters * _LETTER_INCHES + 0.06)
    width = style.COLUMN_INCHES if wide <= style.COLUMN_INCHES else max(style.PAGE_INCHES, min(wide, 20.0))
    # As wide as the colours, which stand over the table.
    words = wrap(label, int((width - names_inches(rows)) / _LETTER_INCHES))
    height = min(
        len(rows) * _ROW_INCHES + 0.8 * names_inches(columns) + 0.72 + 0.13 * len(words), _MOST_INCHES
    )
    figure = new_figure(width, height)
    panel = figure.subplots()
    shades = panel.imshow(values, cmap=colors, vmin=limits[0], vmax=limits[1], aspect="auto")
    if printed is not None:
        for row, column in np.argwhere(values.notna().to_numpy()):
            red, green, blue, _ = shades.cmap(shades.norm(values.iat[row, column]))
            dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
            panel.text(
                column, row, printed.iat[row, column], ha="center", va="center", fontsize=style.SMALL,
                color="white" if dark else style.INK,
                # Within the panel: the layout need not measure it.
                in_layout=False,
            )  # fmt: skip
    steep = len(columns) > 6
    panel.set_xticks(
        range(len(columns)), columns, rotation=90 if steep else 30, ha="center" if steep else "right"
    )
    panel.set_yticks(range(len(rows)), rows)
    panel.tick_params(length=0, labelsize=style.SMALL + 0.5)
    panel.spines[:].set_visible(False)
    bar = figure.colorbar(
        shades, ax=panel, location="top", fraction=0.15 / height, aspect=40, pad=0.1 / height
    )
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=style.SMALL, length=2)
    bar.ax.locator_params(nbins=5)
    bar.set_label("\n".join(words), fontsize=8)
    return noted(figure, note)
