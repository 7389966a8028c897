"""Second readings by the same person: in no consensus, no further reader, beside what readers differ by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluation.measures.dice import EmptyMask
from evaluation.measures.pairs import ExamMeasured
from evaluation.scores import repeats
from evaluation.scores.agreement import pairwise_dice
from evaluation.scores.repeats import MODEL, OTHERS, SAME, summarise_repeats, volumes_of_repeats
from evaluation.statistics.words import (
    count_of,
    figures_with_interval,
    number,
    plural,
    signed_figures,
    with_interval,
)
from evaluation.study.design import Design
from evaluation.study.each import OfEach
from evaluation.study.measured import PAIR
from evaluation.study.on_demand import Found
from evaluation.study.results import Declared, Results
from evaluation.table import Table

#: Columns of `read_again`: `rater` is the reader, `other` a repeat; ``measure`` a measure of two masks, or
#: `VOLUME` with that of the repeat in ml.
COLUMNS = ["rater", "other", "level", "measure", "value"]
VOLUME = "ml"


def read_again(
    design: Design,
    masks: Mapping[str, np.ndarray],
    affine: np.ndarray,
    ignored: np.ndarray | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """An exam's second readings beside the first: `COLUMNS`, and what is to be known of them.

    `masks` hold readers and repeats, those that there are.
    """
    twice = [(of, again) for again, of in design.repeats.items() if again in masks and of in masks]
    named = {name: masks[name] for pair in twice for name in pair}
    if not twice:
        return pd.DataFrame(columns=COLUMNS), []
    exam = ExamMeasured(
        named, design.by_name, affine,
        single=design.levels, ordered=design.ordered, foci=design.foci, ignored=ignored,
    )  # fmt: skip
    rows: list[tuple] = []
    for level in design.by_name:
        rows += [(of, again, level, VOLUME, exam.count(level, again) * exam.voxel_ml) for of, again in twice]
        for measure in _of_pairs(design):
            if measure.of_groups or level in design.levels:
                rows += [
                    (of, again, level, measure.name, _both_ways(measure, exam, level, of, again))
                    for of, again in twice
                ]
    equal = [
        f"{again}: equal to {of} in every voxel, which is a copy and no second reading"
        for of, again in twice
        if masks[of].any() and np.array_equal(masks[of], masks[again])
    ]
    return pd.DataFrame(rows, columns=COLUMNS), equal


def _of_pairs(design: Design) -> list[Any]:
    """The measures of two masks alone; the readers' tolerance is known when every exam has been read."""
    return [each for each in design.measured if each.pairwise and not each.deferred]


def _both_ways(measure: Any, exam: ExamMeasured, level: str, one: str, other: str) -> float:
    value = measure.score(exam.pair(level, one, other))[0]
    if measure.directed:
        value = (value + measure.score(exam.pair(level, other, one))[0]) / 2
    return abs(value) if measure.signed else value


def repeat_tables(
    design: Design, exams: Sequence[Any], readers: Sequence[str], models: Sequence[str]
) -> Found:
    """Of all exams (`evaluation.study.exam.ScoredExam`): agreement, and volumes."""
    again = pd.concat([exam.repeats.assign(exam=exam.name) for exam in exams], ignore_index=True)
    is_volume = again.measure == VOLUME
    beside = pairwise_dice(OfEach(exams, lambda exam: exam.votes), design.by_name, EmptyMask.UNDEFINED)
    tables = [beside.assign(measure="dice").rename(columns={"dice": "value"})]
    signed = [each.name for each in design.measured if each.signed]
    for exam in exams:
        if exam.measured:
            rows = exam.measured.rows
            rows = rows[(rows.against == PAIR) & ~rows.waits].assign(exam=exam.name)
            tables.append(rows.assign(value=rows.value.abs().where(rows.measure.isin(signed), rows.value)))
    columns = ["exam", *COLUMNS]
    pairs = pd.concat([table[columns] for table in tables], ignore_index=True)
    pairs = pairs[~(pairs.rater.isin(models) & pairs.other.isin(models))]
    yield REPEATS, summarise_repeats(again[~is_volume][columns], pairs, models)
    measured = pd.concat([exam.volumes.assign(exam=exam.name) for exam in exams], ignore_index=True)
    of_repeats = again[is_volume].drop(columns="rater").rename(columns={"other": "rater", "value": "ml"})
    volumes = pd.concat([measured, of_repeats[list(measured)]], ignore_index=True)
    there = {name: of for name, of in design.repeats.items() if name in set(of_repeats.rater)}
    yield REPEATS_VOLUMES, volumes_of_repeats(volumes, there, readers, models)


