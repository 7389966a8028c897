"""Does a model differ from a reader on the same exams? Paired tests, estimates and plain sentences.

Differences are model minus reader, exam by exam. The test is Wilcoxon's signed-rank test, exact; the
estimate is that of Hodges and Lehmann with the interval that the same test gives. The exam is the
independent unit: where scores are by knee, an exam's difference is the mean of its knees' differences.
Marking a level where there is none is tested beside it, `evaluation.comparison.absent`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from evaluation.comparison import absent
from evaluation.comparison.families import HOLM, in_families
from evaluation.comparison.paired import Apart
from evaluation.comparison.patients import PATIENT, by_patient, no_surer
from evaluation.scores.fair import over_consensuses
from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.signed_rank import hodges_lehmann, holm, signed_rank
from evaluation.statistics.words import count_of, number, p_is, p_value, percent, star_if_short

#: The name of the rater whose Dice in each exam is the median of the readers'.
MEDIAN_READER = absent.MEDIAN_READER

#: Columns of `compare`; with a margin also those of `MARGIN_COLUMNS`.
COLUMNS = [
    "level", "model", "other", "difference", "low", "high", "confidence", "coverage", "p", "p_holm",
    "n_pairs", "n_left_out", "n_equal", *absent.COLUMNS,
]  # fmt: skip
MARGIN_COLUMNS = ["margin", "p_margin", "p_margin_holm"]


def compare(
    scores: pd.DataFrame,
    *,
    models: Sequence[str],
    readers: Sequence[str],
    confidence: float = 0.95,
    margin: float | None = None,
    spoken_of: Sequence[str] | None = None,
    others: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Every model against every reader and against the median reader, level by level.

    Parameters
    ----------
    scores : DataFrame
        Columns ``exam``, ``rater``, ``level``, ``dice``, and ``knee`` or ``left_out`` where there are; see
        `paired_differences`. With ``patient``, p and intervals are no surer than those of patients
        (`evaluation.comparison.patients`).
    margin : float, optional
        Test non-inferiority too, see `non_inferiority`.
    spoken_of : sequence of str, optional
        The levels that sentences speak of; by default all. Two families of tests
        (`evaluation.comparison.families`): all models beside the median reader, on all these levels, of which
        verdicts speak; and of each model all readers on all these levels, of which its sentences do. A level
        that is in neither has no adjusted p.
    others : sequence of str, optional
        Whom to compare with: some of the readers and `MEDIAN_READER`; by default all of them.

    Returns
    -------
    DataFrame
        `COLUMNS`: ``difference`` is the Hodges-Lehmann estimate of model minus other with ``low`` and
        ``high``; ``confidence`` was asked for and ``coverage`` is exact; ``p`` two-sided, ``p_holm``;
        ``n_pairs`` exams compared, ``n_left_out`` undefined, ``n_equal`` without a difference. NaN where
        no exam can be compared. Of the exams left out, ``n_false`` in which the model alone marked what is
        not there, ``n_false_other`` the other alone, and the exact sign test of these, ``p_absent`` (beside
        the median reader of every reader's, `evaluation.comparison.absent.count_and_test`) of ``n_absent``;
        ``p_absent_holm`` in one family with ``p_holm``. With a margin, `MARGIN_COLUMNS`: the margin, the
        one-sided p of non-inferiority and the same adjusted by Holm over the same rows.

    Raises
    ------
    StatisticsError
        When a rater has no scores, or the confidence or margin is not between 0 and 1.
    """
    if others is None:
        others = [*readers, MEDIAN_READER] if len(readers) > 1 else list(readers)
    known = dict.fromkeys(scores.rater)
    if unknown := [rater for rater in [*models, *readers] if rater not in known]:
        raise StatisticsError(
            f"rater '{unknown[0]}': found no scores, expected one of {', '.join(map(str, known))}"
        )
    rows = []
    settled = over_consensuses(scores)
    for level in dict.fromkeys(scores.level):
        apart, median = (Apart(found[found.level == level]) for found in (scores, settled))
        for model, other in product(models, others):
            is_median = other == MEDIAN_READER
            pairs = median.beside_median(model, readers) if is_median else apart.pair(model, other)
            differences = pairs.differences()
            row = {"level": level, "model": model, "other": other}
            row |= estimate_and_test(differences, confidence)
            signs = pairs.false_markings()
            beside = readers if is_median and signs.any() else ()
            each = [apart.pair(model, reader).false_markings() for reader in beside]
            row |= absent.count_and_test(signs, each)
            if margin is not None:
                row |= {"margin": margin, "p_margin": non_inferiority(differences, margin)}
            rows.append(row)
    table = pd.DataFrame(rows, columns=COLUMNS + ([] if margin is None else MARGIN_COLUMNS))
    if PATIENT in scores:
        asked: dict[str, Any] = {"confidence": confidence, "margin": margin, "others": others}
        again = compare(by_patient(scores), models=models, readers=readers, **asked)
        table = no_surer(table, again, ["level", "model", "other"])
    family = np.where(table.other == MEDIAN_READER, MEDIAN_READER, "model " + table.model.astype(str))
    table[HOLM] = in_families(table, family, spoken_of)
    if margin is not None:
        inside = table.level.isin(list(table.level if spoken_of is None else spoken_of))
        of_each = table.p_margin.where(inside).groupby(family, sort=False)
        table["p_margin_holm"] = of_each.transform(lambda p: holm(p.to_numpy()))
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

    As ``table.itertuples()`` or ``table.iloc`` give it. Further sentences: on exams in which only one of the
    two marked what is not there, and, where a margin was named, whether non-inferiority is clear: by Holm's p,
    at half of what the interval leaves out.

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
        nowhere = f"On {c.level} {c.model} and {other} cannot be compared: both are defined in {exams}."
        return nowhere + absent.absent_in_words(c)
    facts = f"{_interval_in_words(c)}; Wilcoxon {p_is(c.p)}{absent.holm_in_words(c.p_holm)}; {exams}"
    if c.n_equal:
        facts += f", {c.n_equal} without a difference"
    said = f"On {c.level} the Dice of {c.model} is {_by(c.difference)} that of {other} ({facts})."
    return said + absent.absent_in_words(c) + _margin(c)


