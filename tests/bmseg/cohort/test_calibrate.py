"""The synthetic readers beside the published Table 1, by the code that scores real readers.

The shipped cohort is checked where it is made on disk: tests/e2e/test_shipped_cohort.py. How far cohorts of
other seeds, which the readers were not tuned on, are from the table: make calibrate.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bmseg.cohort.calibrate import CHECKED_SEEDS, TUNED_SEEDS, compare, published_targets, study_scorer
from bmseg.study import DEFAULT_STUDY, load_study
from dataset_conversion.phantom.calibration import see_test_exams
from dataset_conversion.phantom.cohort import DEFAULT_SEED, PlannedExam, plan_cohort
from dataset_conversion.phantom.readers import READERS, calibrated_readers
from evaluation.consensus.rules import staple
from evaluation.consensus.votes import count_votes
from evaluation.measures.dice import score

STUDY = load_study(DEFAULT_STUDY)


def score_masks(masks: dict[str, np.ndarray]) -> pd.DataFrame:
    """What `bmseg evaluate` does to the readers' masks of an exam."""
    votes = count_votes(masks, STUDY.label_values)
    return score(votes, staple(votes, rule=STUDY.consensus.rule).label, STUDY.levels_by_name)


@pytest.mark.parametrize("restarts", [0, 12])
def test_scores_that_readers_are_tuned_on_are_those_reported(
    ordinal_masks: Callable[..., dict[str, np.ndarray]], restarts: int
) -> None:
    masks = ordinal_masks(list(READERS), seed=3)
    masks["reader4"][masks["reader4"] == 3] = 0
    codes = np.ravel_multi_index([masks[reader] for reader in READERS], (4, 4, 4, 4))
    counts = np.bincount(codes.ravel(), minlength=256).reshape(4, 4, 4, 4)
    found = study_scorer(STUDY, restarts=restarts)(counts)
    expected = score_masks(masks).pivot(index="level", columns="rater", values="dice")
    assert found == pytest.approx(expected.loc[STUDY.level_names, list(READERS)].to_numpy(), abs=1e-12)


def test_targets_are_the_published_table() -> None:
    """Cells of Table 1 of von Brandis et al. 2022, read from the article."""
    targets = published_targets(STUDY)
    assert targets.medians[0] == pytest.approx([0.80, 0.83, 0.73, 0.75])
    assert targets.medians[3] == pytest.approx([0.79, 0.71, 0.61, 0.18])
    assert targets.means[2] == pytest.approx([0.60, 0.69, 0.59, 0.11])


def test_simulated_readers_are_compared_cell_by_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thin exam of a cohort that the readers were not tuned on: median and mean are its scores."""

    def plan(*, training: int, seed: int) -> list[PlannedExam]:
        return [replace(exam, slices=5) for exam in plan_cohort(training=training, seed=seed)]

    monkeypatch.setattr("dataset_conversion.phantom.calibration.plan_cohort", plan)
    readers, targets = calibrated_readers(), published_targets(STUDY)
    cohort = see_test_exams(CHECKED_SEEDS[0], readers.scale, places=[0])
    table = compare(cohort, readers, STUDY, targets)
    assert len(table) == 16
    assert not {DEFAULT_SEED, *TUNED_SEEDS} & set(CHECKED_SEEDS)
    assert table["median"].to_list() == table["mean"].to_list()
    assert table.published_median.to_list() == targets.medians.ravel().tolist()
    assert table.median_difference.to_numpy() == pytest.approx(table["median"] - targets.medians.ravel())
    # Readers of one exam agree as people do: neither by chance nor wholly.
    assert 0.3 < table[table.reader != "reader4"]["median"].mean() < 0.95
