"""Does a model differ from a reader on the same exams? Paired tests, estimates and plain sentences.

Differences are model minus reader, exam by exam. The test is Wilcoxon's signed-rank test, exact; the
estimate is that of Hodges and Lehmann with the interval that the same test gives. The exam is the
independent unit: where scores are by knee, an exam's difference is the mean of its knees' differences.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from evaluation.scores.fair import units
from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.signed_rank import hodges_lehmann, holm, signed_rank
from evaluation.statistics.words import count_of, number, p_is, p_value, percent, star_if_short

#: The name of the rater whose Dice in each exam is the median of the readers'.
MEDIAN_READER = "median reader"

#: Columns of `compare`; with a margin also those of `MARGIN_COLUMNS`.
COLUMNS = [
    "level", "model", "other", "difference", "low", "high", "confidence", "coverage", "p", "p_holm",
    "n_pairs", "n_left_out", "n_equal",
]  # fmt: skip
MARGIN_COLUMNS = ["margin", "p_margin", "p_margin_holm"]


def paired_differences(
    scores: pd.DataFrame, model: str, other: str, readers: Sequence[str] = ()
) -> pd.Series:
    """Dice of a model minus that of a reader, or of the median reader, exam by exam, on one level.

    NaN where one of the two is undefined.

    Parameters
    ----------
    scores : DataFrame
        Of one level; columns ``exam``, ``rater``, ``dice``. With a column ``knee`` the differences of an
        exam's knees are averaged. With a column ``left_out`` (`evaluation.scores.fair.score_fair`) a model
        meets a reader on the consensus without that reader, and the median reader with its mean over all
        these consensuses.
    model, other : str
        `MEDIAN_READER` stands for the median of the defined Dice of `readers` in each exam, needed then.

    Raises
    ------
    StatisticsError
        When a rater has no scores.
    """

    def dice(rater: str, without: str | None = None) -> pd.Series:
        chosen = scores[scores.rater == rater]
        if without is not None and "left_out" in scores:
            chosen = chosen[chosen.left_out == without]
        if chosen.empty:
            known = ", ".join(dict.fromkeys(scores.rater))
            raise StatisticsError(f"rater '{rater}': found no scores, expected one of {known}")
        return chosen.groupby(units(scores), sort=False).dice.mean()

    if other == MEDIAN_READER:
        difference = dice(model) - pd.concat([dice(reader) for reader in readers], axis=1).median(axis=1)
    else:
        difference = dice(model, without=other) - dice(other)
    return difference.groupby("exam").mean()


def compare(
    scores: pd.DataFrame,
    *,
    models: Sequence[str],
    readers: Sequence[str],
    confidence: float = 0.95,
    margin: float | None = None,
    family: Sequence[str] = ("model", "level"),
) -> pd.DataFrame:
    """Every model against every reader and against the median reader, level by level.

    Parameters
    ----------
    scores : DataFrame
        Columns ``exam``, ``rater``, ``level``, ``dice``, and ``knee`` or ``left_out`` where there are; see
        `paired_differences`.
    margin : float, optional
        Test non-inferiority too, see `non_inferiority`.
    family : sequence of str
        Holm adjusts together what agrees in these columns. By default a model on a level is a family:
        all readers and the median reader, so another model in the table changes no p of this one.

    Returns
    -------
    DataFrame
        `COLUMNS`: ``difference`` is the Hodges-Lehmann estimate of model minus other with ``low`` and
        ``high``; ``confidence`` was asked for and ``coverage`` is exact; ``p`` two-sided, ``p_holm``;
        ``n_pairs`` exams compared, ``n_left_out`` undefined, ``n_equal`` without a difference. NaN where
        no exam can be compared. With a margin, `MARGIN_COLUMNS`: the margin, the one-sided p of
        non-inferiority and the same adjusted by Holm.

    Raises
    ------
    StatisticsError
        When a rater has no scores, or the confidence or margin is not between 0 and 1.
    """
    others = [*readers, MEDIAN_READER] if len(readers) > 1 else list(readers)
    rows = []
    for level, model, other in product(dict.fromkeys(scores.level), models, others):
        differences = paired_differences(scores[scores.level == level], model, other, readers).to_numpy()
        row = {"level": level, "model": model, "other": other} | estimate_and_test(differences, confidence)
        if margin is not None:
            row |= {"margin": margin, "p_margin": non_inferiority(differences, margin)}
        rows.append(row)
    table = pd.DataFrame(rows, columns=COLUMNS + ([] if margin is None else MARGIN_COLUMNS))
    for name in ["p"] if margin is None else ["p", "p_margin"]:
        in_families = table.groupby(list(family), sort=False)[name]
        table[f"{name}_holm"] = in_families.transform(lambda p: holm(p.to_numpy()))
    return table


def estimate_and_test(differences: np.ndarray, confidence: float) -> dict[str, float]:
    """Estimate, interval, test and counts of paired differences: the columns of `compare` but for Holm's."""
    found, test = hodges_lehmann(differences, confidence=confidence), signed_rank(differences)
    return {
        "difference": found.estimate, "low": found.low, "high": found.high, "confidence": confidence,
        "coverage": found.coverage, "p": test.p, "n_pairs": test.n_pairs, "n_left_out": test.n_left_out,
        "n_equal": test.n_equal,
    }  # fmt: skip


