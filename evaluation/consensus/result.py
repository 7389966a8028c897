"""What every consensus rule answers with: a label for each vote pattern, and what that says of each rater."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from evaluation.consensus.squarem import Start
from evaluation.consensus.votes import Votes
from evaluation.statistics.words import plural

Rule = Literal["multilabel", "binary", "majority", "ordinal"]
Region = Literal["volume", "union"]

#: Values closer than this are tied. EM stops short of its limit, so exact ties come out inexact.
TIE = 1e-6

_RULES: dict[Rule, str] = {
    "multilabel": "multi-label STAPLE",
    "binary": "binary STAPLE of each level",
    "majority": "majority vote",
    "ordinal": "ordinal STAPLE",
}
_REGIONS: dict[Region, str] = {
    "volume": "over the whole volume",
    "union": "over the voxels that a reader marked",
}


def describe(rule: Rule, region: Region = "volume") -> str:
    """A rule and its region in words, for tables and reports.

    Examples
    --------
    >>> describe("ordinal", "union")
    'ordinal STAPLE over the voxels that a reader marked'
    >>> describe("majority")
    'majority vote'
    """
    # A majority is the same over both regions.
    return _RULES[rule] if rule == "majority" else f"{_RULES[rule]} {_REGIONS[region]}"


@dataclass(frozen=True, eq=False, repr=False)
class Consensus:
    """A consensus, pattern by pattern, and what it says about each rater.

    Parameters
    ----------
    rule : {"multilabel", "binary", "majority", "ordinal"}
    votes : Votes
        What it was computed from; `label` and `posterior` have a row for each of its patterns.
    label : ndarray, shape (P,)
        Consensus label values.
    posterior : ndarray, shape (P, L)
        Label probabilities; rows sum to 1. Binary: a column for each level's own STAPLE, and in column 0
        one minus the largest of them; rows need not sum to 1. Majority: shares of the votes. Ordinal:
        probability that the label is the one nearest to the true score.
    sensitivity, specificity : ndarray, shape (L - 1, R)
        A row for each level (label but background). Multi-label: from `confusion` and `prior`. Majority and
        ordinal: counted against `label`. NaN where undefined: the level is in no mask (not in the consensus).
    confusion : ndarray, shape (R, L, L), or None
        ``confusion[r, d, t]``: probability that rater r decides label index d where the truth is t; NaN in
        the column of a label in no mask (not in the consensus). None under the binary rule.
    prior : ndarray, shape (L,)
        Share of each label in all raters' votes over the region.
    log_likelihood : float
        Under the binary rule the sum over levels; NaN under the majority rule. Those of two rules, or of
        two regions, cannot be compared.
    iterations : int
        EM steps of the start kept; under the binary rule the largest over levels.
    starts : tuple of Start
        Multi-label and ordinal: every start tried. Binary: one a level, from its vote fraction. Majority:
        none.
    notices : tuple of str
        What a reader of the consensus should know: nothing marked, ties, likelihood without a single answer.
    region : {"volume", "union"}
        The voxels it was estimated on: all, or those that at least one of its raters marked. Of the latter
        are then `prior`, `confusion`, `specificity` and `log_likelihood`.
    bias, variance : ndarray, shape (R,), or None
        Ordinal rule only: how much higher than the truth a rater scores, in levels, and the variance about
        that, in levels squared.
    """

    rule: Rule
    votes: Votes
    label: np.ndarray
    posterior: np.ndarray
    sensitivity: np.ndarray
    specificity: np.ndarray
    confusion: np.ndarray | None
    prior: np.ndarray
    log_likelihood: float
    iterations: int
    converged: bool
    starts: tuple[Start, ...]
    notices: tuple[str, ...]
    region: Region = "volume"
    bias: np.ndarray | None = None
    variance: np.ndarray | None = None

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

    def label_on(self, votes: Votes) -> np.ndarray:
        """Consensus label of every pattern of `votes`, which may hold more raters; shape (P of votes,)."""
        return self.label[votes.rows_in(self.votes)]


def consensus_of(
    rule: Rule,
    votes: Votes,
    index: np.ndarray,
    posterior: np.ndarray,
    *,
    confusion: np.ndarray,
    shares: np.ndarray,
    kept: Start,
    starts: tuple[Start, ...],
    notices: Iterable[str],
    **more: Any,
) -> Consensus:
    """The consensus of label indices (P,), which has confusion matrices and shares (L,) of true labels.

    Of `kept` are its log-likelihood, iterations and convergence; its `prior` are the labels' shares of the
    votes where `more` does not say otherwise.
    """
    sensitivity, specificity = rates(confusion, shares)
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
        notices=tuple(notices),
        **{"prior": vote_shares(votes), **more},
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


def rates(confusion: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sensitivity and specificity (L - 1, R) of each level against all other labels."""
    levels = range(1, len(prior))
    sensitivity = np.array([confusion[:, level, level] for level in levels])
    specificity = []
    for level in levels:
        others = (np.arange(len(prior)) != level) & (prior > 0)
        weights = prior[others] / prior[others].sum() if others.any() else prior[others]
        wrong = confusion[:, level, others] @ weights
        specificity.append(1 - wrong if others.any() else np.full(len(confusion), np.nan))
    return sensitivity, np.array(specificity)


def against_labels(votes: Votes, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every rater counted against consensus label indices (P,).

    Returns
    -------
    confusion : ndarray, shape (R, L, L)
        NaN in the column of a label that the consensus does not hold.
    shares : ndarray, shape (L,)
        Of each label in the consensus.
    """
    eye = np.eye(len(votes.labels))
    truth = eye[index] * votes.counts[:, None]
    counted = np.einsum("prd,pt->rdt", eye[votes.patterns], truth)
    total = truth.sum(axis=0)
    return np.divide(counted, total, out=np.full_like(counted, np.nan), where=total > 0), total / total.sum()


def empty_notice(votes: Votes) -> list[str]:
    """Says which levels no rater marked."""
    used = votes.label_counts.sum(axis=0)
    if not used[1:].any():
        return ["no rater marked anything: the consensus is empty"]
    unused = [votes.labels[k] for k in range(1, len(used)) if not used[k]]
    return [f"level {level} is in none of the masks that make the consensus" for level in unused]


def tie_notice(votes: Votes, tied: np.ndarray) -> list[str]:
    """Says how many voxels are of patterns that `tied`, bool of shape (P,)."""
    voxels = int(votes.counts[tied].sum())
    return [f"{voxels} voxels tied between labels: the label declared first was taken"] if voxels else []
