"""nnU-Net's folds of the training exams: alike, and no patient in two."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: Folds are alike in these.
STRATA = ["site", "group"]


def make_folds(training: pd.DataFrame, *, folds: int, seed: int) -> list[dict[str, list[str]]]:
    """Divide the training exams as nnU-Net's splits_final.json wants it.

    Exams of one patient (column ``patient``, where there is one) stay together. Within each stratum of
    ``site`` and ``group`` the order is drawn, and exams are dealt to the folds in turn, so that the folds'
    sizes and compositions differ by one at most. There are no more folds than patients; with a single
    patient, one fold whose ``val`` are the training exams themselves.

    Returns
    -------
    list of dict
        One a fold: ``train`` and ``val``, sorted identifiers.

    Examples
    --------
    >>> exams = pd.DataFrame({"exam": list("abcd"), "site": ["Oslo", "Oslo", "Tromso", "Tromso"]})
    >>> [fold["val"] for fold in make_folds(exams, folds=2, seed=1)]
    [['a', 'c'], ['b', 'd']]
    """
    table = training.copy()
    for column in STRATA:
        table[column] = table[column].astype(str) if column in table else ""
    patient = table.get("patient", table.exam)
    table["patient"] = patient.where(patient.notna(), table.exam)
    patients = table.sort_values("exam").drop_duplicates("patient")
    order = patients.iloc[np.random.default_rng(seed).permutation(len(patients))]
    dealt = order.sort_values(STRATA, kind="stable").patient
    folds = max(1, min(folds, len(dealt)))
    number = table.patient.map({patient: place % folds for place, patient in enumerate(dealt)})
    held_out = [sorted(table.exam[number == fold]) for fold in range(folds)]
    everyone = sorted(table.exam)
    return [{"train": sorted(set(everyone) - set(val)) or everyone, "val": val} for val in held_out]
