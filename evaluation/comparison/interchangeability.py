"""What interchangeability comes to, in sentences: of `evaluation.scores.interchangeability`.

A difference is *clear* where Holm's p over all levels and models spoken of is at most what the interval
leaves out, with readers fixed; else it *could be chance*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluation.comparison.teachers import named
from evaluation.scores.alternative_annotator import ENOUGH
from evaluation.scores.interchangeability import FIXED, NOBODY, ONE_MORE, adjusted
from evaluation.statistics.words import count_of, number, p_is, percent, plural, plural_between

CLEAR, CHANCE = "clear", "could be chance"
# Other readers have other habits; see `ONE_MORE`.
_FOR_THESE = f"{CLEAR} for these readers"


def of_models(found: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """The rows of some models of `interchangeability`; Holm's family is then these, and the same levels."""
    levels = found.level[found.p_holm.notna()].unique()
    return adjusted(found[found.model.isin(models)], ["way", "left_out"], levels)


def standings(found: pd.DataFrame, way: str = FIXED, left_out: str = NOBODY) -> dict[tuple[str, str], int]:
    """Model and level to 1 where it clearly agrees more than readers do, -1 for less, 0 where neither.

    `found` is of `interchangeability`, `left_out` the reader who is taken out of everything. Levels outside
    the family (groups repeat levels) are not in it.
    """
    rows = found[(found.way == way) & (found.left_out == left_out) & found.p_holm.notna()]
    return {(row.model, row.level): _side(row) for row in rows.itertuples()}


def in_short(found: pd.DataFrame) -> list[str]:
    """A sentence a model: on which levels it clearly agrees more, or less, than the readers do.

    Examples
    --------
    >>> rows = pd.DataFrame({"model": "nnunet", "level": ["level1", "level2"], "way": FIXED,
    ...     "left_out": NOBODY, "difference": [-0.03, 0.11], "confidence": 0.95, "p": [0.4, 0.004],
    ...     "p_holm": [0.4, 0.008], "n_exams": 10})
    >>> print(*in_short(rows))
    nnunet agrees with the readers more than they do with each other on level2: clear for these readers; on level1 the difference could be chance (readers fixed; clear means Holm p at most 0.05; 10 exams).
    """  # noqa: E501
    told = []
    fixed = found[(found.way == FIXED) & (found.left_out == NOBODY) & found.p_holm.notna()]
    further = standings(found, ONE_MORE)
    for model, rows in fixed.groupby("model", sort=False):
        on = {side: [row.level for row in rows.itertuples() if _side(row) == side] for side in (1, -1, 0)}
        clearly = [
            f"{word} than they do with each other on {', '.join(on[side])}"
            for word, side in (("more", 1), ("less", -1))
            if on[side]
        ]
        parts = []
        if clearly:
            said = f"{model} agrees with the readers {' and '.join(clearly)}: {_FOR_THESE}"
            parts.append(said + _beyond(further, model, on[1] + on[-1]))
        if on[0]:
            subject = "" if clearly else f"{model} beside the readers: "
            parts.append(f"{subject}on {', '.join(on[0])} the difference {CHANCE}")
        exams = plural_between(rows.n_exams.min(), rows.n_exams.max(), "exam")
        alpha = f"{round(1 - rows.confidence.iloc[0], 12):g}"
        told.append(f"{'; '.join(parts)} ({FIXED}; clear means Holm p at most {alpha}; {exams}).")
    return told


def sentences(
    found: pd.DataFrame,
    places: pd.DataFrame | None = None,
    teachers: Mapping[str, str] | None = None,
) -> list[str]:
    """For each model and level of its family what can be said of it beside the readers.

    Parameters
    ----------
    found : DataFrame
        Of `evaluation.scores.interchangeability.interchangeability`.
    places : DataFrame, optional
        Of `evaluation.scores.interchangeability.by_reader`.
    teachers : mapping of str to str, optional
        Model to the readers whose masks taught it, whom it resembles, as one name
        (`evaluation.comparison.teachers.teachers_among`): without them it is said again.
    """
    told = []
    all_there = found[found.left_out == NOBODY]
    for (model, level), rows in all_there.groupby(["model", "level"], sort=False):
        fixed = next(row for row in rows.itertuples() if row.way == FIXED)
        if not fixed.n_exams:
            told.append(f"On {level} nothing can be said of {model}: neither it nor a reader marked it.")
        elif np.isnan(fixed.p):
            told.append(f"On {level} {_opening(fixed)} (one exam gives no interval).")
        elif not np.isnan(fixed.p_holm):
            words = (
                f"On {level} {_opening(fixed)} ({_facts(fixed)}): {_FOR_THESE if _side(fixed) else CHANCE}."
            )
            words += "".join(_one_more(fixed, row) for row in rows.itertuples() if row.way == ONE_MORE)
            if places is not None:
                words += _in_places(fixed, places[(places.model == model) & (places.level == level)])
            if teacher := (teachers or {}).get(model):
                words += _without(found, model, level, teacher)
            told.append(words + _margin(fixed) + _invented(fixed))
    return told


