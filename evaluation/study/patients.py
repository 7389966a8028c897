"""Several exams of one patient, where a cohort's table says so: what is then said, and tested.

`evaluation.comparison.patients` has the tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evaluation.comparison.patients import PATIENT
from evaluation.statistics.words import plural
from evaluation.study.results import Declared, Results

# With fewer the exact test has no p of 0.05 or less.
_FEWEST = 6


def patients_in(cohort: pd.DataFrame | None, exams: Sequence[str]) -> pd.DataFrame:
    """The table `PATIENTS`: whose each exam is, by numbers, where some patient has several; else empty.

    An exam of which no patient is known is one of its own.
    """
    none = pd.DataFrame(columns=PATIENTS.columns)
    if cohort is None or PATIENT not in cohort:
        return none
    known = dict(zip(cohort.exam, cohort[PATIENT], strict=True))
    names = [(known.get(exam) or "", "" if known.get(exam) else exam) for exam in exams]
    number = {name: place for place, name in enumerate(dict.fromkeys(names), start=1)}
    found = [(exam, f"{number[name]}") for exam, name in zip(exams, names, strict=True)]
    return pd.DataFrame(found, columns=PATIENTS.columns) if len(number) < len(exams) else none


def with_patients(scores: pd.DataFrame, patients: pd.DataFrame) -> pd.DataFrame:
    """Scores with a column of whose each exam is; the same where `patients_in` finds nothing."""
    if patients.empty or scores.empty:
        return scores
    return scores.assign(**{PATIENT: scores.exam.map(dict(patients.itertuples(index=False)))})


def told(found: Results) -> list[str]:
    """That exams share patients, and what that does to tests and intervals; nothing where none do."""
    if PATIENTS not in found:
        return []
    n_exams, n_patients = len(found[PATIENTS]), found[PATIENTS][PATIENT].nunique()
    none = " Of fewer than six patients none can be." if n_patients < _FEWEST else ""
    return [
        f"{plural(n_exams, 'exam')} are of {plural(n_patients, 'patient')}: a difference of scores is called "
        "clear only if it is so of exams and of patients, each with the mean of its exams."
        f"{none} All else takes exams for independent and looks surer than it is: intervals of scores, "
        "differences over seeds and between groups of exams, agreement without a consensus, correlations."
    ]


PATIENTS = Declared(
    "patients", "whose each exam is, by numbers, where some patient has several", ["exam", PATIENT]
)

TABLES = [PATIENTS]
