"""Several exams of one patient: tests of exams that are no surer than tests of patients.

Two exams of one patient tell less than exams of two patients. A test that takes each exam for a draw of its
own then calls chance clear: of three to eight patients with four to six like exams each a signed-rank test
of exams has a p of 0.05 or less in 32 to 45 of 100 studies without any difference (docs/howto/designs.md).
So the same is asked of patients, each with the mean of its exams (as an exam has that of its knees), and of
both answers the less sure one is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

#: Column of scores that says whose an exam is; only where some patient has several.
PATIENT = "patient"


def by_patient(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores with a column `PATIENT`: a patient stands for an exam, its exams (or their knees) for knees."""
    part = scores.exam.astype(str)
    if "knee" in scores:
        part = part + "/" + scores.knee.astype(str)
    return scores.assign(exam=scores[PATIENT], knee=part).drop(columns=PATIENT)


def no_surer(table: pd.DataFrame, of_patients: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """A table of comparisons with the larger p and the wider interval of exams and of patients.

    Both are of `evaluation.comparison.readers.compare` or `evaluation.comparison.models.compare_models`, with
    a row for the same `keys`. Estimates and counts stay those of exams. Adjusted p have to be made anew.
    """
    other = of_patients.set_index(list(keys)).reindex(pd.MultiIndex.from_frame(table[list(keys)]))
    widest = {"p": np.fmax, "p_absent": np.fmax, "p_margin": np.fmax, "low": np.fmin, "high": np.fmax}
    widest["coverage"] = np.fmin
    return table.assign(
        **{
            name: of_both(table[name].to_numpy(float), other[name].to_numpy(float))
            for name, of_both in widest.items()
            if name in table
        }
    )
