"""The examples in docstrings give what they say; modules without an example are not imported for it."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from tests.support.imports import modules

ROOT = Path(__file__).parents[1]
WITH_EXAMPLES = [
    name
    for name, path in modules(ROOT, ("bmseg", "dataset_conversion", "evaluation")).items()
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted and not found.failed


def test_examples_are_found() -> None:
    assert len(WITH_EXAMPLES) > 30
