"""Does a difference hold, or does another fair way to look at the same masks turn it round?

The yardstick is one consensus rule on one panel of readers. A difference that points the other way when a
reader is left out, or under another rule that fits such readers as well (`evaluation.consensus.kinds.FIT`),
hangs on that choice: a verdict names the way and calls the level not settled.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd

from evaluation.comparison.models import pairs_of_level
from evaluation.comparison.paired import Apart
from evaluation.comparison.readers import MEDIAN_READER
from evaluation.consensus.kinds import Rule, describe
from evaluation.scores.fair import NOBODY, over_consensuses
from evaluation.statistics.signed_rank import hodges_lehmann_estimate

#: Columns of `differences_by_way`, in order.
COLUMNS = ["model", "other", "level", "way", "difference", "n_pairs"]
_TYPES = {"difference": float, "n_pairs": int}


def differences_by_way(
    scores: pd.DataFrame, *, models: Sequence[str], readers: Sequence[str], yardstick: Rule
) -> pd.DataFrame:
    """The difference of every pair of models, and of every model and the median reader, each other way.

    Parameters
    ----------
    scores : DataFrame
        Dice against several consensuses: ``exam``, ``knee`` if scored by knee, ``rule``, ``left_out`` (a
        reader, or `NOBODY`), ``rater``, ``level``, ``dice``. Readers have the rows alone in which they are
        left out.
    yardstick : str
        The rule of the yardstick; the other rules of `scores` are the other ways.

    Returns
    -------
    DataFrame
        `COLUMNS`: ``way`` in words; ``difference`` is the Hodges-Lehmann estimate of model minus other.
    """
    rows = []
    rules = [rule for rule in dict.fromkeys(scores.rule) if rule != yardstick]
    own = scores[scores.rule == yardstick]
    ways = {f"without {reader}": _without(own, reader) for reader in readers}
    ways |= {
        f"by {describe(rule)}": scores[(scores.rule == rule) & (scores.left_out == NOBODY)] for rule in rules
    }
    # A single model is in no pair.
    for level in dict.fromkeys(scores.level) if len(models) > 1 else ():
        compared = {
            way: pairs_of_level(found[found.level == level].drop(columns="left_out"), models)
            for way, found in ways.items()
        }
        for (model, other), (way, of_way) in product(combinations(models, 2), compared.items()):
            ours, theirs, *_ = of_way.pair(model, other)
            rows.append(_row(model, other, level, way, ours - theirs))
    beside = readers_by_way(scores, models=models, readers=readers, yardstick=yardstick)
    return pd.concat([pd.DataFrame(rows, columns=COLUMNS).astype(_TYPES), beside], ignore_index=True)


def readers_by_way(
    scores: pd.DataFrame, *, models: Sequence[str], readers: Sequence[str], yardstick: Rule
) -> pd.DataFrame:
    """Those of every model and the median reader; of `scores` the rows in which a reader is left out."""
    rows = []
    rules = [rule for rule in dict.fromkeys(scores.rule) if rule != yardstick]
    panels = [(f"without {reader}", yardstick, reader) for reader in readers if len(readers) > 2]
    panels += [(f"by {describe(rule)}", rule, NOBODY) for rule in rules]
    fair = scores[scores.left_out != NOBODY]
    settled, levels = {}, list(dict.fromkeys(scores.level))
    for way, rule, dropped in panels:
        found = over_consensuses(fair[(fair.rule == rule) & (fair.left_out != dropped)])
        settled[way] = {level: Apart(found[found.level == level]) for level in levels}
    for level, (way, _, dropped) in product(levels, panels):
        panel = [reader for reader in readers if reader != dropped]
        for model in models:
            pairs = settled[way][level].beside_median(model, panel)
            rows.append(_row(model, MEDIAN_READER, level, way, pairs.differences()))
    return pd.DataFrame(rows, columns=COLUMNS).astype(_TYPES)


def by_yardstick(scores: pd.DataFrame, yardstick: Rule) -> pd.DataFrame:
    """The models' Dice against the yardstick of all readers; of the `scores` of `differences_by_way`."""
    chosen = scores[(scores.rule == yardstick) & (scores.left_out == NOBODY)]
    return chosen.drop(columns=["rule", "left_out"])


def by_pair(ways: pd.DataFrame) -> dict[tuple[str, str, str], pd.DataFrame]:
    """Rows of `differences_by_way` by model, other and level."""
    return {
        (str(model), str(other), str(level)): rows
        for (model, other, level), rows in ways.groupby(["model", "other", "level"], sort=False)
    }


def turned_by(ways: pd.DataFrame | None, difference: float) -> list[str]:
    """The ways of a pair on a level that point the other way, by two decimals at least on either side."""
    if ways is None:
        return []
    differences = ways.difference.to_numpy(float).round(2)
    opposite = (np.sign(differences) == -np.sign(round(difference, 2))) & (differences != 0)
    return [way for way, is_opposite in zip(ways.way, opposite, strict=True) if is_opposite]


def _without(own: pd.DataFrame, reader: str) -> pd.DataFrame:
    """Scores by the yardstick without a reader: that of all where the reader did not draw the exam.

    Exams that one reader drew are left out: nobody is left, or no other reader was there.
    """
    drawn = own.exam.isin(own.exam[own.left_out == reader])
    several = own.exam.isin(own.exam[own.left_out != NOBODY])
    return own[(drawn & (own.left_out == reader)) | (several & ~drawn & (own.left_out == NOBODY))]


def _row(model: str, other: str, level: str, way: str, differences: np.ndarray) -> tuple:
    return model, other, level, way, *hodges_lehmann_estimate(differences)
