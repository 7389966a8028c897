"""Binary STAPLE of one label on vote patterns, step for step as ITK's STAPLEImageFilter takes it.

Warfield, Zou and Wells, IEEE TMI 2004; 23:903. The search starts from the vote fraction with the M step
first; the prior is the mean foreground fraction of the raters over the whole volume; it stops when no
sensitivity and no specificity changes by more than 1e-7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.consensus.binary_em import Decisions, search
from evaluation.consensus.by_content import Ordered, by_content
from evaluation.consensus.coding import distinct
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
from evaluation.statistics.words import plural

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
    (fit,) = _fit_all([(votes, by_content(votes), label)], tolerance, max_iterations)
    return fit


def binary_consensuses(many: Sequence[Votes], *, max_iterations: int) -> list[Consensus]:
    """Each level's own STAPLE, and the level of highest probability among those above `PRESENT`.

    Of exams, or of parts of one, with as many raters and the same labels: all their levels are estimated side
    by side.
    """
    arranged = [by_content(votes) for votes in many]
    levels = many[0].labels[1:]
    problems = [
        (votes, order, label) for votes, order in zip(many, arranged, strict=True) for label in levels
    ]
    fits = _fit_all(problems, ITK_TOLERANCE, max_iterations)
    return [
        _consensus(votes, order, fits[number * len(levels) :][: len(levels)])
        for number, (votes, order) in enumerate(zip(many, arranged, strict=True))
    ]


def _consensus(votes: Votes, arranged: Ordered, fits: Sequence[BinaryFit]) -> Consensus:
    levels = np.column_stack([fit.probability for fit in fits])
    present = np.where(levels > PRESENT + _ROUNDING, levels, 0)
    index, tied = first_of_highest(np.column_stack([np.full(len(levels), PRESENT), present]))
    # Levels tied below or at 0.5 lose to the background, and are no tie.
    notices = usual_notices(votes, tied & (index > 0)) + arranged.notices()
    if at_half := int(votes.counts[(np.abs(levels - PRESENT) <= _ROUNDING).any(axis=1)].sum()):
        notices.append(f"a level at probability 0.5 exactly is not taken: {plural(at_half, 'voxel')}")
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


def _fit_all(
    problems: Sequence[tuple[Votes, Ordered, int]], tolerance: float, max_iterations: int
) -> list[BinaryFit]:
    """Votes and labels, one fit each; the search is of those that have something to estimate."""
    made = [_decisions(*problem) for problem in problems]
    searched = [drawn for drawn, _, _ in made if 0 < drawn.prior < 1]
    found = iter(search(searched, tolerance, max_iterations) if searched else ())
    fits = []
    for (votes, _, label), (drawn, rows, back) in zip(problems, made, strict=True):
        name = f"level {label}: vote fractions"
        if 0 < drawn.prior < 1:
            end = next(found)
            start = Start(name, end.log_likelihood, end.iterations, end.converged)
            fit = BinaryFit(end.probability[rows], end.sensitivity[back], end.specificity[back], start)
        else:
            right, undefined = np.ones(len(votes.raters)), np.full(len(votes.raters), np.nan)
            true, false = (undefined, right) if drawn.prior == 0 else (right, undefined)
            fit = BinaryFit(drawn.fractions[rows], true, false, Start(name, 0.0, 0, True))
        fits.append(fit)
    return fits


def _decisions(votes: Votes, arranged: Ordered, label: int) -> tuple[Decisions, np.ndarray, np.ndarray]:
    """Who drew a label, of each vote pattern the row there, and the columns back to the votes'."""
    # Sorted by masks, so that neither the order of the columns nor names change a digit.
    order = np.array([votes.column(rater) for rater in arranged.votes.raters])
    drawn = (votes.patterns == votes.labels.index(label))[:, order]
    first, rows = distinct(drawn[:, ::-1], 2)
    counts = np.bincount(rows, weights=votes.counts)
    return Decisions(drawn[first], counts, arranged.mean), rows, np.argsort(order)
