"""Binary STAPLE of one label on vote patterns, step for step as ITK's STAPLEImageFilter takes it.

Warfield, Zou and Wells, IEEE TMI 2004; 23:903. The search starts from the vote fraction with the M step
first; the prior is the mean foreground fraction of the raters over the whole volume; it stops when no
sensitivity and no specificity changes by more than 1e-7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.consensus.by_content import Ordered, by_content
from evaluation.consensus.result import (
    Consensus,
    first_of_highest,
    label_values,
    not_converged,
    usual_notices,
    vote_shares,
)
from evaluation.consensus.squarem import Start
from evaluation.consensus.votes import Votes

#: ITK's criterion, absolute change of every sensitivity and specificity.
ITK_TOLERANCE = 1e-7
#: A level counts as present above this probability; at it, within rounding, it does not.
PRESENT = 0.5
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class BinaryFit:
    """Binary STAPLE of one label."""

    #: Of foreground, for each vote pattern, shape (P,).
    probability: np.ndarray
    #: Shape (R,); NaN where there is nothing to estimate on: no foreground, or no background, in any mask.
    sensitivity: np.ndarray
    specificity: np.ndarray
    #: Where the search ended; ``iterations`` as ITK's GetElapsedIterations: the M steps after the first.
    start: Start


def binary_staple(
    votes: Votes, label: int, *, tolerance: float = ITK_TOLERANCE, max_iterations: int = 100_000
) -> BinaryFit:
    """STAPLE of one label against everything else.

    Where all raters are empty (or all are full) SimpleITK answers NaN everywhere; here the probability
    is 0 (or 1).

    `label` is a label value of `votes`, background included; the search stops when no sensitivity and no
    specificity changes by more than `tolerance`.

    Raises
    ------
    ValueError
        If `label` is not among the labels of `votes`.
    """
    if label not in votes.labels:
        raise ValueError(f"label {label}: not among the counted labels {', '.join(map(str, votes.labels))}")
    # Sorted by masks, so that neither the order of the columns nor names change a digit.
    arranged = by_content(votes)
    order = np.array([votes.column(rater) for rater in arranged.votes.raters])
    drawn = (votes.patterns == votes.labels.index(label))[:, order]
    decisions, group = np.unique(drawn, axis=0, return_inverse=True)
    counts = np.bincount(group.ravel(), weights=votes.counts)
    probability, sensitivity, specificity, end = _fit(decisions, counts, arranged, tolerance, max_iterations)
    back = np.argsort(order)
    start = Start(f"level {label}: vote fractions", *end)
    return BinaryFit(probability[group.ravel()], sensitivity[back], specificity[back], start)


def binary_consensus(votes: Votes, *, max_iterations: int) -> Consensus:
    """Each level's own STAPLE, and the level of highest probability among those above `PRESENT`."""
    fits = [binary_staple(votes, label, max_iterations=max_iterations) for label in votes.labels[1:]]
    levels = np.column_stack([fit.probability for fit in fits])
    present = np.where(levels > PRESENT + _ROUNDING, levels, 0)
    index, tied = first_of_highest(np.column_stack([np.full(len(levels), PRESENT), present]))
    # Levels tied below or at 0.5 lose to the background, and are no tie.
    notices = usual_notices(votes, tied & (index > 0)) + by_content(votes).notices()
    if at_half := int(votes.counts[(np.abs(levels - PRESENT) <= _ROUNDING).any(axis=1)].sum()):
        notices.append(f"{at_half} voxels have a level at probability 0.5 exactly, which is not taken")
    starts = tuple(fit.start for fit in fits)
    notices += [
        not_converged(start.iterations + 1, label)
        for label, start in zip(votes.labels[1:], starts, strict=True)
        if not start.converged
    ]
    return Consensus(
        rule="binary",
        votes=votes,
        label=label_values(votes, index),
        posterior=np.column_stack([1 - levels.max(axis=1), levels]),
        sensitivity=np.array([fit.sensitivity for fit in fits]),
        specificity=np.array([fit.specificity for fit in fits]),
        confusion=None,
        prior=vote_shares(votes),
        log_likelihood=sum(start.log_likelihood for start in starts),
        iterations=max(start.iterations for start in starts),
        converged=all(start.converged for start in starts),
        starts=starts,
        notices=tuple(notices),
    )


def _fit(
    decisions: np.ndarray, counts: np.ndarray, arranged: Ordered, tolerance: float, max_iterations: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, int, bool]]:
    """EM on decisions (D, R) of bool that occur `counts` times: probability, rates, and where it ended."""
    probability = decisions.mean(axis=1)
    prior = float(counts @ probability / counts.sum())
    undefined = np.full(decisions.shape[1], np.nan)
    if prior in (0.0, 1.0):
        right = np.ones(decisions.shape[1])
        rates = (undefined, right) if prior == 0 else (right, undefined)
        return probability, *rates, (0.0, 0, True)

    drawn = decisions.astype(float)
    sensitivity = specificity = undefined
    iterations = -1
    converged = False
    while not converged and iterations + 1 < max_iterations:
        iterations += 1
        before = sensitivity, specificity
        inside, outside = counts * probability, counts * (1 - probability)
        # Of raters alike by the mean: rounding would part them.
        sensitivity = arranged.averaged(inside @ drawn / inside.sum(), 0)
        specificity = arranged.averaged(outside @ (1 - drawn) / outside.sum(), 0)
        foreground = prior * np.where(decisions, sensitivity, 1 - sensitivity).prod(axis=1)
        background = (1 - prior) * np.where(decisions, 1 - specificity, specificity).prod(axis=1)
        probability = foreground / (foreground + background)
        change = max(np.abs(sensitivity - before[0]).max(), np.abs(specificity - before[1]).max())
        # The first change is NaN, and NaN is not below the tolerance.
        converged = bool(change <= tolerance)
    log_likelihood = float(counts @ np.log(foreground + background))
    return probability, sensitivity, specificity, (log_likelihood, iterations, converged)
