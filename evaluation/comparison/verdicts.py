"""What comparisons on several levels come to: one verdict a pair of raters, and its sentence.

Every page, screen and table that says which of two raters is better asks here, so that they say the same.
A rater is called better only where three things hold: a difference in its favour is clear on some level
(adjusted over all levels and raters of the page), none is clear in favour of the other, and no other fair
way of looking turns that difference round (`evaluation.comparison.ways`). What is not called better is not
settled, and the reason stands beside it; it is not called equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd

from evaluation.comparison.families import adjusted
from evaluation.comparison.models import FAIR, YARDSTICK
from evaluation.comparison.readers import MEDIAN_READER, in_words, with_article
from evaluation.comparison.ways import by_pair, turned_by
from evaluation.statistics.words import number, plural, plural_between, signed

# Of `by_pair`.
_ByPair = Mapping[tuple[str, str, str], pd.DataFrame]
Call = Literal["better", "worse", "split", "not settled", "copy", "not comparable"]


@dataclass(frozen=True)
class LevelVerdict:
    """What one level says of two raters."""

    level: str
    #: Dice of the first minus that of the second, with its interval; NaN where no exam can be compared.
    difference: float
    low: float
    high: float
    #: Adjusted over all tests that the verdict speaks of.
    p: float
    n_pairs: int
    #: Whether chance is not enough to explain the difference.
    clear: bool
    #: Exams in which the first alone, and the second alone, marked the level where there is none; the sign
    #: test's p, adjusted likewise (NaN without such an exam), whether chance is not enough to explain it, and
    #: whether it is worth a word: one such exam, or as many of the one as of the other, says nothing.
    n_false: int = 0
    n_false_other: int = 0
    p_absent: float = float("nan")
    clear_absent: bool = False
    tells_absent: bool = False
    #: The ways in which it points to the other rater.
    turned: tuple[str, ...] = ()
    #: Whether the difference is clear by the yardstick, and agreement with the readers does not say the same.
    unbacked: bool = False

    @property
    def side(self) -> int:
        """1 where the level's Dice is settled in favour of the first, -1 of the second, 0 of neither."""
        return 0 if self.turned or self.unbacked or not self.clear else int(np.sign(self.difference))

    @property
    def absent_side(self) -> int:
        """The same of marking the level where there is none."""
        return int(np.sign(self.n_false_other - self.n_false)) if self.clear_absent else 0


@dataclass(frozen=True)
class Without:
    """A verdict again, without the masks of a reader who taught one of the two raters, or both."""

    reader: str
    taught: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True)
class Verdict:
    """Which of two raters is better, as far as the data can carry it."""

    first: str
    second: str
    #: Of the first.
    call: Call
    levels: tuple[LevelVerdict, ...]
    words: str
    #: What it is without each reader, or all readers, who taught one of the two.
    without: tuple[Without, ...] = ()
    #: Those of the two whose teachers no comparison leaves out, though several readers taught them.
    with_teachers: tuple[str, ...] = ()
    #: Levels on which it is one of these two networks alone: over all seeds of their methods it is not clear.
    unclear_over_seeds: tuple[str, ...] = ()
    #: The sentence of `words` that says that with so few exams nothing could have been clear, if so.
    too_few: str = ""


def model_verdicts(
    table: pd.DataFrame,
    ways: pd.DataFrame,
    *,
    levels: Sequence[str],
) -> list[Verdict]:
    """Each pair of models in `evaluation.comparison.models.compare_models`, by the yardstick.

    `ways` are of `evaluation.comparison.ways.differences_by_way`; `levels` those that verdicts speak of (a
    group of levels repeats them). All pairs and levels spoken of are adjusted together
    (`evaluation.comparison.families.adjusted`), so leave out copies of other raters.
    """
    rows = table[(table.way == YARDSTICK) & table.level.isin(levels)]
    return _verdicts(rows, ways, "pair")


