"""The consensus of several raters' masks, by multi-label STAPLE or by binary STAPLE level by level.

The two rules give different consensuses (on graded signal their Dice is 0.7 to 0.9), so the rule is part
of a study and `Consensus.rule` names it. A consensus depends on a voxel's vote pattern alone: it is a
table, `decision_table`, and `evaluation.votes.paint` makes the label map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from evaluation.staple_binary import BinaryFit, binary_staple
from evaluation.staple_multilabel import Start, fit_multilabel
from evaluation.votes import Votes

__all__ = ["Consensus", "Rule", "binary_staple", "decision_table", "leave_one_out", "staple"]

Rule = Literal["multilabel", "binary"]

#: Probabilities closer than this are tied. EM stops short of its limit, so exact ties come out inexact.
TIE = 1e-6
#: A level counts as present above this probability (binary rule); at it, within rounding, it does not.
PRESENT = 0.5
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Consensus:
    """A consensus, pattern by pattern, and what it says about each rater.

    Parameters
    ----------
    rule : {"multilabel", "binary"}
    votes : Votes
        What it was computed from; `label` and `posterior` have a row for each of its patterns.
    label : ndarray, shape (P,)
        Consensus label values.
    posterior : ndarray, shape (P, L)
        Label probabilities. Multi-label: rows sum to 1. Binary: a column for each level's own STAPLE, and
        in column 0 one minus the largest of them; rows need not sum to 1.
    sensitivity, specificity : ndarray, shape (L - 1, R)
        A row for each level (label but background). Multi-label: from `confusion` and `prior`. NaN where
        undefined: the level is in no mask.
    confusion : ndarray, shape (R, L, L), or None
        ``confusion[r, d, t]``: probability that rater r decides label index d where the truth is t; NaN in
        the column of a label in no mask. None under the binary rule.
    prior : ndarray, shape (L,)
        Share of each label in all raters' votes over the whole volume.
    log_likelihood : float
        Under the binary rule the sum over levels.
    iterations : int
        EM steps of the start kept; under the binary rule the largest over levels.
    converged : bool
    starts : tuple of Start
        Multi-label: every start tried. Binary: one a level, from its vote fraction.
    notices : tuple of str
        What a reader of the consensus should know: nothing marked, ties, likelihood without a single answer.
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


def staple(
    votes: Votes,
    *,
    rule: Rule = "multilabel",
    restarts: int = 12,
    seed: int = 0,
    max_iterations: int = 30_000,
) -> Consensus:
    """Consensus of the raters in `votes`.

    Multi-label rule: the label of highest posterior; among labels tied within 1e-6, the one declared first.
    Binary rule: each level's binary STAPLE as ITK computes it; a voxel takes the level of highest
    probability among those above 0.5 (at 0.5, within 1e-9, a level is not taken), on a tie the one declared
    first. With levels declared in ascending order, ties go to the lower level.

    One rater alone is his own consensus.

    Parameters
    ----------
    votes : Votes
    rule : {"multilabel", "binary"}
    restarts : int
        Random starts of the multi-label search, on top of four fixed ones. The highest likelihood is kept;
        among equals the first start.
    seed : int
        Of the random starts; the answer is the same in each run, in each order of raters.
    max_iterations : int
        EM steps at most; running out of them sets `Consensus.converged` to False and adds a notice.

    Raises
    ------
    ValueError
        If the rule is unknown, or there is no voxel.

    References
    ----------
    Warfield, Zou, Wells. IEEE TMI 2004; 23:903. Rohlfing, Russakoff, Maurer. IEEE TMI 2004; 23:983.
    """
    if votes.n_voxels == 0:
        raise ValueError("votes: found no voxel, expected at least one; are the masks empty arrays?")
    if rule == "binary":
        return _binary(votes, max_iterations)
    if rule != "multilabel":
        raise ValueError(f"consensus rule '{rule}': expected 'multilabel' or 'binary'")
    if len(votes.raters) == 1:
        return _single(votes)
    return _multilabel(votes, restarts, seed, max_iterations)


def leave_one_out(
    votes: Votes, *, rule: Rule = "multilabel", restarts: int = 12, seed: int = 0
) -> dict[str, Consensus]:
    """For each rater, the consensus of all the others: a truth that the rater had no part in.

    ``leave_one_out(votes)[rater].label_on(votes)`` is to be scored against ``votes.values_of(rater)``.

    Raises
    ------
    ValueError
        If there is one rater only.
    """
    if len(votes.raters) < 2:
        raise ValueError(f"leave-one-out: found rater '{votes.raters[0]}' alone, expected two or more")
    return {
        rater: staple(
            votes.select([other for other in votes.raters if other != rater]),
            rule=rule,
            restarts=restarts,
            seed=seed,
        )
        for rater in votes.raters
    }


def decision_table(votes: Votes, consensus: Consensus) -> pd.DataFrame:
    """The consensus as a table to print, the most frequent pattern first.

    Parameters
    ----------
    votes : Votes
        Those of the consensus, or of the same masks with more raters.
    consensus : Consensus

    Returns
    -------
    DataFrame
        A row for each pattern; columns: each rater's label value, `voxels`, `p<label>` for the posterior of
        each label, and `consensus`.
    """
    rows = votes.rows_in(consensus.votes)
    columns = {rater: votes.values_of(rater) for rater in votes.raters}
    columns["voxels"] = votes.counts
    for index, label in enumerate(consensus.labels):
        columns[f"p{label}"] = consensus.posterior[rows, index]
    columns["consensus"] = consensus.label[rows]
    order = np.argsort(-votes.counts, kind="stable")
    return pd.DataFrame(columns).iloc[order].reset_index(drop=True)


