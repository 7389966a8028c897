"""Voxels that a reader was unsure of: kept in readers' masks, nnU-Net's ignore label in those trained on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dataset_conversion.images import ConversionError, Volume, read_volume, write_volume
from dataset_conversion.raw.conversion import convert, read_table
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import DatasetSpec, Exam
from dataset_conversion.raw.segmented import add_segmented

SPEC = DatasetSpec(
    7, "Knee", ("water",), {"level1": 1, "level2": 2}, ("anna", "bert"), "anna", "axial", ignore=255
)
AFFINE = np.diag([0.9, 0.9, 3.5, 1.0])


def image_of(seed: int) -> Volume:
    rng = np.random.default_rng(seed)
    return Volume(rng.integers(0, 900, (8, 7, 5)).astype(np.int16), AFFINE)


def mask_of(seed: int, n_unsure: int) -> Volume:
    array = np.random.default_rng(seed).integers(0, 3, (8, 7, 5)).astype(np.uint8)
    array.ravel()[:n_unsure] = 255
    return Volume(array, AFFINE)


def files(folder: Path) -> Path:
    """A table of a training and a test exam, whose readers were unsure of 4, 3 and 0 voxels."""
    for number, (name, unsure) in enumerate({"a": 4, "c": 3, "d": 0}.items()):
        write_volume(folder / f"{name}_image.nii.gz", image_of(number))
        write_volume(folder / f"{name}.nii.gz", mask_of(number, unsure))
    path = folder / "cohort.csv"
    path.write_text(
        "exam,split,water,anna,bert\na,training,a_image.nii.gz,a.nii.gz,\n"
        "c,test,c_image.nii.gz,c.nii.gz,d.nii.gz\n"
    )
    return path


def read(path: Path) -> np.ndarray:
    """A mask in the order in which this module made it."""
    return read_volume(path).in_order("RAS").array


def test_what_each_mask_holds_and_what_is_said(tmp_path: Path) -> None:
    dataset = RawDataset.create(tmp_path / "raw", SPEC)
    report = convert(dataset, read_table(files(tmp_path), SPEC), seed=1, processes=1)
    assert report.failures == {}
    assert report.unsure == {"a anna": 4, "c anna": 3}
    trained = mask_of(0, 4).array
    assert np.array_equal(
        read(dataset.mask_path("a", "training", "anna")), np.where(trained == 255, 3, trained)
    )
    assert np.array_equal(read(dataset.mask_path("c", "test", "anna")), mask_of(1, 3).array)
    assert np.array_equal(read(dataset.mask_path("c", "test", "bert")), mask_of(2, 0).array)
    described = json.loads((dataset.folder / "dataset.json").read_text())
    assert described["labels"] == {"background": 0, "level1": 1, "level2": 2, "ignore": 3}
    assert described["ignore_in_readersTs"] == 255


def test_without_the_label_nothing_is_taken_and_nothing_new_is_written(tmp_path: Path) -> None:
    without = replace(SPEC, ignore=None)
    dataset = RawDataset.create(tmp_path / "raw", without)
    report = convert(dataset, read_table(files(tmp_path), without), seed=1, processes=1)
    assert (
        "label: found 255 in 4 of 280 voxels, expected 0, 1, 2; map it with --map-label"
        in report.failures["a"]
    )
    assert report.unsure == {}
    assert without.trained_labels == {"background": 0, "level1": 1, "level2": 2}


def test_nnunets_label_in_a_readers_mask_is_a_stray_value(tmp_path: Path) -> None:
    stray = Volume(np.where(mask_of(0, 4).array == 255, 3, 0).astype(np.uint8), AFFINE)
    exam = Exam("a", "training", {"water": image_of(0)}, {"anna": stray})
    with pytest.raises(
        ConversionError, match="anna: label: found 3 in 4 of 280 voxels, expected 0, 1, 2, 255"
    ):
        RawDataset.create(tmp_path, SPEC).add(exam)


@pytest.mark.parametrize("split", ["training", "test"])
def test_a_mask_of_nothing_else_is_refused(tmp_path: Path, split: str) -> None:
    nothing = Volume(np.full((8, 7, 5), 255, np.uint8), AFFINE)
    exam = Exam("a", split, {"water": image_of(0)}, {"anna": nothing})  # type: ignore[arg-type]
    with pytest.raises(
        ConversionError, match=r"anna: label: found 255 \(ignore\) everywhere, expected a level"
    ):
        RawDataset.create(tmp_path, SPEC).add(exam)
    assert not list(tmp_path.rglob("*.nii.gz"))


@pytest.mark.parametrize("ignore", [3, 255])
def test_what_a_round_accepted_is_the_very_file_that_is_trained_on(tmp_path: Path, ignore: int) -> None:
    spec = replace(SPEC, ignore=ignore)
    dataset = RawDataset.create(tmp_path / "raw", spec)
    for name, split in (("a", "training"), ("u", "unread")):
        masks = {"anna": mask_of(0, 0)} if split == "training" else {}
        dataset.add(Exam(name, split, {"water": image_of(1)}, masks))  # type: ignore[arg-type]
    dataset.finish([{"exam": "a", "split": "training"}], seed=1)
    dataset.finish_unread([{"exam": "u"}])
    accepted = Volume(np.where(mask_of(4, 6).array == 255, 3, mask_of(4, 6).array), AFFINE).stored_as("axial")
    write_volume(tmp_path / "u.nii.gz", replace(accepted, array=accepted.array.astype(np.uint8)))
    add_segmented(dataset, {"u": tmp_path / "u.nii.gz"}, seed=1)
    assert dataset.mask_path("u", "training", "anna").read_bytes() == (tmp_path / "u.nii.gz").read_bytes()
