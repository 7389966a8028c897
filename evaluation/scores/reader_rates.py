"""What STAPLE says about each reader: sensitivity, specificity and confusion matrix, over exams.

They are a model's estimates, made together with the consensus and as good as its assumption that readers err
independently; no truth was counted against. From one exam at a time; each exam is one observation here, and
the intervals are those of a mean over exams. Specificity is over the whole volume, most of which is
background, and therefore close to 1: differences between readers are in its third decimal.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from evaluation.consensus.result import Consensus
from evaluation.scores.agreement import exam_means


def reader_rates(consensuses: Mapping[str, Consensus], levels: Mapping[str, int]) -> pd.DataFrame:
    """Each reader's sensitivity and specificity in each exam's consensus; STAPLE knows no groups of levels.

    Columns ``exam, level, rater, sensitivity, specificity``; NaN where no reader of the exam drew the level.
    """
    rows = []
    for exam, consensus in consensuses.items():
        for name, value in levels.items():
            row = consensus.labels.index(value) - 1
            rates = zip(consensus.raters, consensus.sensitivity[row], consensus.specificity[row], strict=True)
            rows += [(exam, name, *of_rater) for of_rater in rates]
    return pd.DataFrame(rows, columns=["exam", "level", "rater", "sensitivity", "specificity"])


def summarise_rates(rates: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Means of `reader_rates` over exams, with t intervals.

    Columns ``level, rater, measure, mean, low, high, n_defined, n``; measure is ``sensitivity`` or
    ``specificity``.
    """
    long = rates.melt(["exam", "level", "rater"], var_name="measure")
    return exam_means(long, ["level", "rater", "measure"], "value", confidence=confidence, bounds=(0, 1))


def reader_confusions(consensuses: Mapping[str, Consensus]) -> pd.DataFrame:
    """Each reader's confusion matrix, exam by exam; the binary rule has none, and its exams no row.

    Columns ``exam, rater, truth, decision, probability``: that the reader gives the label `decision` where
    the truth is `truth` (label values, background 0); NaN where no reader of the exam drew `truth`.
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
    """Means of `reader_confusions` over exams, with t intervals.

    Columns ``rater, truth, decision, mean, low, high, n_defined, n``; a reader's means of a truth sum to 1.
    """
    keys = ["rater", "truth", "decision"]
    return exam_means(confusions, keys, "probability", confidence=confidence, bounds=(0, 1))
