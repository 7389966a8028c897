"""What a study comes to, for the top of a page: the answer in three sentences, and what to look out for.

Verdicts are those of `evaluation.study.tables.verdicts`, in brief; counts and volumes are the tables'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from statistics import mode

import numpy as np
import pandas as pd

from evaluation.comparison import seeds
from evaluation.comparison.brief import BETTER, MOST, beside_readers, between_models
from evaluation.comparison.models import FAIR, YARDSTICK
from evaluation.comparison.readers import MEDIAN_READER
from evaluation.consensus import audited
from evaluation.consensus.kinds import RULES
from evaluation.measures.foci_counts import false_where_nothing, noun_of_foci, without_own
from evaluation.statistics.words import count_of, plural, signed_figures
from evaluation.study import lineage, patients
from evaluation.study import measure_tables as m
from evaluation.study import tables as t
from evaluation.study.incomplete import warnings
from evaluation.study.results import Declared, Results
from evaluation.study.seeds import METHODS_OVER_SEEDS

_VOLUME = "volume_difference"
#: What a sentence is about that says where a consensus overruled all readers.
CONSENSUS = "Consensus"


@dataclass(frozen=True)
class Said:
    """A sentence, and what it is about."""

    #: As "Beside the readers".
    about: str
    words: str
    #: The part of the page that bears it out: fair, pairs, foci, rule, consensus, agreement.
    part: str


def answers(found: Results) -> list[Said]:
    """Against the readers, between models, and in ml and foci; what cannot be said is said."""
    return _in_words(found, _about(found.titled))


def look_out(found: Results, most: int = 3) -> list[Said]:
    """What a reader of the page might overlook, the worst first, `most` of them."""
    return _in_words(found, islice(_warned(found.titled), most))


def _in_words(found: Results, said: Iterable[Said]) -> list[Said]:
    return [replace(each, words=found.titled.own_words(each.words)) for each in said]


def _about(found: Results) -> Iterator[Said]:
    models, made = list(found.models), t.verdicts(found)
    if not models:
        return
    readers = found.readers
    beside = beside_readers(made)
    if not beside:
        beside = (
            f"Only {readers[0]} is there: one reader makes no consensus, and nothing can be said of a model "
            f"beside readers. Dice is agreement with {readers[0]}."
            if not found.has_consensus
            else "No model is left to judge: each has masks of another rater."
        )
    elif any(each.call in BETTER for each in made if each.second == MEDIAN_READER):
        # Readers are fixed: one more could be as far off.
        beside = f"For these {len(readers)} readers: {beside}"
    yield Said("Beside the readers", beside, "fair")
    if len(models) > 1:
        between = between_models(made) or _no_pair(found)
        yield Said("Between models", between, "pairs")
    if METHODS_OVER_SEEDS in found:
        words = seeds.in_brief(found[METHODS_OVER_SEEDS], found.design.spoken_of, MOST)
        yield Said("Over seeds", words, "pairs" if t.METHODS_COMPARED in found else "fair")
    if clinic := "; ".join([*_volumes(found), *_foci(found)]):
        clinic = f"{found.design.spoken_of[-1]}: {clinic}."
        yield Said("In ml and foci", clinic, "foci")


def _no_pair(found: Results) -> str:
    if found.design.seed_of and not lineage.copies(found):
        return "There are no two methods to compare: networks of one method differ in their seed alone."
    return "There are no two models to compare: copies are not judged."


def _volumes(found: Results) -> Iterator[str]:
    """The median difference of volume on the highest level, beside the readers'."""
    if m.MEASURES_TABLE1 not in found:
        return
    rows = found[m.MEASURES_TABLE1]
    rows = rows[(rows.measure == _VOLUME) & (rows.way == ("fair" if found.has_consensus else "usual"))]
    level = found.design.spoken_of[-1]
    medians = rows[rows.level == level].set_index("rater")["median"].dropna()
    ours = medians.reindex(lineage.first_of_seeds(found)).dropna()
    if ours.empty:
        return
    theirs = medians.reindex(list(found.readers)).dropna() if found.has_consensus else medians.iloc[:0]
    each = (
        _ml_range(ours) if len(ours) > MOST else ", ".join(f"{name} {_ml(ml)}" for name, ml in ours.items())
    )
    among = f" (readers {_ml_range(theirs)})" if len(theirs) else f", beside {found.reference}"
    yield f"median volume difference {each}{among}"


