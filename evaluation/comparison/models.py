"""Which of several models is better, and by how much? Every pair of models on the same exams.

Two ways. Yardstick: against the yardstick of all readers; models have no part in it, so it flatters none, and
it is the one made of most readers. Verdicts rest on it. Fair: against the yardsticks without one reader each,
by which the fair table measures readers; it shows whether the answer hangs on one of them. A model's Dice is
there that over the consensuses (`evaluation.scores.fair.over_consensuses`).

Marking a level where there is none is tested beside Dice, `evaluation.comparison.absent`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from evaluation.comparison import absent
from evaluation.comparison.families import HOLM, in_families
from evaluation.comparison.patients import PATIENT, by_patient, no_surer
from evaluation.comparison.readers import estimate_and_test
from evaluation.scores.fair import over_consensuses, units
from evaluation.statistics.intervals import StatisticsError

YARDSTICK, FAIR = "yardstick", "fair"

#: Columns of `compare_models`, in order.
COLUMNS = [
    "way", "level", "model", "other", "median", "other_median", "difference", "low", "high", "confidence",
    "coverage", "p", "p_holm", "n_pairs", "n_left_out", "n_equal", "n_partly",
    *absent.COLUMNS,
]  # fmt: skip


def compare_models(
    scores: pd.DataFrame,
    fair: pd.DataFrame | None = None,
    *,
    models: Sequence[str],
    confidence: float = 0.95,
    spoken_of: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Every pair of models, level by level: difference with its interval, exact Wilcoxon test, Holm's p.

    Holm adjusts all pairs and levels of a way together, the tests of Dice and of marking what is not there
    (`evaluation.comparison.families`): whichever is looked at, the chance of any false
    claim stays below 1 minus the confidence. The two ways are two views of one question, and verdicts rest
    on the first, so they are not adjusted for each other.

    Parameters
    ----------
    scores : DataFrame
        Dice against the yardstick of all readers (of one reader: against that reader's masks): ``exam``,
        ``rater``, ``level``, ``dice``, and ``knee`` where scored by knee, whose differences are averaged in
        each exam.
    fair : DataFrame, optional
        The same with ``left_out``, of `evaluation.scores.fair.score_fair`; None or empty with one reader.
    models : sequence of str
        Two or more; the first of a pair is the one that comes first here.
    spoken_of : sequence of str, optional
        The levels that sentences speak of: no others have an adjusted p. By default all.

    Returns
    -------
    DataFrame
        `COLUMNS`: ``difference`` is the Hodges-Lehmann estimate of model minus other with ``low`` and
        ``high``; ``median`` and ``other_median`` are of the exams compared. ``n_pairs`` exams compared,
        ``n_left_out`` where one of the two is undefined, ``n_equal`` without a difference, ``n_partly``
        compared though a knee of theirs was left out as undefined. NaN where no exam can be compared.
        Of the exams left out, ``n_false`` in which the model alone marked what is not there,
        ``n_false_other`` the other alone; ``p_absent`` is the exact sign test of these
        ``n_absent``, and ``p_absent_holm`` is adjusted in one family with ``p_holm``.

    Raises
    ------
    StatisticsError
        When there are fewer than two models, one has no scores, or the confidence is not between 0 and 1.
    """
    if len(models) < 2:
        raise StatisticsError(f"models: found {', '.join(models) or 'none'}, expected two or more to compare")
    ways = {YARDSTICK: scores} if fair is None or fair.empty else {YARDSTICK: scores, FAIR: fair}
    rows: list[dict[str, Any]] = []
    for way, found in ways.items():
        settled = over_consensuses(found)
        for level in dict.fromkeys(found.level):
            of_level = settled[settled.level == level]
            compared = pairs_of_level(of_level, models)
            for model, other in combinations(models, 2):
                ours, theirs, n_partly, signs = compared.pair(model, other)
                both = ~np.isnan(ours - theirs)
                medians = [float(np.median(dice[both])) if both.any() else np.nan for dice in (ours, theirs)]
                rows.append(
                    {"way": way, "level": level, "model": model, "other": other}
                    | dict(zip(("median", "other_median"), medians, strict=True))
                    | estimate_and_test(ours - theirs, confidence)
                    | {"n_partly": n_partly}
                    | absent.count_and_test(signs)
                )
    table = pd.DataFrame(rows)
    if PATIENT in scores:
        beside = by_patient(fair) if fair is not None and len(fair) else fair
        again = compare_models(by_patient(scores), beside, models=models, confidence=confidence)
        table = no_surer(table, again, ["way", "level", "model", "other"])
    return _adjusted(table, spoken_of)


