"""What is made of consensuses is tested here, not the search for them."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def searched_briefly(few_starts: None) -> None:
    """For all tests here."""