def with_article(rater: str) -> str:
    """A rater in a sentence: "the median reader", others by name."""
    return f"the {rater}" if rater == MEDIAN_READER else rater


def _interval_in_words(c: Any) -> str:
    if np.isnan(c.low):
        return "one exam gives no interval"
    name = f"{percent(c.confidence)} interval"
    if star_if_short(c.coverage, c.confidence):
        name = f"{percent(c.coverage, 1)} interval, the widest of so few exams,"
    low, high = (round(bound, 12) for bound in (c.low, c.high))
    if not round(low, 2) and not round(high, 2):
        return f"{name} less than 0.005 either way"
    if low < 0 < high:
        return f"{name} {_size(low)} lower to {_size(high)} higher"
    near, far = sorted([low, high], key=abs)
    return f"{name} {_size(near)} to {_size(far)} {'lower' if low < 0 else 'higher'}"


def _size(bound: float) -> str:
    """Without its sign. What rounds to 0 and is not 0 lies on one side of it, as the test says."""
    return "less than 0.005" if bound and not round(bound, 2) else number(abs(bound))


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
    if np.isnan(c.p_margin_holm):
        return f" Non-inferiority with a margin of {margin:g}: one-sided {p_is(c.p_margin)}."
    clear = "is clear" if c.p_margin_holm <= alpha else "is not clear"
    return (
        f" Non-inferiority with a margin of {margin:g} {clear} "
        f"(one-sided {p_is(c.p_margin)}, Holm {p_value(c.p_margin_holm)}, level {alpha:g})."
    )
