"""Which algorithms cannot be told apart: the compact letter display of pairwise tests."""

from __future__ import annotations

import re
import string

import numpy as np

#: Letters of a group that are printed one by one.
MOST_LETTERS = 8
_LETTERS = string.ascii_lowercase + string.ascii_uppercase


def letter_display(differs: np.ndarray) -> list[str]:
    """Letters of each algorithm; two share one exactly when they cannot be told apart.

    A letter is a group of algorithms that no test tells apart, as large as can be; groups are taken, best
    algorithms first, until every pair that is alike shares one (a cover by cliques: Gramm et al. 2007, Comput
    Stat Data Anal 52:725). Insertion and absorption (Piepho 2004, J Comput Graph Stat 13:456) takes every
    largest group. Where differences follow the ranks both give the same letters; where they do not, the
    number of largest groups grows exponentially, and many of them say nothing new.

    `differs`, bool of shape (n, n), is symmetric, its rows in order of the ranking, so that the first has the
    letter a. After z come A to Z, then a1, b1, ...: `letters_of` divides them.

    Examples
    --------
    >>> differs = np.zeros((3, 3), bool)
    >>> differs[0, 2] = differs[2, 0] = True
    >>> letter_display(differs)
    ['a', 'ab', 'b']
    """
    n = len(differs)
    # A set of algorithms is a whole number whose bit k says whether k is in it.
    alike = [sum(1 << other for other in np.flatnonzero(~row).tolist()) for row in differs]
    together = [0] * n
    groups = []
    for k in range(n):
        while behind := (alike[k] & ~together[k]) >> k << k:
            others = _members(behind & ~(1 << k))
            group = _grown([k, *others[:1]], alike)
            groups.append(group)
            for member in _members(group):
                together[member] |= group
    ordered = sorted(groups, key=_members)
    return [
        "".join(_letter(place) for place, group in enumerate(ordered) if group >> k & 1) for k in range(n)
    ]


def letters_of(group: str) -> set[str]:
    """The letters of a group, as {"a", "b"} of "ab" and {"a", "c1"} of "ac1"."""
    return set(re.findall(r"[A-Za-z]\d*", group))


def place_of(letter: str) -> int:
    """The place of a group's letter, from 0: 0 of "a", 51 of "Z", 52 of "a1"."""
    return _LETTERS.index(letter[0]) + len(_LETTERS) * int(letter[1:] or 0)


def in_short(group: str) -> str:
    """A group to read: of more than `MOST_LETTERS` the first, the last and how many there are.

    >>> in_short("abcdefgh"), in_short("abcdefghi")
    ('abcdefgh', 'a … i (9)')
    """
    letters = sorted(letters_of(group), key=place_of)
    return group if len(letters) <= MOST_LETTERS else f"{letters[0]} … {letters[-1]} ({len(letters)})"


def _grown(first: list[int], alike: list[int]) -> int:
    """A largest group with those given, grown in order of rank."""
    group, candidates = 0, (1 << len(alike)) - 1
    for k in [*first, *range(len(alike))]:
        if candidates >> k & 1:
            group |= 1 << k
            candidates &= alike[k]
    return group


def _members(group: int) -> list[int]:
    return [k for k in range(group.bit_length()) if group >> k & 1]


def _letter(place: int) -> str:
    turn, letter = divmod(place, len(_LETTERS))
    return _LETTERS[letter] + (str(turn) if turn else "")
