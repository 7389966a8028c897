"""Models beside readers, and each other, against the yardstick without the reader whose masks taught them.

A model that learned from one reader's masks has that reader's habits, and gains where the reader is part of
what it is scored against. Students of the synthetic cohort's reader1 who see the signal without noise gain on
levels 1 to 3 by 0.00, 0.04 and 0.01 Dice with reader1's usual thresholds, and by 0.02, 0.04 and 0.10 with
those of the day (fair scores less those without reader1; ten exams, yardstick map). The consensus that
leaves the teacher out is in the fair scores already; here the same comparisons rest on it alone. A model
taught by several readers has none: each consensus without one of them holds another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import pandas as pd

from evaluation.comparison import models as between
from evaluation.comparison import readers as beside
from evaluation.statistics.words import plural

#: Beside the columns of both tables: the reader who is left out.
WITHOUT = "without"


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


def taught_in_words(taught_by: Mapping[str, Sequence[str]], models: Sequence[str]) -> list[str]:
    """Whose masks taught each model, and what that means."""
    told = []
    for model in (model for model in models if taught_by.get(model)):
        teachers = ", ".join(taught_by[model])
        if len(taught_by[model]) == 1:
            told.append(f"{model} learned from the masks of {teachers}: see what it is without {teachers}.")
        else:
            n = plural(len(taught_by[model]), "reader")
            told.append(
                f"{model} learned from the masks of {n} ({teachers}): no consensus leaves all of them out."
            )
    return told


def _single(
    taught_by: Mapping[str, Sequence[str]], models: Sequence[str], readers: Sequence[str]
) -> dict[str, str]:
    """Model to its teacher, of those with one, who is among the readers."""
    return {
        model: taught_by[model][0]
        for model in models
        if len(taught_by.get(model, ())) == 1 and taught_by[model][0] in readers
    }


def _without(fair: pd.DataFrame, teacher: str) -> pd.Series:
    """Scores against what holds no mask of the teacher's, in exams that the teacher did not draw any."""
    drawn = fair.exam.isin(fair.exam[fair.left_out == teacher])
    return (fair.left_out == teacher) | ~drawn


def _together(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame(columns=[*columns, WITHOUT])
    return pd.concat(tables, ignore_index=True)
