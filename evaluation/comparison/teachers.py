"""Models beside readers, and each other, against the yardstick without the reader whose masks taught them.

A model that learned from one reader's masks has that reader's habits, and gains where the reader is part of
what it is scored against. Students of the synthetic cohort's reader1 who see the signal without noise gain on
levels 1 to 3 by 0.00, 0.04 and 0.01 Dice with reader1's usual thresholds, and by 0.02, 0.04 and 0.10 with
those of the day (fair scores less those without reader1; ten exams, yardstick map). The consensus that
leaves the teacher out is in the fair scores already; here the same comparisons rest on it alone.

A model that several readers taught has no such consensus: each without one of them holds another. It is
compared again as if the readers whose masks it did not learn from were the only ones (two at least): it and
its teachers against each consensus of all but one of them, each of them against that of the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from evaluation.comparison import models as between
from evaluation.comparison import readers as beside

#: Beside the columns of both tables: the reader who is left out, or several by what stands between them.
WITHOUT = "without"
TOGETHER = " + "
#: Readers at least, who did not teach a model, for the comparison among them.
FEWEST = 2


def teachers_among(taught: Sequence[str], readers: Sequence[str]) -> str:
    """Those of some readers who taught, as one name; "" for none.

    Examples
    --------
    >>> teachers_among(["cleo", "anna", "somebody"], ["anna", "ben", "cleo"])
    'anna + cleo'
    """
    return TOGETHER.join(reader for reader in readers if reader in taught)


def several_teachers(
    taught_by: Mapping[str, Sequence[str]], models: Sequence[str], readers: Sequence[str]
) -> dict[str, list[str]]:
    """Several teachers, as one name, to the models that they taught together."""
    found: dict[str, list[str]] = {}
    for model in models:
        name = teachers_among(taught_by.get(model, ()), readers)
        if TOGETHER in name:
            found.setdefault(name, []).append(model)
    return found


def untaught(teachers: str, readers: Sequence[str]) -> list[str]:
    """The readers who are not among some teachers."""
    return [reader for reader in readers if reader not in teachers.split(TOGETHER)]


def named(teachers: str) -> str:
    """Teachers in a sentence.

    Examples
    --------
    >>> named("anna + ben + cleo")
    'anna, ben and cleo'
    """
    *first, last = teachers.split(TOGETHER)
    return f"{', '.join(first)} and {last}" if first else last


def readers_without_teacher(
    fair: pd.DataFrame,
    taught_by: Mapping[str, Sequence[str]],
    *,
    models: Sequence[str],
    readers: Sequence[str],
    confidence: float = 0.95,
    margin: float | None = None,
    spoken_of: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Each model with one teacher beside that teacher, and beside the median reader, without the teacher.

    `fair` is of `evaluation.scores.fair.score_fair` with a column ``exam``. The model is scored against the
    consensus without its teacher, as the teacher is; every other reader in the median against the one without
    that reader. Columns of `evaluation.comparison.readers.compare`, and ``without``.
    """
    tables = []
    for model, teacher in _single(taught_by, models, readers).items():
        scores = fair[(fair.rater != model) | _without(fair, teacher)]
        found = beside.compare(
            scores,
            models=[model],
            readers=readers,
            confidence=confidence,
            margin=margin,
            spoken_of=spoken_of,
        ).assign(**{WITHOUT: teacher})
        tables.append(found[found.other.isin([teacher, beside.MEDIAN_READER])])
    return _together(tables, beside.COLUMNS)


