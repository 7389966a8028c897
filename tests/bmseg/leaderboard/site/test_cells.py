"""What a board's cells say of their numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bmseg.leaderboard.site.cells import difference_interval, own_interval


@pytest.mark.parametrize(
    ("coverages", "words"),
    [
        ([0.969, np.nan], "95 % interval"),
        ([0.969, 0.875], "95 % interval, or the widest of too few exams (\N{DOUBLE DAGGER})"),
        ([], "95 % interval"),
    ],
)
def test_intervals_of_too_few_exams_are_not_called_95_percent(coverages: list[float], words: str) -> None:
    standings: Any = SimpleNamespace(
        rows=pd.DataFrame({"coverage": pd.Series(coverages, dtype=float)}),
        challenge=SimpleNamespace(ranking=SimpleNamespace(confidence=0.95)),
    )
    assert difference_interval(standings) == words


def test_an_interval_of_too_few_exams_is_marked() -> None:
    row = {"low": -0.1, "high": 0.2, "coverage": 0.875}
    assert own_interval(row, 0.95) == "\u22120.100 to +0.200\N{DOUBLE DAGGER}"
    assert own_interval(row, 0.8) == "\u22120.100 to +0.200"
    assert own_interval(row | {"low": np.nan, "coverage": np.nan}, 0.95) == ""
