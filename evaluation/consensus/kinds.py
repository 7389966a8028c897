"""Which rules and regions there are for a consensus, and their names in words."""

from __future__ import annotations

from typing import Literal

#: Labels beside background that can be counted.
MOST_LEVELS = 254

Rule = Literal["multilabel", "map", "binary", "majority", "ordinal", "median_lower", "median_upper"]
Region = Literal["volume", "union"]

#: Rule to its name in words, without the region.
RULES: dict[Rule, str] = {
    "multilabel": "multi-label STAPLE",
    "map": "multi-label STAPLE with a prior (MAP)",
    "binary": "binary STAPLE of each level",
    "majority": "majority vote",
    "ordinal": "ordinal STAPLE",
    "median_lower": "lower median of the votes",
    "median_upper": "upper median of the votes",
}
#: Rules that count votes: the same over either region.
COUNTED: tuple[Rule, ...] = ("majority", "median_lower", "median_upper")
#: Rules for levels in rising order alone.
ORDERED: tuple[Rule, ...] = ("ordinal", "median_lower", "median_upper")
#: Whether labels are levels in rising order, to the rules fit for them: with a mean Dice with a known truth
#: within 0.02 of the best over all ways of erring that were tried, and never more than 0.05 below the best of
#: one (`python -m benchmarks.truth`). Another of these may turn a verdict round; other rules are shown alone.
FIT: dict[bool, tuple[Rule, ...]] = {
    True: ("map", "binary", "median_upper"),
    False: ("map", "binary", "multilabel", "majority"),
}
_REGIONS: dict[Region, str] = {
    "volume": "over the whole volume",
    "union": "over the voxels that a reader marked",
}


def in_short(rule: Rule, region: Region = "volume") -> str:
    """The same as `describe`, for the first column of a table.

    Examples
    --------
    >>> in_short("ordinal", "union"), in_short("majority")
    ('ordinal STAPLE, marked voxels', 'majority vote')
    """
    words = {"volume": "whole volume", "union": "marked voxels"}
    return RULES[rule] if rule in COUNTED else f"{RULES[rule]}, {words[region]}"


def describe(rule: Rule, region: Region = "volume") -> str:
    """A rule and its region in words, for tables and reports.

    Examples
    --------
    >>> describe("ordinal", "union")
    'ordinal STAPLE over the voxels that a reader marked'
    >>> describe("majority")
    'majority vote'
    """
    return RULES[rule] if rule in COUNTED else f"{RULES[rule]} {_REGIONS[region]}"