def reader_verdicts(
    table: pd.DataFrame,
    ways: pd.DataFrame,
    *,
    levels: Sequence[str],
    agreement: Mapping[tuple[str, str], int] | None = None,
    unknown: Mapping[str, str] | None = None,
) -> list[Verdict]:
    """Each model beside the median reader, by the fair scores of `evaluation.comparison.readers.compare`.

    All models and levels spoken of are adjusted together, for a page is read for whoever stands out.
    Parameters as of `model_verdicts`; `agreement` is of `evaluation.comparison.interchangeability.standings`:
    a level on which a model does not clearly agree more (less) with the readers than they do is not settled.
    A median of readers is steadier than any one reader: alone, the fair scores call one more reader of the
    same kind better or worse in 8 % of studies (`python -m benchmarks.exchangeable`). `unknown` says of
    a model in words what could not be asked: no difference of its Dice is then settled.
    """
    rows = table[(table.way == FAIR) & (table.other == MEDIAN_READER) & table.level.isin(levels)]
    return _verdicts(rows, ways, "model", agreement, unknown or {})


def pairs_in_words(table: pd.DataFrame) -> list[str]:
    """Every pair of `compare_models` on every level by the yardstick, a sentence each."""
    return [in_words(row) for row in table[table.way == YARDSTICK].itertuples()]


def _verdicts(
    rows: pd.DataFrame,
    ways: pd.DataFrame,
    what: str,
    agreement: Mapping[tuple[str, str], int] | None = None,
    unknown: Mapping[str, str] = MappingProxyType({}),
) -> list[Verdict]:
    """Of all pairs on a page, a row a pair and level; `what` a pair is called."""
    own = adjusted(rows)
    pairs = own.groupby(["model", "other"], sort=False)
    of_many = f" of {plural(len(pairs), what)}" if len(pairs) > 1 else ""
    made, by_ways = [], by_pair(ways)
    for (first, _), of_pair in pairs:
        family = f"{plural(len(of_pair), 'level')}{of_many}"
        made.append(_verdict(of_pair, by_ways, family, agreement, unknown.get(str(first), "")))
    return made


def _verdict(
    rows: pd.DataFrame,
    ways: _ByPair,
    family: str,
    agreement: Mapping[tuple[str, str], int] | None,
    unknown: str,
) -> Verdict:
    """Of one pair, a row a level; `family` says over what p is adjusted."""
    first, second = rows.model.iloc[0], rows.other.iloc[0]
    alpha = round(1 - rows.confidence.iloc[0], 12)
    levels = tuple(_level(row, ways, alpha, {} if unknown else agreement) for row in rows.itertuples())
    compared = [level for level in levels if level.n_pairs or level.n_false + level.n_false_other]
    if not compared:
        words = f"{first} and {with_article(second)} cannot be compared: in no exam are both defined."
        return Verdict(first, second, "not comparable", levels, words)
    sides = {side for level in levels for side in (level.side, level.absent_side)} - {0}
    call: Call = "not settled"
    if sides:
        call = "split" if len(sides) > 1 else "better" if 1 in sides else "worse"
    words = _words(first, second, call, levels, family, unknown)
    too_few = _too_few(compared, rows, family)
    return Verdict(first, second, call, levels, f"{words} {too_few}".rstrip(), too_few=too_few)


def _level(
    row: Any, ways: _ByPair, alpha: float, agreement: Mapping[tuple[str, str], int] | None
) -> LevelVerdict:
    # The last digits of floating point are no difference, for the test neither.
    difference = round(row.difference, 12)
    clear = bool(row.p_holm <= alpha and difference)
    turned = turned_by(ways.get((row.model, row.other, row.level)), difference) if clear else []
    clear_absent = bool(row.p_absent_holm <= alpha)
    return LevelVerdict(
        row.level, difference, row.low, row.high, row.p_holm, row.n_pairs, clear,
        row.n_false, row.n_false_other, row.p_absent_holm, clear_absent,
        clear_absent or bool(row.p_absent < 0.5), tuple(turned),
        clear and agreement is not None and agreement.get((row.model, row.level)) != np.sign(difference),
    )  # fmt: skip


