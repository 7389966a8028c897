"""Agreement of made-up raters: pairs as `evaluation.scores.agreement.pairwise_dice` gives them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

READERS = ["anna", "ben", "carl", "dora"]


def table(values: np.ndarray, raters: list[str], level: str = "level1") -> pd.DataFrame:
    """Pairs of an array (exams, raters, raters)."""
    rows = [
        (f"exam{n}", level, raters[a], raters[b], exam[a, b])
        for n, exam in enumerate(values)
        for a, b in combinations(range(len(raters)), 2)
    ]
    return pd.DataFrame(rows, columns=["exam", "level", "rater", "other", "dice"])


def drawn(seed: int, n_exams: int = 8, n_raters: int = 5) -> np.ndarray:
    """Of raters who do not differ, shape (exams, raters, raters); symmetric."""
    values = np.round(np.random.default_rng(seed).beta(6, 4, (n_exams, n_raters, n_raters)), 4)
    return np.triu(values, 1) + np.triu(values, 1).transpose(0, 2, 1)
