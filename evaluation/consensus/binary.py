"""Binary STAPLE of one label on vote patterns, step for step as ITK's STAPLEImageFilter takes it.

Warfield, Zou and Wells, IEEE TMI 2004; 23:903. The search starts from the vote fraction with the M step
first; the prior is the mean foreground fraction of the raters over the whole volume; it stops when no
sensitivity and no specificity changes by more than 1e-7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.consensus.votes import Votes

#: ITK's criterion, absolute change of every sensitivity and specificity.
ITK_TOLERANCE = 1e-7


@dataclass(frozen=True)
class BinaryFit:
    """Binary STAPLE of one label.

    Parameters
    ----------
    label : int
        The label value taken as foreground.
    probability : ndarray, shape (P,)
        Probability of foreground, for each vote pattern.
    sensitivity, specificity : ndarray, shape (R,)
        NaN where there is nothing to estimate them on: no foreground, or no background, in any mask.
    prior : float
    log_likelihood : float
    iterations : int
        As ITK's GetElapsedIterations counts: the M steps after the first.
    converged : bool
    """

    label: int
    probability: np.ndarray
    sensitivity: np.ndarray
    specificity: np.ndarray
    prior: float
    log_likelihood: float
    iterations: int
    converged: bool


def binary_staple(
    votes: Votes, label: int, *, tolerance: float = ITK_TOLERANCE, max_iterations: int = 100_000
) -> BinaryFit:
    """STAPLE of one label against everything else.

    Where all raters are empty (or all are full) SimpleITK answers NaN everywhere; here the probability
    is 0 (or 1).

    Parameters
    ----------
    votes : Votes
    label : int
        A label value of `votes`, background included.
    tolerance : float
        Absolute change of every sensitivity and specificity below which the search stops.
    max_iterations : int

    Raises
    ------
    ValueError
        If `label` is not among the labels of `votes`.
    """
    if label not in votes.labels:
        raise ValueError(f"label {label}: not among the counted labels {', '.join(map(str, votes.labels))}")
    # Sorted by name, so that the order of the columns changes no digit.
    order = np.argsort(votes.raters)
    drawn = (votes.patterns == votes.labels.index(label))[:, order]
    decisions, group = np.unique(drawn, axis=0, return_inverse=True)
    counts = np.bincount(group.ravel(), weights=votes.counts)
    fit = _fit(decisions, counts, tolerance, max_iterations)
    probability, sensitivity, specificity, prior, log_likelihood, iterations, converged = fit
    return BinaryFit(
        label=label,
        probability=probability[group.ravel()],
        sensitivity=sensitivity[np.argsort(order)],
        specificity=specificity[np.argsort(order)],
        prior=prior,
        log_likelihood=log_likelihood,
        iterations=iterations,
        converged=converged,
    )


def _fit(
    decisions: np.ndarray, counts: np.ndarray, tolerance: float, max_iterations: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float, int, bool]:
    """EM on decisions (D, R) of bool that occur `counts` times."""
    probability = decisions.mean(axis=1)
    prior = float(counts @ probability / counts.sum())
    undefined = np.full(decisions.shape[1], np.nan)
    if prior in (0.0, 1.0):
        right = np.ones(decisions.shape[1])
        rates = (undefined, right) if prior == 0 else (right, undefined)
        return probability, *rates, prior, 0.0, 0, True

    drawn = decisions.astype(float)
    sensitivity = specificity = undefined
    iterations = -1
    converged = False
    while not converged and iterations + 1 < max_iterations:
        iterations += 1
        before = sensitivity, specificity
        inside, outside = counts * probability, counts * (1 - probability)
        sensitivity = inside @ drawn / inside.sum()
        specificity = outside @ (1 - drawn) / outside.sum()
        foreground = prior * np.where(decisions, sensitivity, 1 - sensitivity).prod(axis=1)
        background = (1 - prior) * np.where(decisions, 1 - specificity, specificity).prod(axis=1)
        probability = foreground / (foreground + background)
        change = max(np.abs(sensitivity - before[0]).max(), np.abs(specificity - before[1]).max())
        # The first change is NaN, and NaN is not below the tolerance.
        converged = bool(change <= tolerance)
    log_likelihood = float(counts @ np.log(foreground + background))
    return probability, sensitivity, specificity, prior, log_likelihood, iterations, converged
