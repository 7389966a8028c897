"""Whose masks are another's? Copies, and masks so alike that nobody drew both.

A copy of a reader that is offered as a model is scored against consensuses that hold its twin, and looks
better than any reader: so it is called a copy, is scored as that reader is, and gets no verdict.

How alike two label maps are is one number an exam: Dice over all marked voxels, the label counting. Two
raters are *nearly identical* when, in every exam in which one of the two marked anything, they differ by at
most a quarter of what the two readers differ by who are most alike there, and by at most 2 % (`MOST_APART`).
A quarter, because a rater without any error still differs from a reader by the reader's own errors, about
half of what two readers differ by: on the synthetic cohort the nearest of the students who see the signal
without noise, and draw by a reader's thresholds of the day, differs from that reader by 0.43 of it on
average and by 0.28 in one exam. Masks that differ more are compared again after one was moved, grown or
shrunk by a voxel (`evaluation.masks.moved`). Where there are no two other readers to compare with, only what
is equal, at once or then, counts; so it does where only some exams are alike, and only of 100 voxels or more.

Not found: copies with 2 % of the voxels or more drawn anew, moved by two voxels or more, or by a slice out
of a volume to whose end they reach, mirrored, smoothed, put together from several readers' masks, or changed
in some exams only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from evaluation.consensus.all_votes import AllVotes
from evaluation.consensus.votes import Votes
from evaluation.masks.moved import Moved, same_label_dice
from evaluation.statistics.words import count_of, number, plural

#: Of an exam: how much of either mask is not in the other, at most.
MOST_APART = 0.02
#: And this share of what the readers' most alike pair differs by.
_SHARE_OF_READERS = 0.25
#: Voxels that both must have marked where only some exams are alike: less may be chance.
FEWEST = 100

COPY, NEARLY, IN_PART = "copy", "nearly identical", "in part"
#: Between the names of exams that two share: no file has it in its name.
BETWEEN = "/"
#: In place of a level: all of them, each voxel by its label.
ALL = "all"

#: Columns of `alike`.
ALIKE = ["rater", "other", "level", "dice", "n_rater", "n_other", "identical", "undone", "how"]
#: Columns of `find_twins`.
COLUMNS = [
    "rater", "other", "kind", "how", "level", "dice", "readers_median", "readers_highest", "n_identical",
    "n_alike", "n_marked", "n", "shared",
]  # fmt: skip


def alike(votes: Votes | AllVotes, levels: Mapping[str, int], moved: Sequence[Moved] = ()) -> pd.DataFrame:
    """How alike any two raters of an exam are.

    `ALIKE`, a row a pair and level, before them one of `ALL`: Dice, voxels that each marked, whether the
    masks are equal in every voxel, and of `ALL` the Dice after a move was undone and ``how`` (of `moved`;
    else NaN and nothing).
    """
    undone = {(each.rater, each.other): each for each in moved}
    rows = []
    for names in combinations(votes.raters, 2):
        table = votes.together(*names)
        counts = [np.diag(table), table.sum(axis=1), table.sum(axis=0)]
        identical = int(counts[0].sum()) == int(table.sum())
        of_label = dict(zip(votes.labels, zip(*(each.tolist() for each in counts), strict=True), strict=True))
        for level, value in {ALL: None, **levels}.items():
            whole = tuple(int(each[1:].sum()) for each in counts)
            same, n_one, n_two = whole if value is None else of_label[value]
            after = undone.get(names) if value is None else None
            rows.append(
                (*names, level, same_label_dice(same, n_one, n_two), n_one, n_two, identical)
                + ((after.dice, after.how) if after else (np.nan, ""))
            )
    return pd.DataFrame(rows, columns=ALIKE)


def find_twins(exams: pd.DataFrame, readers: Sequence[str]) -> pd.DataFrame:
    """Raters whose masks are another's, in all exams or in some.

    Parameters
    ----------
    exams : DataFrame
        `alike` of every exam, with a column ``exam``.
    readers : sequence of str
        The other raters are models.

    Returns
    -------
    DataFrame
        `COLUMNS`, a row a pair and level, `ALL` first. ``kind`` is a copy (every voxel of every exam),
        nearly identical (in every exam in which one of the two marked anything), or in part (equal in
        ``shared`` alone). ``other`` is the reader of a model's pair; of two readers or models it is the
        first. ``dice`` is the mean over exams, ``readers_median`` and ``readers_highest`` are those of the
        other pairs of readers, NaN without any. ``n_identical`` and ``n_alike`` are exams of ``n_marked``, in
        which one of the two marked anything, of ``n`` in all. Raters who marked nothing anywhere are no
        twins.
    """
    whole = exams[exams.level == ALL]
    if whole.empty:
        return pd.DataFrame(columns=COLUMNS)
    whole = whole.assign(near=_is_near(whole, readers))
    means = exams.groupby(["rater", "other", "level"], sort=False).dice.mean()
    rows = []
    for names, pair in whole[_may_be_twins(whole)].groupby(["rater", "other"], sort=False):
        facts = _kind(pair)
        if not facts:
            continue
        other, rater = names if names[0] in readers or names[1] not in readers else names[::-1]
        beside = _among_readers(means, readers, {*names})
        rows += [
            {"rater": rater, "other": other, "level": level, "dice": dice}
            | {"readers_median": beside.get(level, _NOTHING).median()}
            | {"readers_highest": beside.get(level, _NOTHING).max()}
            | facts
            for level, dice in means.loc[names].items()
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def twins_of(twins: pd.DataFrame, readers: Sequence[str]) -> dict[str, str]:
    """Model to the reader whose masks it has, also where that is so in some exams: it gets no verdict."""
    pairs = twins[(twins.level == ALL) & twins.other.isin(readers) & ~twins.rater.isin(readers)]
    pairs = pairs.sort_values("dice", ascending=False, kind="stable")
    return dict(zip(pairs.rater[::-1], pairs.other[::-1], strict=True))


def twin_models(twins: pd.DataFrame, readers: Sequence[str]) -> set[frozenset[str]]:
    """Pairs of models with the same masks in every exam: there is nothing to say between them.

    Models that are nearly identical may differ in what matters, as a focus that one of them invents.
    """
    pairs = twins[(twins.level == ALL) & (twins.kind == COPY)]
    pairs = pairs[~pairs.other.isin(readers) & ~pairs.rater.isin(readers)]
    return {frozenset(pair) for pair in zip(pairs.rater, pairs.other, strict=True)}


def scored_as_reader(fair: pd.DataFrame, twins: pd.DataFrame, readers: Sequence[str]) -> pd.DataFrame:
    """Fair scores in which a model with a reader's masks meets what that reader meets: the others alone.

    `fair` is of `evaluation.scores.fair.score_fair` with a column ``exam``, `twins` of `find_twins`: a copy
    keeps the rows in which its reader is left out, one in part does so in the exams that it shares.
    """
    keep = pd.Series(True, fair.index)
    for model, reader in twins_of(twins, readers).items():
        pair = twins[(twins.level == ALL) & (twins.rater == model) & (twins.other == reader)].iloc[0]
        # What the reader did not draw holds no mask of that reader's.
        drawn = fair.exam.isin(fair.exam[fair.left_out == reader])
        there = drawn & (fair.rater == model) & (fair.left_out != reader)
        if pair.kind == IN_PART:
            there &= fair.exam.isin(pair.shared.split(BETWEEN))
        keep &= ~there
    return fair[keep].reset_index(drop=True)


def in_words(twins: pd.DataFrame, readers: Sequence[str], *, consequence: bool = True) -> list[str]:
    """A sentence a pair, and by default what follows from it; one where there is none."""
    if twins.empty:
        return ["No rater's masks are another's, as far as was looked: identical, or nearly so."]
    return [
        f"{_sentence(pair)} {_consequence(pair, readers) if consequence else ''}".rstrip()
        for pair in twins[twins.level == ALL].itertuples()
    ]


def _is_near(whole: pd.DataFrame, readers: Sequence[str]) -> np.ndarray:
    """Whether each pair of each exam is identical or nearly so; of rows of `ALL`."""
    marked = _is_marked(whole)
    apart = 1 - whole[["dice", "undone"]].max(axis=1).to_numpy()
    raters, others = whole.rater.to_numpy(), whole.other.to_numpy()
    of_readers = marked & whole.rater.isin(readers).to_numpy() & whole.other.isin(readers).to_numpy()
    near = np.zeros(len(whole), bool)
    for rows in whole.groupby("exam", sort=False).indices.values():
        # Readers first: of two readers who are one, only one is what others are compared with.
        for among in (of_readers[rows], marked[rows]):
            doubles = set(others[rows[near[rows]]])
            single = of_readers[rows]
            if doubles:
                single = single & [
                    one not in doubles and two not in doubles
                    for one, two in zip(raters[rows], others[rows], strict=True)
                ]
            asked = among & ~near[rows]
            near[rows[asked]] = (apart[rows] <= _most_apart(apart[rows], single))[asked]
    return near


def _most_apart(apart: np.ndarray, single: np.ndarray) -> np.ndarray:
    """What each pair of an exam may differ by: a share of what the nearest other pair of readers does.

    `apart` is what pairs differ by, `single` are those of readers.
    """
    most = np.full(len(apart), np.inf)
    places = np.flatnonzero(single)
    if len(places):
        nearest = places[apart[places].argmin()]
        most[:] = apart[nearest]
        most[nearest] = apart[places[places != nearest]].min(initial=np.inf)
    # Without two other readers to compare with only what is equal counts.
    return np.where(np.isfinite(most), np.minimum(MOST_APART, _SHARE_OF_READERS * most), 0.0)


def _is_marked(pairs: pd.DataFrame) -> np.ndarray:
    return ((pairs.n_rater > 0) | (pairs.n_other > 0)).to_numpy()


def _is_plenty(pairs: pd.DataFrame) -> np.ndarray:
    """Which are equal in voxels enough, also where they alone are."""
    equal = pairs.identical | (pairs.undone == 1)
    return (equal & (pairs[["n_rater", "n_other"]].min(axis=1) >= FEWEST)).to_numpy()


def _may_be_twins(whole: pd.DataFrame) -> np.ndarray:
    """The rows of pairs that `_kind` may call something: of many raters, of whom few are twins."""
    apart = _is_marked(whole) & ~whole.near.to_numpy()
    asked = pd.DataFrame({"rater": whole.rater, "other": whole.other, "apart": apart})
    asked = asked.assign(equal=whole.identical, plenty=_is_plenty(whole))
    by_pair = asked.groupby(["rater", "other"], sort=False)
    kept = ~by_pair.apart.transform("any") | by_pair.equal.transform("all") | by_pair.plenty.transform("any")
    return kept.to_numpy()


def _kind(pair: pd.DataFrame) -> dict[str, Any]:
    """What a pair of raters is over all exams; nothing where they are no twins."""
    marked, plenty = _is_marked(pair), _is_plenty(pair)
    counts = {
        "n_identical": int((pair.identical & marked).sum()), "n_alike": int(pair.near.sum()),
        "n_marked": int(marked.sum()), "n": len(pair), "shared": "",
    }  # fmt: skip
    how = " or ".join(dict.fromkeys(pair.how[pair.near & (pair.how != "") & ~pair.identical]))
    if marked.any() and pair.identical.all():
        return counts | {"kind": COPY, "how": ""}
    if marked.any() and pair.near[marked].all():
        return counts | {"kind": NEARLY, "how": how}
    if plenty.any():
        named = {"shared": BETWEEN.join(pair.exam[plenty]), "n_alike": int(plenty.sum())}
        return counts | {"kind": IN_PART, "how": how} | named
    return {}


_NOTHING = pd.Series(dtype=float)


def _among_readers(means: pd.Series, readers: Sequence[str], but: set[str]) -> dict[str, pd.Series]:
    """Level to the Dice of every pair of readers, but that of `but` and those of readers who are one."""
    table = means.reset_index()
    pairs = table[table.rater.isin(readers) & table.other.isin(readers) & (table.dice < 1)]
    pairs = pairs[~(pairs.rater.isin(but) & pairs.other.isin(but))]
    return {str(level): rows.dice for level, rows in pairs.groupby("level")}


def _sentence(pair: Any) -> str:
    """What a row of `ALL` says."""
    if pair.kind == COPY:
        said = f"{pair.rater} is a copy of {pair.other}: equal in every voxel of {plural(pair.n, 'exam')}"
    elif pair.kind == IN_PART:
        said = f"{pair.rater} has the masks of {pair.other} in {count_of(pair.n_alike, pair.n, 'exams')}"
        said += f" ({pair.shared.replace(BETWEEN, ', ')})"
    else:
        how = f", {pair.how}" if pair.how else ""
        exams = count_of(pair.n_identical, pair.n, "exams")
        said = f"{pair.rater} is nearly identical to {pair.other}{how}: equal in {exams}"
        said += f", Dice of all that is marked {number(pair.dice, 3)}"
    if not np.isnan(pair.readers_median):
        highest = number(pair.readers_highest)
        said += f" (readers among themselves: Dice {number(pair.readers_median)}, at most {highest})"
    return f"{said}."


def _consequence(pair: Any, readers: Sequence[str]) -> str:
    if pair.rater in readers:
        return "They count as two readers in every consensus: give one of them."
    if pair.other not in readers:
        return "There is nothing to choose between them." if pair.kind == COPY else ""
    where = " there" if pair.kind == IN_PART else ""
    return (
        f"It gets no verdict, and{where} the scores that {pair.other} gets: without {pair.other}'s own mask."
    )
