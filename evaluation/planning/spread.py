"""What a pilot says of paired differences, and how sure it is: the ground that a plan stands on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats
from scipy.special import ndtr

from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.signed_rank import hodges_lehmann
from evaluation.statistics.words import plural

#: One-sided confidence of a pilot's limits: 80 %, as Browne (1995, Stat Med 14:1933; not opened) advises.
LIMIT = 0.8
# Scores that differ by less do not differ.
_DECIMALS = 12


@dataclass(frozen=True, eq=False)
class Spread:
    """Differences of two raters, exam by exam (more than 0: the first is better).

    Of a pilot (`of`) or, without one, distributed normally (`normal`).
    """

    #: Hodges and Lehmann's estimate, or the mean that was given.
    difference: float
    sd: float
    #: Exams that both are estimated from; 0 where they are taken for known.
    n: int
    #: Exams that have no difference, since neither marked what is not there.
    n_undefined: int = 0
    #: Of the exams with a difference, those in which it is 0.
    n_equal: int = 0
    #: A pilot's differences as they are drawn from, in units of their standard deviation, about a
    #: pseudo-median of 0: normal noise of `width` is added to each. None: all noise, of width 1.
    centres: np.ndarray | None = None
    width: float = 1.0
    #: Lower limit of the difference, one-sided at `LIMIT`; NaN where it is taken for known.
    lower: float = np.nan

    @classmethod
    def of(cls, differences: Sequence[float] | np.ndarray) -> Spread:
        """Of a pilot's differences, NaN where there is none.

        Raises
        ------
        StatisticsError
            When fewer than three exams have a difference, or they are all equal.
        """
        values = np.asarray(differences, dtype=float)
        defined = values[~np.isnan(values)]
        n = len(defined)
        if n < 3:
            raise StatisticsError(
                f"pilot: found {plural(n, 'exam')} with a difference, expected three or more to tell "
                "how much they vary"
            )
        sd = float(np.round(defined, _DECIMALS).std(ddof=1))
        if not sd > 10.0**-_DECIMALS:
            raise StatisticsError(
                f"pilot: found the same difference {defined[0]:g} in all {n} exams, expected some that vary; "
                "a pilot without variation says nothing of the next study"
            )
        found = hodges_lehmann(defined, confidence=2 * LIMIT - 1)
        centres, width = _smoothed(defined)
        n_equal = int((np.round(defined, _DECIMALS) == 0).sum())
        return cls(found.estimate, sd, n, len(values) - n, n_equal, centres, width, found.low)

    @classmethod
    def normal(cls, difference: float, sd: float, n: int = 0) -> Spread:
        """Of a mean and a standard deviation of differences, of `n` exams or (0) taken for known.

        Raises
        ------
        StatisticsError
            When the standard deviation is not above 0, or `n` is 1 or below 0.
        """
        if not 0 < sd < np.inf:
            raise StatisticsError(f"sd: found {sd:g}, expected a standard deviation above 0")
        if not np.isfinite(difference):
            raise StatisticsError(f"mean: found {difference:g}, expected a finite difference")
        if n == 1 or n < 0:
            raise StatisticsError(f"exams: found {n}, expected two or more that the SD is of")
        lower = difference - float(stats.t.ppf(LIMIT, n - 1)) * sd / np.sqrt(n) if n else np.nan
        return cls(difference, sd, n, lower=float(lower))

    @property
    def sd_limits(self) -> tuple[float, float]:
        """Lower and upper limit of the standard deviation, each one-sided at `LIMIT`.

        By chi-square, so for differences distributed normally; NaN where it is taken for known.
        """
        if not self.n:
            return np.nan, np.nan
        freedom = self.n - 1
        quantiles = stats.chi2.ppf([LIMIT, 1 - LIMIT], freedom)
        low, high = self.sd * np.sqrt(freedom / quantiles)
        return float(low), float(high)

    @property
    def share_defined(self) -> float:
        """Of the pilot's exams, those that have a difference."""
        return self.n / (self.n + self.n_undefined) if self.n else 1.0

    def drawn(self, uniform: np.ndarray, normal: np.ndarray, difference: float, sd: float) -> np.ndarray:
        """Differences of new exams, from uniform and normal random numbers of the same shape.

        `difference` is their pseudo-median, what Hodges and Lehmann's estimate estimates.
        """
        if self.centres is None:
            return difference + sd * normal
        places = (uniform * len(self.centres)).astype(int)
        return difference + sd * (self.centres[places] + self.width * normal)


def _smoothed(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Centres and noise of the smoothed bootstrap that keeps the standard deviation, which is then 1.

    Silverman and Young (1987, Biometrika 74:469; not opened), Silverman's width 0.9 n ** -0.2. Ten values
    drawn again as they are tie so often that intervals shrink to nothing, as those of new exams do not.
    """
    width = 0.9 * len(values) ** -0.2
    # The population drawn from has the pilot's standard deviation, not that of n - 1 in n.
    centres = np.sort(values - values.mean()) / values.std() / np.sqrt(1 + width**2)
    noise = width / np.sqrt(1 + width**2)
    walsh = (centres[:, None] + centres).ravel() / 2

    def below(middle: float) -> float:
        return float(ndtr((middle - walsh) / (noise / np.sqrt(2))).mean()) - 0.5

    middle = optimize.brentq(below, centres[0] - 1, centres[-1] + 1, xtol=1e-12)
    return centres - middle, float(noise)
