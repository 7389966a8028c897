"""Exams, models, groups and sites whose names other programs take for a missing value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.command_line import assert_refused, bmseg
from tests.support.headers import block, save
from tests.support.studies import dice_alone

READERS = ("reader1", "reader2", "reader3", "reader4")
EXAMS = ("NA", "None", "null", "nan")


@pytest.fixture
def words(tmp_path: Path, no_figures: None) -> list[object]:  # noqa: ARG001
    """A command that scores four readers and the model ``NA``."""
    rng = np.random.default_rng(0)
    given: list[object] = ["evaluate", "-o", tmp_path / "out", "--cohort", tmp_path / "cohort.csv"]
    given += ["--study", dice_alone(tmp_path)]
    for rater in (*READERS, "NA"):
        for exam in EXAMS:
            mask = block() * rng.integers(1, 4, block().shape, dtype=np.uint8)
            save(tmp_path / rater / f"{exam}.nii.gz", array=mask)
        given += ["--prediction" if rater == "NA" else "--reader", f"{rater}={tmp_path / rater}"]
    (tmp_path / "cohort.csv").write_text(
        'exam,age,group,site\nNA,"8,5",None,NA\nNone,9,None,NA\nnull,10,CNO,null\nnan,11,CNO,null\n'
    )
    return given


def test_nobody_is_missing(tmp_path: Path, words: list[object], few_tables: Callable[..., None]) -> None:
    # Of exams, raters, pairs of raters, and categories.
    few_tables("fair_dice", "comparisons", "agreement_dice", "dice_by_category", "dice_categories_compared")
    for again in (False, True):
        result = bmseg(*words)
        assert result.returncode == 0, result.stderr
        assert ("already" in result.stdout or "skipped" in result.stdout) == again
    dice = pd.read_csv(tmp_path / "out" / "dice.csv", keep_default_na=False)
    assert set(dice.exam) == set(EXAMS)
    assert set(dice.rater) == {*READERS, "NA"}
    found = pd.read_csv(tmp_path / "out" / "dice_by_category.csv", keep_default_na=False)
    assert set(zip(found.column, found.category, strict=True)) == {
        ("group", "None"), ("group", "CNO"), ("site", "NA"), ("site", "null"),
    }  # fmt: skip


def test_ages_are_numbers_or_refused_by_exam(tmp_path: Path, words: list[object]) -> None:
    table = tmp_path / "cohort.csv"
    for age in ("12y", "abc", "-1", "400"):
        table.write_text(f"exam,age\nNA,{age}\nNone,9\nnull,10\nnan,\n")
        assert_refused(bmseg(*words), f"exam NA: age: found '{age}', expected years as a number")
