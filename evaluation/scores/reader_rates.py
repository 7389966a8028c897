"""What STAPLE says about each reader: sensitivity, specificity and confusion matrix, over exams.

STAPLE estimates them with the consensus, from one exam at a time; each exam is one observation here, and
the intervals are those of a mean over exams. Specificity is over the whole volume, most of which is
background, and therefore close to 1: differences between readers are in its third decimal.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from evaluation.consensus.rules import Consensus
from evaluation.scores.agreement import exam_means


def reader_rates(consensuses: Mapping[str, Consensus], levels: Mapping[str, int]) -> pd.DataFrame:
    """Each reader's sensitivity and specificity, exam by exam.

    Parameters
    ----------
    consensuses : mapping of str to Consensus
        Exam to its consensus.
    levels : mapping of str to int
        Name of a level to its mask value; STAPLE knows no groups of levels.

    Returns
    -------
    DataFrame
        ``exam, level, rater, sensitivity, specificity``; NaN where no reader of the exam drew the level.
    """
    rows = []
    for exam, consensus in consensuses.items():
        for name, value in levels.items():
            row = consensus.labels.index(value) - 1
            rates = zip(consensus.raters, consensus.sensitivity[row], consensus.specificity[row], strict=True)
            rows += [
                (exam, name, rater, sensitivity, specificity) for rater, sensitivity, specificity in rates
            ]
    return pd.DataFrame(rows, columns=["exam", "level", "rater", "sensitivity", "specificity"])


def summarise_rates(rates: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Mean sensitivity and specificity over exams, with t intervals.

    Parameters
    ----------
    rates : DataFrame
        Of `reader_rates`.

    Returns
    -------
    DataFrame
        ``level, rater, measure, mean, low, high, n_defined, n``; measure is ``sensitivity`` or
        ``specificity``.
    """
    long = rates.melt(["exam", "level", "rater"], var_name="measure")
    return exam_means(long, ["level", "rater", "measure"], "value", confidence=confidence, bounds=(0, 1))


def reader_confusions(consensuses: Mapping[str, Consensus]) -> pd.DataFrame:
    """Each reader's confusion matrix, exam by exam.

    Parameters
    ----------
    consensuses : mapping of str to Consensus
        Those of the multi-label rule; the binary rule has no confusion matrix, and its exams no row.

    Returns
    -------
    DataFrame
        ``exam, rater, truth, decision, probability``: that the reader gives the label `decision` where the
        truth is `truth` (label values, background 0); NaN where no reader of the exam drew `truth`.
    """
    rows = [
        (exam, rater, truth, decision, consensus.confusion[r, d, t])
        for exam, consensus in consensuses.items()
        if consensus.confusion is not None
        for r, rater in enumerate(consensus.raters)
        for t, truth in enumerate(consensus.labels)
        for d, decision in enumerate(consensus.labels)
    ]
    return pd.DataFrame(rows, columns=["exam", "rater", "truth", "decision", "probability"])


def summarise_confusions(confusions: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Mean confusion matrix over exams, with t intervals.

    Parameters
    ----------
    confusions : DataFrame
        Of `reader_confusions`.

    Returns
    -------
    DataFrame
        ``rater, truth, decision, mean, low, high, n_defined, n``; the means of a reader and truth sum to 1.
    """
    keys = ["rater", "truth", "decision"]
    return exam_means(confusions, keys, "probability", confidence=confidence, bounds=(0, 1))
