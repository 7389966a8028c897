"""Evaluations of which few tables are asked: to make all takes four times as long as to score small masks."""

from __future__ import annotations

import pytest

from evaluation.study.tables import TABLES


def make_tables(patch: pytest.MonkeyPatch, *names: str) -> None:
    """Let an evaluation write these, and Table 1 and its scores, alone."""
    assert {*names} <= {table.name for table in TABLES}
    asked = [table for table in TABLES if table.name in {"dice", "table1", *names}]
    patch.setattr("bmseg.scoring.evaluate.TABLES", asked)
