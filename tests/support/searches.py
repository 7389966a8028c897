"""Consensuses that are searched for from few starts, where what is scored is tested and not the search."""

from __future__ import annotations

import pytest

from evaluation.consensus import rules
from evaluation.scores.sensitivity import sensitivity


def search_briefly(patch: pytest.MonkeyPatch) -> None:
    """Search from 2 random starts, not from 20."""
    for function in (rules.staple, rules.leave_one_out, sensitivity):
        assert function.__kwdefaults__["restarts"] in (20, 2)
        patch.setitem(function.__kwdefaults__, "restarts", 2)