def non_inferiority(differences: Sequence[float] | np.ndarray, margin: float) -> float:
    """One-sided p that a model's Dice is not worse than a reader's by the margin.

    At half of what a two-sided interval leaves out, such as 0.025, it says what the interval says: whether
    its lower end is above ``-margin``.

    `differences` are model minus reader, as of `paired_differences`; NaN is left out and counted. `margin` is
    the loss of Dice that would not matter, between 0 and 1, to be named before looking.

    Raises
    ------
    StatisticsError
        When the margin is not between 0 and 1.
    """
    if not 0 < margin < 1:
        raise StatisticsError(
            f"margin: found {margin:g}, expected a loss of Dice between 0 and 1, such as 0.05"
        )
    return signed_rank(np.asarray(differences, dtype=float) + margin, "greater").p


def in_words(comparison: Any) -> str:
    """One comparison as a sentence: a row of `compare` or of `evaluation.comparison.models.compare_models`.

    As ``table.itertuples()`` or ``table.iloc`` give it. Where a margin was named, a second sentence says
    whether non-inferiority is shown: by Holm's p, at half of what the interval leaves out.

    Examples
    --------
    >>> row = pd.Series({"level": "level2", "model": "nnunet", "other": "reader1", "difference": -0.2,
    ...     "low": -0.31, "high": -0.12, "confidence": 0.95, "coverage": 0.951, "p": 0.00195,
    ...     "p_holm": 0.0078, "n_pairs": 10, "n_left_out": 0, "n_equal": 0})
    >>> print(in_words(row))
    On level2 the Dice of nnunet is 0.20 lower than that of reader1 (95 % interval 0.12 to 0.31 lower; Wilcoxon p = 0.002, Holm 0.008; 10 of 10 exams).
    """  # noqa: E501
    c = comparison
    other = with_article(c.other)
    exams = count_of(c.n_pairs, c.n_pairs + c.n_left_out, "exams")
    if not c.n_pairs:
        return f"On {c.level} {c.model} and {other} cannot be compared: both are defined in {exams}."
    facts = f"{_interval_in_words(c)}; Wilcoxon {p_is(c.p)}, Holm {p_value(c.p_holm)}; {exams}"
    if c.n_equal:
        facts += f", {c.n_equal} without a difference"
    return f"On {c.level} the Dice of {c.model} is {_by(c.difference)} that of {other} ({facts}).{_margin(c)}"


def with_article(rater: str) -> str:
    """A rater in a sentence: "the median reader", others by name."""
    return f"the {rater}" if rater == MEDIAN_READER else rater


def _interval_in_words(c: Any) -> str:
    if np.isnan(c.low):
        return "one exam gives no interval"
    name = f"{percent(c.confidence)} interval"
    if star_if_short(c.coverage, c.confidence):
        name = f"{percent(c.coverage, 1)} interval, the widest of so few exams,"
    low, high = ("lower" if round(bound, 2) < 0 else "higher" for bound in (c.low, c.high))
    if low != high:
        return f"{name} {number(abs(c.low))} {low} to {number(abs(c.high))} {high}"
    near, far = sorted([abs(c.low), abs(c.high)])
    return f"{name} {number(near)} to {number(far)} {high}"


def _by(difference: float) -> str:
    rounded = round(difference, 2)
    if not rounded:
        return "equal, to two decimals, to"
    return f"{number(abs(rounded))} {'lower' if rounded < 0 else 'higher'} than"


def _margin(c: Any) -> str:
    """The sentence on non-inferiority, where a margin was named."""
    margin = getattr(c, "margin", None)
    if margin is None:
        return ""
    alpha = (1 - c.confidence) / 2
    shown = "is shown" if c.p_margin_holm <= alpha else "is not shown"
    return (
        f" Non-inferiority with a margin of {margin:g} {shown} "
        f"(one-sided {p_is(c.p_margin)}, Holm {p_value(c.p_margin_holm)}, level {alpha:g})."
    )
