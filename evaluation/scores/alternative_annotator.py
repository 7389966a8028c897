"""The alternative annotator test: may a model be used in place of a reader?

Calderon, Reichart, Dror, "The Alternative Annotator Test for LLM-as-a-Judge" (ACL 2025; their code and its
README opened, github.com/nitaytech/AltTest). In each exam the model and a reader are compared by their mean
agreement with the other readers. The model *wins* against a reader where the share of exams in which the
reader is ahead, minus that in which the model is, is clearly below epsilon: what the reader may be ahead for
the model to be worth its price. The model passes where it wins against half of the readers or more.

Their paired t test asks for 30 exams at least, better 50 to 100. At ten, with four readers and epsilon 0.2,
a win takes 8 exams ahead of 10 where two readers are beaten as clearly; a model exactly as good as each
reader, ahead in 5 of 10, gets there in 1 of 18. So with fewer than `ENOUGH` exams there are numbers and no
verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import ceil

import numpy as np
import pandas as pd
import scipy

from evaluation.scores.side_by_side import side_by_side
from evaluation.statistics.intervals import StatisticsError

#: Epsilon that the authors give for experts as annotators.
EXPERTS = 0.2
#: Exams that the authors ask for at least.
ENOUGH = 30

#: Columns of `alternative_annotator`, in order.
COLUMNS = [
    "level", "model", "winning_rate", "advantage", "lowest_advantage", "highest_advantage", "p_lowest",
    "passes", "epsilon", "q", "n_readers", "n_exams", "n_needed",
]  # fmt: skip


def alternative_annotator(
    pairs: pd.DataFrame,
    *,
    models: Sequence[str],
    readers: Sequence[str],
    epsilon: float = EXPERTS,
    q: float = 0.05,
    value: str = "dice",
    agreed: float = 1.0,
    higher_is_better: bool = True,
) -> pd.DataFrame:
    """Winning rate and advantage probability of every model on every level.

    Parameters
    ----------
    pairs : DataFrame
        As in `evaluation.scores.interchangeability.interchangeability`.
    epsilon : float
        How much oftener, as a share of exams, a reader may be ahead: 0 to 1.
    q : float
        False discovery rate over the readers (Benjamini and Yekutieli 2001, not opened; as in the authors'
        code).

    Returns
    -------
    DataFrame
        `COLUMNS`: ``advantage`` is the share of exams in which the model is at least as close to the others
        as the reader, mean over readers, beside the lowest and highest of a reader; ``p_lowest`` the lowest
        adjusted p; ``passes`` "yes" or "no", or "too few exams" below `ENOUGH`; ``n_exams`` those of the
        reader who drew the fewest; ``n_needed`` in how many exams of these, without ties, a model must be
        ahead of half the readers alike to pass.

    Raises
    ------
    StatisticsError
        When there are fewer than three readers, a pair is missing, or epsilon or q is not between 0 and 1.
    """
    if len(readers) < 3:
        named = ", ".join(readers) or "none"
        raise StatisticsError(
            f"readers: found {named}, expected three or more for the alternative annotator test"
        )
    for name, share, low in (("epsilon", epsilon, 0), ("q", q, 1e-300)):
        if not low <= share < 1:
            raise StatisticsError(f"{name}: found {share:g}, expected between 0 and 1")
    rows = []
    for level, model in product(dict.fromkeys(pairs.level), models):
        found = side_by_side(
            pairs, level, [*readers, model], value=value, agreed=agreed, higher_is_better=higher_is_better
        )
        advantages, p_values, exams = [], [], []
        for place in range(len(readers)):
            ours, theirs = found.in_place(place)
            ahead = np.sign(np.round(ours - theirs, 12))
            exams.append(len(ahead))
            advantages.append(float((ahead >= 0).mean()) if len(ahead) else np.nan)
            p_values.append(p_below(-ahead, epsilon))
        # Who drew the fewest exams decides what can be asked. Without two there is no test.
        n = min(exams)
        adjusted = (
            scipy.stats.false_discovery_control(p_values, method="by")
            if n > 1
            else np.full(len(readers), np.nan)
        )
        rate = float((adjusted <= q).mean()) if n > 1 else np.nan
        passes = "too few exams" if n < ENOUGH else "yes" if rate >= 0.5 else "no"
        rows.append((
            level, model, rate, *(float(of(advantages)) for of in (np.mean, np.min, np.max)),
            float(adjusted.min()), passes, epsilon, q, len(readers), n, needed(n, len(readers), epsilon, q),
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def p_below(indicators: np.ndarray, epsilon: float) -> float:
    """One-sided p of the t test that the mean of -1, 0 and 1 (reader ahead) lies below epsilon.

    0 or 1 where all are equal: there is no variance (so do the authors'); NaN of fewer than two.
    """
    n = len(indicators)
    if n < 2:
        return np.nan
    distance = float(indicators.mean()) - epsilon
    error = float(indicators.std(ddof=1)) / np.sqrt(n)
    return float(scipy.stats.t.cdf(distance / error, n - 1)) if error else float(distance >= 0)


def needed(n: int, n_readers: int, epsilon: float, q: float) -> int:
    """In how many of n exams a model must be ahead, of half the readers alike, to pass; n + 1 for never."""
    half = ceil(n_readers / 2)
    level = half / n_readers * q / (1 / np.arange(1, n_readers + 1)).sum()
    for ahead in range(n + 1):
        indicators = np.repeat([-1.0, 1.0], [ahead, n - ahead])
        if n > 1 and p_below(indicators, epsilon) <= level:
            return ahead
    return n + 1
