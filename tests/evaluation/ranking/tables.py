"""Long tables of scores, and rows of a ranking."""

import numpy as np
import pandas as pd

from evaluation.ranking import Scheme


def long(values: np.ndarray, task: str = "t") -> pd.DataFrame:
    """A long table of a matrix (cases, algorithms); algorithms are a, b, c, ..."""
    cases, algorithms = np.indices(values.shape)
    names = np.array(list("abcdefghijklmnopqrstuvwxyz"))[algorithms.ravel()]
    return pd.DataFrame({"task": task, "algorithm": names, "case": cases.ravel(), "value": values.ravel()})


def of_task(table: pd.DataFrame, task: str = "t", scheme: Scheme = Scheme.MEAN) -> pd.DataFrame:
    rows = table[(table.task == task) & (table.scheme == scheme)]
    return rows.sort_values("algorithm").reset_index(drop=True)
