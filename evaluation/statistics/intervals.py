"""How sure is a mean or a median of few exams: confidence intervals that hold at n = 10.

Values are Dice scores or their differences, one an exam or, with ``clusters``, one a knee. The two knees
of an exam are not independent; an interval that takes them for 2 n exams is too narrow, so exams are the
clusters. Bootstrap intervals are not offered: at n = 10 the percentile bootstrap covers 0.88 to 0.90 for
means and 0.93 for medians where it says 0.95 (benchmarks/coverage.py measures it).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import scipy
from scipy import special

#: Guards comparisons of exact probabilities with a level against the last digits of floating point.
_ROUNDING = 1e-12


class StatisticsError(ValueError):
    """A statistic is asked for that makes no sense; the message is one line."""


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval."""

    #: NaN when there is no value.
    estimate: float
    #: Bounds; NaN when there is no interval: fewer than two values (clusters).
    low: float
    high: float
    #: What was asked for, such as 0.95.
    confidence: float
    #: What the method promises: for t intervals the confidence asked for; for intervals of order statistics
    #: the exact probability, at least the confidence unless n is too small (`falls_short`); for medians by
    #: cluster the least probability that is promised. NaN when there is no interval.
    coverage: float
    #: Values in the estimate, and undefined ones (NaN), which are not.
    n: int
    n_left_out: int
    #: How the interval was made, in words for a table's note.
    method: str

    @property
    def is_defined(self) -> bool:
        """Whether there are bounds."""
        return not np.isnan(self.low)

    @property
    def falls_short(self) -> bool:
        """Whether so few values reach no interval of the confidence asked for: the widest is given."""
        return self.is_defined and self.coverage < self.confidence - _ROUNDING


def check_confidence(confidence: float) -> None:
    """StatisticsError for one that is not between 0 and 1, both excluded."""
    if not 0 < confidence < 1:
        raise StatisticsError(f"confidence: found {confidence:g}, expected between 0 and 1, such as 0.95")


def without_bounds(estimate: float, confidence: float, n: int, n_left_out: int, what: str) -> Interval:
    """The estimate alone, of fewer than two of `what`."""
    method = f"no interval: fewer than two {what} are defined"
    return Interval(estimate, np.nan, np.nan, confidence, np.nan, n, n_left_out, method)


