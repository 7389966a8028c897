"""The bootstrap over cases, and what it says of a ranking: its spread, probabilities, stability."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from evaluation.ranking.rules import Rules
from evaluation.ranking.score_table import TaskScores

# Rows that are counted at a time: a byte holds their number.
_ROWS = 255


def draw(tasks: Sequence[TaskScores], rules: Rules) -> list[np.ndarray]:
    """How often each case is in each bootstrap sample, an array (cases, samples) a task.

    As many cases as the task has, with replacement. Tasks with the same cases share their samples: the case
    is the unit, and its scores in all tasks stay together. The numbers depend on the seed and on the
    names of the cases only, so they are the same whatever other tasks there are.
    """
    drawn = {cases: _draw(cases, rules) for cases in {task.cases for task in tasks}}
    return [drawn[task.cases] for task in tasks]


def _draw(cases: tuple[str, ...], rules: Rules) -> np.ndarray:
    n = len(cases)
    names = hashlib.sha256("\n".join(cases).encode()).digest()
    random = np.random.default_rng([rules.seed, int.from_bytes(names[:8], "big")])
    picked = random.integers(0, n, (rules.bootstraps, n))
    samples = np.arange(rules.bootstraps)[:, None]
    counts = np.bincount((picked * rules.bootstraps + samples).ravel(), minlength=n * rules.bootstraps)
    return counts.reshape(n, rules.bootstraps).astype(float)


def rank_spread(ranks: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Between which ranks the middle of the samples lies, of ranks (samples, algorithms); NaN without any.

    On each side lie at most (1 - confidence) / 2 of the samples outside, and no tighter span of whole ranks
    has that property. It is no interval: at ten cases the spans of six algorithms hold all their true ranks
    in far fewer boards than `confidence` (``benchmarks.rank_coverage``).
    """
    n = len(ranks)
    if not n:
        return np.full(ranks.shape[1], np.nan), np.full(ranks.shape[1], np.nan)
    outside = int((1 - confidence) / 2 * n + 1e-9)
    ordered = np.sort(ranks, axis=0)
    return ordered[outside].astype(float), ordered[n - 1 - outside].astype(float)


def rank_probabilities(ranks: np.ndarray) -> np.ndarray:
    """Share of samples in which an algorithm (row) has a rank (column, from 1); needs a sample."""
    n_samples, n = ranks.shape
    cells = np.bincount((np.arange(n) * n + ranks - 1).ravel(), minlength=n * n)
    return cells.reshape(n, n) / n_samples


def rank_stability(
    ranks: np.ndarray, observed: np.ndarray, confidence: float
) -> tuple[float, float, float, int]:
    """Median, low and high of Kendall's tau-b between the samples' rankings and the ranking.

    The last number counts samples where it is undefined: they are in none of the others.
    """
    taus = kendall_tau(ranks, observed)
    defined = taus[~np.isnan(taus)]
    if not len(defined):
        return np.nan, np.nan, np.nan, len(taus)
    tail = (1 - confidence) / 2
    middle, low, high = np.quantile(defined, [0.5, tail, 1 - tail])
    return float(middle), float(low), float(high), len(taus) - len(defined)


def kendall_tau(rankings: np.ndarray, ranking: np.ndarray) -> np.ndarray:
    """Kendall's tau-b (1945, Biometrika 33:239) of each row of rankings with one; NaN if either is one tie.

    Ranks are whole numbers from 1 to the number of algorithms.

    Examples
    --------
    >>> kendall_tau(np.array([[1, 2, 3], [3, 2, 1], [1, 1, 1]]), np.array([1, 2, 3])).tolist()
    [1.0, -1.0, nan]
    """
    n_samples, n = rankings.shape
    order = np.argsort(ranking, kind="stable")
    given, of_samples = ranking[order], np.ascontiguousarray(rankings.T[order], np.int32)
    n_ahead = np.searchsorted(given, given)
    balance = np.zeros(n_samples, int)
    for place, ahead in enumerate(n_ahead.tolist()):
        for begin in range(0, ahead, _ROWS):
            rows = of_samples[begin : min(ahead, begin + _ROWS)]
            # Sums of a byte are made many at a time.
            lower, higher = (
                one.view(np.uint8).sum(axis=0, dtype=np.uint8)
                for one in (rows < of_samples[place], rows > of_samples[place])
            )
            balance += lower
            balance -= higher
    sizes = np.bincount((np.arange(n_samples) * (n + 1) + of_samples).ravel(), minlength=n_samples * (n + 1))
    tied = (sizes * (sizes - 1) // 2).reshape(n_samples, n + 1).sum(axis=1)
    untied = (n * (n - 1) // 2 - tied) * float(n_ahead.sum())
    with np.errstate(invalid="ignore"):
        return balance / np.sqrt(untied)
