r"""The mean difference of two methods, each trained with several seeds, over exams and seeds.

The score of a network with seed s of method m on exam e is modelled as

.. math:: y_{mse} = \mu_m + a_e + (am)_{me} + b_{ms} + \varepsilon_{mse}

with random exams, exams within a method, seeds within a method and a rest whose variances may differ
between the methods. Of n exams and k seeds of a method, all scored, with d_e the difference of the means over
seeds on an exam, and \bar y_{ms} the mean of a network over exams, the mean difference has the variance

.. math:: \frac{S^2(d_e)}{n} + \sum_m \frac{1}{k_m} \left(S^2(\bar y_{ms}) - \frac{\mathrm{MSE}_m}{n}\right)

The first term holds what exams do, the rest included; what is left of the spread between networks' means when
that rest is taken away (MSE: the mean square of what neither exam nor seed explains) is what seeds do, and
never below 0. It is the analysis of variance by moments, and with as many seeds of equal variances what REML
gives (statsmodels' MixedLM, in the test). Degrees of freedom after Satterthwaite (Biometrics Bulletin 1946;
2:110, not opened), of which few seeds leave few.

Of normal scores, 10 or 40 exams and 3 seeds of each, intervals of 95 % hold the true difference in 92.5 to
98 % of studies, least where one method alone differs from seed to seed; with 2 seeds in as little as 87 %.
Over exams alone, of a spread between seeds as large as that between exams, they hold it in 31 to 60 %
(`python -m benchmarks seeds`). So two seeds are too few to call anything clear.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from evaluation.statistics.intervals import StatisticsError


@dataclass(frozen=True)
class Crossed:
    """A mean difference, its intervals, and the spreads that they rest on; NaN where there is none."""

    n_exams: int
    difference: float = np.nan
    #: Between the means over exams of the networks of each method; NaN of one that has no seeds.
    sd_seeds: float = np.nan
    sd_seeds_other: float = np.nan
    #: Between exams, of the difference of the means over seeds.
    sd_exams: float = np.nan
    #: Over exams and seeds.
    low: float = np.nan
    high: float = np.nan
    #: Over exams alone, as if there was no other network of either method.
    exams_low: float = np.nan
    exams_high: float = np.nan
    degrees: float = np.nan
    #: Two-sided, of no difference, over exams and seeds.
    p: float = np.nan


def crossed_difference(
    ours: np.ndarray, theirs: np.ndarray | None = None, *, confidence: float = 0.95
) -> Crossed:
    """The mean of one method's scores minus that of another's, with what exams and seeds make of it.

    Parameters
    ----------
    ours : array, shape (seeds, exams)
        A row a network, two at least; no missing values.
    theirs : array, shape (seeds, exams), optional
        Of the other method, on the same exams. None where `ours` are differences to something without
        seeds, such as the median reader.

    Raises
    ------
    StatisticsError
        When a method has fewer than two networks, or the exams are not the same in number.

    Examples
    --------
    >>> ours, theirs = np.array([[0.8, 0.7, 0.9], [0.6, 0.7, 0.8]]), np.array([[0.5, 0.5, 0.6]] * 2)
    >>> found = crossed_difference(ours, theirs)
    >>> round(found.difference, 3), round(found.sd_seeds, 3), round(found.sd_seeds_other, 3)
    (0.217, 0.071, 0.0)
    """
    methods = [ours] if theirs is None else [ours, theirs]
    n = ours.shape[1]
    if any(len(of) < 2 for of in methods) or any(of.shape[1] != n for of in methods):
        shapes = ", ".join(f"{of.shape[0]} seeds x {of.shape[1]} exams" for of in methods)
        raise StatisticsError(f"seeds: found {shapes}, expected two seeds at least, on the same exams")
    if not 0 < confidence < 1:
        raise StatisticsError(f"confidence: found {confidence:g}, expected a number between 0 and 1")
    if not n:
        return Crossed(0)
    differences = ours.mean(axis=0) - (0 if theirs is None else theirs.mean(axis=0))
    spreads = [float(of.mean(axis=1).std(ddof=1)) for of in methods]
    sd, other = (*spreads, np.nan)[:2]
    found = Crossed(n, float(differences.mean()), sd, other)
    if n == 1:
        return found
    sd_exams = float(differences.std(ddof=1))
    found, of_exams = replace(found, sd_exams=sd_exams), sd_exams**2 / n
    # Variances with the squares that Satterthwaite's degrees of freedom are made of.
    parts = [(of_exams, of_exams**2 / (n - 1)), *map(_of_seeds, methods)]
    variance = sum(part for part, _ in parts)
    if variance <= 1e-24:  # floating point's: without any spread there is nothing to judge by
        return found
    degrees = variance**2 / sum(square for _, square in parts)
    half, of_exams_half = (
        _half(part, df, confidence) for part, df in ((variance, degrees), (of_exams, n - 1))
    )
    mean = found.difference
    return replace(
        found, low=mean - half, high=mean + half, exams_low=mean - of_exams_half,
        exams_high=mean + of_exams_half, degrees=degrees,
        p=float(2 * special.stdtr(degrees, -abs(mean) / variance**0.5)),
    )  # fmt: skip


def _of_seeds(scores: np.ndarray) -> tuple[float, float]:
    """What seeds add to the variance of a method's mean, and its part in the degrees of freedom."""
    k, n = scores.shape
    networks = scores.mean(axis=1)
    rest = scores - networks[:, None] - scores.mean(axis=0) + scores.mean()
    of_means, of_rest = networks.var(ddof=1) / k, (rest**2).sum() / ((k - 1) * (n - 1) * n * k)
    if of_means <= of_rest:
        return 0.0, 0.0
    return float(of_means - of_rest), float(of_means**2 / (k - 1) + of_rest**2 / ((k - 1) * (n - 1)))


def _half(variance: float, degrees: float, confidence: float) -> float:
    return float(special.stdtrit(degrees, (1 + confidence) / 2)) * variance**0.5
