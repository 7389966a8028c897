"""Unread exams become training exams: facts, folds and images go along, and a killed call is made good."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dataset_conversion.images import ConversionError, Volume, write_volume
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import DatasetSpec, Exam
from dataset_conversion.raw.segmented import add_segmented, link_or_copy, training_exams, unread_exams

AFFINE = np.array([[0.9, 0, 0, -20.5], [0, 0, 3.5, 7.25], [0, 0.9, 0, -31.0], [0, 0, 0, 1.0]])
SPEC = DatasetSpec(501, "Knee", ("water",), {"level1": 1, "level2": 2}, ("anna",), "anna", "coronal")


@pytest.fixture
def dataset(tmp_path: Path) -> RawDataset:
    """Training exam a, test exam t, unread exams u and v; masks of these two in a folder beside."""
    made = RawDataset.create(tmp_path / "raw", SPEC)
    rng = np.random.default_rng(0)
    facts = {"a": {"site": "Oslo", "age": 8.0}, "t": {"site": "Oslo", "age": None}}
    for exam, split in (("a", "training"), ("t", "test"), ("u", "unread"), ("v", "unread")):
        image = Volume(rng.integers(0, 900, (8, 7, 5)).astype(np.int16), AFFINE).stored_as("coronal")
        mask = Volume(rng.integers(0, 3, image.array.shape).astype(np.uint8), image.affine)
        masks = {"anna": mask} if split != "unread" else {}
        made.add(Exam(exam, split, {"water": image}, masks))  # type: ignore[arg-type]
        if split == "unread":
            write_volume(tmp_path / "masks" / f"{exam}.nii.gz", mask)
    made.finish_unread([{"exam": e, "site": "Tromso", "age": age} for e, age in (("u", 12), ("v", None))])
    made.finish([{"exam": e, "split": s, **facts[e]} for e, s in (("a", "training"), ("t", "test"))], seed=1)
    return made


def mask_of(dataset: RawDataset, exam: str) -> Path:
    return dataset.folder.parents[1] / "masks" / f"{exam}.nii.gz"


def test_an_unread_exam_becomes_a_training_exam(dataset: RawDataset) -> None:
    add_segmented(dataset, {"u": mask_of(dataset, "u")}, seed=1)
    cohort = dataset.cohort().set_index("exam")
    assert dict(cohort.split) == {"a": "training", "u": "training", "t": "test"}
    assert cohort.site["u"] == "Tromso"
    assert (cohort.age["a"], cohort.age["u"]) == (8, 12)
    assert np.isnan(cohort.age["t"])
    assert training_exams(dataset) == ["a", "u"]
    assert list(unread_exams(dataset).exam) == ["v"]
    assert not dataset.has_images("u", "unread")
    assert dataset.has_images("u", "training")
    kept = dataset.mask_path("u", "training", "anna")
    # The very file: its hash is that of the accepted mask.
    assert kept.read_bytes() == mask_of(dataset, "u").read_bytes()
    assert json.loads((dataset.folder / "dataset.json").read_text())["numTraining"] == 2
    folds = json.loads(dataset.splits_path.read_text())
    assert sorted(exam for fold in folds for exam in fold["val"]) == ["a", "u"]
    assert dataset.mask_path("t", "test", "anna").is_file()


def test_again_changes_nothing(dataset: RawDataset) -> None:
    masks = {"u": mask_of(dataset, "u")}
    add_segmented(dataset, masks, seed=1)
    before = {path: path.stat().st_mtime_ns for path in dataset.folder.rglob("*.*")}
    add_segmented(dataset, masks, seed=1)
    assert {path: path.stat().st_mtime_ns for path in dataset.folder.rglob("*.*")} == before


@pytest.mark.parametrize("killed_in", ["finish", "finish_unread"])
def test_killed_in_between(dataset: RawDataset, killed_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    masks = {"u": mask_of(dataset, "u"), "v": mask_of(dataset, "v")}

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RawDataset, killed_in, killed)
        with pytest.raises(KeyboardInterrupt):
            add_segmented(dataset, masks, seed=1)
    add_segmented(dataset, masks, seed=1)
    assert training_exams(dataset) == ["a", "u", "v"]
    assert unread_exams(dataset).empty
    assert list(dataset.unread_folder.glob("*.nii.gz")) == []


def test_without_a_data_set(dataset: RawDataset) -> None:
    for path in (dataset.cohort_path, dataset.folder / "dataset.json"):
        path.unlink()
    add_segmented(dataset, {"u": mask_of(dataset, "u")}, seed=1)
    assert training_exams(dataset) == ["u"]


def test_refusals(dataset: RawDataset) -> None:
    with pytest.raises(ConversionError, match="exam x: found a mask, expected one of an unread exam"):
        add_segmented(dataset, {"x": mask_of(dataset, "u")}, seed=1)
    (dataset.unread_folder / "u_0000.nii.gz").unlink()
    with pytest.raises(ConversionError, match=r"exams\.csv: exam u: found no image"):
        unread_exams(dataset)
    (dataset.unread_folder / "exams.csv").unlink()
    with pytest.raises(ConversionError, match=r"exams\.csv: found no unread exams"):
        unread_exams(dataset)


@pytest.mark.parametrize("can_link", [True, False])
def test_a_link_keeps_what_it_had(tmp_path: Path, can_link: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    if not can_link:
        monkeypatch.setattr("os.link", refuse)
    source, target = tmp_path / "a", tmp_path / "folder" / "b"
    source.write_text("one")
    link_or_copy(source, target)
    link_or_copy(source, target)
    (tmp_path / "new").write_text("two")
    (tmp_path / "new").replace(source)
    assert target.read_text() == "one"