def models_without_teacher(
    fair: pd.DataFrame,
    taught_by: Mapping[str, Sequence[str]],
    *,
    models: Sequence[str],
    readers: Sequence[str],
    confidence: float = 0.95,
    spoken_of: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Each pair of models of which one has a single teacher, against the consensus without the teacher.

    Of two with different teachers, without either one. Holm adjusts all pairs and levels of a teacher left
    out together. Columns of `evaluation.comparison.models.compare_models`, and ``without``.
    """
    single = _single(taught_by, models, readers)
    tables = []
    for teacher in dict.fromkeys(single.values()):
        scores = fair[_without(fair, teacher)]
        taught = [set(pair) for pair in combinations(models, 2) if teacher in map(single.get, pair)]
        if taught:
            found = between.compare_models(scores, models=models, confidence=confidence, spoken_of=spoken_of)
            chosen = [{*pair} in taught for pair in zip(found.model, found.other, strict=True)]
            tables.append(found[chosen].assign(way=f"without {teacher}", **{WITHOUT: teacher}))
    return _together(tables, between.COLUMNS)


def without_several(
    fair: pd.DataFrame,
    teachers: str,
    taught: Sequence[str],
    *,
    models: Sequence[str],
    readers: Sequence[str],
    confidence: float = 0.95,
    margin: float | None = None,
    spoken_of: Sequence[str] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of `readers_without_teacher` and `models_without_teacher`, without several teachers.

    `fair` is of `evaluation.scores.fair.score_fair` of consensuses of the other readers alone, `teachers` of
    `teachers_among` and `taught` the models that they taught. The median reader is that of the others.
    """
    asked: dict[str, Any] = {"confidence": confidence, "spoken_of": spoken_of}
    others = untaught(teachers, readers)
    beside_them = beside.compare(
        fair, models=taught, readers=others, others=[beside.MEDIAN_READER], margin=margin, **asked
    )
    pairs = (
        between.compare_models(fair, models=models, **asked)
        if len(models) > 1
        else _together([], between.COLUMNS)
    )
    pairs = pairs[pairs.model.isin(taught) | pairs.other.isin(taught)]
    return (
        beside_them.assign(**{WITHOUT: teachers}),
        pairs.assign(way=f"without {teachers}", **{WITHOUT: teachers}),
    )


def taught_in_words(
    taught_by: Mapping[str, Sequence[str]], models: Sequence[str], readers: Sequence[str]
) -> list[str]:
    """Whose masks taught each model, and what that means."""
    told = []
    for model in (model for model in models if taught_by.get(model)):
        all_of_them, here = TOGETHER.join(taught_by[model]), teachers_among(taught_by[model], readers)
        if TOGETHER not in all_of_them:
            meant = f"see what it is without {all_of_them}"
        elif not here:
            meant = "none of them is among the readers"
        elif nobody := none_left(here, readers):
            meant = nobody
        else:
            meant = f"see what it is without {'them' if TOGETHER in here else here}"
        told.append(f"{model} learned from the masks of {named(all_of_them)}: {meant}.")
    return told


def none_left(teachers: str, readers: Sequence[str], *, them: bool = False) -> str:
    """Why a model, or `them`, cannot be compared without its teachers; "" where it can.

    Examples
    --------
    >>> none_left("anna + ben", ["anna", "ben"])
    'no reader is left whose masks it did not learn from'
    """
    whom = "they" if them else "it"
    others = untaught(teachers, readers)
    if TOGETHER not in teachers or len(others) >= FEWEST:
        return ""
    if not others:
        return f"no reader is left whose masks {whom} did not learn from"
    return f"{others[0]} alone is left whose masks {whom} did not learn from, and one reader is no yardstick"


def _single(
    taught_by: Mapping[str, Sequence[str]], models: Sequence[str], readers: Sequence[str]
) -> dict[str, str]:
    """Model to its teacher, of those with one, who is among the readers."""
    among = {model: teachers_among(taught_by.get(model, ()), readers) for model in models}
    return {model: teacher for model, teacher in among.items() if teacher and TOGETHER not in teacher}


def _without(fair: pd.DataFrame, teacher: str) -> pd.Series:
    """Scores against what holds no mask of the teacher's, in exams that the teacher did not draw any."""
    drawn = fair.exam.isin(fair.exam[fair.left_out == teacher])
    return (fair.left_out == teacher) | ~drawn


def _together(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame(columns=[*columns, WITHOUT])
    return pd.concat(tables, ignore_index=True)
