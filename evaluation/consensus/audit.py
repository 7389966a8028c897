"""What a consensus does that its raters would not expect: every one is looked through, whatever its rule.

A rule that estimates how raters err may overrule all of them, lower a label for a higher vote, or make one
rater's level everybody's. None of it shows in a score against that consensus. `audit` names it, in voxels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from evaluation.consensus.result import TIE, Consensus, not_converged, several_answers
from evaluation.statistics.words import count_of, number

#: `overruled`: all raters agree and the consensus differs. `one rater`: a level of the consensus is one
#: rater's. `two raters`: no third one decides where they differ. `undetermined`: several answers are equally
#: likely. `not converged`: the search was cut short. `not monotone`: higher votes became a lower level. `not
#: diagonal`: a rater is taken to call a label by another name more often than by its own.
Kind = Literal[
    "overruled", "one rater", "two raters", "undetermined", "not converged", "not monotone", "not diagonal"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
#: From this share of a level's voxels on it is one rater's.
NEARLY_ALL = 0.9
#: From this share of the marked voxels on, decisions that are not monotone are said at once.
WORTH_SAYING = 0.01


@dataclass(frozen=True)
class Finding:
    """One thing that an audit found in one consensus."""

    kind: Kind
    #: The label value that it is about; None where it is about all.
    level: int | None
    #: Voxels concerned, of those that could have been.
    voxels: int
    of: int
    #: Who it is about; none where it is about all.
    readers: tuple[str, ...]
    words: str


def audit(
    consensus: Consensus, *, ordered: bool = True, names: Mapping[int, str] | None = None
) -> tuple[Finding, ...]:
    """What there is to know of a consensus before anything is scored against it, in the order of `KINDS`.

    Parameters
    ----------
    ordered : bool
        Whether labels are levels in rising order: only then can a decision fail to be monotone, and a vote
        for a higher level supports a lower one.
    names : mapping of int to str, optional
        Label value to its name; by default "level 1", "level 2", ...

    Examples
    --------
    >>> from evaluation.consensus.rules import staple
    >>> from evaluation.consensus.votes import count_votes
    >>> votes = count_votes({"ann": np.array([0, 1, 1, 0]), "bo": np.array([0, 1, 0, 0])}, (0, 1))
    >>> [finding.words for finding in audit(staple(votes, rule="majority"))]
    ['two raters do not determine a consensus: on 1 of 2 marked voxels they differ, and the rule decides']
    """
    if len(consensus.raters) == 1:
        return ()
    called = {label: f"level {label}" for label in consensus.labels} | {0: "background"} | dict(names or {})
    return (
        *_overruled(consensus, called),
        *_one_rater(consensus, called, ordered),
        *_two_raters(consensus),
        *_searches(consensus),
        *(_not_monotone(consensus) if ordered else ()),
        *_not_diagonal(consensus, called),
    )


def told(consensus: Consensus, findings: Sequence[Finding]) -> list[str]:
    """What to say of a consensus at once: its notices, and findings that no notice says already.

    Left to the table are what every exam of a graded signal has some of: raters who are "not diagonal", and
    decisions "not monotone" in few voxels.
    """
    notices = list(consensus.notices)
    return notices + [
        each.words
        for each in findings
        if each.kind != "not diagonal"
        and not (each.kind == "not monotone" and each.voxels < WORTH_SAYING * each.of)
        and not any(each.words in notice for notice in notices)
    ]


def overruled_voxels(consensus: Consensus) -> tuple[int, int]:
    """Marked voxels on which all raters agree and the consensus does not, and all on which they agree."""
    votes = consensus.votes
    agreed = _agreed(consensus) & votes.patterns.any(axis=1)
    moved = agreed & (votes.patterns[:, 0] != _indices(consensus))
    return int(votes.counts[moved].sum()), int(votes.counts[agreed].sum())


def is_monotone(consensus: Consensus) -> bool:
    """Whether no vote for a higher level lowers the consensus."""
    return not len(_lowered(consensus)[0])


def concerned(consensus: Consensus, finding: Finding, *, ordered: bool = True) -> np.ndarray:
    """The patterns, bool of shape (P,), whose voxels a finding counts: of kinds "overruled", "one rater"."""
    place = 0 if finding.level is None else consensus.labels.index(finding.level)
    if finding.kind == "overruled":
        return _unanimous(consensus, place) & (_indices(consensus) != place)
    if finding.kind == "one rater":
        column = consensus.votes.column(finding.readers[0])
        return _alone(consensus, place, ordered)[:, column]
    raise ValueError(f"finding '{finding.kind}': expected 'overruled' or 'one rater'")


def _overruled(consensus: Consensus, called: Mapping[int, str]) -> Iterator[Finding]:
    votes, index = consensus.votes, _indices(consensus)
    for place, label in enumerate(votes.labels):
        same = _unanimous(consensus, place)
        became = np.bincount(index[same], votes.counts[same], len(votes.labels)).astype(int)
        of, became[place] = int(became.sum()), 0
        if moved := int(became.sum()):
            into = [
                called[votes.labels[other]] + (f" ({became[other]})" if became[other] != moved else "")
                for other in np.argsort(-became, kind="stable")
                if became[other]
            ]
            words = f"{count_of(moved, of)} voxels that all raters call {called[label]} became "
            yield Finding("overruled", label, moved, of, (), words + " and ".join(into))


def _one_rater(consensus: Consensus, called: Mapping[int, str], ordered: bool) -> Iterator[Finding]:
    votes, index = consensus.votes, _indices(consensus)
    if len(votes.raters) < 3:
        return
    for place, label in enumerate(votes.labels[1:], start=1):
        of = int(votes.counts[index == place].sum())
        voxels = votes.counts @ _alone(consensus, place, ordered)
        column = int(voxels.argmax())
        if of and voxels[column] >= NEARLY_ALL * of:
            name, most = votes.raters[column], int(voxels[column])
            others = np.delete(_supports(consensus, place, ordered), column, axis=1)
            words = f"{count_of(most, of)} voxels of {called[label]} rest on {name} alone"
            if not others.any():
                or_higher = " or higher" if ordered and place < len(votes.labels) - 1 else ""
                words += f"; no other rater drew {called[label]}{or_higher}"
            yield Finding("one rater", label, most, of, (name,), words)


def _two_raters(consensus: Consensus) -> Iterator[Finding]:
    votes = consensus.votes
    if len(votes.raters) != 2:
        return
    differ = int(votes.counts[~_agreed(consensus)].sum())
    if differ:
        of = int(votes.counts[votes.patterns.any(axis=1)].sum())
        words = "two raters do not determine a consensus: on "
        words += f"{count_of(differ, of)} marked voxels they differ, and the rule decides"
        yield Finding("two raters", None, differ, of, (), words)


def _searches(consensus: Consensus) -> Iterator[Finding]:
    marked = int(consensus.votes.counts[consensus.votes.patterns.any(axis=1)].sum())
    if voxels := consensus.undetermined:
        yield Finding("undetermined", None, voxels, marked, (), several_answers(voxels))
    if consensus.rule == "binary":
        for label, start in zip(consensus.labels[1:], consensus.starts, strict=True):
            if not start.converged:
                words = not_converged(start.iterations + 1, label)
                yield Finding("not converged", label, marked, marked, (), words)
    elif not consensus.converged:
        yield Finding("not converged", None, marked, marked, (), not_converged(consensus.iterations))


def _not_monotone(consensus: Consensus) -> Iterator[Finding]:
    votes = consensus.votes
    low, high = _lowered(consensus)
    if not len(low):
        return
    rows = np.unique(low)
    voxels = int(votes.counts[rows].sum())
    of = int(votes.counts[votes.patterns.any(axis=1)].sum())
    # The clearest example: of most voxels on the rarer side.
    best = np.minimum(votes.counts[low], votes.counts[high]).argmax()
    given = np.array(votes.labels)[votes.patterns]
    examples = [
        f"({', '.join(map(str, given[row]))}) became {consensus.label[row]}"
        for row in (low[best], high[best])
    ]
    words = f"{count_of(voxels, of)} marked voxels got a lower level than voxels with lower votes: "
    yield Finding("not monotone", None, voxels, of, (), words + ", ".join(examples))


def _not_diagonal(consensus: Consensus, called: Mapping[int, str]) -> Iterator[Finding]:
    votes, index = consensus.votes, _indices(consensus)
    for place, label in enumerate(votes.labels):
        raters, parts = [], []
        for column, rater in enumerate(votes.raters):
            if instead := _called_otherwise(consensus, column, place, called):
                raters.append(column)
                parts.append(f"{rater} ({instead})")
        if raters:
            here = index == place
            otherwise = here & (votes.patterns[:, raters] != place).any(axis=1)
            yield Finding(
                "not diagonal",
                label,
                int(votes.counts[otherwise].sum()),
                int(votes.counts[here].sum()),
                tuple(votes.raters[column] for column in raters),
                f"what is {called[label]} is more often called otherwise by {', '.join(parts)}",
            )


def _called_otherwise(consensus: Consensus, column: int, place: int, called: Mapping[int, str]) -> str:
    """What a rater more often says where the truth is a label, and with which probability; or nothing."""
    if consensus.confusion is None:
        # Binary STAPLE has two columns a level: it is there, or it is not.
        if place == 0:
            return ""
        missed = 1 - consensus.sensitivity[place - 1, column]
        return f"another label {number(missed)}" if missed > 0.5 + TIE else ""
    decided = consensus.confusion[column, :, place]
    if np.isnan(decided).any():
        return ""
    most = int(decided.argmax())
    if decided[most] <= decided[place] + TIE:
        return ""
    return f"{called[consensus.labels[most]]} {number(decided[most])}"


def _agreed(consensus: Consensus) -> np.ndarray:
    """Patterns in which all raters say the same, bool of shape (P,)."""
    patterns = consensus.votes.patterns
    return (patterns == patterns[:, :1]).all(axis=1)


def _unanimous(consensus: Consensus, place: int) -> np.ndarray:
    """Patterns in which all raters say one label."""
    return (consensus.votes.patterns == place).all(axis=1)


def _supports(consensus: Consensus, place: int, ordered: bool) -> np.ndarray:
    """Which votes speak for a label, bool of shape (P, R): those for it and, of levels, for higher ones."""
    patterns = consensus.votes.patterns
    return patterns >= place if ordered else patterns == place


def _alone(consensus: Consensus, place: int, ordered: bool) -> np.ndarray:
    """Patterns of a label in the consensus for which one rater alone speaks, and who, bool (P, R)."""
    supports = _supports(consensus, place, ordered)
    return supports & (supports.sum(axis=1) == 1)[:, None] & (_indices(consensus) == place)[:, None]


def _indices(consensus: Consensus) -> np.ndarray:
    """Consensus label of each pattern as its place among the labels, shape (P,)."""
    places = np.zeros(max(consensus.labels) + 1, int)
    places[list(consensus.labels)] = range(len(consensus.labels))
    return places[consensus.label]


def _lowered(consensus: Consensus) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of patterns (rows) of which the first has votes at least as high, and a lower consensus."""
    patterns, index = consensus.votes.patterns, _indices(consensus)
    low, high = [], []
    for row, (votes, label) in enumerate(zip(patterns, index, strict=True)):
        above = np.flatnonzero(index > label)
        below = above[(patterns[above] <= votes).all(axis=1)]
        low += [row] * len(below)
        high += below.tolist()
    return np.array(low, int), np.array(high, int)