def pairs_of_level(scores: pd.DataFrame, models: Sequence[str]) -> _Exams | _Knees:
    """What compares pairs of models on one level by one way; its ``pair`` is that of `_Knees`."""
    return _Exams(scores, models) if units(scores) == ["exam"] else _Knees(scores)


class _Knees:
    """Scores of one level by exam and knee: the Dice of two models in each exam, and `absent` of them."""

    def __init__(self, scores: pd.DataFrame) -> None:
        self._scores = scores

    def pair(self, model: str, other: str) -> tuple[np.ndarray, np.ndarray, int, np.ndarray]:
        """Dice of both, how many exams are compared in part, and who alone marked what is not there."""
        exams = side_by_side(self._scores, model, other)
        signs = absent.false_markings(_by_unit(self._scores, model, other)).to_numpy()
        return exams[model].to_numpy(), exams[other].to_numpy(), int(exams.partly.sum()), signs


class _Exams:
    """The same by exam: one table serves every pair, of which many models have thousands."""

    def __init__(self, scores: pd.DataFrame, models: Sequence[str]) -> None:
        for name in models:
            _check_scored(scores, name)
        table = scores.pivot(index="exam", columns="rater", values="dice")
        table = table.reindex(list(dict.fromkeys(scores.exam)))
        self._dice = {name: table[name].to_numpy(float) for name in models}

    def pair(self, model: str, other: str) -> tuple[np.ndarray, np.ndarray, int, np.ndarray]:
        """As of `_Knees`."""
        ours, theirs = self._dice[model], self._dice[other]
        undefined = np.isnan(ours - theirs)
        signs = absent.marked_alone(ours, theirs)
        return np.where(undefined, np.nan, ours), np.where(undefined, np.nan, theirs), 0, signs


def side_by_side(scores: pd.DataFrame, model: str, other: str) -> pd.DataFrame:
    """Dice of two models in each exam, on the knees where both are defined.

    `scores` are of one level and one way, as in `compare_models`.

    By exam: a column each, named as the models, NaN in both where the exam cannot be compared; ``partly``,
    whether a knee was left out of an exam that can.

    Raises
    ------
    StatisticsError
        When a model has no scores.
    """
    if "left_out" in scores:
        scores = over_consensuses(scores)
    both = _by_unit(scores, model, other)
    defined = both.dropna().groupby("exam", sort=False).mean()
    found = defined.reindex(list(dict.fromkeys(scores.exam))).rename_axis("exam")
    some_undefined = both.isna().any(axis=1).groupby("exam").any()
    return found.assign(partly=some_undefined.reindex(found.index) & found[model].notna())


def _by_unit(scores: pd.DataFrame, model: str, other: str) -> pd.DataFrame:
    """Dice of two models, a column each, a row an exam (knee)."""
    for name in (model, other):
        _check_scored(scores, name)
    dice = [scores[scores.rater == name].set_index(units(scores)).dice for name in (model, other)]
    return pd.concat(dice, axis=1, keys=[model, other])


def _check_scored(scores: pd.DataFrame, name: str) -> None:
    if not (scores.rater == name).any():
        known = ", ".join(dict.fromkeys(scores.rater))
        raise StatisticsError(f"model '{name}': found no scores, expected one of {known}")


def of_models(
    table: pd.DataFrame, models: Sequence[str], spoken_of: Sequence[str] | None = None
) -> pd.DataFrame:
    """The pairs among some of the models of `compare_models`; Holm's family is then these."""
    return _adjusted(table[table.model.isin(models) & table.other.isin(models)], spoken_of)


def _adjusted(table: pd.DataFrame, spoken_of: Sequence[str] | None) -> pd.DataFrame:
    found = in_families(table, table.way, spoken_of)
    return table.assign(**{name: found[name] for name in HOLM})[COLUMNS].reset_index(drop=True)
