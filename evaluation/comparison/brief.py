"""Verdicts in brief, for the top of a page: the calls of `evaluation.comparison.verdicts` in fewer words.

Nothing is judged here. What a brief sentence leaves out (intervals, p, what could be chance) stands in the
verdict's own words, to which a page links.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evaluation.comparison.readers import MEDIAN_READER, with_article
from evaluation.comparison.verdicts import LevelVerdict, Verdict
from evaluation.statistics.words import number, plural

#: More verdicts than this are counted, not told one by one.
MOST = 3
#: Calls that settle something.
BETTER = ("better", "worse", "split")


def beside_readers(verdicts: Sequence[Verdict]) -> str:
    """Models beside the median reader, in a sentence or two; empty where none is."""
    found = [each for each in verdicts if each.second == MEDIAN_READER]
    if len(found) <= MOST:
        return _together(found)
    calls = Counter(each.call for each in found)
    parts = [f"{n} {word}" for call, word in (
        ("better", "better"), ("worse", "worse"), ("split", "better on some levels and worse on others"),
        ("not settled", "not settled"), ("not comparable", "not comparable"),
    ) if (n := calls[call])]  # fmt: skip
    changed = sum(any(_changes(each, again) for again in each.without.values()) for each in found)
    taught = f" Of {changed} this is otherwise without the reader whose masks taught it." if changed else ""
    return f"Of {plural(len(found), 'model')} beside the median reader: {', '.join(parts)}.{taught}"


def between_models(verdicts: Sequence[Verdict]) -> str:
    """The same of pairs of models; empty where there is no pair."""
    found = [each for each in verdicts if each.second != MEDIAN_READER and each.call != "copy"]
    if len(found) <= MOST:
        return _together(found)
    settled = [each for each in found if each.call in BETTER]
    few = f" ({'; '.join(_opening(each) for each in settled[:MOST])}{' …' * (len(settled) > MOST)})"
    return (
        f"Of {len(found)} pairs of models {len(settled) or 'none'} {'is' if len(settled) < 2 else 'are'} "
        f"settled{few if settled else ''}; the others are not settled."
    )


def in_brief(verdict: Verdict) -> str:
    """One verdict without its end: who is better and where, and whether a reader taught it."""
    if verdict.call in ("copy", "not comparable"):
        return verdict.words.removesuffix(".")
    told = _opening(verdict)
    for teacher, again in verdict.without.items():
        if not _changes(verdict, again):
            continue
        if again.call == "not settled":
            told += f", but not settled without {teacher}"
        elif again.call != "not comparable":
            told += f"; without {teacher}, {_opening(again)}"
    return told


def _together(found: Sequence[Verdict]) -> str:
    said = "; ".join(in_brief(each) for each in found)
    # A rater's name at the head stays as it is.
    lead = said[:1].upper() + said[1:] if said.startswith(("the ", "which ", "neither ")) else said
    return f"{lead}." if said else ""


def _opening(verdict: Verdict) -> str:
    first, second, sign = verdict.first, verdict.second, 1
    if verdict.call == "worse" and second != MEDIAN_READER:
        first, second, sign = second, first, -1
    one, two = with_article(first), with_article(second)
    ahead, behind = _where(verdict.levels, sign), _where(verdict.levels, -sign)
    if verdict.call == "split":
        return f"neither {one} nor {two} is better throughout: {one} {ahead}, {two} {behind}"
    if verdict.call == "not settled":
        return f"which of {one} and {two} is better is not settled"
    word = "worse" if verdict.call == "worse" and second == MEDIAN_READER else "better"
    return f"{one} is {word} than {two} {behind if word == 'worse' else ahead}"


def _where(levels: Sequence[LevelVerdict], sign: int) -> str:
    """The levels on which one of the two is settled to be better, and by how much."""
    on = [f"{level.level} (by {number(abs(level.difference))})" for level in levels if level.side == sign]
    absent = [level.level for level in levels if level.absent_side == sign]
    parts = [f"on {', '.join(on)}"] if on else []
    parts += [f"where there is no {', '.join(absent)}"] if absent else []
    return " and ".join(parts)


def _changes(whole: Verdict, again: Verdict) -> bool:
    """Whether a verdict is another without the masks of a reader."""
    sides = [[(one.level, one.side, one.absent_side) for one in each.levels] for each in (whole, again)]
    return sides[0] != sides[1]
