"""The fair comparison: readers and models against consensuses that hold no mask of their own.

The usual way scores a reader against a consensus that the reader is part of, which flatters readers beside
models. Here every reader meets the consensus of the other readers, and a model meets those same
consensuses, one without each reader, so that both are measured by the same yardsticks. A model trained on
one reader's masks still resembles that reader: the consensus without that reader (``left_out``) shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from evaluation.consensus.result import Consensus
from evaluation.consensus.votes import Votes
from evaluation.measures import dice
from evaluation.measures.dice import EmptyMask, score

#: ``left_out`` of a consensus that all readers are in.
NOBODY = ""
#: Columns of fair_dice.csv, in order; by knee there is ``knee`` after ``exam``.
COLUMNS = [*dice.COLUMNS[:3], "left_out", *dice.COLUMNS[3:]]


def score_fair(
    votes: Votes,
    without: Mapping[str, Consensus],
    levels: Mapping[str, Sequence[int]],
    empty_mask: EmptyMask = EmptyMask.UNDEFINED,
) -> pd.DataFrame:
    """Score every rater of an exam against the consensuses that the rater had no part in.

    Parameters
    ----------
    votes : Votes
        Of all raters, on the exam or on one of its knees (`evaluation.masks.knees.knee_votes`).
    without : mapping of str to Consensus
        Reader to the consensus of the others: ``leave_one_out(votes.select(readers))`` of the whole exam.
    levels : mapping of str to sequence of int
        Name of a level or group to its mask values.

    Returns
    -------
    DataFrame
        `COLUMNS` without ``exam``. A reader has one row a level, ``left_out`` the reader; every other
        rater of `votes`, such as a model, has one for each reader left out.

    Raises
    ------
    ValueError
        When a reader is in the consensus that is to score the reader, or is not in `votes`.
    """
    models = [rater for rater in votes.raters if rater not in without]
    tables = []
    for reader, consensus in without.items():
        if {*consensus.raters} != {*without} - {reader}:
            raise ValueError(
                f"consensus without {reader}: found one of {', '.join(consensus.raters)}, expected one of "
                f"{', '.join(other for other in without if other != reader)}; use leave_one_out"
            )
        # Only those scored here, but on patterns of all: the consensus is known by the others' votes.
        scores = score(votes, consensus.label_on(votes), levels, empty_mask)
        tables.append(scores[scores.rater.isin([reader, *models])].assign(left_out=reader))
    scores = pd.concat(tables, ignore_index=True)[COLUMNS[1:]]
    order = {rater: place for place, rater in enumerate([*without, *models])}
    return scores.sort_values("rater", key=lambda rater: rater.map(order), kind="stable", ignore_index=True)


def over_consensuses(fair: pd.DataFrame) -> pd.DataFrame:
    """One Dice an exam (knee), rater and level: a model's is the mean over the consensuses.

    A Dice is undefined against one consensus and defined against another where only one of them is empty
    and the model's mask is too. Undefined ones are left out of the mean and counted; the mean is
    undefined where all are.

    Of `score_fair` with a column ``exam``, and ``knee`` where scored by knee, it makes ``exam``, ``knee`` if
    there, ``rater``, ``level``, ``dice``, ``n_defined`` of ``n_consensuses``.
    """
    keys = [*units(fair), "rater", "level"]
    found = fair.groupby(keys, sort=False).dice.agg(["mean", "count", "size"]).reset_index()
    return found.set_axis([*keys, "dice", "n_defined", "n_consensuses"], axis=1)


def bias(usual: pd.DataFrame, fair: pd.DataFrame) -> pd.DataFrame:
    """How much the usual way gives a rater above the fair one, exam by exam.

    `usual` is as dice.csv, with ``knee`` where scored by knee; `fair` of `score_fair` or `over_consensuses`,
    for the same exams. It makes ``exam``, ``knee`` if there, ``rater``, ``level``, ``usual``, ``fair`` and
    ``dice``: usual minus fair, NaN where one of them is undefined. Readers gain by the part they had in the
    consensus; models may lose or gain a little, because a consensus of more readers is another one.
    """
    keys = [*units(usual), "rater", "level"]
    ours = over_consensuses(fair) if "left_out" in fair else fair
    both = usual[[*keys, "dice"]].merge(
        ours[[*keys, "dice"]], on=keys, how="left", suffixes=("_usual", ""), validate="one_to_one"
    )
    both = both.set_axis([*keys, "usual", "fair"], axis=1)
    return both.assign(dice=both.usual - both.fair)


def units(scores: pd.DataFrame) -> list[str]:
    """The columns that name what was scored: the exam, and the knee where scored by knee."""
    return [column for column in ("exam", "knee") if column in scores]