def _multilabel(votes: Votes, restarts: int, seed: int, max_iterations: int) -> Consensus:
    fit = fit_multilabel(votes, restarts=restarts, seed=seed, max_iterations=max_iterations)
    kept = fit.starts[fit.best]
    index, tied = _first_of_highest(fit.posterior)
    notices = _empty_notice(votes) + _tie_notice(votes, tied)
    if fit.undetermined:
        notices.append(
            f"the likelihood does not determine the consensus: {fit.undetermined} voxels get another label "
            f"from other starts of the same likelihood; start '{kept.name}' was taken"
        )
    if not kept.converged:
        notices.append(f"not converged after {kept.iterations} EM steps")
    sensitivity, specificity = _rates(fit.confusion, fit.prior)
    return Consensus(
        rule="multilabel",
        votes=votes,
        label=_values(votes, index),
        posterior=fit.posterior,
        sensitivity=sensitivity,
        specificity=specificity,
        confusion=fit.confusion,
        prior=fit.prior,
        log_likelihood=fit.log_likelihood,
        iterations=kept.iterations,
        converged=kept.converged,
        starts=fit.starts,
        notices=tuple(notices),
    )


def _binary(votes: Votes, max_iterations: int) -> Consensus:
    fits = [binary_staple(votes, label, max_iterations=max_iterations) for label in votes.labels[1:]]
    levels = np.column_stack([fit.probability for fit in fits])
    present = np.where(levels > PRESENT + _ROUNDING, levels, 0)
    index, tied = _first_of_highest(np.column_stack([np.full(len(levels), PRESENT), present]))
    # Levels tied below or at 0.5 lose to the background, and are no tie.
    notices = _empty_notice(votes) + _tie_notice(votes, tied & (index > 0))
    at_half = int(votes.counts[(np.abs(levels - PRESENT) <= _ROUNDING).any(axis=1)].sum())
    if at_half:
        notices.append(f"{at_half} voxels have a level at probability 0.5 exactly, which is not taken")
    notices += [
        f"level {fit.label}: not converged after {fit.iterations + 1} EM steps"
        for fit in fits
        if not fit.converged
    ]
    sensitivity = np.array([fit.sensitivity for fit in fits])
    return Consensus(
        rule="binary",
        votes=votes,
        label=_values(votes, index),
        posterior=np.column_stack([1 - levels.max(axis=1), levels]),
        sensitivity=sensitivity,
        specificity=np.array([fit.specificity for fit in fits]),
        confusion=None,
        prior=votes.label_counts.sum(axis=0) / votes.label_counts.sum(),
        log_likelihood=sum(fit.log_likelihood for fit in fits),
        iterations=max(fit.iterations for fit in fits),
        converged=all(fit.converged for fit in fits),
        starts=tuple(map(_start_of, fits)),
        notices=tuple(notices),
    )


def _single(votes: Votes) -> Consensus:
    """One rater: his mask. With one vote a voxel the likelihood cannot tell any matrix from another."""
    n_labels = len(votes.labels)
    index = votes.patterns[:, 0].astype(int)
    prior = votes.label_counts[0] / votes.n_voxels
    confusion = np.where(prior > 0, np.eye(n_labels), np.nan)[None]
    sensitivity, specificity = _rates(confusion, prior)
    log_likelihood = float(votes.counts @ np.log(prior[index]))
    return Consensus(
        rule="multilabel",
        votes=votes,
        label=_values(votes, index),
        posterior=np.eye(n_labels)[index],
        sensitivity=sensitivity,
        specificity=specificity,
        confusion=confusion,
        prior=prior,
        log_likelihood=log_likelihood,
        iterations=0,
        converged=True,
        starts=(Start("the rater's mask", log_likelihood, 0, True),),
        notices=(f"one rater only: the consensus is the mask of {votes.raters[0]}", *_empty_notice(votes)),
    )


def _first_of_highest(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Column of the highest score in each row, the first of those tied, and which rows had a tie."""
    high = scores >= scores.max(axis=1, keepdims=True) - TIE
    return high.argmax(axis=1), high.sum(axis=1) > 1


def _values(votes: Votes, index: np.ndarray) -> np.ndarray:
    return np.array(votes.labels, votes.label_dtype)[index]


def _start_of(fit: BinaryFit) -> Start:
    return Start(f"level {fit.label}: vote fractions", fit.log_likelihood, fit.iterations, fit.converged)


def _rates(confusion: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


def _empty_notice(votes: Votes) -> list[str]:
    used = votes.label_counts.sum(axis=0)
    if not used[1:].any():
        return ["no rater marked anything: the consensus is empty"]
    unused = [votes.labels[k] for k in range(1, len(used)) if not used[k]]
    return [f"level {level} is in none of the masks that make the consensus" for level in unused]


def _tie_notice(votes: Votes, tied: np.ndarray) -> list[str]:
    voxels = int(votes.counts[tied].sum())
    return [f"{voxels} voxels tied between labels: the label declared first was taken"] if voxels else []
