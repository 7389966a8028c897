import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dataset_conversion.images import ConversionError
from dataset_conversion.phantom.calibration import (
    WIDEST_UNCERTAINTY,
    Objective,
    Search,
    SeenCohort,
    Targets,
    calibrate,
    from_vector,
    score_cohort,
    see_test_exams,
    starting_readers,
    to_vector,
    write_readers,
)
from dataset_conversion.phantom.cohort import DEFAULT_SEED, PlannedExam, plan_cohort, simulate_exam
from dataset_conversion.phantom.readers import READERS, READERS_FILE, ReaderParameters, calibrated_readers

TUNED = 4 * 3 * 3 + 1


def shares_of_reader_1(counts: np.ndarray) -> np.ndarray:
    """A scorer that needs no consensus: Dice of levels 1 to 3 and of 2 and 3 together, against reader 1."""
    labels = np.indices(counts.shape)
    drawn = np.array([[reader == level for reader in labels] for level in (1, 2, 3)])
    drawn = np.concatenate([drawn, drawn[1:2] | drawn[2:3]])
    both = (drawn & drawn[:, :1]) * counts
    size = (drawn * counts).sum(axis=(2, 3, 4, 5))
    total = size + size[:, :1]
    overlap = 2 * both.sum(axis=(2, 3, 4, 5))
    return np.divide(overlap, total, out=np.full(total.shape, np.nan), where=total > 0)


def plan_thin_exams(*, training: int, seed: int) -> list[PlannedExam]:
    """The cohort's exams, four slices each."""
    return [replace(exam, slices=4) for exam in plan_cohort(training=training, seed=seed)]


@pytest.fixture(scope="module")
def cohort() -> Iterator[SeenCohort]:
    """The first and the last test exam: the last has no level 3."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dataset_conversion.phantom.calibration.plan_cohort", plan_thin_exams)
        yield see_test_exams(DEFAULT_SEED, 5.0, places=[0, 9])


@given(arrays(float, TUNED, elements=st.floats(-2, 4)))
def test_vector_to_readers_and_back(vector: np.ndarray) -> None:
    readers = from_vector(vector, starting_readers())
    assert to_vector(readers) == pytest.approx(vector, abs=1e-9)
    assert 0 < readers.shared < 1
    assert all(min(*habit.jitter, *habit.uncertainty) > 0 for habit in readers.habits.values())


def test_what_is_not_tuned_is_the_templates() -> None:
    template = replace(starting_readers(), scale=3.0, dropped=0.25)
    readers = from_vector(to_vector(starting_readers()) + 0.1, template)
    assert (readers.scale, readers.dropped) == (3.0, 0.25)
    assert readers.habits["reader4"].calls == template.habits["reader4"].calls
    moved = np.array(template.habits["reader2"].thresholds) + 0.1
    assert readers.habits["reader2"].thresholds == pytest.approx(moved)


def test_patterns_counted_are_those_of_the_masks_drawn(cohort: SeenCohort) -> None:
    planned = plan_thin_exams(training=1, seed=DEFAULT_SEED)[-1]
    masks = simulate_exam(planned, channels=[], seed=DEFAULT_SEED).masks
    codes = np.ravel_multi_index([masks[reader].array for reader in READERS], (4, 4, 4, 4))
    expected = np.bincount(codes.ravel(), minlength=256).reshape(4, 4, 4, 4)
    assert np.array_equal(cohort.count_patterns(calibrated_readers())[-1], expected)


def test_undefined_scores_are_left_out(cohort: SeenCohort) -> None:
    medians, means = score_cohort(cohort, calibrated_readers(), shares_of_reader_1)
    each = [shares_of_reader_1(counts) for counts in cohort.count_patterns(calibrated_readers())]
    assert np.isnan(each[1][2]).all()
    assert np.array_equal(medians[2], each[0][2])
    assert means[0] == pytest.approx((each[0][0] + each[1][0]) / 2)
    assert np.array_equal(medians[:, 0], np.ones(4))


def test_objective_is_zero_at_its_own_scores_and_grows_away_from_them(cohort: SeenCohort) -> None:
    start = starting_readers()
    targets = Targets(*score_cohort(cohort, start, shares_of_reader_1))
    objective = Objective(cohort, [cohort], targets, shares_of_reader_1, start)
    vector = to_vector(start)
    assert objective(vector) == pytest.approx(0, abs=1e-12)
    step = np.zeros(TUNED)
    step[9] = 1.0  # reader 2's threshold of level 1
    near, far = objective(vector + 0.05 * step), objective(vector + 0.2 * step)
    assert 0 < near < far


def test_objective_minds_a_noisier_training_reader_alone(cohort: SeenCohort) -> None:
    start = starting_readers()
    flat = Targets(np.zeros((4, 4)), np.zeros((4, 4)))

    def nothing(_: np.ndarray) -> np.ndarray:
        return np.zeros((4, 4))

    objective = Objective(cohort, [], flat, nothing, start)
    reader_1, reader_2 = 0.2 * np.eye(TUNED)[[3, 12]]  # log jitter of level 1, a third of it
    assert objective(to_vector(start) + reader_1) == pytest.approx(0.1 * 0.2 * 3)
    assert objective(to_vector(start) - reader_1) == pytest.approx(0)
    assert objective(to_vector(start) + reader_2) == pytest.approx(0)


def test_objective_minds_noise_wider_than_a_level(cohort: SeenCohort) -> None:
    start = starting_readers()
    targets = Targets(*score_cohort(cohort, start, shares_of_reader_1))
    habit = start.habits["reader4"]
    noisy = replace(habit, uncertainty=(habit.uncertainty[0], 2 * WIDEST_UNCERTAINTY, habit.uncertainty[2]))
    readers = replace(start, habits={**start.habits, "reader4": noisy})
    scores = Targets(*score_cohort(cohort, readers, shares_of_reader_1))
    assert Objective(cohort, [], scores, shares_of_reader_1, start)(to_vector(readers)) == pytest.approx(
        np.log(2)
    )
    assert Objective(cohort, [], targets, shares_of_reader_1, start)(to_vector(start)) == pytest.approx(0)


def test_calibration_comes_nearer_and_stores_what_it_says(cohort: SeenCohort, tmp_path: Path) -> None:
    goal = replace(starting_readers(), shared=0.5)
    habit = replace(goal.habits["reader3"], thresholds=(1.3, 2.5, 3.0))
    goal = replace(goal, habits={**goal.habits, "reader3": habit})
    targets = Targets(*score_cohort(cohort, goal, shares_of_reader_1))
    objective = Objective(cohort, [], targets, shares_of_reader_1, starting_readers())
    readers, record = calibrate(objective, Search(generations=12, seed=1, spread=0.06))
    assert record["objective"] < 0.7 * record["objective_at_start"]
    assert record["objective"] == pytest.approx(objective(to_vector(readers)), abs=1e-4)
    write_readers(readers, record, tmp_path / "readers.json")
    stored = json.loads((tmp_path / "readers.json").read_text())
    assert ReaderParameters.from_dict(stored["readers"]) == readers
    assert stored["calibration"] == record
    assert record["evaluations"] == 1 + 12 * 14  # a generation for 37 numbers is 14


class Valley(Objective):
    """Nothing is simulated: an ellipsoid, lowest where every number is a tenth above the start's."""

    def __call__(self, vector: np.ndarray) -> float:
        step = vector - to_vector(self.template) - 0.1
        return float(np.geomspace(1, 10, TUNED) @ step**2)


