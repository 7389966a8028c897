"""Volumes in ml a level and rater, and how far two raters' volumes agree (Bland and Altman)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import scipy

from evaluation.consensus.all_votes import AllVotes
from evaluation.consensus.votes import Votes
from evaluation.statistics.icc import ICC_COLUMNS, icc
from evaluation.statistics.intervals import Interval, StatisticsError, mean_interval

#: The share of differences that limits of agreement are to hold.
LIMITS = 0.95


@dataclass(frozen=True)
class BlandAltman:
    """How far two raters' measurements agree; differences are rater minus reference."""

    #: Mean difference, t interval.
    bias: Interval
    #: Standard deviation of the differences (n - 1).
    sd: float
    #: This and `upper`: limits of agreement, bias -/+ 1.96 sd.
    lower: Interval
    upper: Interval
    #: Of the differences on the means of the two measurements: not 0 where the bias is proportional to what
    #: is measured, and limits of agreement then mislead. NaN with fewer than three exams, or when the means
    #: do not vary.
    slope: Interval
    slope_p: float


def volumes(
    votes: Votes | AllVotes,
    levels: Mapping[str, Sequence[int]],
    voxel_ml: float,
    references: Mapping[str, np.ndarray] | None = None,
) -> pd.DataFrame:
    """Volume of every level (or group, with its mask values) in every rater's mask: ``level, rater, ml``.

    `references` are further label maps by name, such as the consensus: the label value of each pattern, of
    `AllVotes` of those of every part. A StatisticsError when the voxel has no volume, or a reference is named
    like a rater.
    """
    if not voxel_ml > 0:
        raise StatisticsError(f"voxel_ml: found {voxel_ml:g}, expected a volume above 0")
    if taken := [name for name in references or {} if name in votes.raters]:
        raise StatisticsError(f"reference '{taken[0]}': it is also a rater's name; give it another")
    voxels: dict[str, np.ndarray] = {}
    for part, raters in votes.parts():
        counted = part.label_counts
        voxels |= {rater: counted[part.column(rater)] for rater in raters}
    first, _ = next(iter(votes.parts()))
    for name, values in (references or {}).items():
        inside = [values[: len(first.counts)] == label for label in votes.labels]
        voxels[name] = np.array([first.counts @ each for each in inside])
    rows = [
        (level, rater, int(counted[np.isin(votes.labels, list(foreground))].sum()) * voxel_ml)
        for level, foreground in levels.items()
        for rater, counted in voxels.items()
    ]
    return pd.DataFrame(rows, columns=["level", "rater", "ml"])


def bland_altman(
    rater: Sequence[float], reference: Sequence[float], *, confidence: float = 0.95
) -> BlandAltman:
    """Bias and limits of agreement of two raters' measurements, paired by exam.

    A pair with a NaN is left out and counted. Intervals of the limits are exact for normal differences
    (Carkeet 2015): at n = 10 the approximate ones of Bland and Altman cover 0.935 where they say 0.95, and
    leave a limit too near zero in 6.5 % of studies. A StatisticsError when the two differ in length, or the
    confidence is not between 0 and 1.

    References
    ----------
    Bland, Altman. Stat Methods Med Res 1999; 8:135. Carkeet. Optom Vis Sci 2015; 92:e71.
    """
    first, second = np.asarray(rater, float), np.asarray(reference, float)
    if first.shape != second.shape:
        raise StatisticsError(f"reference: found {len(second)} values, expected {len(first)} as of the rater")
    differences, means = first - second, (first + second) / 2
    bias = mean_interval(differences, confidence=confidence)
    defined = ~np.isnan(differences)
    sd = float(differences[defined].std(ddof=1)) if bias.n > 1 else np.nan
    slope, slope_p = _slope(means[defined], differences[defined], bias)
    return BlandAltman(bias, sd, _limit(bias, sd, -1), _limit(bias, sd, 1), slope, slope_p)


