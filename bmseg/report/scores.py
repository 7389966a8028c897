"""Scores that a report picks out: exam by exam, and the median reader's."""

from __future__ import annotations

import pandas as pd

from evaluation.comparison.paired import Apart
from evaluation.scores.fair import over_consensuses, units
from evaluation.scores.table1 import summarise_with_intervals
from evaluation.study import ReaderStudy
from evaluation.study import tables as t


def by_exam(found: ReaderStudy) -> pd.DataFrame:
    """Dice a row an exam, rater and level; by the fair scores where there are readers enough."""
    scores = over_consensuses(found[t.FAIR_DICE]) if t.FAIR_DICE in found else found[t.DICE]
    # Knees of an exam together.
    return scores.groupby(["exam", "rater", "level"], sort=False).dice.mean().reset_index()


def exam_means(found: ReaderStudy) -> pd.DataFrame:
    """The mean over the levels spoken of, a row an exam and a column a rater."""
    scores = by_exam(found)
    chosen = scores[scores.level.isin(found.design.spoken_of)]
    means = chosen.groupby(["exam", "rater"], sort=False).dice.mean().unstack("rater")
    return means.reindex(index=list(found.exams), columns=[*found.readers, *found.models])


def medians(found: ReaderStudy) -> pd.DataFrame:
    """Medians with intervals: fair where there are readers enough, else against the one."""
    if t.TABLE1_FAIR in found:
        return found[t.TABLE1_FAIR].query("way == 'fair'")
    return summarise_with_intervals(found[t.DICE])


def n_units(found: ReaderStudy) -> int:
    """How many exams, or knees, the study has; of some a rater has no score where readers drew some each."""
    scores = found[t.DICE]
    return max(len(found.exams), len(scores.drop_duplicates(units(scores))))


def median_reader(found: ReaderStudy) -> pd.DataFrame:
    """The median reader's Dice by the fair scores, a row an exam and a column a level."""
    if t.FAIR_DICE not in found or len(found.readers) < 2:
        return pd.DataFrame(index=list(found.exams))
    scores = over_consensuses(found[t.FAIR_DICE])
    # Where a level is absent does not hang on the model.
    rater = next(iter(found.models), found.readers[0])
    columns = {
        level: Apart(rows).beside_median(rater, found.readers).to_frame().other.groupby("exam").mean()
        for level, rows in scores.groupby("level", sort=False)
    }
    return pd.DataFrame(columns).reindex(list(found.exams))
