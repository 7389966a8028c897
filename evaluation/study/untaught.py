"""Models compared again without the readers whose masks taught them: one teacher, or several together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from evaluation.comparison import teachers
from evaluation.consensus.rules import leave_one_out
from evaluation.scores.fair import score_fair
from evaluation.scores.interchangeability import FIXED, interchangeability
from evaluation.study.design import Design
from evaluation.study.exam import ScoredExam
from evaluation.study.lineage import COMPARISONS_WITHOUT_TEACHER, METHODS_WITHOUT_TEACHER
from evaluation.study.on_demand import Found


def without_teachers(
    design: Design,
    exams: Sequence[ScoredExam],
    fair: pd.DataFrame,
    readers: Sequence[str],
    models: Sequence[str],
) -> Found:
    """Comparisons without the one reader who taught a model, and without several who taught it together.

    `fair` are fair scores of all readers. Of several teachers there is nothing where they leave fewer than
    two readers, or where knees are scored, whose votes are not kept.
    """
    asked: dict[str, Any] = {"models": models, "readers": readers, "spoken_of": design.spoken_of}
    beside = [teachers.readers_without_teacher(fair, design.taught_by, **asked, margin=design.margin)]
    pairs = [teachers.models_without_teacher(fair, design.taught_by, **asked)]
    for name, taught in teachers.several_teachers(design.taught_by, models, readers).items():
        alone = _fair(design, exams, teachers.untaught(name, readers)) if design.unit == "exam" else None
        if alone is not None:
            again = teachers.without_several(alone, name, taught, **asked, margin=design.margin)
            beside.append(again[0])
            pairs.append(again[1])
    for table, found in ((COMPARISONS_WITHOUT_TEACHER, beside), (METHODS_WITHOUT_TEACHER, pairs)):
        if len(joined := _joined(found)):
            yield table, joined


def with_agreement(
    beside: pd.DataFrame,
    design: Design,
    pairs: pd.DataFrame,
    *,
    readers: Sequence[str],
    models: Sequence[str],
    **asked: Any,
) -> pd.DataFrame:
    """Agreement beside the readers', and below it that without several teachers, readers fixed.

    `beside` and `pairs` are of and for `evaluation.scores.interchangeability.interchangeability`.
    """
    tables = [beside]
    for name, taught in teachers.several_teachers(design.taught_by, models, readers).items():
        others = teachers.untaught(name, readers)
        if len(others) >= teachers.FEWEST:
            found = interchangeability(
                pairs, models=taught, readers=others, leave_out=False, ways=[FIXED], seed=design.seed, **asked
            )
            tables.append(found.assign(left_out=name))
    return _joined(tables)


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


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of the same columns, one below the other; some may be empty."""
    return pd.concat([each for each in tables if len(each)] or tables[:1], ignore_index=True)
