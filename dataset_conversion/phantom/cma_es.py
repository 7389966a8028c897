"""CMA-ES: minimise a function of some tens of numbers that has no gradient and may be rough.

After Hansen, The CMA Evolution Strategy: A Tutorial (arXiv:1604.00772), with its default constants: the
search draws points from a normal distribution, and moves and reshapes the distribution towards the best.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Minimum:
    """Where a search ended.

    Parameters
    ----------
    point : ndarray
        The best point evaluated.
    value : float
        The function's value there.
    evaluations : int
    """

    point: np.ndarray
    value: float
    evaluations: int


def minimise(
    function: Callable[[np.ndarray], float],
    start: np.ndarray,
    *,
    spread: float,
    generations: int,
    seed: int,
    offspring: int | None = None,
    report: Callable[[], object] | None = None,
) -> Minimum:
    """Minimise a function.

    Parameters
    ----------
    function : callable
        Of a vector; finite.
    start : ndarray, shape (n,)
        Evaluated too, so that the result is never worse.
    spread : float
        Initial standard deviation, of every coordinate: scale them alike.
    generations : int
    seed : int
        The same seed gives the same search.
    offspring : int, optional
        Points a generation, at least 4; by default 4 + 3 log n.
    report : callable, optional
        Called after each generation.

    Returns
    -------
    Minimum
    """
    rng = np.random.default_rng(seed)
    n = len(start)
    offspring = offspring or 4 + int(3 * np.log(n))
    weights, mu_eff = _weights(offspring)
    c_sigma = (mu_eff + 2) / (n + mu_eff + 5)
    d_sigma = 1 + 2 * max(0.0, np.sqrt((mu_eff - 1) / (n + 1)) - 1) + c_sigma
    c_c = (4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n)
    c_1 = 2 / ((n + 1.3) ** 2 + mu_eff)
    c_mu = min(1 - c_1, 2 * (mu_eff - 2 + 1 / mu_eff) / ((n + 2) ** 2 + mu_eff))
    expected_norm = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))

    mean, sigma, covariance = np.asarray(start, float), spread, np.eye(n)
    path_sigma, path_c = np.zeros(n), np.zeros(n)
    best, lowest = mean, float(function(mean))
    for generation in range(1, generations + 1):
        variances, axes = np.linalg.eigh(covariance)
        scales = np.sqrt(np.maximum(variances, 1e-20))
        steps = rng.standard_normal((offspring, n)) * scales @ axes.T
        values = np.array([function(mean + sigma * step) for step in steps])
        order = np.argsort(values, kind="stable")
        if values[order[0]] < lowest:
            best, lowest = mean + sigma * steps[order[0]], float(values[order[0]])
        kept = steps[order[: len(weights)]]
        move = weights @ kept
        mean = mean + sigma * move
        whitened = axes @ ((axes.T @ move) / scales)
        path_sigma = (1 - c_sigma) * path_sigma + np.sqrt(c_sigma * (2 - c_sigma) * mu_eff) * whitened
        norm = np.linalg.norm(path_sigma) / np.sqrt(1 - (1 - c_sigma) ** (2 * generation))
        # A path that is long because the spread is still too small must not stretch the covariance.
        moving = float(norm < (1.4 + 2 / (n + 1)) * expected_norm)
        path_c = (1 - c_c) * path_c + moving * np.sqrt(c_c * (2 - c_c) * mu_eff) * move
        decay = 1 - c_1 - c_mu + (1 - moving) * c_1 * c_c * (2 - c_c)
        covariance = (
            decay * covariance
            + c_1 * np.outer(path_c, path_c)
            + c_mu * (kept.T * weights) @ kept
        )  # fmt: skip
        sigma *= np.exp(c_sigma / d_sigma * (np.linalg.norm(path_sigma) / expected_norm - 1))
        if report:
            report()
    return Minimum(best, lowest, 1 + generations * offspring)


def _weights(offspring: int) -> tuple[np.ndarray, float]:
    """How much each of the better half counts, and how many points that is worth."""
    weights = np.log((offspring + 1) / 2) - np.log(np.arange(1, offspring // 2 + 1))
    weights /= weights.sum()
    return weights, float(1 / (weights**2).sum())
