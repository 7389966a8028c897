"""Exams converted side by side: the same result as one by one, and named failures."""

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dataset_conversion.images import ConversionError, Volume
from dataset_conversion.parallel import start_early
from dataset_conversion.raw import conversion
from dataset_conversion.raw.conversion import ConversionReport, PendingExam, convert
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import DatasetSpec, Exam, Split

SPEC = DatasetSpec(7, "Knee", ("water",), {"level1": 1}, ("anna", "bert"), "anna", "coronal")
AFFINE = np.array([[-0.9, 0, 0, 5], [0, 0, -3.5, 6], [0, -0.9, 0, 7], [0, 0, 0, 1.0]])


def load(identifier: str, split: Split, fault: str = "") -> Exam:
    """An exam of its own voxels; `fault` says how its loading ends instead."""
    if fault == "refused":
        raise ConversionError(f"{identifier}: refused")
    if fault == "memory":
        raise MemoryError
    if fault == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "interrupted":
        raise KeyboardInterrupt
    rng = np.random.default_rng(list(identifier.encode()))
    image = Volume(rng.integers(0, 900, (8, 7, 5)).astype(np.int16), AFFINE)
    mask = Volume(rng.integers(0, 2, (8, 7, 5)).astype(np.uint8), AFFINE)
    if fault == "turned":
        mask = mask.stored_as("axial")
    readers = () if split == "unread" else ("anna", "bert")
    return Exam(identifier, split, {"water": image}, dict.fromkeys(readers, mask), {"site": "Oslo"})


def pending(identifier: str, split: Split = "training", fault: str = "", version: int = 1) -> PendingExam:
    make = partial(load, identifier, split, fault)
    return PendingExam(identifier, split, {"site": "Oslo"}, f"{split}{version}", make)


@pytest.fixture
def dataset(tmp_path: Path) -> RawDataset:
    return RawDataset.create(tmp_path / "raw", SPEC)


def contents(folder: Path) -> Mapping[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()
    }


def test_side_by_side_is_the_same_as_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where we change the folder after the processes' server has started."""
    start_early("dataset_conversion.raw.conversion")
    monkeypatch.chdir(tmp_path)
    exams = [pending("d"), pending("c"), pending("b", "test"), pending("a", "test")]
    reports, written = [], []
    for processes in (1, 2):
        one = RawDataset.create(Path(str(processes)), SPEC)
        reports.append(convert(one, exams, seed=1, processes=processes))
        written.append(contents(one.folder))
    assert reports[0] == reports[1]
    assert reports[0] == ConversionReport(converted=["d", "c", "b", "a"], others_masks=2)
    ledgers = [json.loads(files.pop(".conversion.json")) for files in written]
    assert ledgers[0] == ledgers[1]
    assert written[0] == written[1]


def test_failures_are_listed_in_the_order_of_the_exams(dataset: RawDataset) -> None:
    exams = [
        pending("a"), pending("b", fault="killed"), pending("c", fault="refused"), pending("d", "test"),
        pending("e", fault="memory"), pending("f"),
    ]  # fmt: skip
    report = convert(dataset, exams, seed=1, processes=2)
    assert list(report.failures) == ["b", "c", "e"]
    assert report.converted == ["a", "d", "f"]
    for exam in ("b", "e"):
        assert report.failures[exam].startswith(f"{exam}: the process died, most likely for want of memory")
    assert not (dataset.folder / "dataset.json").exists()


def test_an_interrupted_conversion_goes_on(dataset: RawDataset) -> None:
    convert(dataset, [pending("a")], seed=1)
    exams = [pending("a"), pending("b"), pending("c", fault="interrupted"), pending("d")]
    with pytest.raises(KeyboardInterrupt):
        convert(dataset, exams, seed=1, processes=1)
    assert not (dataset.folder / "dataset.json").exists()
    report = convert(dataset, [pending(name) for name in "abcd"], seed=1, processes=1)
    assert (report.skipped, report.converted) == (["a", "b"], ["c", "d"])


