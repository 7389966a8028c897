"""What do raters miss and add, in ml, and does it matter how much there is to mark?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from evaluation.failures.covariates import KEYS, check_once, with_holm
from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.permutation import mann_whitney_each

#: Columns of `error_volumes`, in order.
COLUMNS = ["exam", "rater", "level", "reference_ml", "rater_ml", "dice", "fp_ml", "fn_ml"]
#: Columns of `summarise_errors`.
ERROR_COLUMNS = [*KEYS, "error", "median", "minimum", "maximum", "mean", "share", "n"]
#: Columns of `sparse_against_ample`.
SPARSE_COLUMNS = [
    "rater", "level", "split_ml", "dice_sparse", "dice_ample", "n_sparse", "n_ample", "p", "p_holm",
    "n_left_out",
]  # fmt: skip


def error_volumes(scores: pd.DataFrame, voxel_ml: Mapping[str, float]) -> pd.DataFrame:
    """What a rater marked too much and too little in each exam, in ml.

    `scores` are dice.csv: ``exam, rater, level, dice, fp, fn, n_reference, n_rater`` (voxels); `voxel_ml`
    is each exam's volume of a voxel. Returned are `COLUMNS`: ``fp_ml`` marked by the rater and not by the
    reference, ``fn_ml`` the reverse. A StatisticsError when an exam stands twice, its voxel volume is
    missing, or is not above 0.
    """
    check_once(scores)
    if missing := [exam for exam in dict.fromkeys(scores.exam) if not voxel_ml.get(exam, 0) > 0]:
        raise StatisticsError(
            f"voxel_ml: found no volume above 0 of {', '.join(missing)}, expected one of every exam"
        )
    ml = scores[["n_reference", "n_rater", "fp", "fn"]].mul(scores.exam.map(voxel_ml), axis=0)
    found = scores.assign(reference_ml=ml.n_reference, rater_ml=ml.n_rater, fp_ml=ml.fp, fn_ml=ml.fn)
    return found[COLUMNS].reset_index(drop=True)


def summarise_errors(errors: pd.DataFrame) -> pd.DataFrame:
    """False-positive and false-negative volume over exams, of `error_volumes`.

    Returned are `ERROR_COLUMNS`: error is ``fp_ml`` or ``fn_ml``, in ml an exam; ``share`` is the sum over
    exams divided by that of the reference, NaN where the reference has nothing.
    """
    rows = []
    for (rater, level), group in errors.groupby(KEYS, sort=False):
        total = float(group.reference_ml.sum())
        for error in ("fp_ml", "fn_ml"):
            ml = group[error]
            share = float(ml.sum()) / total if total else np.nan
            rows.append((rater, level, error, ml.median(), ml.min(), ml.max(), ml.mean(), share, len(ml)))
    return pd.DataFrame(rows, columns=ERROR_COLUMNS)


def sparse_against_ample(errors: pd.DataFrame) -> pd.DataFrame:
    """Dice where the reference has little of a level against where it has much, of `error_volumes`.

    Returned are `SPARSE_COLUMNS`: ``split_ml`` is the median reference volume over the exams of a defined
    Dice; an exam at the median is sparse. Dice are medians; ``p`` is of the Mann-Whitney test, ``p_holm``
    for all levels of a rater.
    """
    check_once(errors)
    rows, pairs = [], []
    for (rater, level), group in errors.groupby(KEYS, sort=False):
        defined = group.dropna(subset="dice")
        split = float(defined.reference_ml.median()) if len(defined) else np.nan
        is_sparse = defined.reference_ml <= split
        sparse, ample = defined.dice[is_sparse].to_numpy(), defined.dice[~is_sparse].to_numpy()
        middles = [float(np.median(dice)) if len(dice) else np.nan for dice in (sparse, ample)]
        n_left_out = len(group) - len(defined)
        rows.append((rater, level, split, *middles, len(sparse), len(ample), np.nan, np.nan, n_left_out))
        pairs.append((sparse, ample))
    return with_holm(pd.DataFrame(rows, columns=SPARSE_COLUMNS).assign(p=mann_whitney_each(pairs)))
