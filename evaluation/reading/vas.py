"""Consensus reading of masks on a visual analogue scale: the study's Table 2, recomputed from its rows.

A mask of the readers' consensus (``gt``) and one of the model (``ai``) are each given a score in cm from 0
(perfect) to 10, level by level and overall. What is scored is called an item here: ``level1``, ``overall``.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

from evaluation.reading.vas_scores import SCALE, SUFFIXES, Scores, split_column
from evaluation.statistics.words import DASH, number
from evaluation.table import Table

#: Columns of contradictions.csv, in order.
CONTRADICTIONS = ["row", "column", "printed", "recomputed"]

# Scores are decimal fractions, and their differences in binary are not exact.
_ROUNDING = 1e-9


def summarise(scores: Scores) -> pd.DataFrame:
    """Mean and standard deviation of every numeric column: ``mean, sd, n_defined, n``.

    The standard deviation is the sample's (n - 1), as in von Brandis et al. 2022, all 14 of whose printed
    ones agree with it and not with the population's.
    """
    values = scores.values[scores.numeric]
    summary = pd.DataFrame({"mean": values.mean(), "sd": values.std(ddof=1), "n_defined": values.count()})
    return summary.assign(n=len(values))


def share_acceptable(scores: Scores, acceptable_below: float) -> pd.DataFrame:
    """How many masks were acceptable: a score below the threshold, which itself is not.

    Returned are, for ``<item>_gt`` and ``<item>_ai``, ``acceptable`` (masks), ``n_defined``, ``n``, and
    ``share`` (of those defined; NaN where none is).
    """
    columns = [f"{item}_{suffix}" for item in scores.items for suffix in ("gt", "ai")]
    values = scores.values[columns]
    counts = pd.DataFrame({"acceptable": (values < acceptable_below).sum(), "n_defined": values.count()})
    return counts.assign(
        n=len(values), share=counts.acceptable / counts.n_defined.where(counts.n_defined > 0)
    )


def find_contradictions(scores: Scores, printed_summary: pd.DataFrame | None = None) -> pd.DataFrame:
    """Where printed numbers contradict the scores that they come from.

    A printed difference contradicts its row when it is not model minus consensus, to the decimals of its
    column (the most that a cell has: tables drop trailing zeros). A printed mean or standard deviation (of
    `read_printed_summary`) contradicts its column when the recomputed one is further off than half its own
    last decimal.

    Returned are `CONTRADICTIONS`: ``row`` (``mask <name>``, ``mean`` or ``sd``), ``column``, ``printed`` as
    it was printed, ``recomputed`` (NaN where a difference is printed of scores that are not there).
    """
    compared = []
    for column, texts in scores.printed.items():
        decimals = max(map(_decimals, texts))
        rows = zip(scores.values["mask"], texts, scores.values[column], strict=True)
        compared += [(f"mask {mask}", column, text, value, decimals) for mask, text, value in rows]
    if printed_summary is not None:
        recomputed = summarise(scores)
        for statistic, printed in printed_summary.iterrows():
            compared += [
                (str(statistic), column, text, recomputed.loc[column, statistic], _decimals(text))
                for column, text in printed.items()
            ]
    found = [
        (row, column, text, value)
        for row, column, text, value, decimals in compared
        if text and not _agrees(text, value, decimals)
    ]
    return pd.DataFrame(found, columns=CONTRADICTIONS)


def vas_table(scores: Scores, acceptable_below: float, *, title: str, notes: Sequence[str] = ()) -> Table:
    """Table 2 of the study: every mask's scores, then mean, standard deviation and share acceptable.

    Scores below `acceptable_below` (cm) count as acceptable; `notes` are further lines below the table. Its
    `data` has a row a mask and one each for mean, sd, acceptable (share) and n_defined: ``row`` (``mask``
    or the statistic's name) and the columns of `Scores.values`.
    """
    summary, acceptable = summarise(scores), share_acceptable(scores, acceptable_below)
    shares = {row.Index: _share(row) for row in acceptable.itertuples()}
    explained = [
        f"Scores in cm on a visual analogue scale, 0 (perfect) to {SCALE:g}; below {acceptable_below:g} is "
        "acceptable.",
        "Difference: model minus consensus, recomputed. SD: of the sample (n - 1).",
    ]
    return Table(
        title=title,
        columns=["Mask", *map(_heading, scores.numeric)],
        rows=[
            *_mask_rows(scores),
            ["mean", *map(number, summary["mean"])],
            ["SD", *map(number, summary["sd"])],
            [f"below {acceptable_below:g} cm", *(shares.get(column, "") for column in scores.numeric)],
            ["scored", *(f"{row.n_defined} of {row.n}" for row in summary.itertuples())],
        ],
        notes=[*explained, *notes],
        data=_data(scores, summary, acceptable),
    )


def _mask_rows(scores: Scores) -> list[list[str]]:
    """A row a mask, each column with as many decimals as it needs."""
    columns = [list(scores.values["mask"])]
    for name in scores.numeric:
        values = scores.values[name]
        lost = [(values - values.round(places)).abs().max() for places in range(3)]
        decimals = next((places for places, most in enumerate(lost) if not most >= _ROUNDING), 3)
        columns.append([number(value, decimals) for value in values])
    return [list(row) for row in zip(*columns, strict=True)]


def _share(row: Any) -> str:
    return f"{row.acceptable} of {row.n_defined} ({row.share:.0%})" if row.n_defined else DASH


def _heading(column: str) -> str:
    item, suffix = split_column(column)
    return f"{item} {SUFFIXES[suffix]}" if item else column.capitalize()


def _data(scores: Scores, summary: pd.DataFrame, acceptable: pd.DataFrame) -> pd.DataFrame:
    statistics = summary.assign(acceptable=acceptable["share"])[["mean", "sd", "acceptable", "n_defined"]].T
    masks = scores.values.assign(row="mask")
    below = statistics.assign(row=statistics.index, mask="")
    return pd.concat([masks, below], ignore_index=True)[["row", *scores.values]]


def _agrees(printed: str, recomputed: float, decimals: int) -> bool:
    """Whether a printed number is the recomputed one, rounded up or down at a tie."""
    return bool(abs(float(printed) - recomputed) <= 0.5 * 10.0**-decimals + _ROUNDING)


def _decimals(text: str) -> int:
    """Decimals of a printed number; negative for powers of ten.

    Examples
    --------
    >>> _decimals("-0.50"), _decimals("3"), _decimals("")
    (2, 0, 0)
    """
    return -int(Decimal(text or "0").as_tuple().exponent)
