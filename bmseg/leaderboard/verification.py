"""What a verification of a board found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest


@dataclass
class Verification:
    """What was compared, and what differs."""

    differences: list[str] = field(default_factory=list)  # one line each: file, field, found, expected
    notices: list[str] = field(default_factory=list)  # what could not be compared, and leftovers
    n_scores: int = 0  # derived again from their counts
    n_from_masks: int = 0  # tables of scores that were derived again from masks
    n_entries: int = 0  # on the board, withdrawn ones included
    n_files: int = 0  # of the site, made again


def first_difference(text: str, expected: str) -> tuple[int, str, str] | None:
    """Number of the first line that differs, found and expected; None where nothing does."""
    pairs = zip_longest(text.splitlines(), expected.splitlines(), fillvalue="no such line")
    return next(((number, *pair) for number, pair in enumerate(pairs, 1) if pair[0] != pair[1]), None)


def in_one_line(differences: Sequence[str]) -> str:
    """The differences as one line, the first ones in full."""
    more = f"; and {len(differences) - 5} more" if len(differences) > 5 else ""
    return "; ".join(differences[:5]) + more
