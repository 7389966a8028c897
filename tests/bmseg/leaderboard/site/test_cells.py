"""What a board's cells say of their numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bmseg.leaderboard.site.cells import difference_interval


@pytest.mark.parametrize(
    ("n_exams", "words"),
    [(6, "95 % interval"), (5, "95 % interval, or the widest of too few exams")],
)
def test_of_five_exams_no_interval_has_95_percent(n_exams: int, words: str) -> None:
    standings: Any = SimpleNamespace(
        contract=SimpleNamespace(exams=range(n_exams)),
        challenge=SimpleNamespace(ranking=SimpleNamespace(confidence=0.95)),
    )
    assert difference_interval(standings) == words