def _words(
    first: str, second: str, call: Call, levels: Sequence[LevelVerdict], family: str, unknown: str
) -> str:
    if call == "worse":
        # The better one comes first.
        first, second, sign = second, first, -1
    else:
        sign = 1
    one, two = with_article(first), with_article(second)
    of_one = f"the Dice of {one}" if call == "split" else "its Dice"
    parts = [
        *_settled(levels, sign, f"{of_one} is clearly higher"),
        *_settled(levels, -sign, f"the Dice of {two} is clearly higher"),
        *(_absent(level, first, second, sign) for level in levels if level.tells_absent),
        *(_turned(level, first, second, sign) for level in levels if level.turned),
        *_unbacked(
            [level for level in levels if level.unbacked and not level.turned], first, second, sign, unknown
        ),
        *_chance(levels, sign),
    ]
    if undefined := [level.level for level in levels if not level.n_pairs]:
        parts.append(f"{_list(undefined)} cannot be compared")
    opening = {
        "better": f"{one} is better than {two}: ",
        "worse": f"{one} is better than {two}: ",
        "split": f"neither {one} nor {two} is better throughout: ",
        "not settled": f"which of {one} and {two} is better is not settled: ",
    }[call]
    n = sorted({level.n_pairs for level in levels if level.n_pairs}) or [0]
    exams = plural_between(n[0], n[-1], "exam")
    words = f"{opening}{'; '.join(parts)} (p adjusted over {family}, {exams})."
    return words[0].upper() + words[1:] if words.startswith(("the ", "neither ", "which ")) else words


def _settled(levels: Sequence[LevelVerdict], sign: int, word: str) -> list[str]:
    found = [level for level in levels if level.side == sign]
    return [f"{word} on {_list([_with_difference(level) for level in found])}"] if found else []


def _absent(level: LevelVerdict, first: str, second: str, sign: int) -> str:
    """Who marked the level where there is none, and whether that is clear."""
    false = (level.n_false, level.n_false_other)[::sign]
    (more, n), (less, m) = sorted(zip((first, second), false, strict=True), key=lambda one: -one[1])
    return (
        f"{with_article(more)} marks {level.level} where there is none in {plural(n, 'exam')}, "
        f"{with_article(less)} in {m or 'none'} ({'clear' if level.clear_absent else 'could be chance'})"
    )


def _turned(level: LevelVerdict, first: str, second: str, sign: int) -> str:
    ahead, behind = (first, second) if level.difference * sign > 0 else (second, first)
    return (
        f"on {level.level} {with_article(ahead)} is {number(abs(level.difference))} ahead, but "
        f"{with_article(behind)} is {_list(level.turned)}"
    )


def _unbacked(levels: Sequence[LevelVerdict], first: str, second: str, sign: int, unknown: str) -> list[str]:
    """Who is ahead by the fair scores alone, the levels of one and the same rater together."""
    why = unknown or "agreement without a consensus does not bear it out"
    told = []
    for side, ahead in ((sign, first), (-sign, second)):
        on = [f"{level.level} ({number(abs(level.difference))})" for level in levels
              if np.sign(level.difference) == side]  # fmt: skip
        if on:
            told.append(f"on {_list(on)} {with_article(ahead)} is ahead by the fair scores, but {why}")
    return told


def _chance(levels: Sequence[LevelVerdict], sign: int) -> list[str]:
    found = [level for level in levels if level.n_pairs and not level.clear]
    if not found:
        return []
    named = [f"{level.level} ({signed(sign * level.difference)})" for level in found]
    return [f"the difference{'s' * (len(found) > 1)} on {_list(named)} could be chance"]


def _with_difference(level: LevelVerdict) -> str:
    ends = sorted([abs(level.low), abs(level.high)])
    interval = f"; {number(ends[0])} to {number(ends[1])}" if level.low * level.high > 0 else ""
    return f"{level.level} (by {number(abs(level.difference))}{interval})"


def _too_few(compared: Sequence[LevelVerdict], rows: pd.DataFrame, family: str) -> str:
    """What to say where even exams that all point one way could not be clear."""
    most = max(level.n_pairs for level in compared)
    if 2.0 ** (1 - most) <= rows.threshold.iloc[0] or any(level.clear_absent for level in compared):
        return ""
    return f"With {plural(most, 'exam')} and {family} no difference of Dice can be clear, however large."


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
