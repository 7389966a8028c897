"""What normal theory says of a number of exams, by Student's t: what a simulation is held against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

#: Exams beyond which no plan looks.
MOST = 1000


def t_power(n: int, difference: float, sd: float, alpha: float) -> float:
    """Power of the one-sided paired t test that a mean difference is above 0, by the noncentral t.

    Examples
    --------
    >>> round(t_power(34, 0.05, 0.1, 0.025), 3)
    0.808
    """
    if n < 2:
        return 0.0
    critical = stats.t.ppf(1 - alpha, n - 1)
    return float(stats.nct.sf(critical, n - 1, difference / sd * np.sqrt(n)))


def t_narrow(n: int, half_width: float, sd: float, confidence: float) -> float:
    """Share of studies whose t interval of the mean has a half width of at most so much.

    By the chi-square distribution of the variance (Kupper and Hafner 1989, Am Stat 43:101; not opened).
    """
    if n < 2:
        return 0.0
    t = stats.t.ppf((1 + confidence) / 2, n - 1)
    return float(stats.chi2.cdf((n - 1) * n * (half_width / (t * sd)) ** 2, n - 1))


def fewest(reached: Callable[[int], bool], *, start: int = 2, least: int = 2, most: int = MOST) -> int | None:
    """The smallest number from `least` to `most` that reaches something; None where none does.

    By bisection around `start`: what a number reaches, larger ones are taken to reach too.
    """
    n = min(max(start, least), most)
    step = max(1, n // 8)
    if reached(n):
        high, low = n, least - 1
        while high - step >= least:
            if not reached(high - step):
                low = high - step
                break
            high, step = high - step, 2 * step
    else:
        low = n
        while True:
            if low == most:
                return None
            high = min(low + step, most)
            if reached(high):
                break
            low, step = high, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high
