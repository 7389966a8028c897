"""What is made of a board's Dice: means, a score, and how far it is from the median reader."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bmseg.leaderboard.scoring import MISSING
from evaluation.statistics.signed_rank import hodges_lehmann

#: Dice of an exam without a mask, where the challenge counts it as the worst.
WORST = 0.0


def mean_dice(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean Dice over exams, a row a ``key``, a column a level: undefined left out, missing counted as 0."""
    levels = list(dict.fromkeys(scores.level))
    return counted(scores).groupby(["key", "level"], sort=False).dice.mean().unstack()[levels]


def counted(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores with Dice 0 for what is missing."""
    return scores.assign(dice=scores.dice.mask(scores.status == MISSING, WORST))


def weighted_score(means: pd.DataFrame, weights: Mapping[str, float]) -> pd.Series:
    """The mean of the levels' mean Dice, by their weights; levels that a key has none of are left out."""
    ranked = means[list(weights)]
    weight = ranked.notna() * pd.Series(weights)
    return (ranked.fillna(0) * weight).sum(axis=1) / weight.sum(axis=1)


def differences(scores: pd.DataFrame, weights: Mapping[str, float], confidence: float) -> pd.DataFrame:
    """How far each key of `scores` is from the median reader, over all ranked levels at once.

    The median reader has in each exam and level the median of the readers' defined Dice
    (`evaluation.comparison.readers.MEDIAN_READER`); where the level is absent, what most readers did. A
    difference is formed where both are defined, level by level, and averaged over an exam's ranked levels by
    their weights.

    Returns a row a key: ``difference, low, high, coverage`` over exams
    (`evaluation.statistics.signed_rank.hodges_lehmann`), each interval by itself: it says how far, and the
    verdict which differences are clear. Of too few exams the coverage is below the confidence.
    """
    ranked = counted(scores[scores.level.isin(list(weights))])
    dice = ranked.pivot(index=["exam", "level"], columns="key", values="dice").astype(float)
    median = _median_reader(ranked)
    weight = pd.Series(dice.index.get_level_values("level").map(weights), index=dice.index, dtype=float)
    apart = dice.sub(median.reindex(dice.index), axis=0)
    defined = apart.notna().mul(weight, axis=0)
    by_exam = (apart.fillna(0) * defined).groupby("exam").sum() / defined.groupby("exam").sum()
    found = {}
    for key in dice:
        interval = hodges_lehmann(by_exam[key].to_numpy(float), confidence=confidence)
        found[key] = {
            "difference": interval.estimate, "low": interval.low, "high": interval.high,
            "coverage": interval.coverage,
        }  # fmt: skip
    return pd.DataFrame.from_dict(found, orient="index")


def _median_reader(scores: pd.DataFrame) -> pd.Series:
    """The median reader's Dice by exam and level; see `differences`.

    Without an absent level that as many readers marked as did not: none of the two is what readers do.
    """
    readers = scores[scores.kind == "reader"]
    by_level = readers.groupby(["exam", "level"])
    share, absent = by_level.dice.agg(lambda dice: dice.notna().mean()), by_level.absent.any()
    return by_level.dice.median().mask(absent & (share < 0.5))[~(absent & (share == 0.5))]
