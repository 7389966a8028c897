"""The consensus of several raters' masks, by one of seven rules over one of two regions.

Rules give different consensuses (multi-label and binary STAPLE agree with Dice 0.7 to 0.9 on graded
signal), and so do regions, so both are part of a study and `Consensus` names them. A consensus depends on a
voxel's vote pattern alone: it is a table, `evaluation.consensus.decisions.decision_table`, and
`evaluation.consensus.votes.paint` makes the label map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import numpy as np

from evaluation.consensus.binary import binary_consensuses
from evaluation.consensus.kinds import ORDERED, Region, Rule
from evaluation.consensus.map import map_staple
from evaluation.consensus.medians import median_vote
from evaluation.consensus.multilabel import multilabel_staple
from evaluation.consensus.ordinal import ordinal_staple
from evaluation.consensus.result import Consensus, consensus_of, first_of_highest, usual_notices
from evaluation.consensus.squarem import Start
from evaluation.consensus.votes import Votes

#: EM steps at most, of each start.
MAX_ITERATIONS = 30_000


def staple(
    votes: Votes,
    *,
    rule: Rule = "multilabel",
    region: Region = "volume",
    ordered: bool = True,
    restarts: int = 20,
    seed: int = 0,
    max_iterations: int = MAX_ITERATIONS,
) -> Consensus:
    """Consensus of the raters in `votes`.

    Multi-label rule: the label of highest posterior; among labels tied within 1e-6, the one declared first.
    Binary rule: each level's binary STAPLE as ITK computes it; a voxel takes the level of highest
    probability among those above 0.5 (at 0.5, within 1e-9, a level is not taken), on a tie the one declared
    first. Majority rule: `majority_vote`. Ordinal rule: `evaluation.consensus.ordinal`. ``map``: multi-label
    with a prior, `evaluation.consensus.map`. ``median_lower`` and ``median_upper``:
    `evaluation.consensus.medians`. With levels declared in ascending order, all but ``median_upper`` give
    ties to the lower level.

    Region "union" leaves out the voxels that no rater marked, most of a volume: they are background in the
    consensus, and neither priors nor raters' rates are estimated on them. A counted vote is the same so.

    One rater alone is his own consensus.

    Parameters
    ----------
    ordered : bool
        Whether labels are levels in rising order: the prior of ``map`` then takes a confusion to be the
        rarer, the further the labels are apart; rules for levels alone refuse others.
    restarts : int
        Random starts of the multi-label search, on top of fixed ones. The highest likelihood is kept;
        among equals the first start.
    seed : int
        Of the random starts; the answer is the same in each run, whatever the raters' order and names.
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
    (consensus,) = _staple_all([votes], rule, region, ordered, restarts, seed, max_iterations)
    return consensus


def leave_one_out(
    votes: Votes,
    *,
    rule: Rule = "multilabel",
    region: Region = "volume",
    ordered: bool = True,
    restarts: int = 20,
    seed: int = 0,
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
    others = [votes.select([other for other in votes.raters if other != rater]) for rater in votes.raters]
    found = _staple_all(others, rule, region, ordered, restarts, seed, MAX_ITERATIONS)
    return dict(zip(votes.raters, found, strict=True))


def majority_vote(votes: Votes) -> Consensus:
    """The label with the most votes in each pattern, and nothing estimated.

    A plurality is enough: (0, 1, 1, 2) becomes 1, (0, 1, 2, 2) becomes 2. Among labels with as many votes
    the one declared first is taken, with levels declared in rising order the lower one and background
    before any: so does `scipy.stats.mode`. ITK's LabelVotingImageFilter agrees where nothing ties, and
    marks ties as undecided, which cannot be scored.

    `Consensus.posterior` holds shares of the votes, `log_likelihood` is NaN, `starts` is empty.
    """
    fractions = (votes.patterns[:, :, None] == np.arange(len(votes.labels))).mean(axis=1)
    index, tied = first_of_highest(fractions)
    kept = Start("votes", float("nan"), 0, True)
    notices = usual_notices(votes, tied)
    return consensus_of("majority", votes, index, fractions, kept=kept, starts=(), notices=notices)


def _staple_all(
    many: Sequence[Votes],
    rule: Rule,
    region: Region,
    ordered: bool,
    restarts: int,
    seed: int,
    max_iterations: int,
) -> list[Consensus]:
    """Of exams, or of parts of one, with as many raters."""
    for votes in many:
        if votes.n_voxels == 0:
            raise ValueError("votes: found no voxel, expected at least one; are the masks empty arrays?")
    for name, found, kind in (("rule", rule, Rule), ("region", region, Region)):
        if found not in get_args(kind):
            *others, last = (repr(choice) for choice in get_args(kind))
            raise ValueError(f"consensus {name} '{found}': expected {', '.join(others)} or {last}")
    if rule in ORDERED and not ordered:
        raise ValueError(
            f"consensus rule '{rule}': found labels without an order, expected levels in rising order"
        )
    inside = many if region == "volume" else [_marked(votes) for votes in many]
    if rule == "binary":
        made = binary_consensuses(inside, max_iterations=max_iterations)
    else:
        made = [_by_rule(votes, rule, ordered, restarts, seed, max_iterations) for votes in inside]
    return [_on(votes, consensus, region) for votes, consensus in zip(many, made, strict=True)]


def _marked(votes: Votes) -> Votes:
    """The votes of the union; where nothing is marked it is empty, and the whole volume says so."""
    marked = votes.patterns.any(axis=1)
    if marked.all() or not marked.any():
        return votes
    return replace(votes, patterns=votes.patterns[marked], counts=votes.counts[marked])


def _on(votes: Votes, consensus: Consensus, region: Region) -> Consensus:
    """A consensus of a region on all votes: background where nothing is marked."""
    if len(consensus.votes.counts) == len(votes.counts):
        return replace(consensus, region=region)
    marked = votes.patterns.any(axis=1)
    label = np.zeros(len(votes.counts), votes.label_dtype)
    label[marked] = consensus.label
    posterior = np.eye(len(votes.labels))[np.zeros(len(votes.counts), int)]
    posterior[marked] = consensus.posterior
    return replace(consensus, votes=votes, label=label, posterior=posterior, region=region)


def _by_rule(
    votes: Votes, rule: Rule, ordered: bool, restarts: int, seed: int, max_iterations: int
) -> Consensus:
    if rule == "majority":
        return majority_vote(votes)
    if rule == "median_lower" or rule == "median_upper":
        return median_vote(votes, rule)
    if len(votes.raters) == 1:
        return _single(votes, rule)
    if rule == "ordinal":
        return ordinal_staple(votes, max_iterations=max_iterations)
    if rule == "map":
        return map_staple(votes, ordered=ordered, max_iterations=max_iterations)
    return multilabel_staple(votes, restarts=restarts, seed=seed, max_iterations=max_iterations)


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
        rule, votes, index, np.eye(n_labels)[index], confusion=confusion, prior=prior,
        kept=kept, starts=(kept,), notices=[told, *usual_notices(votes)],
        bias=np.zeros(1) if ordinal else None,
        variance=np.full(1, np.nan) if ordinal else None,
    )  # fmt: skip
