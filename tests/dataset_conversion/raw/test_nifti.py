from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dataset_conversion.images import ConversionError, read_volume
from dataset_conversion.raw.conversion import convert, read_table
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import DatasetSpec
from dataset_conversion.raw.segmented import unread_exams

SPEC = DatasetSpec(7, "Knee", ("water",), {"level1": 1}, ("anna", "bert"), "anna", "axial")
HEADER = "exam,split,water,anna,bert,site\n"


@pytest.fixture
def table(tmp_path: Path, write_mask: Callable[..., Path]) -> Callable[..., Path]:
    """Write a table of rows; files a.nii.gz .. d.nii.gz and masks m.nii.gz (0, 1) are there."""
    rng = np.random.default_rng(1)
    for name in "abcd":
        write_mask(tmp_path / f"{name}.nii.gz", rng.integers(0, 99, (6, 5, 4)).astype(np.int16))
    write_mask(tmp_path / "m.nii.gz", rng.integers(0, 2, (6, 5, 4)).astype(np.uint8))
    write_mask(tmp_path / "m255.nii.gz", (255 * rng.integers(0, 2, (6, 5, 4))).astype(np.float32))

    def write(*rows: str, header: str = HEADER) -> Path:
        path = tmp_path / "cohort.csv"
        path.write_text(header + "\n".join(rows) + "\n")
        return path

    return write


GOOD = [
    "a,training,a.nii.gz,m.nii.gz,,Oslo",
    "b,training,b.nii.gz,m.nii.gz,m.nii.gz,Oslo",
    "c,test,c.nii.gz,m.nii.gz,m.nii.gz,Tromso",
]


def test_a_table_becomes_a_data_set(table: Callable[..., Path], tmp_path: Path) -> None:
    dataset = RawDataset.create(tmp_path / "raw", SPEC)
    report = convert(dataset, read_table(table(*GOOD), SPEC), seed=1, processes=1)
    assert report.converted == ["a", "b", "c"]
    assert report.others_masks == 1
    cohort = dataset.cohort().set_index("exam")
    assert cohort.loc["c", "site"] == "Tromso"
    assert (dataset.readers_folder("bert") / "c.nii.gz").is_file()


def test_exams_without_masks_are_unread(table: Callable[..., Path], tmp_path: Path) -> None:
    dataset = RawDataset.create(tmp_path / "raw", SPEC)
    rows = table("a,unread,a.nii.gz,Oslo", "b,unread,b.nii.gz,Oslo", header="exam,split,water,site\n")
    report = convert(dataset, read_table(rows, SPEC), seed=1, processes=1)
    assert report.unread
    assert list(unread_exams(dataset).exam) == ["a", "b"]
    assert not dataset.cohort_path.exists()


def test_again_does_only_what_changed(
    table: Callable[..., Path], tmp_path: Path, write_mask: Callable[..., Path]
) -> None:
    dataset = RawDataset.create(tmp_path / "raw", SPEC)
    convert(dataset, read_table(table(*GOOD), SPEC), seed=1, processes=1)
    assert convert(dataset, read_table(table(*GOOD), SPEC), seed=1, processes=1).skipped == ["a", "b", "c"]
    write_mask(tmp_path / "b.nii.gz", np.zeros((6, 5, 4), np.int16))
    again = convert(dataset, read_table(table(*GOOD), SPEC), seed=1, processes=1)
    assert (again.converted, again.skipped) == (["b"], ["a", "c"])
    assert read_volume(dataset.image_path("b", "training", "water")).array.max() == 0


def test_a_refused_exam_does_not_stop_the_others_and_nothing_trains_on_the_rest(
    table: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "b.nii.gz").write_bytes((tmp_path / "b.nii.gz").read_bytes()[:60])
    dataset = RawDataset.create(tmp_path / "raw", SPEC)
    report = convert(dataset, read_table(table(*GOOD), SPEC), seed=1, processes=1)
    assert report.converted == ["a", "c"]
    assert "truncated or damaged" in report.failures["b"]
    with pytest.raises(ConversionError, match="no finished data set"):
        dataset.cohort()


def test_other_values_need_a_mapping(table: Callable[..., Path], tmp_path: Path) -> None:
    path = table("a,training,a.nii.gz,m255.nii.gz,,Oslo")
    dataset = RawDataset.create(tmp_path / "raw", SPEC)
    failures = convert(dataset, read_table(path, SPEC), seed=1, processes=1).failures
    assert "m255.nii.gz): label: found 0, 255, as of a picture" in failures["a"]
    assert failures["a"].endswith("map it with --map-label")
    assert "--map-label" in failures["a"]
    assert not convert(dataset, read_table(path, SPEC, {"255": 1}), seed=1, processes=1).failures


def test_a_synthetic_cohort_is_not_overwritten(table: Callable[..., Path], tmp_path: Path) -> None:
    dataset = RawDataset.create(tmp_path / "raw", SPEC)
    dataset.folder.mkdir(parents=True)
    (dataset.folder / "phantom.json").write_text("{}")
    with pytest.raises(ConversionError, match="found a synthetic cohort, expected none"):
        convert(dataset, read_table(table(*GOOD), SPEC), seed=1, processes=1)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([GOOD[0], GOOD[0]], "exam a: found 2 rows, expected one"),
        ([GOOD[0], GOOD[0].replace("training", "test")], "exam a: split: found in training and in test"),
        (["a,train,a.nii.gz,m.nii.gz,,"], "exam a: split: found 'train', expected training, test or unread"),
        (["a,training,z.nii.gz,m.nii.gz,,"], "exam a: water: no such file: z.nii.gz"),
        ([f"a,training,{'z' * 300}.nii.gz,m.nii.gz,,"], "exam a: water: no such file: zzz"),
        (["a,training,a.nii.gz,,m.nii.gz,"], "exam a: anna: found no mask, expected one for a training"),
        (["a,test,a.nii.gz,,,"], "exam a: readers: found no mask"),
        ([GOOD[2], "d,test,d.nii.gz,m.nii.gz,,"], "bert: found no mask of test exam d, expected one of"),
        (["../a,test,a.nii.gz,m.nii.gz,,"], "identifier: expected letters"),
        (["a_0001,test,a.nii.gz,m.nii.gz,,"], "channel number"),
        ([], "found no row"),
    ],
)
def test_faults_of_the_table_are_named(table: Callable[..., Path], rows: list[str], message: str) -> None:
    path = table(*rows)
    with pytest.raises(ConversionError, match=message) as error:
        read_table(path, SPEC)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_unknown_reader_column_is_refused(table: Callable[..., Path]) -> None:
    path = table("a,training,a.nii.gz,m.nii.gz,m.nii.gz", header="exam,split,water,anna,carl\n")
    with pytest.raises(ConversionError, match="column: found carl, expected only .*anna, bert"):
        read_table(path, SPEC)


def test_patient_in_both_splits_is_refused(table: Callable[..., Path]) -> None:
    path = table(
        "a,training,a.nii.gz,m.nii.gz,P1",
        "c,test,c.nii.gz,m.nii.gz,P1",
        header="exam,split,water,anna,patient\n",
    )
    with pytest.raises(ConversionError, match="patient P1: split: found in training and in test"):
        read_table(path, SPEC)
