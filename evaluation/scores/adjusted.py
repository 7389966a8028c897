"""Scores adjusted for the exam: what raters' means would be if each had every exam.

Where readers drew some of the exams each, a mean says how a rater did and also which exams it was asked of.
Dice = exam + rater, fitted by least squares to the scores that there are, tells the two apart as far as an
additive model can: it takes an exam to be harder by as much for everybody. An exam's part holds its yardstick
as well, which rests on fewer readers in some exams than in others.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.scores.fair import over_consensuses, units

#: Columns of `adjusted_for_exams`, in order.
COLUMNS = ["level", "rater", "mean", "adjusted", "ease", "n_defined", "n", "n_exams"]


def adjusted_for_exams(scores: pd.DataFrame) -> pd.DataFrame:
    """Each rater's mean Dice as scored, and adjusted for which exams the rater has.

    Parameters
    ----------
    scores : DataFrame
        ``exam, rater, level, dice``, with ``knee`` where scored by knee, and ``left_out`` where against
        several consensuses (`evaluation.scores.fair.score_fair`); NaN is undefined.

    Returns
    -------
    DataFrame
        `COLUMNS`, a row a level and rater: ``ease`` is by how much the rater's exams are easier than all
        exams together, ``adjusted`` the mean without it; ``n_defined`` of ``n`` scores of the rater, of
        ``n_exams`` exams (knees) in which somebody has one. ``adjusted`` and ``ease`` are NaN where raters
        share no exam with the others, not even by way of third ones: nothing then tells a hard exam from a
        poor rater.

    Examples
    --------
    >>> scores = pd.DataFrame({"exam": ["a", "b", "b"], "rater": ["anna", "anna", "ben"], "level": "level1",
    ...     "dice": [0.9, 0.5, 0.6]})
    >>> adjusted_for_exams(scores)[["rater", "mean", "adjusted", "ease"]].round(3).values.tolist()
    [['anna', 0.7, 0.7, 0.0], ['ben', 0.6, 0.8, -0.2]]
    """
    found = over_consensuses(scores)
    unit = found[units(found)].astype(str).agg("\N{INFORMATION SEPARATOR ONE}".join, axis=1)
    rows: list[tuple] = []
    for level, of_level in found.assign(unit=unit).groupby("level", sort=False):
        table = of_level.pivot(index="unit", columns="rater", values="dice")
        raters = list(dict.fromkeys(of_level.rater))
        table = table.loc[table.notna().any(axis=1), raters]
        ease = _ease(table.to_numpy())
        sizes = of_level.groupby("rater").size()
        means = table.mean()
        rows += [
            (level, rater, means[rater], means[rater] - part, part,
             int(table[rater].count()), int(sizes[rater]), len(table))
            for rater, part in zip(raters, ease, strict=True)
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def _ease(table: np.ndarray) -> np.ndarray:
    """Mean part of each rater's exams above that of all exams, shape (raters,); of (exams, raters) with NaN.

    Of raters without a score NaN.
    """
    ease = np.full(table.shape[1], np.nan)
    scored = (~np.isnan(table)).any(axis=0)
    table = table[:, scored]
    there = ~np.isnan(table)
    (n, k), filled = table.shape, np.where(there, table, 0)
    if not n:
        return ease
    # The raters' normal equations when exams have been fitted: taking the exams' means away.
    weights = there / there.sum(axis=1, keepdims=True)
    laplacian = np.diag(there.sum(axis=0)) - there.T @ weights
    if np.linalg.matrix_rank(laplacian, tol=1e-9 * max(n, k)) < k - 1:
        return ease
    right = filled.sum(axis=0) - weights.T @ filled.sum(axis=1)
    raters = np.linalg.lstsq(laplacian, right, rcond=1e-12)[0]
    exams = (np.where(there, table - raters, 0)).sum(axis=1) / there.sum(axis=1)
    ease[scored] = (there * exams[:, None]).sum(axis=0) / there.sum(axis=0) - exams.mean()
    return ease