def _printed(found: Results) -> Table:
    titles = {measure.name: measure.title for measure in found.design.measured}
    rows = []
    for row in found[REPEATS].itertuples():
        cells = [
            f"{row.level}, {row.rater}",
            _whom(row),
            titles.get(row.measure, row.measure),
            with_interval(row.mean, row.low, row.high),
        ]
        rows.append([*cells, count_of(row.n_defined, row.n)])
    columns = ["Level, reader", "With", "Measure", "Mean (95 % interval)", "Exams"]
    told = [
        "Second readings are in no consensus and no further readers. All rows of a reader are of the exams "
        "that the reader read twice. Mean over exams with its t interval; both masks empty: left out and "
        "counted.",
        _CEILING,
    ]
    title = "A reader beside the own second reading"
    return Table(title, columns, rows, [*told, *found.design.notes], found[REPEATS])


def _volumes(found: Results) -> Table:
    rows = [
        [
            f"{row.level}, {row.rater}", _whom(row),
            figures_with_interval(row.within_sd, row.within_sd_low, row.within_sd_high),
            figures_with_interval(row.repeatability, row.repeatability_low, row.repeatability_high),
            with_interval(row.icc, row.icc_low, row.icc_high), signed_figures(row.bias), str(row.n),
        ]
        for row in found[REPEATS_VOLUMES].itertuples()
    ]  # fmt: skip
    columns = ["Level, reader", "With", "SD within, ml", "Repeatability, ml", "ICC(2,1)", "Bias, ml", "Exams"]
    told = [
        "SD within: the square root of half the mean squared difference; 95 % of differences are within the "
        "repeatability coefficient, 2.77 times that. With 95 % intervals: chi-squared, for normal "
        "differences. Bias: reader minus the other.",
    ]
    title = "A reader's volumes beside those of the own second reading"
    return Table(title, columns, rows, [*told, *found.design.notes], found[REPEATS_VOLUMES])


_CEILING = (
    "A second reading shows how much of what differs from a reader's masks is chance of the day. A model "
    "that draws alike every day has that chance once where two readings have it twice, so it may agree more."
)


def _whom(row: Any) -> str:
    return f"{row.other} (second reading)" if row.kind == SAME else str(row.other)


def _words(found: Results) -> list[str]:
    """By reader and level: Dice with the second reading, other readers and models."""
    dice = found[REPEATS].query("measure == 'dice'")
    chosen = dice[dice.level.isin(found.design.spoken_of)]
    return [*_sentences(chosen), *found.design.notes]


def _sentences(dice: pd.DataFrame) -> Iterator[str]:
    for (reader, level), rows in dice.groupby(["rater", "level"], sort=False):
        others = rows[(rows.kind == OTHERS) & (rows.n_defined > 0)]
        for own in rows[rows.kind == SAME].itertuples():
            if not own.n_defined:
                yield f"On {level} {reader} marked nothing in either reading of {plural(own.n, 'exam')}."
                continue
            exams = count_of(own.n_defined, own.n, "exams")
            parts = [
                f"On {level} {reader} agrees with the own second reading ({own.other}) with Dice "
                f"{with_interval(own.mean, own.low, own.high)}, {exams}"
            ]
            if len(others):
                low, high = number(others["mean"].min()), number(others["mean"].max())
                parts.append(f"with other readers {low if low == high else f'{low} to {high}'}")
            parts += [
                f"with {row.other} {number(row.mean)}{_side(row.mean, own.mean)}"
                for row in rows[(rows.kind == MODEL) & (rows.n_defined > 0)].itertuples()
            ]
            yield "; ".join(parts) + "."


def _side(model: float, own: float) -> str:
    apart = round(own - model, 2)
    if not apart:
        return ", as much"
    return f", {number(abs(apart))} {'less' if apart > 0 else 'more'}"


REPEATS = Declared(
    "repeats", "a reader's agreement with the own second reading, beside other readers and models",
    repeats.COLUMNS, _printed, _words, "repeats_in_words",
)  # fmt: skip
REPEATS_VOLUMES = Declared(
    "repeats_volumes", "what volumes differ by: within-subject SD, repeatability, intraclass correlation",
    repeats.VOLUME_COLUMNS, _volumes,
)  # fmt: skip

TABLES = [REPEATS, REPEATS_VOLUMES]