def _foci(found: Results) -> Iterator[str]:
    """How many foci of the highest level were missed, or not found there because they were called lower."""
    if m.FOCI_SUMMARY not in found:
        return
    level = found.design.spoken_of[-1]
    rows = without_own(found[m.FOCI_SUMMARY])
    rows = rows[rows.level == level]
    first = lineage.first_of_seeds(found)
    ours = {name: rows[rows.rater == name] for name in first if (rows.rater == name).any()}
    if not ours:
        return
    theirs = rows[rows.rater.isin(list(found.readers))] if found.has_consensus else rows.iloc[:0]
    every = pd.concat(list(ours.values()))
    each = {"models": every} if len(ours) > MOST else ours
    of_all = f"of {_count(every.n_foci)} {noun_of_foci(every.n_foci)}"
    if every.lower.any() or theirs.lower.any():
        # Who never marks a level misses none of its foci: all are called lower.
        told = [f"{name} {_not_found(of)}" for name, of in each.items()]
        told += [f"readers {_not_found(theirs)}"] if len(theirs) else []
        yield f"{of_all} not found at their level: {', '.join(told)}"
        return
    told = [f"{name} {_count(of.missed)}" for name, of in each.items()]
    among = f" (readers {_count(theirs.missed)})" if len(theirs) else ""
    yield f"{of_all} {', '.join(told)} missed{among}"


def _not_found(rows: pd.DataFrame) -> str:
    """Foci that were missed or called lower, of rows of `summarise_foci`."""
    lower = f" ({_count(rows.lower)} called lower)" if rows.lower.any() else ""
    return f"{_count(rows.missed + rows.lower)}{lower}"


def _few(found: Results) -> str:
    """That no difference of scores could be clear, however large: of so few exams, or of so many tests.

    Agreement without a consensus has other tests, and may be called clear on the same page.
    """
    n = len(found.exams)
    of_what = " by a yardstick" if found.has_consensus else ""
    # Of five exams no exact test has a p below 0.05.
    if found.models and 2.0 ** (1 - n) > 0.05:
        few = f"With {plural(n, 'exam')} no difference of Dice{of_what} can be clear, however large."
        return few + _tested_apart(found)
    # Of many models verdicts take seconds, and of exams enough they say nothing here.
    families = (t.COMPARISONS, FAIR), (t.METHODS_COMPARED, YARDSTICK)
    if not any(_may_be_few(found, table, way) for table, way in families):
        return ""
    judged = [each for each in t.verdicts(found) if each.call not in ("copy", "not comparable")]
    told = []
    for beside, whom in ((True, "beside the median reader"), (False, "between models")):
        of = [each.too_few for each in judged if (each.second == MEDIAN_READER) is beside]
        if of and all(of):
            # What is to be clear stands before it here.
            words = mode(of).replace("no difference of Dice", "no difference")
            told.append(f"Dice{of_what} {whom}: {words[0].lower()}{words[1:]}")
    return " ".join(told) + (_tested_apart(found) if told else "")


def _tested_apart(found: Results) -> str:
    return " Agreement without a consensus is tested apart." if t.INTERCHANGEABILITY in found else ""


def _may_be_few(found: Results, table: Declared, way: str) -> bool:
    """Whether a family of verdicts may have too few exams: with as many tests as there could be."""
    if table not in found:
        return False
    rows = found[table]
    rows = rows[(rows.way == way) & rows.level.isin(found.design.spoken_of)]
    rows = rows[rows.other == MEDIAN_READER] if table is t.COMPARISONS else rows
    least = 2.0 ** (1 - rows.n_pairs.max())
    return bool(least > (1 - rows.confidence.max()) / (2 * max(len(rows), 1)))


def _warned(found: Results) -> Iterator[Said]:
    for words in patients.told(found):
        yield Said("Patients", words, "exams")
    if few := _few(found):
        yield Said("Few exams", few, "exams")
    if copies := lineage.copies(found):
        told = ", ".join(f"{model} has masks of {whose}" for model, whose in islice(copies.items(), MOST))
        yield Said("Copies", f"{told}: a copy is not judged.", "fair")
    yield from _overruled(found)
    yield from _nothing_there(found)
    yield from _turning(found)
    for words in warnings(found):
        yield Said("Easier exams", words, "agreement")


