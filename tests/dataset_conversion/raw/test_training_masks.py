"""Which masks of a training exam are kept where, when readers beside the training reader drew it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dataset_conversion.images import ConversionError, Volume, read_volume, write_volume
from dataset_conversion.raw.conversion import convert, read_table
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import DatasetSpec, Exam

READERS = ("anna", "bert", "cara")
SPEC = DatasetSpec(
    501, "Knee", ("water",), {"level1": 1, "level2": 2}, READERS, "bert", "coronal", ignore=255
)
AFFINE = np.array([[0.9, 0, 0, -20.5], [0, 0, 3.5, 7.25], [0, 0.9, 0, -31.0], [0, 0, 0, 1.0]])


def mask_of(reader: str, unsure: int = 0) -> Volume:
    """Each reader marks another row; voxel (0, 0, 0) may be one that the reader was unsure of."""
    array = np.zeros((4, 4, 3), np.uint8)
    array[1 + READERS.index(reader), :, 0] = 1
    array[0, 0, 0] = unsure
    return Volume(array, AFFINE)


def add(dataset: RawDataset, name: str, *readers: str, unsure: int = 0) -> None:
    image = Volume(np.arange(48, dtype=np.int16).reshape(4, 4, 3), AFFINE)
    masks = {reader: mask_of(reader, unsure) for reader in readers}
    dataset.add(Exam(name, "training", {"water": image}, masks))


@pytest.fixture
def dataset(tmp_path: Path) -> RawDataset:
    return RawDataset.create(tmp_path, replace(SPEC, others_teach=True))


def label_of(dataset: RawDataset, exam: str) -> np.ndarray:
    return read_volume(dataset.mask_path(exam, "training", "bert")).array


def test_alone_the_training_reader_has_labelsTr_and_nothing_else(dataset: RawDataset) -> None:  # noqa: N802
    add(dataset, "a", "bert")
    assert dataset.training_masks("a") == {"bert": dataset.folder / "labelsTr" / "a.nii.gz"}
    assert not (dataset.folder / "readersTr").exists()


def test_of_several_everybody_is_kept_in_study_order(dataset: RawDataset) -> None:
    add(dataset, "a", "cara", "bert", unsure=255)
    masks = dataset.training_masks("a")
    assert list(masks) == ["bert", "cara"]
    for reader, path in masks.items():
        assert path == dataset.folder / "readersTr" / reader / "a.nii.gz"
        # As readers have it; nnU-Net's highest label is in labelsTr alone.
        np.testing.assert_array_equal(
            np.sort(read_volume(path).array, axis=None), np.sort(mask_of(reader, 255).array, axis=None)
        )
    assert set(np.unique(label_of(dataset, "a"))) == {0, 1, 3}


def test_without_the_training_reader_labelsTr_has_the_first_of_the_others(dataset: RawDataset) -> None:  # noqa: N802
    add(dataset, "a", "cara")
    add(dataset, "b", "cara", "anna")
    assert list(dataset.training_masks("a")) == ["cara"]
    for exam, reader in (("a", "cara"), ("b", "anna")):
        own = read_volume(dataset.teachers_path(exam, reader)).array
        np.testing.assert_array_equal(label_of(dataset, exam), own)


def test_a_mask_that_is_taken_back_is_gone(dataset: RawDataset) -> None:
    add(dataset, "a", *READERS)
    add(dataset, "a", "anna", "bert")
    assert list(dataset.training_masks("a")) == ["anna", "bert"]
    add(dataset, "a", "bert")
    assert list(dataset.training_masks("a")) == ["bert"]
    assert [*(dataset.folder / "readersTr").rglob("*.nii.gz")] == []


def table_of(folder: Path, rows: dict[str, tuple[str, ...]]) -> Path:
    lines = ["exam,split,water,anna,bert,cara"]
    for exam, readers in rows.items():
        write_volume(folder / f"{exam}.nii.gz", Volume(np.full((4, 4, 3), len(lines), np.int16), AFFINE))
        for reader in readers:
            write_volume(folder / f"{exam}_{reader}.nii.gz", mask_of(reader))
        cells = [f"{exam}_{reader}.nii.gz" if reader in readers else "" for reader in READERS]
        lines.append(",".join([exam, "training", f"{exam}.nii.gz", *cells]))
    table = folder / "table.csv"
    table.write_text("\n".join(lines) + "\n")
    return table


def test_a_table_with_an_incomplete_design_is_converted_and_counted(
    dataset: RawDataset, tmp_path: Path
) -> None:
    table = table_of(tmp_path / "in", {"a": ("anna", "bert"), "b": ("cara",), "c": ("bert",)})
    report = convert(dataset, read_table(table, dataset.spec), seed=1, processes=1)
    assert (report.converted, report.others_masks) == (["a", "b", "c"], 2)
    assert report.labelled_by == {"b": "cara"}
    masks = {exam: list(dataset.training_masks(exam)) for exam in "abc"}
    assert masks == {"a": ["anna", "bert"], "b": ["cara"], "c": ["bert"]}


def test_exams_converted_before_masks_were_kept_are_converted_again_and_no_others(
    dataset: RawDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = table_of(tmp_path / "in", {"a": ("anna", "bert"), "c": ("bert",)})
    monkeypatch.setattr("dataset_conversion.raw.conversion.kept_mark", lambda *_: "")
    convert(dataset, read_table(table, dataset.spec), seed=1, processes=1)
    monkeypatch.undo()
    report = convert(dataset, read_table(table, dataset.spec), seed=1, processes=1)
    assert (report.converted, report.skipped) == (["a"], ["c"])


def test_where_the_training_reader_teaches_alone_each_exam_needs_that_mask(tmp_path: Path) -> None:
    table = table_of(tmp_path / "in", {"a": ("anna", "bert"), "b": ("cara",)})
    with pytest.raises(
        ConversionError, match="exam b: bert: found no mask, expected one for a training exam"
    ):
        read_table(table, SPEC)
