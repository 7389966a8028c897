"""Table 1 twice: as studies print it, and beside it the fair comparison with confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluation.measures.dice import EmptyMask
from evaluation.scores.fair import bias, over_consensuses
from evaluation.statistics.intervals import mean_interval, median_interval
from evaluation.statistics.words import DASH, interval, number, percent, signed, star_if_short
from evaluation.table import Table

#: Columns of `summarise_with_intervals`, in order.
COLUMNS = [
    "level", "rater", "median", "median_low", "median_high", "median_coverage", "median_method",
    "minimum", "maximum", "mean", "mean_low", "mean_high", "mean_method", "n_defined", "n",
]  # fmt: skip

_USUAL, _FAIR, _BIAS = "usual", "fair", "usual minus fair"

_POLICIES = {
    EmptyMask.UNDEFINED: "left out and counted (n)",
    EmptyMask.ONE: "counted as 1",
    EmptyMask.ZERO: "counted as 0",
}


def summarise_with_intervals(
    scores: pd.DataFrame, *, confidence: float = 0.95, bounds: tuple[float, float] = (0.0, 1.0)
) -> pd.DataFrame:
    """Median and mean a level and rater with intervals, a row each, in order of appearance.

    Scores have columns ``exam, rater, level, dice``; NaN is undefined. With a column ``knee`` the values are
    of knees and the intervals are clustered by exam. Intervals of means are cut at `bounds`.

    Returns
    -------
    DataFrame
        `COLUMNS`. ``median_coverage`` is what the median's interval promises, which differs from the
        confidence asked for; ``n_defined`` of ``n`` exams (knees) are in the statistics.
    """
    rows = []
    dice, exams = scores.dice.to_numpy(), scores.exam.to_numpy() if "knee" in scores else None
    places: dict[tuple[str, str], list[int]] = {}
    for place, key in enumerate(zip(scores.level, scores.rater, strict=True)):
        places.setdefault(key, []).append(place)
    for (level, rater), of in places.items():
        values, clusters = dice[of], None if exams is None else exams[of]
        median = median_interval(values, clusters, confidence=confidence)
        mean = mean_interval(values, clusters, confidence=confidence, bounds=bounds)
        defined = values[~np.isnan(values)]
        ends = (defined.min(), defined.max()) if len(defined) else (np.nan, np.nan)
        rows.append(
            (
                level, rater, median.estimate, median.low, median.high, median.coverage, median.method,
                *ends, mean.estimate, mean.low, mean.high, mean.method, median.n, len(values),
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def summarise_fair(
    usual: pd.DataFrame,
    fair: pd.DataFrame,
    *,
    confidence: float = 0.95,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> pd.DataFrame:
    """The numbers of Table 1 as published, of the fair one, and of their difference, one below the other.

    `usual` is Dice against the consensus of all readers (dice.csv): ``exam, rater, level, dice``, and
    ``knee`` where scored by knee; `fair` the same exams, of `evaluation.scores.fair.score_fair`. Another
    measure comes as ``dice`` too, with what it can be as `bounds`.

    Returns
    -------
    DataFrame
        A row a way ("usual", "fair", "usual minus fair"), level and rater: ``way`` and `COLUMNS`.
    """
    width = bounds[1] - bounds[0]
    ours = over_consensuses(fair)
    ways = {
        _USUAL: (usual, bounds),
        _FAIR: (ours, bounds),
        _BIAS: (bias(usual, ours if "left_out" in fair else fair), (-width, width)),
    }
    found = [
        summarise_with_intervals(scores, confidence=confidence, bounds=within).assign(way=way)
        for way, (scores, within) in ways.items()
    ]
    return pd.concat(found, ignore_index=True)[["way", *COLUMNS]]


def fair_table(
    data: pd.DataFrame,
    *,
    title: str,
    readers: Sequence[str],
    rule: str,
    empty_mask: EmptyMask,
    unit: str = "exams",
    complete: bool = True,
    confidence: float = 0.95,
    notes: Sequence[str] = (),
) -> Table:
    """Table 1 as published and fair, side by side: a row a level and rater.

    `data` is of `summarise_fair`, of all raters or some; `readers` are those whose consensus it is, `rule`
    that of the consensus in words, `unit` what was scored: "exams" or "knees"; `complete`, whether every
    reader drew every exam.
    """
    cells = {(row.way, row.level, row.rater): row for row in data.itertuples()}
    width = f"{percent(confidence)} interval"
    columns = [
        "Level, rater", "Usual: median (range)", "Usual: mean", f"Fair: median ({width})",
        f"Fair: mean ({width})", f"Usual minus fair: median ({width})",
    ]  # fmt: skip
    rows = []
    for row in data[data.way == _USUAL].itertuples():
        fair, difference = (cells.get((way, row.level, row.rater)) for way in (_FAIR, _BIAS))
        rows.append(
            [
                f"{row.level}, {row.rater}",
                _cell(row, "median", ("minimum", "maximum")),
                _cell(row, "mean"),
                _cell(fair, "median", ("median_low", "median_high"), confidence),
                _cell(fair, "mean", ("mean_low", "mean_high")),
                _cell(difference, "median", ("median_low", "median_high"), confidence, sign=True),
            ]
        )
    told = _notes(readers, rule, empty_mask, unit, complete) + _interval_notes(data, confidence, unit)
    return Table(title, columns, rows, [*told, *notes], data)


def _cell(
    row: Any, name: str, ends: Sequence[str] = (), confidence: float | None = None, *, sign: bool = False
) -> str:
    """A statistic, its spread and how many values are in it; with a confidence, a star where it is short."""
    if row is None:
        return DASH
    count = f"{row.n_defined}/{row.n}"
    if not row.n_defined:
        return f"{DASH} {count}"
    parts = [(signed if sign else number)(getattr(row, name))]
    if ends:
        short = star_if_short(row.median_coverage, confidence) if confidence else ""
        parts.append(f"({interval(*(getattr(row, end) for end in ends), sign=sign)}){short}")
    return " ".join([*parts, count])


def _notes(readers: Sequence[str], rule: str, empty_mask: EmptyMask, unit: str, complete: bool) -> list[str]:
    left = {
        2: ["Two readers: each of these consensuses is the other reader's mask."],
        3: [
            "Three readers: each of these consensuses is of two, who do not determine one: where they differ "
            "the rule decides."
        ],
    }
    return [
        f"Usual: every rater against the consensus of {', '.join(readers)}, to which the readers' own masks "
        "belong, as studies print it.",
        "Fair: every reader against the consensus of the other readers; every other rater against those same "
        f"{f'{len(readers)} ' if complete else ''}consensuses, mean of the defined ones; a level that fewer "
        "than half of them have is absent: 0 for who marks it, whatever the few say.",
        *(left.get(len(readers), []) if complete else ["Of an exam of two readers it is the other's mask."]),
        f"Consensus: {rule}.",
        f"Both masks empty: {empty_mask}, {_POLICIES[empty_mask]}; one of them empty: 0.",
        f"n/n: {unit} with a defined Dice of all {unit}; usual minus fair: those where both are defined.",
    ]


def _interval_notes(data: pd.DataFrame, confidence: float, unit: str) -> list[str]:
    """How the intervals were made, by number of values, and which fall short."""
    with_bounds = data[data.median_low.notna() & (data.way == _FAIR)]
    medians = with_bounds.drop_duplicates(["median_method", "median_coverage"]).sort_values("n_defined")
    how = "; ".join(
        f"{row.median_method} ({'at least ' if unit == 'knees' else ''}{percent(row.median_coverage, 1)})"
        for row in medians.itertuples()
    )
    means = ", ".join(dict.fromkeys(with_bounds.mean_method))
    notes = [f"Intervals of means: {means}. Intervals of medians, with their coverage: {how}."] if how else []
    if means:
        notes.append("Go by the medians: where one exam in ten fails, intervals of means hold far less.")
    if unit == "knees":
        notes.append("Two knees of an exam are not independent: intervals are clustered by exam.")
    if any(star_if_short(coverage, confidence) for coverage in with_bounds.median_coverage):
        notes.append(f"*: too few {unit} for {percent(confidence)}; the widest interval, its coverage above.")
    return notes
