"""Probabilities beside what readers marked: how far off they are, and whether 80 % means 80 %.

Held against each reader, and against the readers' votes: the share of them who marked a voxel so. The Brier
score is the mean squared distance (of all labels the sum over labels, 0 to 2; of one level 0 to 1). The
expected calibration error puts voxels into bins by their probability (of all labels by that of the likeliest)
and is the mean distance, over voxels, of the mean probability in a bin from how often it was so. Guo, Pleiss,
Sun and Weinberger, ICML 2017 (not opened); bins as those of torchmetrics 1.9.0, but that 1 is in the last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from evaluation.statistics.intervals import mean_interval
from evaluation.statistics.resampling import jackknife_variance

#: Bins of a tenth part of a probability's range and a half: as most papers have.
BINS = 15
#: What is held against the readers together, and the row of all labels as one.
VOTES, ALL = "votes", "all labels"
#: The voxels that count: those that a reader or the model marked, or all of the image.
UNION, VOLUME = "union", "volume"

#: Columns of `calibration_of`: `floor` is the smallest Brier score against a reader drawn at random that any
#: probabilities could have, that of the vote shares themselves; `excess` mean probability minus mean share.
COLUMNS = ["model", "against", "level", "region", "n_voxels", "brier", "ece", "excess", "floor"]
#: Columns of the bins: sums over voxels.
BIN_COLUMNS = ["model", "against", "level", "region", "bin", "n", "probability", "observed"]
#: Columns of `summarise_calibration`: Brier scores are means over exams, the others of all voxels.
SUMMARY_COLUMNS = [
    "model", "against", "level", "region", "brier", "brier_low", "brier_high", "floor", "ece", "ece_low",
    "ece_high", "excess", "excess_low", "excess_high", "n_voxels", "n_exams",
]  # fmt: skip
#: Columns of `reliability`.
RELIABILITY_COLUMNS = [
    "model", "against", "level", "region", "from", "to", "n_voxels", "probability", "observed",
]  # fmt: skip

_OF = ["model", "against", "level", "region"]


@dataclass(frozen=True, eq=False)
class Calibration:
    """Of an exam: `COLUMNS`, and bins, `BIN_COLUMNS`."""

    scores: pd.DataFrame
    bins: pd.DataFrame


def calibration_of(
    probabilities: Mapping[str, np.ndarray],
    readers: Mapping[str, np.ndarray],
    labels: Sequence[int],
    levels: Mapping[str, Sequence[int]],
    *,
    ignored: np.ndarray | None = None,
    bins: int = BINS,
) -> Calibration:
    """Probabilities of an exam against its readers.

    Parameters
    ----------
    probabilities : mapping of str to ndarray, shape (labels, ...)
        Model to what it gives each label in every voxel, in the order of `labels`; each voxel's sum is 1.
    readers : mapping of str to ndarray
        Reader to label map, one or more.
    labels : sequence of int
        Background first.
    levels : mapping of str to sequence of int
        Level or group to its values.
    ignored : ndarray of bool, optional
        Voxels that count nowhere.

    Examples
    --------
    >>> net = np.array([[0.9, 0.4, 0.2], [0.1, 0.6, 0.8]])
    >>> anna, ben = np.array([0, 1, 1]), np.array([0, 0, 1])
    >>> found = calibration_of({"net": net}, {"anna": anna, "ben": ben}, [0, 1], {"signal": [1]})
    >>> of_votes = found.scores.query("against == 'votes' and region == 'union' and level == 'signal'")
    >>> of_votes.round(3).iloc[:, 4:].values.tolist()
    [[2.0, 0.025, 0.15, -0.05, 0.125]]
    """
    scores: list[tuple] = []
    binned: list[tuple] = []
    if not probabilities:
        return Calibration(pd.DataFrame(columns=COLUMNS), pd.DataFrame(columns=BIN_COLUMNS))
    kept = slice(None) if ignored is None else ~ignored.ravel()
    drawn = {reader: mask.ravel()[kept] for reader, mask in readers.items()}
    marked = np.logical_or.reduce([mask != 0 for mask in drawn.values()])
    # Who calls a voxel what, once for all models.
    places = {reader: _places(mask, labels) for reader, mask in drawn.items()}
    shares = np.stack(
        [sum((mask == label).astype(np.float32) for mask in drawn.values()) for label in labels]
    )
    shares /= len(drawn)
    for model, given in probabilities.items():
        each = given.reshape(len(labels), -1)[:, kept].astype(np.float64)
        top = each.argmax(axis=0)
        regions = {UNION: marked | (top != 0), VOLUME: np.ones(len(top), bool)}
        for level, values in {**{name: tuple(of) for name, of in levels.items()}, ALL: None}.items():
            if values is None:
                p = each.max(axis=0)
                outcomes = {reader: (place == top).astype(float) for reader, place in places.items()}
                squares = (each**2).sum(axis=0)
                off = {
                    reader: squares - 2 * np.take_along_axis(each, place[np.newaxis], 0)[0] + 1
                    for reader, place in places.items()
                }
                off[VOTES] = ((each - shares) ** 2).sum(axis=0)
                spread = 1 - (shares.astype(float) ** 2).sum(axis=0)
            else:
                rows = [labels.index(value) for value in values]
                p = each[rows].sum(axis=0)
                outcomes = {reader: np.isin(mask, values).astype(float) for reader, mask in drawn.items()}
                off = {reader: (p - outcome) ** 2 for reader, outcome in outcomes.items()}
                share = np.mean(list(outcomes.values()), axis=0)
                off[VOTES], spread = (p - share) ** 2, share * (1 - share)
            outcomes[VOTES] = np.mean([outcomes[reader] for reader in drawn], axis=0)
            place = np.minimum((p * bins).astype(int), bins - 1)
            for region, inside in regions.items():
                n = int(inside.sum())
                numbers = place[inside]
                counts = np.bincount(numbers, minlength=bins)
                summed = np.bincount(numbers, p[inside], bins)
                floor = float(spread[inside].mean()) if n else np.nan
                for against, outcome in outcomes.items():
                    key = model, against, level, region
                    observed = np.bincount(numbers, outcome[inside], bins)
                    brier = float(off[against][inside].mean()) if n else np.nan
                    found = _of_bins(counts, summed, observed)
                    scores.append((*key, n, brier, *found, floor if against == VOTES else np.nan))
                    binned += [
                        (*key, number, int(counts[number]), summed[number], observed[number])
                        for number in np.flatnonzero(counts)
                    ]
    return Calibration(pd.DataFrame(scores, columns=COLUMNS), pd.DataFrame(binned, columns=BIN_COLUMNS))


def summarise_calibration(
    scores: pd.DataFrame, bins: pd.DataFrame, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Of all exams, `SUMMARY_COLUMNS`; both tables with ``exam``.

    Intervals are of exams: of the Brier score t, of the others the jackknife's, which are approximate and, of
    an error that cannot be below 0, lie a little high where calibration is good.
    """
    sums = bins.set_index([*_OF, "exam", "bin"])[["n", "probability", "observed"]].sort_index()
    rows = []
    for key, group in scores.groupby(_OF, sort=False):
        there = group[group.n_voxels > 0]
        brier = mean_interval(there.brier.to_numpy(), confidence=confidence, bounds=(0, 2))
        pooled = _pooled(sums.loc[key], list(there.exam), confidence) if len(there) else [(np.nan,) * 3] * 2
        floor = float(there.floor.mean()) if len(there) else np.nan
        rows.append((
            *key, brier.estimate, brier.low, brier.high, floor, *pooled[0], *pooled[1],
            int(there.n_voxels.sum()), len(there),
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def reliability(bins: pd.DataFrame, *, n_bins: int = BINS) -> pd.DataFrame:
    """Mean probability of every bin beside how often it was so, of all exams: `RELIABILITY_COLUMNS`."""
    sums = bins.groupby([*_OF, "bin"], sort=False)[["n", "probability", "observed"]].sum().reset_index()
    found = sums.assign(
        **{"from": sums.bin / n_bins, "to": (sums.bin + 1) / n_bins, "n_voxels": sums.n},
        probability=sums.probability / sums.n,
        observed=sums.observed / sums.n,
    )
    return found.sort_values("bin", kind="stable")[RELIABILITY_COLUMNS].reset_index(drop=True)


def _places(mask: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """The place of every voxel's value among the labels."""
    table = np.zeros(max(labels) + 1, np.intp)
    table[list(labels)] = range(len(labels))
    return table[mask]


def _of_bins(n: np.ndarray, probability: np.ndarray, observed: np.ndarray) -> tuple[float, float]:
    """Expected calibration error and excess, of sums by bin along the last axis."""
    total = n.sum()
    if not total:
        return np.nan, np.nan
    apart = probability - observed
    return float(np.abs(apart).sum() / total), float(apart.sum() / total)


def _pooled(sums: pd.DataFrame, exams: Sequence[str], confidence: float) -> list[tuple[float, float, float]]:
    """Error and excess of all exams' voxels, each with the jackknife's bounds over exams."""
    tables = np.stack([
        sums[name].unstack(fill_value=0).reindex(exams, fill_value=0).to_numpy(float)
        for name in ("n", "probability", "observed")
    ])  # fmt: skip
    whole = tables.sum(axis=1)
    found = _of_bins(*whole)
    n = len(exams)
    if n < 2:
        return [(each, np.nan, np.nan) for each in found]
    without = np.array([_of_bins(*(whole - tables[:, place])) for place in range(n)])
    t = float(scipy.stats.t.ppf((1 + confidence) / 2, n - 1))
    halves = [t * np.sqrt(jackknife_variance(without[:, column])) for column in range(2)]
    lowest = 0.0, -1.0
    return [
        (each, max(low, each - half), min(1.0, each + half))
        for each, half, low in zip(found, halves, lowest, strict=True)
    ]