def compare_volumes(
    table: pd.DataFrame, references: str | Mapping[str, str], *, confidence: float = 0.95
) -> pd.DataFrame:
    """Bland-Altman of raters' volumes against a reference, level by level.

    The table is ``exam, level, rater, ml``: `volumes` of several exams. `references` are rater to reference,
    such as a reader to the consensus of the others (a consensus that holds the own mask agrees too well), or
    one reference of every other rater; one without volumes is a StatisticsError. Returned are ``level, rater,
    reference, n``, then in ml ``bias, bias_low, bias_high, sd, lower, lower_low, lower_high, upper,
    upper_low, upper_high``, and ``slope, slope_low, slope_high, slope_p`` (ml per ml).
    """
    if isinstance(references, str):
        _check_rater(table, references)
        others = [rater for rater in dict.fromkeys(table.rater) if rater != references]
        references = dict.fromkeys(others, references)
    for name in (*references, *references.values()):
        _check_rater(table, name)
    rows = []
    for level, exams in _by_exam(table):
        for rater, reference in references.items():
            result = bland_altman(exams[rater].tolist(), exams[reference].tolist(), confidence=confidence)
            row = {"level": level, "rater": rater, "reference": reference, "n": result.bias.n}
            for name in ("bias", "lower", "upper", "slope"):
                interval = getattr(result, name)
                row |= {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}
                if name == "bias":
                    row["sd"] = result.sd
            rows.append(row | {"slope_p": result.slope_p})
    return pd.DataFrame(rows)


def volume_icc(table: pd.DataFrame, raters: Sequence[str], *, confidence: float = 0.95) -> pd.DataFrame:
    """Intraclass correlations of raters' volumes, level by level; the table is that of `compare_volumes`.

    Compared are two raters or more: the readers, without the consensus that is made of them. Returned are
    ``level`` and the columns of `evaluation.statistics.icc.icc`. A StatisticsError when a rater is unknown,
    or there are fewer than two exams or raters.
    """
    for rater in raters:
        _check_rater(table, rater)
    levels = [
        icc(exams[list(raters)].to_numpy(), confidence=confidence).assign(level=level)
        for level, exams in _by_exam(table)
    ]
    return pd.concat(levels, ignore_index=True)[["level", *ICC_COLUMNS]]


def _by_exam(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Level, and its volumes with a row an exam and a column a rater, in order of appearance."""
    raters = list(dict.fromkeys(table.rater))
    return [
        (level, rows.pivot(index="exam", columns="rater", values="ml")[raters])
        for level, rows in table.groupby("level", sort=False)
    ]


def _check_rater(table: pd.DataFrame, rater: str) -> None:
    if rater not in set(table.rater):
        raise StatisticsError(
            f"rater: found '{rater}', expected one of {', '.join(dict.fromkeys(table.rater))}"
        )


def _limit(bias: Interval, sd: float, side: int) -> Interval:
    """A limit of agreement, as of normal differences; its interval is by the noncentral t distribution."""
    if bias.n < 2:
        return _no_interval(bias)
    z = float(scipy.stats.norm.ppf((1 + LIMITS) / 2))
    tails = [(1 - bias.confidence) / 2, (1 + bias.confidence) / 2]
    quantiles = scipy.stats.nct.ppf(tails, bias.n - 1, z * np.sqrt(bias.n)) / np.sqrt(bias.n)
    low, high = sorted(bias.estimate + side * quantile * sd for quantile in quantiles)
    return replace(
        bias, estimate=bias.estimate + side * z * sd, low=low, high=high, coverage=bias.confidence,
        method="exact, noncentral t",
    )  # fmt: skip


def _slope(means: np.ndarray, differences: np.ndarray, bias: Interval) -> tuple[Interval, float]:
    """Least squares of differences on means, t interval and p value."""
    if bias.n < 3 or np.ptp(means) == 0:
        return replace(_no_interval(bias), method="no slope"), np.nan
    fit = scipy.stats.linregress(means, differences)
    half = float(scipy.stats.t.ppf((1 + bias.confidence) / 2, bias.n - 2) * fit.stderr)
    slope = replace(
        bias, estimate=float(fit.slope), low=float(fit.slope - half), high=float(fit.slope + half),
        coverage=bias.confidence, method="least squares, t",
    )  # fmt: skip
    return slope, float(fit.pvalue)


def _no_interval(bias: Interval) -> Interval:
    return replace(bias, estimate=np.nan, low=np.nan, high=np.nan, coverage=np.nan)