def _overruled(found: Results) -> Iterator[Said]:
    if t.CONSENSUS_AUDIT not in found:
        return
    rows = found[t.CONSENSUS_AUDIT]
    rows = rows[rows.kind == "overruled"]
    called = {
        audited.STUDY: (f"The study's consensus ({RULES[found.design.rule]})", "no verdict rests on it"),
        audited.YARDSTICK: (f"The yardstick ({RULES[found.design.yardstick]})", "verdicts rest on it"),
    }
    if found.design.rule == found.design.yardstick:
        called[audited.STUDY] = (f"The consensus ({RULES[found.design.rule]})", "all scores rest on it")
    for which, (name, rests) in reversed(called.items()):
        those = rows[rows.consensus == which]
        if those.empty:
            continue
        worst = those.loc[those.voxels.idxmax()]
        exams = count_of(those.exam.nunique(), len(found.exams), "exams")
        yield Said(
            CONSENSUS,
            f"{name} overruled all readers in {exams} (most: {worst.exam}); {rests}.",
            "rule",
        )


def _nothing_there(found: Results) -> Iterator[Said]:
    """The model and level with most foci where nothing is, beyond what any reader has."""
    if m.FOCI_SUMMARY not in found or not found.has_consensus:
        return
    rows = without_own(found[m.FOCI_SUMMARY])
    rows = rows.assign(nothing=false_where_nothing(rows))
    theirs = rows[rows.rater.isin(list(found.readers))].groupby("level").nothing
    ours = rows[rows.rater.isin(list(found.models))]
    beyond = ours.nothing - ours.level.map(theirs.max()).fillna(0)
    if beyond.empty or beyond.max() <= 0:
        return
    worst = ours.loc[beyond.idxmax()]
    of_model = ours[(ours.rater == worst.rater) & (ours.level == worst.level)]
    readers = rows[rows.rater.isin(list(found.readers)) & (rows.level == worst.level)]
    yield Said(
        "Marks where nothing is",
        f"{worst.rater} marked {_count(of_model.nothing)} {worst.level} {noun_of_foci(of_model.nothing)} "
        f"where nothing is (readers {_count(readers.nothing)}).",
        "foci",
    )


def _turning(found: Results) -> Iterator[Said]:
    """The pair and level whose order most other ways turn round."""
    table = signs(found)
    if table.empty:
        return
    models = table[table.other != MEDIAN_READER]
    among = models if len(models) else table
    worst: tuple[int, str] = (0, "")
    for (model, other, level), rows in among.groupby(["model", "other", "level"], sort=False):
        own = np.sign(round(float(rows[rows.own].difference.iloc[0]), 2)) if rows.own.any() else 0
        turned = int((np.sign(rows.difference.round(2)) == -own).sum()) if own else 0
        if turned > worst[0]:
            ahead, behind = (model, other) if own > 0 else (other, model)
            others = f"{turned} of {len(rows) - 1} other ways"
            worst = (turned, f"On {level} {ahead} leads, but {behind} by {others}.")
    if worst[0]:
        yield Said("Order turns", worst[1], "rule")


def signs(found: Results) -> pd.DataFrame:
    """Differences of every pair on every level, by the yardstick and by every other fair way of looking.

    Columns ``model, other, level, way, difference, own``: ``own`` marks the yardstick's, which come first.
    """
    columns = ["model", "other", "level", "way", "difference", "own"]
    if t.OTHER_WAYS not in found:
        return pd.DataFrame(columns=columns)
    parts = []
    if t.METHODS_COMPARED in found:
        rows = found[t.METHODS_COMPARED]
        parts.append(rows[rows.way == YARDSTICK])
    if t.COMPARISONS in found:
        rows = found[t.COMPARISONS]
        parts.append(rows[(rows.way == "fair") & (rows.other == MEDIAN_READER)])
    own = [part.assign(way=f"by {found.design.yardstick_in_words}", own=True)[columns] for part in parts]
    return pd.concat([*own, found[t.OTHER_WAYS].assign(own=False)[columns]], ignore_index=True)


def _ml(value: float) -> str:
    return f"{signed_figures(value, typeset=True)} ml"


def _ml_range(values: pd.Series) -> str:
    low, high = signed_figures(values.min(), typeset=True), _ml(values.max())
    return high if high == f"{low} ml" else f"{low} to {high}"


def _count(values: Sequence[int] | pd.Series) -> str:
    low, high = int(min(values)), int(max(values))
    return str(low) if low == high else f"{low} to {high}"
