"""Tables of every measure of a study, beside those of Dice; computed in `evaluation.study.beyond`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from evaluation.comparison import absent, readers
from evaluation.comparison.readers import MEDIAN_READER
from evaluation.failures.places import PARTS_COLUMNS
from evaluation.measures.foci import FOCI_COLUMNS
from evaluation.measures.foci_counts import SUMMARY_COLUMNS, foci_words
from evaluation.measures.measure import Measure, OneEmpty
from evaluation.measures.tolerance import CURVE_COLUMNS
from evaluation.scores import interchangeability, table1
from evaluation.statistics.words import (
    DASH,
    count_of,
    figures,
    figures_with_interval,
    number,
    p_value,
    percent,
    plural,
    signed,
    signed_figures,
    star_if_short,
    with_interval,
)
from evaluation.study import lineage
from evaluation.study.results import Declared, Results
from evaluation.study.tolerances import TOLERANCE_COLUMNS
from evaluation.table import Table

#: Columns of the tests that say how often a level was marked that is not there: they stand beside Dice.
COMPARED = ["measure", *(name for name in readers.COLUMNS if name not in absent.COLUMNS)]
FAILURES = ["measure", "rater", "level", "covariate", "rho", "p", "p_holm", "n", "n_left_out"]


def measures_table(found: Results, levels: Sequence[str] = (), *, with_notes: bool = True) -> Table:
    """The fair scores by every measure: a row a level and rater, a column a measure."""
    data = found[MEASURES_TABLE1].query("way == 'fair'") if found.has_consensus else found[MEASURES_TABLE1]
    shown = [measure for measure in found.design.measured if (data.measure == measure.name).any()]
    cells = {(row.measure, row.level, row.rater): row for row in data.itertuples()}
    chosen = levels or list(dict.fromkeys(data.level))
    rows = [
        [
            rater if len(chosen) == 1 else f"{level}, {rater}",
            *(_median(cells.get((measure.name, level, rater)), measure) for measure in shown),
        ]
        for level in chosen
        for rater in (*found.readers, *found.models)
    ]
    way = "by the fair scores" if found.has_consensus else f"against {found.reference}"
    return Table(
        f"Every measure {way}: medians, {plural(len(found.exams), 'exam')}{_knees(found)}",
        ["Rater" if len(chosen) == 1 else "Level, rater", *(measure.with_unit for measure in shown)],
        rows,
        [*measure_notes(found, shown), *lineage.notes(found)] if with_notes else [],
        data,
    )


def measure_notes(found: Results, shown: Sequence[Measure]) -> list[str]:
    """What each measure is, which way is better, and what an empty mask is by it."""
    notes = []
    for measure in shown:
        better = "higher is better" if measure.higher_is_better else "nearer to 0 is better"
        notes.append(f"{measure.title}: {measure.convention}; {better}.")
    needing = [measure for measure in shown if measure.needs_both and measure.name != "dice"]
    if needing and found.design.one_empty is OneEmpty.LEFT_OUT:
        notes.append("One mask empty: left out of medians, and counted; Dice is 0 there.")
    if TOLERANCE in found and len(found[TOLERANCE]):
        for source, rows in found[TOLERANCE].groupby("source", sort=False):
            of_levels = ", ".join(
                row.level if pd.isna(row.tolerance) else f"{row.level} {figures(row.tolerance)} mm"
                for row in rows.itertuples()
            )
            none = "No tolerance" if rows.tolerance.isna().all() else "Tolerance"
            notes.append(f"{none}: {of_levels} ({source}).")
        notes += [row.notices for row in found[TOLERANCE].itertuples() if row.notices]
    unit = "Knees" if found.design.unit == "knee" else "Exams"
    notes.append(
        f"{unit} with a value, of all, where some have none. No verdict rests on measures beside Dice."
    )
    return notes


def _knees(found: Results) -> str:
    return ", knee by knee" if found.design.unit == "knee" else ""


def _median(row: Any, measure: Measure) -> str:
    if row is None:
        return DASH
    shown = _shown(measure)(row.median)
    return shown if row.n_defined == row.n else f"{shown} ({count_of(row.n_defined, row.n)})"


def _shown(measure: Measure) -> Callable[[float], str]:
    if measure.unit:
        return signed_figures if measure.signed else figures
    return signed if measure.signed else number


def beside_median_table(found: Results, levels: Sequence[str] = (), *, with_notes: bool = True) -> Table:
    """Every model beside the median reader by every measure, on some levels or all."""
    data = found[MEASURES_COMPARISONS]
    known = {measure.name: measure for measure in found.design.measured}
    beside = data[(data.other == MEDIAN_READER) & data.level.isin(levels or list(data.level))]
    confidence = percent(data.confidence.iloc[0])
    rows = [
        [
            f"{known[row.measure].title}, {row.level}, {row.model}",
            _with_unit(row, known[row.measure]) + star_if_short(row.coverage, row.confidence),
            _ahead(row.difference, known[row.measure], row.model),
            p_value(row.p),
            p_value(row.p_holm),
            count_of(row.n_pairs, row.n_pairs + row.n_left_out),
        ]
        for row in beside.itertuples()
    ]
    return Table(
        f"Models minus the median reader by every measure, {plural(len(found.exams), 'exam')}{_knees(found)}",
        [
            "Measure, level, model",
            f"Difference ({confidence} interval)",
            "In favour of",
            "p",
            "Holm p",
            "Exams",
        ],
        rows,
        [*beside_median_notes(found), *lineage.notes(found)] if with_notes else [],
        data,
    )


def beside_median_notes(found: Results) -> list[str]:
    """How models were compared with the median reader; none where they were not."""
    if MEASURES_COMPARISONS not in found:
        return []
    rows = found[MEASURES_COMPARISONS]
    short = any(map(star_if_short, rows.coverage, rows.confidence))
    return [
        "Fair scores, model minus median reader, exam by exam: Hodges-Lehmann estimate with the interval of "
        "the exact Wilcoxon signed-rank test. Holm p: over all models and levels of a measure; measures are "
        "not adjusted for each other, and no verdict rests on them. Of a volume difference its size is "
        "compared. Marking a level where there is none is tested beside Dice.",
        *(["*: too few exams; the widest interval that there is."] if short else []),
    ]


def _with_unit(row: Any, measure: Measure) -> str:
    of = row.difference, row.low, row.high
    if not measure.unit:
        return with_interval(*of, sign=True)
    return f"{figures_with_interval(*of, sign=True)} {measure.unit}"


def _ahead(difference: float, measure: Measure, model: str) -> str:
    """Who is better by a measure, without saying that it is clear."""
    if not difference or pd.isna(difference):
        return DASH
    return model if (difference > 0) == measure.higher_is_better else "readers"


def _foci_words(found: Results) -> list[str]:
    data = found[FOCI_SUMMARY]
    said = foci_words(data, found.readers, found.models)
    return [*said, found.design.foci.in_words, *lineage.notes(found)]


SCORES = Declared(
    "scores", "every measure of every exam, rater and level, and how it came about",
    ["exam", "rater", "level", "measure", "value", "status"],
)  # fmt: skip
FAIR_SCORES = Declared(
    "fair_scores", "the same against consensuses without one reader each",
    [
        "exam", "rater", "level", "measure", "left_out", "value", "status", "n_reference", "n_rater", "worst",
    ],
)  # fmt: skip
MEASURES_TABLE1 = Declared(
    "measures_table1", "Table 1 as usual and fair by every measure, with intervals",
    ["measure", "way", *table1.COLUMNS], measures_table,
)  # fmt: skip
MEASURES_COMPARISONS = Declared(
    "measures_comparisons", "every model against every reader and the median reader by every measure, fair",
    COMPARED, beside_median_table,
)  # fmt: skip
MEASURES_METHODS = Declared(
    "measures_methods_compared", "every pair of models by every measure, against the yardstick",
    ["measure", "level", "model", "other"],
)  # fmt: skip
MEASURES_INTERCHANGEABILITY = Declared(
    "measures_interchangeability", "models beside readers without a consensus, by measures of two raters",
    ["measure", *interchangeability.COLUMNS],
)  # fmt: skip
MEASURES_FAILURES = Declared(
    "measures_failures", "Spearman's correlation of every measure with the volume of the reference, and age",
    FAILURES,
)  # fmt: skip
MEASURES_BY_SLICE = Declared(
    "measures_peripheral_central", "every measure in the outer quarters of the slices against the inner half",
    ["measure", *PARTS_COLUMNS],
)  # fmt: skip
MEASURES_BY_CATEGORY = Declared(
    "measures_by_category", "every measure by site and group, where `--cohort` names them",
    ["measure", "rater", "level", "column"],
)  # fmt: skip
TOLERANCE = Declared("tolerance", "the tolerance of NSD, level by level, and whose it is", TOLERANCE_COLUMNS)
NSD_CURVE = Declared("nsd_curve", "NSD over the tolerance, fair, median of exams", CURVE_COLUMNS)
FOCI = Declared("foci", "every focus of the yardstick, and every false one", FOCI_COLUMNS)
FOCI_SUMMARY = Declared(
    "foci_summary", "found, called lower, missed and false foci of every rater and level",
    ["rater", "left_out", "level", *SUMMARY_COLUMNS],
    words=_foci_words, words_name="foci_in_words",
)  # fmt: skip
FOCI_BY_VOLUME = Declared("foci_by_volume", "how many foci of each size were found",
    ["rater", "left_out", "level", "from_ml", "to_ml", "n_foci"],
)  # fmt: skip

TABLES = [value for value in list(globals().values()) if isinstance(value, Declared)]
