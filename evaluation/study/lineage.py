"""Tables on where masks come from: whose are another's, and what models are without their teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from evaluation.comparison import models, readers, teachers, ways
from evaluation.comparison.verdicts import Verdict, model_verdicts, reader_verdicts
from evaluation.scores import twins
from evaluation.study.results import Declared, Results


def copies_of_readers(found: Results) -> dict[str, str]:
    """Model to the reader whose masks it has: it gets no verdict."""
    return twins.twins_of(found[TWINS], found.readers) if TWINS in found else {}


def copies(found: Results) -> dict[str, str]:
    """The same, and of models with the same masks the later to the earlier: no verdict on pairs with it."""
    if TWINS not in found:
        return {}
    place = {model: number for number, model in enumerate(found.models)}
    pairs = [sorted(pair, key=place.__getitem__) for pair in twins.twin_models(found[TWINS], found.readers)]
    return {later: first for first, later in sorted(pairs, reverse=True)} | copies_of_readers(found)


def beside_teacher(found: Results, verdict: Verdict) -> Verdict:
    """The verdict, and beside it what it is without the masks of the reader who taught one of the two."""
    of_models = verdict.second in found.models
    table = METHODS_WITHOUT_TEACHER if of_models else COMPARISONS_WITHOUT_TEACHER
    if table not in found or verdict.call in ("copy", "not comparable"):
        return verdict
    rows = found[table]
    rows = rows[(rows.model == verdict.first) & (rows.other == verdict.second)]
    judge = model_verdicts if of_models else reader_verdicts
    no_ways, levels = pd.DataFrame(columns=ways.COLUMNS), found.design.spoken_of
    told = verdict.words
    for teacher, alone in rows.groupby(teachers.WITHOUT, sort=False):
        way = models.YARDSTICK if of_models else models.FAIR
        (again,) = judge(alone.assign(way=way), no_ways, levels=levels)
        taught = [name for name in (verdict.first, verdict.second) if teacher in _teachers(found, name)]
        told += f" Without {teacher}, whose masks taught {' and '.join(taught)}: {_go_on(again.words)}"
    return replace(verdict, words=told)


def _go_on(words: str) -> str:
    """A sentence after a colon; a rater's name at its head stays as it is."""
    return words[0].lower() + words[1:] if words.startswith(("Which ", "The ", "Neither ")) else words


def _teachers(found: Results, model: str) -> Sequence[str]:
    return found.design.taught_by.get(model, ())


def twins_told(found: Results) -> list[str]:
    """A sentence for each pair of raters who have the same masks, or nearly; none where there is none."""
    if TWINS not in found or found[TWINS].empty:
        return []
    return twins.in_words(found[TWINS], found.readers)


def _twins(found: Results) -> list[str]:
    taught = teachers.taught_in_words(found.design.taught_by, found.models)
    return [*twins.in_words(found[TWINS], found.readers), *taught, *found.design.notes]


TWINS = Declared(
    "twins", "raters whose masks are another's, identical or nearly so, how alike, and in words",
    twins.COLUMNS, words=_twins, words_name="twins",
)  # fmt: skip
COMPARISONS_WITHOUT_TEACHER = Declared(
    "comparisons_without_teacher",
    "models beside their teacher and the median reader, without the teacher's mask",
    [*readers.COLUMNS, teachers.WITHOUT],
)
METHODS_WITHOUT_TEACHER = Declared(
    "methods_without_teacher", "pairs of models without a teacher's mask", [*models.COLUMNS, teachers.WITHOUT]
)
TABLES = [TWINS, COMPARISONS_WITHOUT_TEACHER, METHODS_WITHOUT_TEACHER]
