"""What every consensus rule answers with: a label for each vote pattern, and what that says of each rater."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from evaluation.consensus.kinds import Region, Rule, describe
from evaluation.consensus.squarem import Start
from evaluation.consensus.votes import Votes
from evaluation.statistics.words import plural

#: Values closer than this are tied. EM stops short of its limit, so exact ties come out inexact.
TIE = 1e-6


class Patterns(Protocol):
    """Votes of more raters, such as `evaluation.consensus.all_votes.AllVotes`."""

    def rows_in(self, marginal: Votes) -> np.ndarray:
        """For each pattern the row of `marginal` that holds its restriction to the raters there."""


@dataclass(frozen=True, eq=False, repr=False)
class Consensus:
    """A consensus, pattern by pattern, and what it says about each rater."""

    rule: Rule
    #: What it was computed from; `label` and `posterior` have a row for each of its patterns.
    votes: Votes
    #: Consensus label values, shape (P,).
    label: np.ndarray
    #: Label probabilities, shape (P, L); rows sum to 1. Binary: a column for each level's own STAPLE, and in
    #: column 0 one minus the largest of them; rows need not sum to 1. Majority: shares of the votes. Ordinal:
    #: probability that the label is the one nearest to the true score.
    posterior: np.ndarray
    #: Shape (L - 1, R), a row for each level (label but background). Multi-label: from `confusion` and
    #: `prior`. Majority and ordinal: counted against `label`. NaN where undefined: the level is in no mask
    #: (not in the consensus).
    sensitivity: np.ndarray
    specificity: np.ndarray
    #: ``confusion[r, d, t]``, shape (R, L, L): probability that rater r decides label index d where the truth
    #: is t; NaN in the column of a label in no mask (not in the consensus). None under the binary rule.
    confusion: np.ndarray | None
    #: Share of each label in all raters' votes over the region, shape (L,).
    prior: np.ndarray
    #: Under the binary rule the sum over levels; NaN under the majority rule. Those of two rules, or of two
    #: regions, cannot be compared.
    log_likelihood: float
    #: EM steps of the start kept; under the binary rule the largest over levels.
    iterations: int
    converged: bool
    #: Multi-label, ordinal: every start tried. Binary: one a level, from its vote fraction. Majority: none.
    starts: tuple[Start, ...]
    #: What a reader of the consensus should know: nothing marked, ties, likelihood without a single answer.
    notices: tuple[str, ...]
    #: The voxels it was estimated on: all, or those that at least one of its raters marked. Of the latter are
    #: then `prior`, `confusion`, `specificity` and `log_likelihood`.
    region: Region = "volume"
    #: Ordinal rule only, shape (R,): how much higher than the truth a rater scores, in levels, and the
    #: variance about that, in levels squared.
    bias: np.ndarray | None = None
    variance: np.ndarray | None = None
    #: Voxels that get another label from other parameters of the same likelihood.
    undetermined: int = 0

    def __repr__(self) -> str:
        counts = f"{plural(len(self.label), 'pattern')}, {plural(len(self.notices), 'notice')}"
        return f"<Consensus of {', '.join(self.raters)}: {describe(self.rule, self.region)}, {counts}>"

    @property
    def raters(self) -> tuple[str, ...]:
        """Raters the consensus was made from."""
        return self.votes.raters

    @property
    def labels(self) -> tuple[int, ...]:
        """Label values, background first."""
        return self.votes.labels

    def label_on(self, votes: Patterns) -> np.ndarray:
        """Consensus label of every pattern of `votes`, which may hold more raters; shape (P of votes,)."""
        return self.label[votes.rows_in(self.votes)]


def consensus_of(
    rule: Rule,
    votes: Votes,
    index: np.ndarray,
    posterior: np.ndarray,
    *,
    kept: Start,
    starts: tuple[Start, ...],
    notices: list[str],
    confusion: np.ndarray | None = None,
    prior: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    variance: np.ndarray | None = None,
    undetermined: int = 0,
) -> Consensus:
    """The consensus of label indices (P,), log-likelihood, iterations and convergence those of `kept`.

    Rates come from the confusion matrices and the prior; without them raters are counted against the labels.
    """
    if confusion is None or prior is None:
        confusion, shares = _against_labels(votes, index)
    else:
        shares = prior
    sensitivity, specificity = _rates(confusion, shares)
    unfinished = [] if kept.converged else [not_converged(kept.iterations)]
    return Consensus(
        rule=rule,
        votes=votes,
        label=label_values(votes, index),
        posterior=posterior,
        sensitivity=sensitivity,
        specificity=specificity,
        confusion=confusion,
        log_likelihood=kept.log_likelihood,
        iterations=kept.iterations,
        converged=kept.converged,
        starts=starts,
        notices=(*notices, *unfinished),
        prior=vote_shares(votes) if prior is None else prior,
        bias=bias,
        variance=variance,
        undetermined=undetermined,
    )


def vote_shares(votes: Votes) -> np.ndarray:
    """Share of each label in all raters' votes, shape (L,)."""
    return votes.label_counts.sum(axis=0) / votes.label_counts.sum()


def first_of_highest(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Column of the highest score in each row, the first of those tied, and which rows had a tie."""
    high = scores >= scores.max(axis=1, keepdims=True) - TIE
    return high.argmax(axis=1), high.sum(axis=1) > 1


def label_values(votes: Votes, index: np.ndarray) -> np.ndarray:
    """Label values of label indices."""
    return np.array(votes.labels, votes.label_dtype)[index]


def _rates(confusion: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sensitivity and specificity (L - 1, R) of each level against all other labels."""
    levels = range(1, len(prior))
    sensitivity = np.array([confusion[:, level, level] for level in levels])
    specificity = np.full(sensitivity.shape, np.nan)
    for level in levels:
        others = (np.arange(len(prior)) != level) & (prior > 0)
        if others.any():
            specificity[level - 1] = 1 - confusion[:, level, others] @ (prior[others] / prior[others].sum())
    return sensitivity, specificity


def _against_labels(votes: Votes, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Confusion matrices counted against consensus label indices (P,), and shares (L,) of these labels."""
    eye = np.eye(len(votes.labels))
    truth = eye[index] * votes.counts[:, None]
    counted = np.einsum("prd,pt->rdt", eye[votes.patterns], truth)
    total = truth.sum(axis=0)
    return np.divide(counted, total, out=np.full_like(counted, np.nan), where=total > 0), total / total.sum()


def not_converged(iterations: int, level: int | None = None) -> str:
    """Of a search cut short; binary STAPLE has one a level."""
    return f"{'' if level is None else f'level {level}: '}not converged after {iterations} EM steps"


def several_answers(voxels: int) -> str:
    """Of voxels that get another label from other parameters of the same likelihood."""
    told = "the likelihood does not determine the consensus"
    return f"{told}: other starts give another label to {plural(voxels, 'voxel')}"


def usual_notices(votes: Votes, tied: np.ndarray | None = None) -> list[str]:
    """Which levels no rater marked, and how many voxels are of patterns that `tied`, bool of shape (P,)."""
    used = votes.label_counts.sum(axis=0)
    notices = [
        f"level {level} is in none of the masks that make the consensus"
        for level, voxels in zip(votes.labels[1:], used[1:], strict=True)
        if not voxels
    ]
    if not used[1:].any():
        notices = ["no rater marked anything: the consensus is empty"]
    if tied is not None and (voxels := int(votes.counts[tied].sum())):
        notices.append(f"of labels that tied the one declared first was taken: {plural(voxels, 'voxel')}")
    return notices