def mean_interval(
    values: Sequence[float] | np.ndarray,
    clusters: Sequence[Hashable] | np.ndarray | None = None,
    *,
    confidence: float = 0.95,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Interval:
    """Mean with a t interval; by cluster with a variance robust to what a cluster's values share.

    By cluster: the variance CR2 with Satterthwaite's degrees of freedom of Bell and McCaffrey (2002,
    Survey Methodology 28:169; Pustejovsky and Tipton 2018, J Bus Econ Stat 36:672), which for clusters
    of one size is the t interval of the clusters' means. Of strongly skewed values, such as a sparse level
    that most miss, a t interval of ten covers a little less than it says (0.93); where one exam in ten fails
    altogether, far less (0.68 to 0.79, `benchmarks.coverage`): a median's interval then still holds.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        NaN is undefined: left out and counted.
    clusters : sequence, shape (n,), optional
        The exam of each value.
    bounds : tuple of float
        What the values can be, such as (0, 1): the interval is cut there, which takes no coverage.

    Raises
    ------
    StatisticsError
        When the confidence is not between 0 and 1, or values and clusters differ in number.
    """
    kept, groups, n_left_out = _defined(values, clusters, confidence)
    sizes = np.bincount(groups)
    estimate = float(kept.mean()) if len(kept) else np.nan
    if len(sizes) < 2:
        what = "values" if clusters is None else "clusters"
        return without_bounds(estimate, confidence, len(kept), n_left_out, what)
    if clusters is None:
        error, freedom, method = float(kept.std(ddof=1) / np.sqrt(len(kept))), float(len(kept) - 1), "t"
    else:
        error, freedom = _clustered_error(kept - estimate, groups, sizes)
        method = "t, clusters: CR2 variance, Satterthwaite degrees of freedom"
    half = float(special.stdtrit(freedom, (1 + confidence) / 2) * error)
    low, high = np.clip([estimate - half, estimate + half], *bounds)
    return Interval(estimate, float(low), float(high), confidence, confidence, len(kept), n_left_out, method)


def median_interval(
    values: Sequence[float] | np.ndarray,
    clusters: Sequence[Hashable] | np.ndarray | None = None,
    *,
    confidence: float = 0.95,
) -> Interval:
    """Median with an interval between two order statistics, whatever the distribution.

    Without clusters the interval runs from the k-th lowest to the k-th highest value, k as high as the
    binomial distribution allows (Thompson 1936, Ann Math Stat 7:122): for n = 10 from the 2nd to the 9th,
    coverage 0.979. The narrower interpolation of Hettmansperger and Sheather (1986, Stat Probab Lett 4:75)
    is a fifth narrower at n = 10 but promises nothing: normal values it covers 0.949, skewed ones 0.945.
    With ties the interval here covers more, never less.

    By cluster the interval holds every value that an exact sign test for clusters does not reject (tests of
    this kind: Gerard and Schucany 2007, Comput Stat Data Anal 51:4622). An exam whose two knees lie on both
    sides of the true median says nothing; where both lie on one side, either side is equally likely,
    because as many knees are below the median as above. So p is counted over all flips of whole exams, and
    nothing is assumed about how alike two knees are. Exact for clusters of one or two values; for larger
    ones a cluster's surplus above the median must be distributed symmetrically.

    With fewer than six values (clusters) 0.95 cannot be reached: lowest to highest value, and
    `Interval.coverage` is the true one, 1 - 2 ** (1 - n). Parameters and errors as in `mean_interval`.
    """
    kept, groups, n_left_out = _defined(values, clusters, confidence)
    n_clusters = len(np.bincount(groups))
    estimate = float(np.median(kept)) if len(kept) else np.nan
    if n_clusters < 2:
        what = "values" if clusters is None else "clusters"
        return without_bounds(estimate, confidence, len(kept), n_left_out, what)
    if clusters is None:
        low, high, coverage, method = _order_statistics(np.sort(kept), confidence)
    else:
        low, high = _not_rejected(kept, groups, confidence)
        coverage = min(confidence, 1 - 2.0 ** (1 - n_clusters))
        method = "exact sign test for clusters"
    return Interval(estimate, low, high, confidence, coverage, len(kept), n_left_out, method)


def _defined(
    values: Sequence[float] | np.ndarray, clusters: Sequence[Hashable] | np.ndarray | None, confidence: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Values that are not NaN, the number of the cluster of each, and how many were left out."""
    check_confidence(confidence)
    array = np.asarray(values, dtype=float)
    names = np.arange(len(array)) if clusters is None else np.asarray(clusters)
    if names.shape != array.shape:
        raise StatisticsError(f"clusters: found {len(names)}, expected one for each of {len(array)} values")
    defined = ~np.isnan(array)
    kept = array[defined]
    # Of numbers in order pandas would say the same, slowly.
    groups = np.arange(len(kept)) if clusters is None else pd.factorize(names[defined])[0]
    return kept, groups, len(array) - len(kept)


def _clustered_error(residuals: np.ndarray, groups: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """Standard error CR2 of a mean and its degrees of freedom, in closed form for a constant alone."""
    share = sizes / sizes.sum()
    scale = 1 / np.sqrt(1 - share)
    variance = float(((np.bincount(groups, residuals) / sizes.sum() * scale) ** 2).sum())
    # Covariance of the clusters' contributions if values were independent: the working model.
    working = np.outer(scale, scale) * (np.diag(share) - np.outer(share, share))
    freedom = float(np.trace(working) ** 2 / (working**2).sum())
    return float(np.sqrt(variance)), freedom


def _order_statistics(ordered: np.ndarray, confidence: float) -> tuple[float, float, float, str]:
    n = len(ordered)
    coverages = _coverages(n)
    # The innermost that is enough; where none is, the outermost.
    k = max(1, int((coverages >= confidence - _ROUNDING).sum()))
    low, high, coverage = float(ordered[k - 1]), float(ordered[n - k]), float(coverages[k - 1])
    return low, high, coverage, f"order statistics {k} and {n - k + 1} of {n}"


@lru_cache(maxsize=256)
def _coverages(n: int) -> np.ndarray:
    """Of the intervals from the k-th lowest to the k-th highest of n values, k = 1, 2, ..."""
    places = np.arange(1, n // 2 + 1)
    return 1 - 2 * scipy.stats.binom.cdf(places - 1, n, 0.5)


def _not_rejected(values: np.ndarray, groups: np.ndarray, confidence: float) -> tuple[float, float]:
    """Lowest and highest median that the sign test for clusters does not reject.

    Between two neighbouring values every median gives the same signs, so each gap is tested once.
    """
    distinct = np.unique(values)
    signs = np.where(values <= distinct[:-1, None], 1, -1)
    # Of each gap and cluster; whole numbers, so that the product is exact.
    surplus = signs @ (groups[:, None] == np.arange(groups.max() + 1))
    weights, totals = np.sort(np.abs(surplus), axis=1).tolist(), np.abs(surplus.sum(axis=1)).tolist()
    kept = [
        place
        for place, (of_clusters, total) in enumerate(zip(weights, totals, strict=True))
        if _sign_flip_p(tuple(filter(None, of_clusters)), total) > 1 - confidence + _ROUNDING
    ]
    if not kept:
        # So many values are equal that every median but theirs is rejected.
        middle = float(np.median(values))
        return middle, middle
    return float(distinct[kept[0]]), float(distinct[kept[-1] + 1])


@lru_cache(maxsize=4096)
def _sign_flip_p(weights: tuple[int, ...], total: int) -> float:
    """Probability that whole numbers with random signs sum to at least `total`, or to minus that."""
    chances = np.ones(1)
    for weight in weights:
        chances = np.convolve(chances, np.r_[0.5, np.zeros(2 * weight - 1), 0.5])
    sums = np.arange(-sum(weights), sum(weights) + 1)
    return float(chances[np.abs(sums) >= total].sum())