def test_an_exam_that_was_taken_out_and_comes_back_is_made_again(dataset: RawDataset) -> None:
    both = [pending("a"), pending("b")]
    convert(dataset, both, seed=1, processes=1)
    removed = convert(dataset, both[:1], seed=1).removed
    assert [path.parent.name for path in removed] == ["imagesTr", "labelsTr", "anna", "bert"]
    report = convert(dataset, both, seed=1)
    assert (report.skipped, report.converted) == (["a"], ["b"])


def test_masks_in_another_axis_order_are_named(dataset: RawDataset) -> None:
    exams = [pending("a", fault="turned"), pending("b", "test", "turned"), pending("c")]
    report = convert(dataset, exams, seed=1, processes=1)
    assert report.reordered == ["a anna", "a bert", "b anna", "b bert"]


def test_an_exam_that_comes_twice_is_refused_before_anything_is_written(dataset: RawDataset) -> None:
    with pytest.raises(ConversionError, match="exam a: found twice"):
        convert(dataset, [pending("a"), pending("a")], seed=1)
    assert not dataset.folder.exists()


def test_unread_exams_leave_the_data_set_as_it_is(dataset: RawDataset) -> None:
    convert(dataset, [pending("a"), pending("b", "test")], seed=1, processes=1)
    before = contents(dataset.folder)
    report = convert(dataset, [pending("x", "unread"), pending("a", "unread")], seed=1, processes=1)
    assert report == ConversionReport(converted=["x", "a"], unread=True)
    after = contents(dataset.folder)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {
        "images/.conversion.json", "images/a_0000.nii.gz", "images/exams.csv", "images/x_0000.nii.gz",
    }  # fmt: skip
    assert after["images/exams.csv"].decode().splitlines() == ["exam,site", "a,Oslo", "x,Oslo"]
    again = convert(dataset, [pending("x", "unread")], seed=1)
    assert again.skipped == ["x"]
    assert [path.name for path in again.removed] == ["a_0000.nii.gz"]
    assert dataset.exams("training") == ["a"]


def test_of_unread_exams_those_not_refused_are_listed(dataset: RawDataset) -> None:
    report = convert(
        dataset, [pending("x", "unread"), pending("y", "unread", "refused")], seed=1, processes=1
    )
    assert report.failures == {"y": "y: refused"}
    assert (dataset.unread_folder / "exams.csv").read_text().splitlines() == ["exam,site", "x,Oslo"]


def test_an_exam_whose_image_was_removed_is_made_again(dataset: RawDataset) -> None:
    convert(dataset, [pending("a"), pending("b", "test")], seed=1, processes=1)
    dataset.image_path("a", "training", "water").unlink()
    report = convert(dataset, [pending("a"), pending("b", "test")], seed=1, processes=1)
    assert (report.converted, report.skipped) == (["a"], ["b"])


def test_unread_exams_among_others_are_refused(dataset: RawDataset) -> None:
    with pytest.raises(ConversionError, match=r"split: found 1 unread exam \(x\) among 2"):
        convert(dataset, [pending("a"), pending("x", "unread")], seed=1)


def test_an_unread_exam_has_no_mask(dataset: RawDataset) -> None:
    with pytest.raises(ConversionError, match="x: anna, bert: found a mask, expected none of an unread exam"):
        dataset.add(replace(load("x", "test"), split="unread"))


def test_an_exam_is_in_the_ledger_after_its_files(
    dataset: RawDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_text(path: Path, text: str) -> None:
        for exam in json.loads(text):
            assert dataset.image_path(exam, "training", "water").is_file()
            assert dataset.mask_path(exam, "training", "anna").is_file()
        path.write_text(text)

    monkeypatch.setattr(conversion, "write_text", write_text)
    convert(dataset, [pending("a"), pending("b")], seed=1, processes=1)
