"""What normal theory says, to hold simulations against."""

from __future__ import annotations

import numpy as np
from scipy import stats


def t_half_width(n: int, share: float, sd: float, confidence: float) -> float:
    """Half width of the t interval of a mean that a share of studies does not pass."""
    t = stats.t.ppf((1 + confidence) / 2, n - 1)
    return float(t * sd / np.sqrt(n) * np.sqrt(stats.chi2.ppf(share, n - 1) / (n - 1)))
