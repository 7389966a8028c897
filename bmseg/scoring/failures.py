"""The tables of where raters fail: small volumes, outer slices, sites, groups, ages, outside the region."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bmseg.scoring.exam import EvaluatedExam, of_all
from evaluation.failures.covariates import by_category, compare_categories, correlations, with_cohort
from evaluation.failures.places import peripheral_against_central, slice_profile
from evaluation.failures.volumes import error_volumes, sparse_against_ample, summarise_errors

#: Columns of a cohort's table that split the exams.
CATEGORIES = ("site", "group")


def study_failures(exams: Sequence[EvaluatedExam], cohort: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """Make the tables of all exams together.

    Parameters
    ----------
    exams : sequence of EvaluatedExam
    cohort : DataFrame, optional
        A row an exam: ``exam`` and any of ``site``, ``group``, ``age``.

    Returns
    -------
    dict of str to DataFrame
        File name (without ending) to table.

    Raises
    ------
    evaluation.statistics.intervals.StatisticsError
        When the cohort lacks an exam.
    """
    scores = of_all(exams, "scores")
    errors = error_volumes(scores, {exam.name: exam.voxel_ml for exam in exams})
    counts = of_all(exams, "slices")
    tables = {
        "errors": errors,
        "errors_summary": summarise_errors(errors),
        "dice_against_volume": correlations(errors, "reference_ml"),
        "dice_sparse_ample": sparse_against_ample(errors),
        "slices": counts,
        "slice_profile": slice_profile(counts),
        "slices_peripheral_central": peripheral_against_central(counts),
    }
    if all(exam.outside is not None for exam in exams):
        tables["outside_region"] = of_all(exams, "outside")
    return tables if cohort is None else tables | _by_cohort(scores, cohort)


def _by_cohort(scores: pd.DataFrame, cohort: pd.DataFrame) -> dict[str, pd.DataFrame]:
    known = with_cohort(scores, cohort)
    tables = {}
    if columns := [name for name in CATEGORIES if name in known and known[name].nunique() > 1]:
        tables["dice_by_category"] = by_category(known, columns)
        tables["dice_categories_compared"] = compare_categories(known, columns)
    if "age" in known and pd.to_numeric(known.age, errors="coerce").notna().any():
        tables["dice_against_age"] = correlations(known, "age")
    return tables
