"""Verdicts in brief, for the top of a page: the calls of `evaluation.comparison.verdicts` in fewer words.

Nothing is judged here. What a brief sentence leaves out (intervals, p, what could be chance) stands in the
verdict's own words, to which a page links.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evaluation.comparison import teachers
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
    calls = Counter[str](each.call for each in found)
    parts = [f"{n} {word}" for call, word in (
        ("better", "better"), ("worse", "worse"), ("split", "better on some levels and worse on others"),
        ("not settled", "not settled"), ("not comparable", "not comparable"),
    ) if (n := calls[call])]  # fmt: skip
    changed = sum(any(_changes(each, other.verdict) for other in each.without) for each in found)
    taught = f" Of {changed} this is otherwise without the reader whose masks taught it." if changed else ""
    taught += _with_teachers(found)
    if unclear := sum(bool(each.unclear_over_seeds) for each in found):
        taught += f" Of {unclear} it is not clear over seeds on every level."
    return f"Of {plural(len(found), 'model')} beside the median reader: {', '.join(parts)}.{taught}"


def between_models(verdicts: Sequence[Verdict]) -> str:
    """The same of pairs of models; empty where there is no pair."""
    found = [each for each in verdicts if each.second != MEDIAN_READER and each.call != "copy"]
    if len(found) <= MOST:
        return _together(found)
    settled = [each for each in found if each.call in BETTER]
    if not settled:
        return f"Of {len(found)} pairs of models none is settled."
    few = "; ".join(_opening(each) + _over_seeds(each) for each in settled[:MOST])
    few += " …" * (len(settled) > MOST)
    are = "is" if len(settled) == 1 else "are"
    return f"Of {len(found)} pairs of models {len(settled)} {are} settled: {few}.{_with_teachers(settled)}"


def in_brief(verdict: Verdict, *, named: bool = True) -> str:
    """One verdict without its end: who is better and where, and what it is without who taught it.

    Not `named` is the second of the two, where the sentence has named it before.
    """
    if verdict.call in ("copy", "not comparable"):
        return verdict.words.removesuffix(".")
    told = _opening(verdict, named)
    for other in verdict.without:
        if not _changes(verdict, other.verdict):
            continue
        taught = (
            "it" if verdict.second == MEDIAN_READER else "both" if len(other.taught) > 1 else other.taught[0]
        )
        who = f"without {teachers.named(other.reader)}, who taught {taught}"
        if other.verdict.call == "not settled":
            told += f", but not settled {who}"
        elif other.verdict.call != "not comparable":
            told += f"; {who}, {_opening(other.verdict, False)}"
    return told + _over_seeds(verdict)


def _over_seeds(verdict: Verdict) -> str:
    unclear = ", ".join(verdict.unclear_over_seeds)
    return f" (not clear over seeds on {unclear})" if unclear else ""


def _together(found: Sequence[Verdict]) -> str:
    said = "; ".join(
        in_brief(each, named=not place or each.second != MEDIAN_READER) for place, each in enumerate(found)
    )
    # A rater's name at the head stays as it is.
    lead = said[:1].upper() + said[1:] if said.startswith(("the ", "which ", "neither ")) else said
    return f"{lead}.{_with_teachers(found)}" if said else ""


def _with_teachers(found: Sequence[Verdict]) -> str:
    """Models of which something is settled, though no comparison leaves out those who taught them."""
    names = dict.fromkeys(name for each in found if each.call in BETTER for name in each.with_teachers)
    who = plural(len(names), "model") if len(names) > MOST else teachers.named(teachers.TOGETHER.join(names))
    return f" No comparison leaves out the readers whose masks taught {who}." if names else ""


def _opening(verdict: Verdict, named: bool = True) -> str:
    first, second, sign = verdict.first, verdict.second, 1
    if verdict.call == "worse" and second != MEDIAN_READER:
        first, second, sign = second, first, -1
    one, two = with_article(first), with_article(second)
    ahead, behind = _where(verdict.levels, sign), _where(verdict.levels, -sign)
    if verdict.call == "split":
        return f"neither {one} nor {two} is better throughout: {one} {ahead}, {two} {behind}"
    if verdict.call == "not settled" and not named and second == MEDIAN_READER:
        return f"for {one} it is not settled"
    if verdict.call == "not settled":
        return f"which of {one} and {two} is better is not settled"
    word = "worse" if verdict.call == "worse" and second == MEDIAN_READER else "better"
    than = f" than {two}" if named else ""
    return f"{one} is {word}{than} {behind if word == 'worse' else ahead}"


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