@pytest.fixture
def valley() -> Valley:
    nothing = Targets(np.zeros((4, 4)), np.zeros((4, 4)))
    return Valley(SeenCohort(0, (), ()), [], nothing, shares_of_reader_1, starting_readers())


def test_search_finds_the_lowest_point(valley: Valley) -> None:
    readers, record = calibrate(valley, Search(generations=150, seed=3))
    assert to_vector(readers) == pytest.approx(to_vector(valley.template) + 0.1, abs=0.05)
    assert record["objective"] < 1e-2 * record["objective_at_start"]


def test_seed_decides_the_search_and_the_start_is_never_lost(valley: Valley) -> None:
    first, again, other = (calibrate(valley, Search(generations=5, seed=seed))[0] for seed in (1, 1, 2))
    assert first == again != other
    far, record = calibrate(valley, Search(generations=1, seed=1, spread=100.0))
    assert far == valley.template
    assert record["objective"] == pytest.approx(record["objective_at_start"], abs=1e-3)


def test_without_cma_the_line_says_what_to_install(valley: Valley, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cma", None)
    with pytest.raises(ConversionError, match=r"cma: not installed, .*pip install 'bmseg\[dev\]'"):
        calibrate(valley, Search(generations=1))


def test_shipped_readers_say_where_they_come_from() -> None:
    stored = json.loads(READERS_FILE.read_text(encoding="utf-8"))
    assert stored["calibration"]["shipped_seed"] == DEFAULT_SEED
    assert {"seed", "generations", "spread", "other_seeds", "objective"} <= set(stored["calibration"])
    readers = calibrated_readers()
    assert tuple(readers.habits) == READERS
    for reader, habit in readers.habits.items():
        assert habit.thresholds[0] < min(habit.thresholds[1:])
        # Reader 4, who rarely calls level 2, does so nearly where others call level 3.
        assert habit.thresholds[1] < habit.thresholds[2] or reader == "reader4"
        assert max(habit.uncertainty) < 1.2 * WIDEST_UNCERTAINTY
        assert all(0 < calls <= 1 for calls in habit.calls)