def annotator_words(found: pd.DataFrame) -> list[str]:
    """Why a study of few exams has no verdict by the alternative annotator test; none where it has."""
    few = found[found.passes == "too few exams"]
    if few.empty:
        return []
    row = few.loc[few.n_exams.idxmax()]
    n, needed = int(row.n_exams), int(row.n_needed)
    why = f"{plural(n, 'exam')} cannot carry this test: it asks for {ENOUGH} at least, better 50 to 100."
    if needed > n:
        return [f"{why} With so few no model can pass."]
    return [
        f"{why} Here a model passes if it is ahead of half the readers in {count_of(needed, n)} exams each; "
        "one exactly as good as a reader is ahead in half."
    ]


def _side(row: Any) -> int:
    clear = row.p_holm <= 1 - row.confidence + 1e-12
    return int(np.sign(round(row.difference, 12))) if clear else 0


def _opening(row: Any) -> str:
    amount = round(row.difference, 2)
    much = f"{_amount(amount)} than" if amount else "as much, to two decimals, as"
    return f"{row.model} agrees with the readers {much} they agree with each other"


def _facts(row: Any) -> str:
    exams = count_of(row.n_exams, row.n_exams + row.n_absent, "exams")
    bounds = f"{_amount(row.low)} to {_amount(row.high)}"
    return f"{percent(row.confidence)} interval {bounds}; {FIXED}; Holm {p_is(row.p_holm)}; {exams}"


def _one_more(fixed: Any, row: Any) -> str:
    if not _side(fixed):
        return ""
    bounds = f"{_amount(row.low)} to {_amount(row.high)}"
    if _side(row) == _side(fixed):
        return f" One more reader of their kind would hardly be as far off ({bounds})."
    return f" One more reader of their kind could be as far off ({bounds})."


def _in_places(fixed: Any, places: pd.DataFrame) -> str:
    if places.empty or places.difference.isna().all():
        return ""
    ordered = places.sort_values("difference", kind="stable")
    low, high = ordered.iloc[0], ordered.iloc[-1]
    ends = (f"{_amount(row.difference)} ({row.other})" for row in (low, high))
    words = f" In a reader's place: {' to '.join(ends)}"
    against = [row.other for row in ordered.itertuples() if round(row.difference, 2) * _side(fixed) < 0]
    if against:
        return f"{words}, so it hangs on whose place it takes."
    return f"{words}."


def _beyond(further: Mapping[tuple[str, str], int], model: str, clear: Sequence[str]) -> str:
    """Whether one more reader could be as far off, on the levels that are clear."""
    known = [level for level in clear if (model, level) in further]
    could = [level for level in known if not further[model, level]]
    if not could:
        return ", and further off than one more reader would be" if known else ""
    on = "" if len(could) == len(clear) else f" on {', '.join(could)}"
    return f", though one more reader could be as far off{on}"


def _without(found: pd.DataFrame, model: str, level: str, teacher: str) -> str:
    rows = found[(found.model == model) & (found.level == level) & (found.left_out == teacher)]
    who = f"{named(teacher)}, whose masks taught it"
    if rows.empty:
        return f" Without {who}, too few readers are left."
    row: Any = next(rows.itertuples())
    bounds = f"{_amount(row.low)} to {_amount(row.high)}"
    verdict = _FOR_THESE if _side(row) else CHANCE
    return (
        f" Without {named(teacher)}, whose masks taught it: {_amount(row.difference)} ({bounds}): {verdict}."
    )


def _margin(row: Any) -> str:
    margin = getattr(row, "margin", None)
    if margin is None or np.isnan(margin):
        return ""
    alpha = (1 - row.confidence) / 2 + 1e-12
    if _side(row) < 0 and row.high < -margin:
        return f" Worse by more than the margin of {margin:g}: {CLEAR}."
    worse, equivalent = (CLEAR if p <= alpha else CHANCE for p in (row.p_worse_holm, row.p_equivalent_holm))
    return f" Not worse by the margin of {margin:g}: {worse}; equivalent within it: {equivalent}."


def _invented(row: Any) -> str:
    if not row.n_invented:
        return ""
    exams = plural(int(row.n_invented), "exam")
    return f" In {exams} it alone marked {row.level}: there it counts as 0 and the readers as 1."


def _amount(value: float) -> str:
    """With a decimal more where two would hide on which side of 0 it lies."""
    rounded = round(value, 2) or round(value, 3)
    if not rounded:
        return "0.00"
    return f"{number(abs(rounded), 2 if abs(rounded) >= 0.01 else 3)} {'less' if rounded < 0 else 'more'}"
