"""Consensuses of these tests are searched for from few starts: what is scored is tested, not the search."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evaluation.consensus import rules
from evaluation.scores.sensitivity import sensitivity


@pytest.fixture(scope="module", autouse=True)
def few_starts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for function in (rules.staple, rules.leave_one_out, sensitivity):
            assert function.__kwdefaults__["restarts"] == 20
            patch.setitem(function.__kwdefaults__, "restarts", 2)
        yield
