"""Whether a model's probabilities mean what readers do: of all exams, as tables and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from evaluation.scores import calibration
from evaluation.scores.calibration import ALL, UNION, VOTES, reliability, summarise_calibration
from evaluation.statistics.words import number, percent, plural, signed, to_decimals, with_interval
from evaluation.study.on_demand import Found
from evaluation.study.results import Declared, Results
from evaluation.table import Table

_REGIONS = {UNION: "marked", calibration.VOLUME: "whole image"}


def calibration_tables(exams: Sequence[Any]) -> Found:
    """Of all exams (`evaluation.study.exam.ScoredExam`) that have probabilities."""
    there = [exam for exam in exams if len(exam.calibration.scores)]
    scores = pd.concat([exam.calibration.scores.assign(exam=exam.name) for exam in there], ignore_index=True)
    bins = pd.concat([exam.calibration.bins.assign(exam=exam.name) for exam in there], ignore_index=True)
    yield CALIBRATION, summarise_calibration(scores, bins)
    yield CALIBRATION_EXAMS, scores[list(CALIBRATION_EXAMS.columns)]
    yield RELIABILITY, reliability(bins)


def _printed(found: Results) -> Table:
    table = found[CALIBRATION]
    rows = [
        [
            f"{row.level}, {row.model}",
            _REGIONS[row.region],
            with_interval(row.excess, row.excess_low, row.excess_high, sign=True),
            with_interval(row.ece, row.ece_low, row.ece_high),
            to_decimals(row.brier, row.brier_low, row.brier_high, 3),
            number(row.brier + row.floor, 3),
            number(row.floor, 3),
            str(row.n_exams),
        ]
        for row in table[table.against == VOTES].itertuples()
    ]
    columns = [
        "Level, model", "Voxels", "Probability minus share", "Calibration error", "Brier, shares",
        "Brier, a reader", "At least", "Exams",
    ]  # fmt: skip
    told = [
        "Share: that of the exam's readers who marked a voxel so. Marked: voxels that a reader or the "
        "model's likeliest label marks. Calibration error: mean distance over 15 bins of probability, by "
        "voxels; of all labels, of the likeliest. Brier score: mean squared distance; of all labels their "
        "sum. Against a reader drawn at random no probabilities can have less than 'at least', which is how "
        "much readers differ.",
        "95 % intervals are of exams (jackknife, t), for voxels of one exam are alike. Of an error that "
        "cannot be below 0 they lie a little high where calibration is good.",
    ]
    title = "Probabilities beside the readers' votes"
    return Table(title, columns, rows, [*told, *found.design.notes], table)


def _words(found: Results) -> list[str]:
    """By model and level: too sure, not sure enough, or nothing clear, where anything is marked."""
    table = found[CALIBRATION]
    chosen = table[(table.against == VOTES) & (table.region == UNION) & (table.level != ALL)]
    return [*_sentences(chosen[chosen.level.isin(found.design.spoken_of)]), *found.design.notes]


def _sentences(rows: pd.DataFrame) -> Iterator[str]:
    for row in rows.itertuples():
        if not row.n_exams:
            yield f"{row.level}: neither readers nor {row.model} marked anything, so nothing is to be said."
            continue
        points, *ends = (signed(100 * each, 1) for each in (row.excess, row.excess_low, row.excess_high))
        bounds = "one exam gives no interval" if pd.isna(row.excess_low) else " to ".join(ends)
        clear = row.excess_low > 0 or row.excess_high < 0
        size = "neither clearly more nor clearly less"
        if clear:
            size = "more" if row.excess > 0 else "less"
        yield (
            f"Where a reader or {row.model} marks anything, {row.model} gives {row.level} {size} probability "
            f"than readers give it votes: {points} points ({bounds}); calibration error "
            f"{percent(row.ece, 1)}, {plural(row.n_exams, 'exam')}."
        )


CALIBRATION = Declared(
    "calibration", "a model's probabilities beside the readers' votes and each reader, and in words",
    calibration.SUMMARY_COLUMNS, _printed, _words, "calibration_in_words",
)  # fmt: skip
CALIBRATION_EXAMS = Declared("calibration_exams", "the same exam by exam", ["exam", *calibration.COLUMNS])
RELIABILITY = Declared(
    "reliability", "how often what got a probability was so, by bins of it", calibration.RELIABILITY_COLUMNS
)

TABLES = [CALIBRATION, CALIBRATION_EXAMS, RELIABILITY]
