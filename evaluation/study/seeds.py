"""The table on methods that were trained with several seeds, and what follows for who is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from evaluation.comparison import seeds
from evaluation.comparison.readers import MEDIAN_READER
from evaluation.comparison.seeds import compare_over_seeds, networks_of
from evaluation.comparison.verdicts import Verdict
from evaluation.statistics.words import plural
from evaluation.study import lineage
from evaluation.study.design import Design
from evaluation.study.results import Declared, Results
from evaluation.table import Table

#: Scores of a measure: its name, against the yardstick of all readers, and fair (None of one reader).
Scored = tuple[str, pd.DataFrame, pd.DataFrame | None]


def seeds_tables(
    design: Design, readers: Sequence[str], models: Sequence[str], scored: Sequence[Scored]
) -> Iterator[tuple[Declared, pd.DataFrame]]:
    """The one table, by every measure; `models` are all that are no copies."""
    networks = networks_of(models, design.seed_of)
    tables = [
        compare_over_seeds(against, fair, networks, readers, spoken_of=design.spoken_of).assign(measure=name)
        for name, against, fair in scored
        if len(against)
    ]
    yield METHODS_OVER_SEEDS, pd.concat(tables, ignore_index=True)[seeds.COLUMNS]


def _table(found: Results) -> Table:
    return seeds.seeds_table(
        found[METHODS_OVER_SEEDS], found.design.measured[0],
        title=f"Methods over seeds: mean differences of Dice, {plural(len(found.exams), 'exam')}",
        notes=lineage.notes(found),
    )  # fmt: skip


def over_seeds(found: Results) -> list[str]:
    """A sentence a pair of methods with several seeds, and a method beside the median reader; or none."""
    if METHODS_OVER_SEEDS not in found:
        return []
    return seeds.in_words(found[METHODS_OVER_SEEDS], found.design.spoken_of)


def beside_seeds(found: Results, made: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts on networks, and beside each on which levels the same is not clear of their methods."""
    if METHODS_OVER_SEEDS not in found:
        return list(made)
    table = found[METHODS_OVER_SEEDS]
    rows = table[table.measure == "dice"]
    signs = np.sign(rows.difference).where(rows.call == "clear", 0)
    sides = dict(zip(zip(rows.model, rows.other, rows.level, strict=True), signs, strict=True))
    sides |= {(other, model, level): -side for (model, other, level), side in sides.items()}
    return [_beside(verdict, sides) for verdict in made]


def _beside(verdict: Verdict, sides: Mapping[tuple[str, str, str], float]) -> Verdict:
    pair = verdict.first, verdict.second
    settled = [level for level in verdict.levels if level.side and (*pair, level.level) in sides]
    unclear = tuple(level.level for level in settled if sides[*pair, level.level] != level.side)
    if not unclear:
        return verdict
    networks = "this network" if verdict.second == MEDIAN_READER else "these two networks"
    words = f"{verdict.words} Of {networks} alone: over seeds it is not clear on {', '.join(unclear)}."
    return replace(verdict, words=words, unclear_over_seeds=unclear)


METHODS_OVER_SEEDS = Declared(
    "methods_over_seeds",
    "methods that were trained with several seeds: differences with the spread between seeds, and in words",
    seeds.COLUMNS, _table, lambda found: [*over_seeds(found), *lineage.notes(found)],
    "methods_over_seeds_in_words",
)  # fmt: skip
TABLES = [METHODS_OVER_SEEDS]
