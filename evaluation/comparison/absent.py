"""Who marks what is not there? Exams without a level that only one of two raters marked, and a sign test.

A Dice needs something to find: where neither the yardstick nor a rater has a level it is undefined, and such
an exam cannot enter a paired test of Dice. To invent a level would then cost nothing. So it is tested by
itself: among the exams in which the yardstick has nothing and one of two raters marked something, are they as
often the one's as the other's? Exams in which both marked it, or neither did, say nothing on who does so more
often. An exam enters either this test or that of Dice, never both; where scores are by knee, each of its
knees does.

The median reader marks what most readers mark. One more reader would differ from that: who marks a false
focus in three exams of ten is alone in most of them, as each reader is. So beside the median reader only
that is clear which is clear beside each reader, by the yardstick without that reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluation.statistics.signed_rank import sign_test
from evaluation.statistics.words import p_is, p_value, plural

#: The name of the rater whose Dice in each exam is the median of the readers'.
MEDIAN_READER = "median reader"
#: Columns that `count_and_test` makes, and Holm's p.
COLUMNS = ["n_false", "n_false_other", "n_absent", "p_absent", "p_absent_holm"]


def false_markings(pairs: pd.DataFrame) -> pd.Series:
    """Who of two raters marked what is not there, by exam: -1 the first alone, 1 the second alone, else 0.

    `pairs` holds two columns of Dice, a row an exam or, with a second index, a knee; NaN where a level that
    the yardstick does not have is rightly left empty. Of an exam's knees the one who did so in more counts.
    """
    first, second = (pairs.iloc[:, column].to_numpy(float) for column in (0, 1))
    if pairs.index.nlevels == 1 and pairs.index.is_unique:
        return pd.Series(marked_alone(first, second), pairs.index)
    exams, names = pd.factorize(pairs.index.get_level_values("exam"))
    return pd.Series(marked_alone(first, second, exams), names)


def marked_alone(first: np.ndarray, second: np.ndarray, exams: np.ndarray | None = None) -> np.ndarray:
    """`false_markings` of two raters' Dice, shape (n,); `exams` are the numbers of the rows' exams."""
    by_second, by_first = np.isnan(first) & (second == 0), np.isnan(second) & (first == 0)
    signs = by_second.astype(int) - by_first.astype(int)
    if exams is None:
        return signs
    # In order of appearance, from 0 without a gap.
    exams = pd.factorize(exams)[0]
    return np.sign(np.bincount(exams, signs)).astype(int)


def count_and_test(
    signs: pd.Series | np.ndarray, each: Sequence[pd.Series | np.ndarray] = ()
) -> dict[str, float]:
    """Columns ``n_false``, ``n_false_other``, ``n_absent`` and ``p_absent`` of `false_markings`.

    ``n_absent`` is of how many exams p is: no p of so many can be below 2 / 2**n. P is that of the exact
    two-sided sign test, NaN without such an exam. Beside the median reader `each` holds the signs beside
    every reader, and p is the largest of theirs, 1 where one of them points the other way: if one more reader
    is compared, already the first of these is at most 0.05 in 5 % of studies at most.
    """
    n_false, n_false_other = _counts(signs)
    n, p = n_false + n_false_other, sign_test(n_false, n_false_other)
    if each and n:
        beside, direction = [_counts(of_one) for of_one in each], n_false - n_false_other
        # The median reader may be alone in fewer exams, or more, than any reader is.
        n, p = min(map(sum, beside)), max(_in_direction(*of_one, direction) for of_one in beside)
    return {"n_false": n_false, "n_false_other": n_false_other, "n_absent": n, "p_absent": p}


def _in_direction(n_for: int, n_against: int, direction: int) -> float:
    return sign_test(n_for, n_against) if (n_for - n_against) * direction > 0 else 1.0


def _counts(signs: pd.Series | np.ndarray) -> tuple[int, int]:
    return int((signs < 0).sum()), int((signs > 0).sum())


def holm_in_words(p: float) -> str:
    """The adjusted p after the plain one; nothing where a row is in no family."""
    return "" if np.isnan(p) else f", Holm {p_value(p)}"


def absent_in_words(comparison: Any) -> str:
    """The sentence on marking what is not there, with a space before it; "" where no exam tells.

    Examples
    --------
    >>> row = pd.Series({"level": "level3", "model": "nnunet", "other": "unet", "n_false": 7,
    ...     "n_false_other": 0, "p_absent": 0.0156, "p_absent_holm": 0.0156, "confidence": 0.95})
    >>> print(absent_in_words(row).strip())
    In 7 exams without level3 only one of the two marked it: nnunet in 7, unet in 0 (exact sign test p = 0.016, Holm 0.016): clear.
    """  # noqa: E501
    c = comparison
    n_false, n_false_other = (int(getattr(c, name, 0)) for name in ("n_false", "n_false_other"))
    if not (n := n_false + n_false_other):
        return ""
    verdict = ": clear" if c.p_absent_holm <= 1 - c.confidence + 1e-12 else ": could be chance"
    other, test = c.other, "exact sign test"
    if c.other == MEDIAN_READER:
        other, test = f"the {c.other}", "exact sign tests beside each reader, the largest"
    facts = f"{test} {p_is(c.p_absent)}{holm_in_words(c.p_absent_holm)}"
    return (
        f" In {plural(n, 'exam')} without {c.level} only one of the two marked it: {c.model} in {n_false}, "
        f"{other} in {n_false_other} ({facts}){'' if np.isnan(c.p_absent_holm) else verdict}."
    )
