"""A cohort's table that names patients with several exams: what is tested, and what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bmseg.scoring.evaluation import Evaluation
from evaluation.study import measure_tables as m
from evaluation.study import tables as t
from evaluation.study.brief import look_out
from evaluation.study.patients import PATIENTS, patients_in, told
from tests.support.command_line import bmseg
from tests.support.masks import save_mask, thresholded

READERS = ("anna", "ben", "carl")
EXAMS = [f"e{number}" for number in range(8)]
SAID = "8 exams are of 3 patients: a difference of scores is called clear only if it is so of exams and of "


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Eight exams in which net is worse than every reader."""
    for seed, exam in enumerate(EXAMS):
        masks = thresholded([*READERS, "net"], (14, 12, 6), seed=seed)
        masks["net"] = np.roll(masks["net"], 3, axis=0)
        for rater, mask in masks.items():
            save_mask(tmp_path / rater / f"{exam}.nii.gz", mask)
    return tmp_path


def evaluated(root: Path, patients: list[str]) -> Evaluation:
    pd.DataFrame({"exam": EXAMS, "patient": patients, "age": 12}).to_csv(root / "cohort.csv", index=False)
    readers = [f"--reader={name}={root / name}" for name in READERS]
    out = root / f"out{len({*patients})}"
    words = (*readers, f"--prediction=net={root / 'net'}", "--ordinal", "--cohort", root / "cohort.csv")
    result = bmseg("evaluate", *words, "-o", out)
    assert result.returncode == 0, result.stderr
    assert (SAID in result.stderr) == (len({*patients}) < len(EXAMS))
    return Evaluation.read(out, out / "study.toml")


@pytest.mark.usefixtures("no_figures")
def test_what_three_patients_say_is_clear_to_nobody(root: Path, few_tables: Callable[..., None]) -> None:
    few_tables("table1", "comparisons", "patients", "fair_dice", "measures_comparisons")
    alone = evaluated(root, EXAMS)
    assert PATIENTS not in alone.found and told(alone.found) == []
    found = evaluated(root, list("aaabbbcc")).found
    assert found[PATIENTS].patient.tolist() == [*"11122233"]
    for table in (t.COMPARISONS, m.MEASURES_COMPARISONS):
        before, now = alone.found[table], found[table]
        beside = (now.other == "median reader") & (now.level == "label1")
        # By themselves eight differences of one sign have p = 2 / 2**8, three patients 2 / 2**3.
        assert before[beside].p.min() == pytest.approx(2 / 2**8)
        assert now.p.dropna().min() >= 2 / 2**3
        assert (now.low <= before.low + 1e-9).all() and (now.high >= before.high - 1e-9).all()
    assert "patient" not in found[t.FAIR_DICE]
    first = look_out(found)[0]
    assert first.words.startswith(SAID) and "Of fewer than six patients none can be." in first.words
    assert "differences over seeds and between groups of exams, agreement" in first.words
    assert SAID in (root / "out3" / "table1.md").read_text()


def test_whose_exams_are() -> None:
    cohort = pd.DataFrame({"exam": ["a", "b", "c", "d"], "patient": ["x", None, "x", "b"]})
    assert patients_in(cohort, ["c", "a", "b", "d"]).patient.tolist() == ["1", "1", "2", "3"]
    # Of these no patient has two; an exam without a patient is one of its own, whatever it is called.
    assert patients_in(cohort, ["a", "b", "d"]).empty
    assert patients_in(cohort.drop(columns="patient"), ["a", "c"]).empty and patients_in(None, ["a"]).empty
