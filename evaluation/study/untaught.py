"""Models that several readers taught, compared again among the readers who did not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from evaluation.comparison import teachers
from evaluation.consensus.rules import leave_one_out
from evaluation.scores.fair import score_fair
from evaluation.scores.interchangeability import FIXED, interchangeability
from evaluation.study.design import Design
from evaluation.study.exam import ScoredExam


def comparisons(
    design: Design, exams: Sequence[ScoredExam], readers: Sequence[str], models: Sequence[str]
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Of every group of teachers, the tables of `evaluation.comparison.teachers.without_several`.

    None of a group that leaves fewer than two readers, and none where knees are scored: their votes are not
    kept.
    """
    if design.unit != "exam":
        return
    for name, taught in teachers.several_teachers(design.taught_by, models, readers).items():
        fair = _fair(design, exams, teachers.untaught(name, readers))
        if fair is not None:
            yield teachers.without_several(
                fair, name, taught, models=models, readers=readers, margin=design.margin,
                spoken_of=design.spoken_of,
            )  # fmt: skip


def agreement(
    design: Design, pairs: pd.DataFrame, readers: Sequence[str], models: Sequence[str], **asked: Any
) -> Iterator[pd.DataFrame]:
    """The same of `evaluation.scores.interchangeability.interchangeability`, readers fixed."""
    for name, taught in teachers.several_teachers(design.taught_by, models, readers).items():
        others = teachers.untaught(name, readers)
        if len(others) >= teachers.FEWEST:
            found = interchangeability(
                pairs, models=taught, readers=others, leave_out=False, ways=[FIXED], seed=design.seed, **asked
            )
            yield found.assign(left_out=name)


def _fair(design: Design, exams: Sequence[ScoredExam], readers: Sequence[str]) -> pd.DataFrame | None:
    """Fair scores as if some readers were the only ones; None where they share too few exams."""
    tables = []
    for exam in exams:
        drew = [reader for reader in readers if reader in exam.votes.of_readers.raters]
        if len(drew) >= teachers.FEWEST:
            without = leave_one_out(
                exam.votes.of_readers.select(drew), rule=design.yardstick, ordered=design.ordered,
                seed=design.seed,
            )  # fmt: skip
            scores = score_fair(exam.votes, without, design.by_name, design.empty_mask)
            tables.append(scores.assign(exam=exam.name))
    if not tables:
        return None
    found = pd.concat(tables, ignore_index=True)
    return found if set(readers) <= set(found.rater) else None


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of the same columns, one below the other; some may be empty."""
    return pd.concat([each for each in tables if len(each)] or tables[:1], ignore_index=True)
