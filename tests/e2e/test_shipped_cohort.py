"""The readers of the shipped synthetic cohort: as the study's, in its table and in what they mark."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bmseg.study import DEFAULT_STUDY, load_study
from dataset_conversion.phantom.calibration import MEAN_TOLERANCE, MEDIAN_TOLERANCE
from evaluation.measures.dice import summarise
from tests.support.studies import readers_dice

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scores(shipped: Path) -> pd.DataFrame:
    """Dice of the readers in all test exams; test_synthetic_run holds what `evaluate` writes against it."""
    found = readers_dice(shipped)
    assert found.exam.nunique() == 10
    assert set(found.rater) == {"reader1", "reader2", "reader3", "reader4"}
    return found


def test_shipped_cohort_is_within_the_tolerances_of_table_1(scores: pd.DataFrame) -> None:
    published = pd.read_csv(DEFAULT_STUDY.parent / str(load_study(DEFAULT_STUDY).published.table1))
    table = summarise(scores).merge(published, on=["level", "rater"], suffixes=("", "_published"))
    assert len(table) == 16
    assert (table["median"] - table.median_published).abs().max() <= MEDIAN_TOLERANCE
    assert (table["mean"] - table.mean_published).abs().max() <= MEAN_TOLERANCE


def test_sparse_levels_are_as_sparse_as_in_the_study(scores: pd.DataFrame) -> None:
    voxels = scores.pivot(index=["exam", "level"], columns="rater", values="n_rater")
    level2, level3 = (voxels.xs(level, level="level") for level in ("level2", "level3"))
    # Reader 4 draws level 3 in one exam, and less of level 2 than any other reader.
    assert (level3.reader4 > 0).sum() == 1
    assert level2.reader4.sum() < 0.5 * level2[["reader1", "reader2", "reader3"]].sum().min()
    # One exam has no level 3 at all; another has it for some readers only.
    assert (level3.max(axis=1) == 0).sum() == 1
    assert ((level3 > 0).any(axis=1) & (level3 == 0).any(axis=1)).any()
    # Medians over exams and readers are of the size that the calibration was planned for.
    calibrated = voxels[["reader1", "reader2", "reader3"]]
    for level, low, high in (("level1", 8_000, 25_000), ("level2", 1_500, 6_600), ("level3", 77, 720)):
        assert low <= calibrated.xs(level, level="level").median().median() <= high
