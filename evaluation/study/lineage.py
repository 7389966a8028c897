"""Tables on where masks come from: whose are another's, and what models are without their teacher."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from evaluation.comparison import models, readers, teachers, ways
from evaluation.comparison.verdicts import Verdict, Without, model_verdicts, reader_verdicts
from evaluation.scores import twins
from evaluation.study.exam import ScoredExam, of_all
from evaluation.study.results import Declared, Results


def copies_in(twins_found: pd.DataFrame, readers: Sequence[str], models: Sequence[str]) -> dict[str, str]:
    """Model to whose masks it has, all or some: a reader's, or those of a model that comes first.

    `twins_found` is of `evaluation.scores.twins.find_twins`. A copy is judged nowhere and takes no part in
    what the others are adjusted for.
    """
    place = {model: number for number, model in enumerate(models)}
    pairs = [sorted(pair, key=place.__getitem__) for pair in twins.twin_models(twins_found, readers)]
    of_readers = twins.twins_of(twins_found, readers)
    return {later: first for first, later in sorted(pairs, reverse=True)} | of_readers


def without_own_masks(exams: Sequence[ScoredExam], copied: Mapping[str, str]) -> pd.DataFrame:
    """Scores of each rater against what holds no mask of its own, of all exams.

    `copied` is model to the reader whose masks it has: it is held against what that reader had no part in.
    """
    without = of_all(exams, "without_own")
    if not copied:
        return without
    fair = of_all(exams, "fair")
    theirs = fair[fair.rater.map(copied) == fair.left_out]
    # What the reader did not draw holds no mask of the copy's.
    drew = {(exam.name, reader) for exam in exams for reader in exam.consensuses.study.raters}
    own = [pair in drew for pair in zip(without.exam, without.rater.map(copied), strict=True)]
    return pd.concat([without[~pd.Series(own, without.index)], theirs[list(without)]], ignore_index=True)


def copies(found: Results) -> dict[str, str]:
    """Of a study, as `copies_in` has it."""
    return copies_in(found[TWINS], found.readers, found.models) if TWINS in found else {}


def judged(found: Results) -> list[str]:
    """The models that are no copy, and of several networks of a method the first."""
    known = copies(found)
    return [model for model in first_of_seeds(found) if model not in known]


def first_of_seeds(found: Results) -> list[str]:
    """The models, of several networks of a method the first.

    The others stand in tables of scores, and in one of their own: a verdict on each would be one on a seed,
    and all would pay for it in the adjusted p.
    """
    return [model for model in found.models if model not in found.design.seed_of]


def copy_verdicts(found: Results, models: Sequence[str]) -> list[Verdict]:
    """In place of a verdict: whose copy each of some models is."""
    told = dict(zip(copies(found), copy_notes(found), strict=True))
    known = copies(found)
    return [Verdict(model, known[model], "copy", (), told[model]) for model in models if model in known]


def copy_notes(found: Results, *, usual: bool = False) -> list[str]:
    """A sentence a copy: whose masks it has, and what follows; `usual` of scores against all readers."""
    told = []
    for model, other in copies(found).items():
        pair = found[TWINS][(found[TWINS].rater == model) & (found[TWINS].other == other)]
        (said,) = twins.in_words(pair, found.readers, consequence=not usual)
        flattered = " The consensus holds that mask, which flatters it as it does readers."
        told.append(said + (flattered if usual and other in found.readers and found.has_consensus else ""))
    return told


def notes(found: Results) -> list[str]:
    """Below every table that judges models: which are copies, and have no row; and the study's own lines."""
    return [*copy_notes(found), *found.design.notes]


