"""The consensus of several raters' masks, by one of four rules over one of two regions.

Rules give different consensuses (multi-label and binary STAPLE agree with Dice 0.7 to 0.9 on graded
signal), and so do regions, so both are part of a study and `Consensus` names them. A consensus depends on a
voxel's vote pattern alone: it is a table, `evaluation.consensus.decisions.decision_table`, and
`evaluation.consensus.votes.paint` makes the label map.
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np

from evaluation.consensus.binary import binary_consensus
from evaluation.consensus.decisions import decision_table
from evaluation.consensus.majority import majority_vote
from evaluation.consensus.multilabel import multilabel_staple
from evaluation.consensus.ordinal import ordinal_staple
from evaluation.consensus.result import Consensus, Region, Rule, consensus_of, empty_notice
from evaluation.consensus.squarem import Start
from evaluation.consensus.votes import Votes

__all__ = ["Consensus", "Region", "Rule", "decision_table", "leave_one_out", "staple"]


def staple(
    votes: Votes,
    *,
    rule: Rule = "multilabel",
    region: Region = "volume",
    restarts: int = 12,
    seed: int = 0,
    max_iterations: int = 30_000,
) -> Consensus:
    """Consensus of the raters in `votes`.

    Multi-label rule: the label of highest posterior; among labels tied within 1e-6, the one declared first.
    Binary rule: each level's binary STAPLE as ITK computes it; a voxel takes the level of highest
    probability among those above 0.5 (at 0.5, within 1e-9, a level is not taken), on a tie the one declared
    first. Majority rule: `evaluation.consensus.majority`. Ordinal rule: `evaluation.consensus.ordinal`. With
    levels declared in ascending order, every rule gives ties to the lower level.

    Region "union" leaves out the voxels that no rater marked, most of a volume: they are background in the
    consensus, and neither priors nor raters' rates are estimated on them. A majority is the same either way.

    One rater alone is his own consensus.

    Parameters
    ----------
    rule : {"multilabel", "binary", "majority", "ordinal"}
    region : {"volume", "union"}
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
        If the rule or the region is unknown, or there is no voxel.

    References
    ----------
    Warfield, Zou, Wells. IEEE TMI 2004; 23:903. Rohlfing, Russakoff, Maurer. IEEE TMI 2004; 23:983.
    """
    if votes.n_voxels == 0:
        raise ValueError("votes: found no voxel, expected at least one; are the masks empty arrays?")
    _check_choice("rule", rule, get_args(Rule))
    _check_choice("region", region, get_args(Region))
    if region == "union":
        return _over_union(votes, rule, restarts, seed, max_iterations)
    if rule == "majority":
        return majority_vote(votes)
    if rule == "binary":
        return binary_consensus(votes, max_iterations=max_iterations)
    if len(votes.raters) == 1:
        return _single(votes, rule)
    if rule == "ordinal":
        return ordinal_staple(votes, max_iterations=max_iterations)
    return multilabel_staple(votes, restarts=restarts, seed=seed, max_iterations=max_iterations)


def leave_one_out(
    votes: Votes, *, rule: Rule = "multilabel", region: Region = "volume", restarts: int = 12, seed: int = 0
) -> dict[str, Consensus]:
    """For each rater, the consensus of all the others: a truth that the rater had no part in.

    ``leave_one_out(votes)[rater].label_on(votes)`` is to be scored against ``votes.values_of(rater)``.
    A union is that of the others' masks.

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
            region=region,
            restarts=restarts,
            seed=seed,
        )
        for rater in votes.raters
    }


def _check_choice(name: str, found: str, choices: tuple[str, ...]) -> None:
    if found not in choices:
        *others, last = (repr(choice) for choice in choices)
        raise ValueError(f"consensus {name} '{found}': expected {', '.join(others)} or {last}")


def _over_union(votes: Votes, rule: Rule, restarts: int, seed: int, max_iterations: int) -> Consensus:
    marked = votes.patterns.any(axis=1)
    # Where nothing is marked the union is empty, and the whole volume says so.
    inside = replace(votes, patterns=votes.patterns[marked], counts=votes.counts[marked])
    consensus = staple(
        inside if marked.any() else votes,
        rule=rule,
        restarts=restarts,
        seed=seed,
        max_iterations=max_iterations,
    )
    if marked.all() or not marked.any():
        return replace(consensus, region="union")
    label = np.zeros(len(votes.counts), votes.label_dtype)
    label[marked] = consensus.label
    posterior = np.zeros((len(votes.counts), len(votes.labels)))
    posterior[:, 0] = 1
    posterior[marked] = consensus.posterior
    return replace(consensus, votes=votes, label=label, posterior=posterior, region="union")


def _single(votes: Votes, rule: Rule) -> Consensus:
    """One rater: his mask. With one vote a voxel the likelihood cannot tell any matrix from another."""
    n_labels = len(votes.labels)
    index = votes.patterns[:, 0].astype(int)
    prior = votes.label_counts[0] / votes.n_voxels
    confusion = np.where(prior > 0, np.eye(n_labels), np.nan)[None]
    # Under a flat prior of the true score (ordinal) one score has density 1 wherever it is.
    ordinal = rule == "ordinal"
    log_likelihood = 0.0 if ordinal else float(votes.counts @ np.log(prior[index]))
    kept = Start("the rater's mask", log_likelihood, 0, True)
    told = f"one rater only: the consensus is the mask of {votes.raters[0]}"
    return consensus_of(
        rule, votes, index, np.eye(n_labels)[index], confusion=confusion, shares=prior, prior=prior,
        kept=kept, starts=(kept,), notices=(told, *empty_notice(votes)),
        bias=np.zeros(1) if ordinal else None,
        variance=np.full(1, np.nan) if ordinal else None,
    )  # fmt: skip
