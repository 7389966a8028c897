from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dataset_conversion.images import STORAGE_ORDER, ConversionError, Volume, read_volume
from dataset_conversion.phantom.cohort import (
    DEFAULT_SEED,
    PlannedExam,
    plan_cohort,
    simulate_exam,
    write_cohort,
)
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import DatasetSpec, Exam
from dataset_conversion.raw.segmented import unread_exams

SPEC = DatasetSpec(
    id=501,
    name="BoneMarrow",
    channels=("water",),
    labels={"level1": 1, "level2": 2, "level3": 3},
    readers=("reader1", "reader2", "reader3", "reader4"),
    training_reader="reader1",
    plane="coronal",
)
#: Pixels where it does not matter what they show: the inner halves of the knees.
SMALL = (192, 128)


def test_composition_is_the_studys() -> None:
    plan = plan_cohort()
    split = Counter(exam.split for exam in plan)
    slices = {name: sum(exam.slices for exam in plan if exam.split == name) for name in split}
    assert split == {"training": 85, "test": 10}
    assert slices == {"training": 1318, "test": 153}
    assert Counter(exam.site for exam in plan) == {"Oslo": 68, "Tromso": 27}
    assert Counter(exam.group for exam in plan) == {"healthy": 67, "CNO": 28}
    assert {exam.scanner for exam in plan if exam.site == "Oslo"} == {"Siemens Magnetom Aera 1.5 T"}
    assert {exam.scanner for exam in plan if exam.site == "Tromso"} == {"Philips Ingenia 1.5 T"}
    assert all(6 <= exam.age <= 18 for exam in plan)
    assert max(exam.age for exam in plan if exam.split == "test") <= 15
    assert len({exam.identifier for exam in plan}) == 95


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_slices_add_up_for_any_seed(seed: int) -> None:
    assert sum(exam.slices for exam in plan_cohort(seed=seed) if exam.split == "training") == 1318


@pytest.mark.parametrize("training", [1, 8, 40])
def test_smaller_cohort_is_a_beginning_of_the_whole(training: int) -> None:
    whole, part = plan_cohort(), plan_cohort(training=training)
    assert part == whole[:training] + whole[85:]


def test_smaller_cohort_keeps_the_proportions() -> None:
    part = plan_cohort(training=20)[:20]
    assert abs(sum(exam.site == "Tromso" for exam in part) - 20 * 24 / 85) < 1.5
    assert abs(sum(exam.group == "CNO" for exam in part) - 20 * 25 / 85) < 1.5


@pytest.mark.parametrize("training", [0, 86])
def test_size_out_of_range_is_refused(training: int) -> None:
    with pytest.raises(ConversionError, match="expected 1 to 85"):
        plan_cohort(training=training)


