"""How far does a reader agree with the same reader, on another day? Beside other readers, and models.

A second reading by the same person makes no consensus and is no further reader: it says how much of what
two masks differ by is chance of the day. Bland and Altman (BMJ 1996; 313:744; not opened): the within-subject
standard deviation is the square root of half the mean squared difference of two readings; 95 % of differences
lie within the repeatability coefficient, 1.96 x sqrt(2) of it.

It is no ceiling in the strict sense. Two readings hold the day's chance twice, a model that draws alike every
day holds it once, so that a model can agree with a reader more than the reader's second reading does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from evaluation.measures.named import measures
from evaluation.scores.agreement import exam_means
from evaluation.statistics.icc import icc
from evaluation.statistics.intervals import check_confidence

#: Who are compared: two readings of one person, this reader and another, a model and this reader.
SAME, OTHERS, MODEL = "same reader", "another reader", "model"
#: Columns of `summarise_repeats`, in order.
COLUMNS = ["rater", "kind", "other", "level", "measure", "mean", "low", "high", "n_defined", "n"]
#: Columns of `volumes_of_repeats`, in order; ml but for the intraclass correlation, ICC(2,1).
VOLUME_COLUMNS = [
    "rater", "kind", "other", "level", "bias", "within_sd", "within_sd_low", "within_sd_high",
    "repeatability", "repeatability_low", "repeatability_high", "icc", "icc_low", "icc_high", "n",
]  # fmt: skip


@dataclass(frozen=True)
class Repeatability:
    """What two measurements of the same differ by."""

    #: Mean of first minus second.
    bias: float
    #: Within-subject standard deviation and its interval; what bias there is counts.
    within_sd: float
    low: float
    high: float
    n: int

    @property
    def coefficient(self) -> tuple[float, float, float]:
        """The repeatability coefficient and its interval: what 95 % of differences do not exceed."""
        times = float(scipy.stats.norm.ppf(0.975) * np.sqrt(2))
        return times * self.within_sd, times * self.low, times * self.high


def repeatability(
    first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray, *, confidence: float = 0.95
) -> Repeatability:
    """Of pairs of measurements; those with a NaN are left out.

    The interval is exact (chi-squared) for normal differences around 0. All NaN without a pair.

    Examples
    --------
    >>> found = repeatability([10.0, 12.0, 9.0, 11.0], [11.0, 11.0, 10.0, 12.0])
    >>> round(found.within_sd, 3), round(found.coefficient[0], 2)
    (0.707, 1.96)
    """
    check_confidence(confidence)
    differences = np.asarray(first, float) - np.asarray(second, float)
    differences = differences[~np.isnan(differences)]
    if not (n := len(differences)):
        return Repeatability(np.nan, np.nan, np.nan, np.nan, 0)
    within = float(np.sqrt((differences**2).mean() / 2))
    tails = scipy.stats.chi2.ppf([(1 + confidence) / 2, (1 - confidence) / 2], n)
    low, high = within * np.sqrt(n / tails)
    return Repeatability(float(differences.mean()), within, float(low), float(high), n)


def summarise_repeats(
    repeats: pd.DataFrame, pairs: pd.DataFrame, models: Sequence[str], *, confidence: float = 0.95
) -> pd.DataFrame:
    """Means over exams of a reader's agreement with the own second reading, other readers and models.

    Parameters
    ----------
    repeats : DataFrame
        Of two readings of one person: ``exam, rater, other, level, measure, value``; `rater` is the reader,
        `other` the repeat.
    pairs : DataFrame
        The same of readers with each other and of models with readers; only the exams that the reader read
        twice count.

    Returns
    -------
    DataFrame
        `COLUMNS`, by reader: the repeats, each other reader, each model; t intervals, cut at what the measure
        can be; ``n_defined`` of ``n`` exams.
    """
    turned = pairs.rename(columns={"rater": "other", "other": "rater"})
    either = pd.concat([pairs, turned], ignore_index=True)[list(pairs)]
    tables = []
    for reader, own in repeats.groupby("rater", sort=False):
        beside = either[(either.rater == reader) & either.exam.isin(own.exam)]
        kinds = beside.other.isin(list(models)).map({True: MODEL, False: OTHERS})
        together = pd.concat([own.assign(kind=SAME), beside.assign(kind=kinds)], ignore_index=True)
        tables.append(together.sort_values("kind", key=lambda c: c.map(_ORDER), kind="stable"))
    every = pd.concat(tables, ignore_index=True)
    keys = ["rater", "kind", "other", "level", "measure"]
    found = exam_means(every, keys, "value", confidence=confidence, bounds=(-np.inf, np.inf))
    of_each = found.measure.map({name: _bounds(name) for name in found.measure.unique()})
    for bound in ("low", "high"):
        found[bound] = found[bound].clip(of_each.str[0].astype(float), of_each.str[1].astype(float))
    return found[COLUMNS]


def _bounds(name: str) -> tuple[float, float]:
    """What a measure can be, where intervals are cut; of what has a direction the size is told."""
    (measure,) = measures([name])
    low, high = measure.bounds
    return (max(low, 0.0) if measure.signed else low), high


def volumes_of_repeats(
    volumes: pd.DataFrame, repeats: Mapping[str, str], readers: Sequence[str], models: Sequence[str]
) -> pd.DataFrame:
    """What a reader's volumes differ by from those of the own second reading, other readers and models.

    `volumes` are ``exam, level, rater, ml`` of all of them, `repeats` the second reading to its reader; only
    exams that the reader read twice count. `VOLUME_COLUMNS`.
    """
    rows = []
    for again, reader in repeats.items():
        twice = volumes.exam[volumes.rater == again]
        for level, of_level in volumes[volumes.exam.isin(twice)].groupby("level", sort=False):
            table = of_level.pivot(index="exam", columns="rater", values="ml")
            others = {again: SAME} | {
                name: MODEL if name in models else OTHERS
                for name in (*readers, *models)
                if name != reader and name in table
            }
            rows += [(reader, kind, other, level, *_of_pair(table[[reader, other]]))
                     for other, kind in others.items()]  # fmt: skip
    found = pd.DataFrame(rows, columns=VOLUME_COLUMNS)
    # Of a reader who read three times the others stand once for each pair of readings' exams.
    return found.drop_duplicates(["rater", "kind", "other", "level"], ignore_index=True)


_ORDER = {SAME: 0, OTHERS: 1, MODEL: 2}


def _of_pair(table: pd.DataFrame) -> tuple[float, ...]:
    both = table.dropna().to_numpy()
    found = repeatability(both[:, 0], both[:, 1])
    correlation = (np.nan, np.nan, np.nan)
    if found.n > 1:
        row = icc(both).set_index("type").loc["ICC(2,1)"]
        correlation = (row.icc, row.low, row.high)
    return (
        found.bias, found.within_sd, found.low, found.high, *found.coefficient, *correlation, found.n
    )  # fmt: skip
