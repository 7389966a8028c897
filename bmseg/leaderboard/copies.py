"""Submissions that are copies: of a reader, or of another team's submission. They have no rank.

A copy of a reader would stand above every reader, for three of four consensuses hold its twin; one of another
submission would take a rank from everybody behind it. So a copy is listed, and all else is as if it was not
there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bmseg.leaderboard.entries import Copied, Entry
from evaluation.scores.twins import COPY


@dataclass(frozen=True)
class Copy:
    """What a submission is a copy of."""

    #: A reader's name or a submission's key; `of_reader` says which.
    of: str
    of_reader: bool
    #: Whose masks it has, in a sentence.
    words: str
    #: Exams in which it has a reader's masks; empty for all.
    shared: Sequence[str] = ()


def copies_among(entries: Sequence[Entry], readers: Sequence[str]) -> dict[str, Copy]:
    """Key to whose copy it is, of submissions that stand, oldest first.

    Of a reader also those that are nearly identical, or are so in some exams, as in a study
    (`evaluation.scores.twins.twins_of`); of another team's submission those that are equal in every voxel,
    for models that are nearly identical may differ in what matters. Of two the later is the copy. A team's
    own submissions are its own.
    """
    found: dict[str, Copy] = {}
    for place, entry in enumerate(entries):
        if entry.simulated:
            continue
        earlier = {one.key: one for one in entries[:place] if one.team != entry.team}
        if copy := _of_reader(entry, readers) or _of_submission(entry, earlier, found):
            found[entry.key] = copy
    return found


def _of_reader(entry: Entry, readers: Sequence[str]) -> Copy | None:
    of = [copied for copied in entry.copied if copied.of in readers]
    if not of:
        return None
    first = of[0]
    return Copy(first.of, True, first.words, first.shared)


def _of_submission(entry: Entry, earlier: Mapping[str, Entry], known: Mapping[str, Copy]) -> Copy | None:
    told = {copied.of: copied for copied in entry.copied if copied.kind == COPY and copied.of in earlier}
    for key, other in earlier.items():
        if key in told or other.masks_sha256 == entry.masks_sha256:
            if key in known:
                return known[key]
            return Copy(key, False, f"{entry.key} is a copy of {key}: equal in every voxel.")
    return None


def copied_told(copied: Sequence[Copied], readers: Sequence[str]) -> list[str]:
    """What whoever adds a submission is told of its copies."""
    told = []
    for one in copied:
        ranked = one.of not in readers and one.kind != COPY
        told.append(one.words if ranked else f"{one.words} It is listed as a copy and gets no rank.")
    return told
