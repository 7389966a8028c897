"""Cells of the board's tables: short text to read, the full number to sort by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import escape

from bmseg.leaderboard.standings import Standings
from evaluation.statistics.words import interval_label, signed, star_if_short
from evaluation.table import DASH

#: Marks an interval of too few exams; a star stands for what is not ranked.
SHORT = "\N{DOUBLE DAGGER}"

# Widths of a bar, of which the style sheet has one each.
_WIDTHS = 50


@dataclass(frozen=True)
class Cell:
    """What a cell prints, and the number behind it; ``value`` is None where there is none."""

    text: str
    value: float | int | None = None

    def __html__(self) -> str:
        """As the pages have it: a number to read, and the full one to sort by."""
        text = str(escape(self.text))
        return text if self.value is None else f'<data value="{self.value}">{text}</data>'

    @property
    def bar(self) -> str:
        """Class names of a bar of its size; empty for what is no share.

        >>> Cell("0.71", 0.71).bar, Cell("–").bar
        ('bar w36', '')
        """
        if self.value is None or not 0 <= self.value <= 1:
            return ""
        return f"bar w{round(_WIDTHS * self.value)}"


def number(value: Any, decimals: int = 2) -> Cell:
    """A number as journals print it; a dash where it is undefined."""
    if pd.isna(value):
        return Cell(DASH)
    value = float(value)
    return Cell(f"{value:.{decimals}f}".replace("-", "\u2212"), value)


def difference(value: Any) -> Cell:
    """A difference with its sign; a dash where it is undefined."""
    return Cell(signed(value, 3, typeset=True), None if pd.isna(value) else float(value))


def whole(value: Any) -> Cell:
    """A count."""
    return Cell(f"{int(value):,}", int(value))


def rank_cell(rank: Any, low: Any, high: Any) -> Cell:
    """A rank with its interval, as 2 (1–4).

    >>> rank_cell(2.0, 1.0, 4.0).text, rank_cell(1.0, 1.0, 1.0).text, rank_cell(3.0, None, None).text
    ('2 (1–4)', '1 (1–1)', '3')
    """
    if pd.isna(rank):
        return Cell(DASH)
    interval = between(low, high)
    return Cell(f"{rank:g} ({interval})" if interval else f"{rank:g}", float(rank))


def between(low: Any, high: Any) -> str:
    """Ranks from one to another, as 1–4; empty where there are none."""
    return "" if pd.isna(low) else f"{low:g}{DASH}{high:g}"


def in_words(value: float | None, unit: float = 1.0) -> Cell:
    """A number of any size with three digits, in units; nothing where it is not known.

    >>> in_words(31_200_000, 1e6).text, in_words(0.254).text, in_words(12345.0).text, in_words(None).text
    ('31.2', '0.254', '12,345', '')
    """
    if value is None:
        return Cell("")
    shown = value / unit
    return Cell(f"{shown:,.0f}" if shown >= 100 else f"{shown:.3g}", value)


def difference_interval(standings: Standings) -> str:
    """What the interval of a difference to the median reader is, and what marks those of too few exams."""
    confidence, coverages = standings.challenge.ranking.confidence, standings.rows.coverage.dropna()
    label = interval_label(confidence, coverages)
    return label if label == interval_label(confidence, []) else f"{label} ({SHORT})"


def own_interval(row: Mapping[str, Any], confidence: float) -> str:
    """The interval of one difference, marked where it is of too few exams; empty where there is none."""
    low, high = (signed(row[name], 3, typeset=True) for name in ("low", "high"))
    short = SHORT if star_if_short(row["coverage"], confidence) else ""
    return "" if DASH in (low, high) else f"{low} to {high}{short}"