def test_exam_depends_on_seed_and_plan_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataset_conversion.phantom.cohort.IN_PLANE", SMALL)
    planned = replace(plan_cohort()[2], slices=2)
    first, again = (simulate_exam(planned, channels=["water"], seed=5) for _ in range(2))
    other = simulate_exam(planned, channels=["water"], seed=6, readers=["reader1"])
    alone = simulate_exam(planned, channels=["fat", "water"], seed=5, readers=["reader3"])
    assert np.array_equal(first.channels["water"].array, again.channels["water"].array)
    assert np.array_equal(first.channels["water"].array, alone.channels["water"].array)
    assert np.array_equal(first.masks["reader3"].array, alone.masks["reader3"].array)
    assert not np.array_equal(first.channels["water"].array, other.channels["water"].array)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"plane": "axial"}, "plane: found axial, expected coronal"),
        ({"labels": {"level1": 1}}, "levels: found 1, expected 1, 2, 3"),
        ({"readers": ("reader1", "anna")}, "readers: found reader1, anna, expected reader1, reader2"),
        ({"channels": ("water", "in-phase")}, "channels: found in-phase, expected some of water, fat"),
    ],
)
def test_spec_that_cannot_be_served_is_refused(tmp_path: Path, change: dict, message: str) -> None:
    dataset = RawDataset.create(tmp_path, replace(SPEC, **change))
    with pytest.raises(ConversionError, match=message) as caught:
        write_cohort(dataset, training=1)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def short_exams(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cohort of few training exams and one test exam, of two slices each."""

    def plan(*, training: int, seed: int) -> list:
        exams = plan_cohort(training=training, seed=seed)[: training + 1]
        return [replace(exam, slices=2) for exam in exams]

    monkeypatch.setattr("dataset_conversion.phantom.cohort.plan_cohort", plan)


@pytest.mark.usefixtures("short_exams")
def test_written_cohort(tmp_path: Path) -> None:
    dataset = RawDataset.create(tmp_path, SPEC)
    write_cohort(dataset, training=1, seed=4, processes=2)
    cohort = dataset.cohort()
    assert list(cohort.exam) == ["knee_001", "knee_086"]
    assert {"site", "scanner", "group", "age", "sex", "slices", "synthetic"} <= set(cohort.columns)
    assert cohort.synthetic.all()
    # Worker processes compute what this one does.
    planned = replace(plan_cohort(training=1, seed=4)[0], slices=2)
    here = simulate_exam(planned, channels=["water"], seed=4, readers=["reader1"])
    written = read_volume(dataset.image_path("knee_001", "training", "water"))
    mask = read_volume(dataset.mask_path("knee_001", "training", "reader1"))
    assert np.array_equal(written.array, here.channels["water"].array)
    assert np.array_equal(mask.array, here.masks["reader1"].array)
    for reader in SPEC.readers:
        assert dataset.mask_path("knee_086", "test", reader).is_file()
    # Nobody's mask: it lies beside the readers', on their grid, and training exams have none.
    of_test = simulate_exam(replace(plan_cohort(training=1, seed=4)[1], slices=2), channels=["water"], seed=4)
    assert of_test.truth is not None
    truth = read_volume(dataset.truth_path("knee_086"))
    assert np.array_equal(truth.array, of_test.truth.array)
    assert not truth.grid.difference(read_volume(dataset.mask_path("knee_086", "test", "reader1")).grid)
    assert [path.name for path in dataset.truth_path("knee_086").parent.iterdir()] == ["knee_086.nii.gz"]
    assert here.truth is None


@pytest.mark.usefixtures("short_exams")
def test_second_run_adds_what_is_missing_and_keeps_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataset_conversion.phantom.cohort.IN_PLANE", SMALL)
    dataset = RawDataset.create(tmp_path, SPEC)
    write_cohort(dataset, training=1, processes=1)
    kept = dataset.image_path("knee_001", "training", "water")
    before = kept.stat().st_mtime_ns
    dataset.mask_path("knee_086", "test", "reader2").unlink()
    dataset.truth_path("knee_086").unlink()
    # What a killed run leaves is nobody's exam.
    half = kept.with_name(".partial-knee_021_0000.nii.gz")
    half.write_bytes(kept.read_bytes()[:100])
    write_cohort(dataset, training=2, processes=1)
    assert kept.stat().st_mtime_ns == before
    assert dataset.mask_path("knee_086", "test", "reader2").is_file()
    assert dataset.truth_path("knee_086").is_file()
    assert not half.exists()
    assert dataset.exams("training") == ["knee_001", "knee_002"]
    with pytest.raises(ConversionError, match="another seed or version"):
        write_cohort(dataset, training=2, seed=DEFAULT_SEED + 1, processes=1)
    with pytest.raises(ConversionError, match="found knee_002"):
        write_cohort(dataset, training=1, processes=1)


@pytest.fixture
def few_voxels(monkeypatch: pytest.MonkeyPatch) -> None:
    def simulate(planned: PlannedExam, *, channels: Sequence[str], seed: int, readers: Sequence[str]) -> Exam:
        """As `simulate_exam`, of few voxels."""

        def drawn(*of: str) -> Volume:
            rng = np.random.default_rng([seed, *"".join([planned.identifier, *of]).encode()])
            return Volume(rng.integers(0, 4, (4, 2, 3)).astype(np.uint8), np.diag([0.9, 3.5, 0.9, 1]))

        masks = {reader: drawn(reader) for reader in readers}
        truth = drawn("truth") if planned.split == "test" else None
        images = dict.fromkeys(channels, drawn())
        return Exam(planned.identifier, planned.split, images, masks, planned.facts, truth)

    monkeypatch.setattr("dataset_conversion.phantom.cohort.simulate_exam", simulate)


def files_of(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.usefixtures("short_exams", "few_voxels")
def test_other_readers_draw_training_exams_on_request_and_nothing_else_changes(tmp_path: Path) -> None:
    plain, more = RawDataset.create(tmp_path / "plain", SPEC), RawDataset.create(tmp_path / "more", SPEC)
    write_cohort(plain, training=2, processes=1)
    write_cohort(more, training=2, training_readers=["reader4", "reader3"], processes=1)
    assert list(more.training_masks("knee_002")) == ["reader1", "reader3", "reader4"]
    own = more.teachers_path("knee_002", "reader1").read_bytes()
    assert own == more.mask_path("knee_002", "training", "reader1").read_bytes()
    assert own != more.teachers_path("knee_002", "reader3").read_bytes()
    found = files_of(more.folder)
    added = {name for name in found if name.startswith("readersTr/")}
    assert len(added) == 2 * 3
    assert {name: found[name] for name in found if name not in added} == files_of(plain.folder)
    # What is missing is made, and nothing else.
    kept = more.image_path("knee_001", "training", "water").stat().st_mtime_ns
    more.teachers_path("knee_002", "reader3").unlink()
    write_cohort(more, training=2, training_readers=["reader4", "reader3"], processes=1)
    assert files_of(more.folder) == found
    assert more.image_path("knee_001", "training", "water").stat().st_mtime_ns == kept
    with pytest.raises(ConversionError, match="training readers: found anna, expected some of reader1"):
        write_cohort(more, training=2, training_readers=["anna"], processes=1)


@pytest.mark.usefixtures("short_exams", "few_voxels")
def test_only_the_first_exams_are_segmented(tmp_path: Path) -> None:
    dataset, whole = RawDataset.create(tmp_path / "some", SPEC), RawDataset.create(tmp_path / "all", SPEC)
    write_cohort(dataset, training=2, segmented=1, processes=1)
    write_cohort(whole, training=2, processes=1)
    assert dataset.exams("training") == ["knee_001"]
    assert dataset.exams("test") == ["knee_086"]
    assert not dataset.mask_path("knee_002", "training", "reader1").exists()
    table = unread_exams(dataset).set_index("exam")
    assert list(table.index) == ["knee_002"]
    assert table.synthetic["knee_002"] == "True"
    # The same exam with or without its mask, and nothing unread by default.
    unread = dataset.image_path("knee_002", "unread", "water")
    assert unread.read_bytes() == whole.image_path("knee_002", "training", "water").read_bytes()
    assert not whole.unread_folder.exists()
    with pytest.raises(ConversionError, match="segmented: found 3, expected 1 to 2"):
        write_cohort(dataset, training=2, segmented=3, processes=1)


def test_grid_and_values() -> None:
    planned = replace(plan_cohort()[0], slices=2)
    exam = simulate_exam(planned, channels=["water", "fat"], seed=1, readers=["reader1"])
    for volume in [*exam.channels.values(), *exam.masks.values()]:
        assert volume.array.shape == (384, 256, 2)
        assert volume.spacing == pytest.approx([0.9, 0.9, 3.5])
        stored = volume.stored_as("coronal")
        assert np.array_equal(stored.array, volume.array)
        assert np.array_equal(stored.affine, volume.affine)
    assert STORAGE_ORDER["coronal"] == "LIP"
    water = exam.channels["water"].array
    assert water.dtype == np.int16
    assert water.min() >= 0
    assert 500 < water.max() < 2500