def beside_teacher(
    found: Results, made: Sequence[Verdict], agreement: Callable[[str], Mapping[tuple[str, str], int] | None]
) -> list[Verdict]:
    """Verdicts, and beside each what it is without the masks of the readers who taught one of the two.

    `agreement` is asked without a reader, as of `evaluation.comparison.interchangeability.standings`.
    """
    without: dict[tuple[str, str], str] = {}
    others: dict[tuple[str, str], tuple[Without, ...]] = {}
    never: dict[tuple[str, str], tuple[str, ...]] = {}
    whole = {(each.first, each.second): each for each in made}
    for of_models, table in ((True, METHODS_WITHOUT_TEACHER), (False, COMPARISONS_WITHOUT_TEACHER)):
        pairs = {(each.first, each.second) for each in made if (each.second in found.models) == of_models}
        if table not in found or not pairs:
            continue
        rows = found[table]
        are_made = [pair in pairs for pair in zip(rows.model, rows.other, strict=True)]
        rows = rows[pd.Series(are_made, rows.index, dtype=bool)]
        for teacher, alone in rows.groupby(teachers.WITHOUT, sort=False):
            backed = None if of_models else agreement(str(teacher))
            for again in _without(found, alone, of_models, backed):
                pair = again.first, again.second
                taught = [name for name in pair if _teachers(found, name) == teacher]
                who = f"{teachers.named(str(teacher))}, whose masks taught {' and '.join(taught)}"
                without[pair] = without.get(pair, "") + _beside(again, whole[pair], who)
                others[pair] = (*others.get(pair, ()), Without(str(teacher), tuple(taught), again))
    for pair in whole:
        done = {one.reader for one in others.get(pair, ())}
        for alike in dict.fromkeys(_teachers(found, name) for name in pair):
            if teachers.TOGETHER in alike and alike not in done:
                taught = [name for name in pair if _teachers(found, name) == alike]
                without[pair] = without.get(pair, "") + _not_again(found, taught, alike)
                never[pair] = (*never.get(pair, ()), *taught)
    return [
        replace(
            each,
            words=each.words + without.get(pair, ""),
            without=others.get(pair, ()),
            with_teachers=never.get(pair, ()),
        )
        for each in made
        for pair in [(each.first, each.second)]
    ]


def _teachers(found: Results, model: str) -> str:
    return teachers.teachers_among(found.design.taught_by.get(model, ()), found.readers)


def _not_again(found: Results, taught: Sequence[str], alike: str) -> str:
    """Why a verdict does not come without the teachers of a model, or of two."""
    why = teachers.none_left(alike, found.readers, them=len(taught) > 1)
    were = "were" if len(taught) > 1 else "was"
    why = why or "that is not repeated without them"
    return f" {' and '.join(taught)} {were} taught by {teachers.named(alike)} alike: {why}."


def _beside(again: Verdict, whole: Verdict, teacher: str) -> str:
    """What a verdict is without a teacher: in full only where it is another."""
    if again.call == "not settled":
        nor = "Nor is it settled" if whole.call == again.call else "It is not settled"
        return f" {nor} without {teacher}."
    sides = [[(one.level, one.side, one.absent_side) for one in each.levels] for each in (again, whole)]
    if sides[0] == sides[1]:
        return f" The same is clear without {teacher}."
    return f" Without {teacher}: {_go_on(again.words)}"


def _without(
    found: Results, rows: pd.DataFrame, of_models: bool, agreement: Mapping[tuple[str, str], int] | None
) -> list[Verdict]:
    no_ways, levels = pd.DataFrame(columns=ways.COLUMNS), found.design.spoken_of
    if of_models:
        return model_verdicts(rows.assign(way=models.YARDSTICK), no_ways, levels=levels)
    return reader_verdicts(rows.assign(way=models.FAIR), no_ways, levels=levels, agreement=agreement)


def _go_on(words: str) -> str:
    """A sentence after a colon; a rater's name at its head stays as it is."""
    return words[0].lower() + words[1:] if words.startswith(("Which ", "The ", "Neither ")) else words


def twins_told(found: Results) -> list[str]:
    """A sentence for each pair of raters who have the same masks, or nearly; none where there is none."""
    if TWINS not in found or found[TWINS].empty:
        return []
    return twins.in_words(found[TWINS], found.readers)


def _twins(found: Results) -> list[str]:
    taught = teachers.taught_in_words(found.design.taught_by, found.models, found.readers)
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
