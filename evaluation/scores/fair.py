"""The fair comparison: readers and models against consensuses that hold no mask of their own.

The usual way scores a reader against a consensus that the reader is part of, which flatters readers beside
models. Here every reader meets the consensus of the other readers, and a model meets those same
consensuses, one without each reader, so that both are measured by the same yardsticks. A model trained on
one reader's masks still resembles that reader: the consensus without that reader (``left_out``) shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from evaluation.consensus.all_votes import AllVotes
from evaluation.consensus.result import Consensus
from evaluation.consensus.votes import Votes
from evaluation.measures import dice
from evaluation.measures.dice import EmptyMask, score_rows

#: ``left_out`` of a consensus that all readers are in.
NOBODY = ""
#: Columns of fair_dice.csv, in order; by knee there is ``knee`` after ``exam``.
COLUMNS = [*dice.COLUMNS[:3], "left_out", *dice.COLUMNS[3:]]


def score_fair(
    votes: Votes | AllVotes,
    without: Mapping[str, Consensus],
    levels: Mapping[str, Sequence[int]],
    empty_mask: EmptyMask = EmptyMask.UNDEFINED,
) -> pd.DataFrame:
    """Score every rater of an exam against the consensuses that the rater had no part in.

    Parameters
    ----------
    votes : Votes or AllVotes
        Of all raters, on the exam or on one of its knees (`evaluation.masks.knees.split_knees`).
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
    rows: list[tuple] = []
    for reader, consensus in without.items():
        if {*consensus.raters} != {*without} - {reader}:
            raise ValueError(
                f"consensus without {reader}: found one of {', '.join(consensus.raters)}, expected one of "
                f"{', '.join(other for other in without if other != reader)}; use leave_one_out"
            )
        # Only those scored here, but on patterns of all: the consensus is known by the others' votes.
        found = score_rows(votes, consensus.label_on(votes), levels, empty_mask, {reader, *models})
        rows += [(rater, level, reader, *counted) for rater, level, *counted in found]
    order = {rater: place for place, rater in enumerate([*without, *models])}
    return pd.DataFrame(sorted(rows, key=lambda row: order[row[0]]), columns=COLUMNS[1:])


def over_consensuses(fair: pd.DataFrame) -> pd.DataFrame:
    """One Dice an exam (knee), rater and level: a model's is the mean over the consensuses.

    Consensuses of one exam need not agree on whether a level is there. Where fewer than half of them have it
    the level is absent, for every rater: who marked it has Dice 0, who did not is undefined (or what the
    policy on empty masks says), whatever the few that have it. Elsewhere it is the mean of the defined Dice,
    a 0 against a consensus without the level among them: a reader, who meets one consensus, has those too.

    Of `score_fair` with a column ``exam``, and ``knee`` where scored by knee, it makes ``exam``, ``knee`` if
    there, ``rater``, ``level``, ``dice``, ``n_defined`` of ``n_consensuses`` and ``absent``. Without the
    counts ``n_reference`` and ``n_rater`` a consensus has no level where somebody is undefined against it and
    nobody overlaps with it.
    Other measures come as ``dice`` too, with ``worst``: what they are in the exam where one mask is empty.
    Scores without ``left_out`` are against one consensus. Give all raters of an exam, or one with all
    consensuses: whether a level is there is asked of all consensuses that `fair` names.
    """
    by = [column for column in (*units(fair), "level") if column in fair]
    keys = [column for column in (*units(fair), "rater", "level") if column in fair]
    codes = {name: numbered(fair[name]) for name in dict.fromkeys([*keys, *by, "left_out"]) if name in fair}
    group, first = grouped([codes[name] for name in keys])
    dice = fair.dice.to_numpy()
    mean = pd.Series(dice).groupby(group).mean().to_numpy()
    n_defined = np.bincount(group[~np.isnan(dice)], minlength=len(first))
    marking = (fair.n_rater > 0).to_numpy(bool, na_value=False) if "n_rater" in fair else ~np.isnan(dice)
    marked = np.bincount(group[marking], minlength=len(first)) > 0
    worst = np.zeros(len(first))
    if "worst" in fair:
        # The first that is known.
        known = np.flatnonzero(fair.worst.notna())[::-1]
        worst = np.full(len(first), np.nan)
        worst[group[known]] = fair.worst.to_numpy()[known]
    absent = _absent(fair, codes, by)[first]
    mean = np.where(absent, np.where(marked, worst, _when_empty(fair)), mean)
    return (
        fair[keys]
        .iloc[first]
        .reset_index(drop=True)
        .assign(
            dice=mean,
            n_defined=np.where(np.isnan(mean), 0, n_defined),
            n_consensuses=np.bincount(group, minlength=len(first)),
            absent=absent,
        )
    )


def _absent(fair: pd.DataFrame, codes: Mapping[str, np.ndarray], by: Sequence[str]) -> np.ndarray:
    """Of each row: its level is in fewer than half of the exam's consensuses; no where none is known."""
    yardstick, first = grouped([codes[name] for name in (*by, "left_out") if name in codes])
    if "n_reference" in fair:
        known = fair.n_reference.notna().to_numpy()
        holding = (fair.n_reference > 0).to_numpy(bool, na_value=False)
        knows = np.bincount(yardstick[known], minlength=len(first)) > 0
        holds = np.bincount(yardstick[holding], minlength=len(first)) > 0
    else:
        # Without counts: a consensus has a level that somebody overlaps with, or that nobody is undefined on.
        undefined = yardstick[fair.dice.isna().to_numpy()]
        overlaps = yardstick[(fair.dice > 0).to_numpy()]
        knows = np.ones(len(first), bool)
        holds = np.bincount(undefined, minlength=len(first)) == 0
        holds |= np.bincount(overlaps, minlength=len(first)) > 0
    level, of_level = grouped([codes[name] for name in by])
    of_each = level[first]
    n_known = np.bincount(of_each[knows], minlength=len(of_level))
    n_holding = np.bincount(of_each[holds], minlength=len(of_level))
    return (2 * n_holding < n_known)[level]


def _when_empty(fair: pd.DataFrame) -> float:
    """What the Dice of two empty masks is in these scores."""
    if not {"n_reference", "n_rater"} <= {*fair}:
        return float("nan")
    empty = fair.dice.to_numpy()[
        ((fair.n_reference == 0) & (fair.n_rater == 0)).to_numpy(bool, na_value=False)
    ]
    return float(empty[0]) if len(empty) else float("nan")


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


def numbered(column: pd.Series) -> np.ndarray:
    """A number for each value, from 0 in order of appearance."""
    return pd.factorize(column, use_na_sentinel=False)[0]


def grouped(codes: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The group of each row by several columns, numbered in order of appearance, and each group's first row.

    As `pandas.DataFrame.groupby` of names, which takes milliseconds however few the rows.
    """
    together = codes[0]
    for column in codes[1:]:
        together = together * (column.max(initial=0) + 1) + column
    group = pd.factorize(together)[0]
    return group, np.unique(group, return_index=True)[1]
