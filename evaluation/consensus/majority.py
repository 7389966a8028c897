"""Majority vote: the label that most raters gave, the simplest consensus to hold the others against."""

from __future__ import annotations

import numpy as np

from evaluation.consensus.result import (
    Consensus,
    against_labels,
    consensus_of,
    empty_notice,
    first_of_highest,
    tie_notice,
)
from evaluation.consensus.squarem import Start
from evaluation.consensus.votes import Votes


def majority_vote(votes: Votes) -> Consensus:
    """The label with the most votes in each pattern, and nothing estimated.

    A plurality is enough: (0, 1, 1, 2) becomes 1, (0, 1, 2, 2) becomes 2. Among labels with as many votes
    the one declared first is taken, with levels declared in rising order the lower one and background
    before any: so does `scipy.stats.mode`. ITK's LabelVotingImageFilter agrees where nothing ties, and
    marks ties as undecided, which cannot be scored.

    Returns
    -------
    Consensus
        `posterior` holds shares of the votes, `log_likelihood` is NaN, `starts` is empty.
    """
    fractions = (votes.patterns[:, :, None] == np.arange(len(votes.labels))).mean(axis=1)
    index, tied = first_of_highest(fractions)
    confusion, shares = against_labels(votes, index)
    return consensus_of(
        "majority", votes, index, fractions, confusion=confusion, shares=shares, starts=(),
        kept=Start("votes", float("nan"), 0, True), notices=(*empty_notice(votes), *tie_notice(votes, tied)),
    )  # fmt: skip
