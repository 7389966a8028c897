"""Cohen's kappa of two raters, voxel by voxel: weighted where labels are levels in rising order.

Voxels of all exams are pooled, exams are the sample. A kappa is given on two sets of voxels, as alpha is
(`evaluation.scores.agreement`): the *union*, what at least one of the two marks, and the whole *volume*. On
the union voxels on which both see nothing are left out by construction, so that chance is not 0 there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np
import pandas as pd

from evaluation.consensus.all_votes import AllVotes
from evaluation.consensus.votes import Votes
from evaluation.scores.agreement import VOXELS
from evaluation.statistics.chance_corrected import Weights, disagreement_weights
from evaluation.statistics.intervals import StatisticsError, check_confidence
from evaluation.statistics.words import count_of, with_interval
from evaluation.table import Table

#: Columns of `pairwise_kappa`, in order.
COLUMNS = ["voxels", "weights", "rater", "other", "kappa", "low", "high", "n_defined", "n", "n_voxels"]
#: Weights of labels, by whether they are levels in rising order.
WEIGHTS: dict[bool, tuple[Weights, ...]] = {True: ("linear", "quadratic"), False: ("none",)}

#: Draws of exams.
_SAMPLES = 1000
#: A standard error below is none: exams that are all alike.
_NO_ERROR = 1e-12


def pairwise_kappa(
    exams: Mapping[str, Votes | AllVotes],
    readers: Sequence[str],
    *,
    ordered: bool = True,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Cohen's kappa of every reader with every other rater, all exams' voxels pooled.

    `COLUMNS`: a row one of `VOXELS`, weights and pair. The interval is a bootstrap-t over exams, the standard
    error by the infinitesimal jackknife; NaN of fewer than two exams, or where most draws have no error.
    ``n_defined`` of the ``n`` exams that both drew have voxels there. NaN where both gave one label alone.

    Raises
    ------
    StatisticsError
        When there is no exam, or the confidence is not between 0 and 1.

    References
    ----------
    Cohen. Psychological Bulletin 1968; 70:213 (not opened). Efron, Tibshirani. An Introduction to the
    Bootstrap, section 12.5 (not opened).
    """
    if not exams:
        raise StatisticsError("kappa: found no exam, expected one or more")
    check_confidence(confidence)
    n_labels = len(next(iter(exams.values())).labels)
    raters = list(dict.fromkeys(rater for votes in exams.values() for rater in votes.raters))
    pairs = [pair for pair in combinations(raters, 2) if {*pair} & {*readers}]
    rows = []
    for voxels in VOXELS:
        for name in WEIGHTS[ordered]:
            weights = disagreement_weights(n_labels, name)
            for pair in pairs:
                both = [votes.together(*pair) for votes in exams.values() if {*pair} <= {*votes.raters}]
                tables = np.array(both, float).reshape(-1, n_labels, n_labels)
                if voxels == VOXELS[0]:
                    tables[:, 0, 0] = 0
                counted = tables.sum(axis=(1, 2))
                found = _Pooled(tables, weights).interval(_draws(len(both), seed), confidence)
                told = int((counted > 0).sum()), len(both), int(counted.sum())
                rows.append((voxels, name, *pair, *found, *told))
    return pd.DataFrame(rows, columns=COLUMNS)


_VOXELS = {"union": "marked voxels", "volume": "whole volume"}


def kappa_table(found: pd.DataFrame, *, title: str, notes: Sequence[str] = ()) -> Table:
    """`pairwise_kappa` as a printed table, a row a set of voxels and pair, a column a kind of weights."""
    kinds = list(dict.fromkeys(found.weights))
    rows = []
    for (voxels, rater, other), pair in found.groupby(["voxels", "rater", "other"], sort=False):
        each = pair.set_index("weights").loc[kinds]
        cells = [with_interval(row.kappa, row.low, row.high) for row in each.itertuples()]
        one = pair.iloc[0]
        rows.append([f"{rater} and {other}, {_VOXELS[str(voxels)]}", *cells, count_of(one.n_defined, one.n)])
    columns = [f"Kappa{'' if kind == 'none' else f', {kind} weights'} (95 % interval)" for kind in kinds]
    told = [
        "Cohen's kappa of all exams' voxels together; intervals: bootstrap-t over exams.",
        "Marked voxels: those that at least one of the two marks.",
    ]
    if "linear" in kinds:
        told.append("Weights count a disagreement by the steps between the two levels, or their square.")
    return Table(title, ["Raters, voxels", *columns, "Exams"], rows, [*told, *notes], found)


@lru_cache(maxsize=64)
def _draws(n: int, seed: int) -> np.ndarray:
    """How often each of n exams is drawn, of shape (S, n); there may be none."""
    if not n:
        return np.zeros((_SAMPLES, 0), int)
    # As small as they are: those of many exams are kept too.
    return np.random.default_rng(seed).multinomial(n, [1 / n] * n, _SAMPLES).astype(np.min_scalar_type(n))


class _Pooled:
    """Kappa of tables (n, L, L) added up, each so many times."""

    def __init__(self, tables: np.ndarray, weights: np.ndarray) -> None:
        self._observed = (tables * weights).sum(axis=(1, 2))
        self._voxels = tables.sum(axis=(1, 2))
        self._first, self._second = tables.sum(axis=2), tables.sum(axis=1)
        self._weights = weights

    def of(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Kappa and its standard error (S,) when each exam counts so many times, shape (S, n)."""
        observed, voxels = times @ self._observed, times @ self._voxels
        first, second = times @ self._first, times @ self._second
        # What two raters who decide by chance, with these shares, would disagree by (times voxels).
        weighted = first @ self._weights
        expected = (weighted * second).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            kappa = 1 - voxels * observed / expected
            by_exam = self._first @ (second @ self._weights.T).T + self._second @ weighted.T
            slopes = np.outer(self._observed, voxels) + np.outer(self._voxels, observed)
            slopes = (slopes - by_exam * (voxels * observed / expected)) / expected
            n = times.sum(axis=1)
            error = np.sqrt(n / (n - 1) * (times.T * slopes**2).sum(axis=0))
        return kappa, error

    def interval(self, drawn: np.ndarray, confidence: float) -> tuple[float, float, float]:
        """Kappa, low and high; NaN where there is none."""
        if not self._voxels.sum():
            return np.nan, np.nan, np.nan
        (kappa,), (error,) = self.of(np.ones((1, len(self._voxels))))
        if not np.isfinite(kappa):
            return np.nan, np.nan, np.nan
        if len(self._voxels) < 2 or not error > _NO_ERROR:
            return float(kappa), np.nan, np.nan
        kappas, errors = self.of(drawn)
        defined = np.isfinite(kappas) & (errors > _NO_ERROR)
        if 2 * defined.sum() <= len(drawn):
            return float(kappa), np.nan, np.nan
        t = (kappas[defined] - kappa) / errors[defined]
        low, high = kappa - np.quantile(t, [(1 + confidence) / 2, (1 - confidence) / 2]) * error
        return float(kappa), float(max(low, -1.0)), float(min(high, 1.0))
