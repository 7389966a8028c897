"""The median of the votes: for levels in rising order, and nothing estimated.

Of an odd number of votes the middle one. Of an even number there are two in the middle: ``median_lower``
takes the lower, ``median_upper`` the upper. Either is nested: a voxel reaches a level when more than half of
the raters (lower), or at least half (upper), gave it that level or a higher one. One more vote for a higher
level never lowers it, and what all agree on stays.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from evaluation.consensus.result import Consensus, consensus_of, usual_notices
from evaluation.consensus.squarem import Start
from evaluation.consensus.votes import Votes
from evaluation.statistics.words import plural


def median_vote(votes: Votes, rule: Literal["median_lower", "median_upper"]) -> Consensus:
    """The middle vote of each pattern; labels must be declared in rising order.

    `Consensus.posterior` holds shares of the votes, `log_likelihood` is NaN, `starts` is empty. A notice
    counts the voxels on which the two medians differ.
    """
    ordered = np.sort(votes.patterns, axis=1).astype(int)
    n_raters = ordered.shape[1]
    lower, upper = ordered[:, (n_raters - 1) // 2], ordered[:, n_raters // 2]
    fractions = (votes.patterns[:, :, None] == np.arange(len(votes.labels))).mean(axis=1)
    notices = usual_notices(votes)
    if apart := int(votes.counts[lower != upper].sum()):
        taken = "lower" if rule == "median_lower" else "upper"
        notices.append(f"of two votes in the middle the {taken} was taken: {plural(apart, 'voxel')}")
    index = lower if rule == "median_lower" else upper
    kept = Start("votes", float("nan"), 0, True)
    return consensus_of(rule, votes, index, fractions, kept=kept, starts=(), notices=notices)
