import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dataset_conversion.images import ConversionError, Volume, read_volume
from dataset_conversion.raw.dataset import RawDataset
from dataset_conversion.raw.exam import DatasetSpec, Exam

AFFINE = np.array([[-0.9, 0, 0, 5], [0, 0, -3.5, 6], [0, -0.9, 0, 7], [0, 0, 0, 1.0]])
SPEC = DatasetSpec(
    501, "Knee", ("water", "fat"), {"level1": 1, "level2": 2}, ("anna", "bert"), "anna", "coronal"
)


def make_exam(identifier: str = "knee_a", split: str = "test") -> Exam:
    rng = np.random.default_rng(0)
    image = Volume(rng.integers(0, 900, (8, 7, 5)).astype(np.int16), AFFINE)
    mask = Volume(rng.integers(0, 3, (8, 7, 5)).astype(np.uint8), AFFINE)
    return Exam(
        identifier, split, {"water": image, "fat": image}, {"anna": mask, "bert": mask}, {"site": "Oslo"}
    )


@pytest.fixture
def dataset(tmp_path: Path) -> RawDataset:
    return RawDataset.create(tmp_path, SPEC)


def finish(dataset: RawDataset, *exams: Exam) -> list[Path]:
    return dataset.finish([{"exam": e.identifier, "split": e.split, **e.facts} for e in exams], seed=1)


def test_layout_is_nnunets(dataset: RawDataset) -> None:
    exams = [make_exam("a", "training"), make_exam("b", "training"), make_exam("c")]
    for exam in exams:
        dataset.add(exam)
    finish(dataset, *exams)
    files = {str(path.relative_to(dataset.folder)) for path in dataset.folder.rglob("*.*")}
    assert files == {
        "dataset.json", "splits_final.json", "cohort.csv",
        "imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz", "labelsTr/a.nii.gz",
        "imagesTr/b_0000.nii.gz", "imagesTr/b_0001.nii.gz", "labelsTr/b.nii.gz",
        "readersTr/anna/a.nii.gz", "readersTr/bert/a.nii.gz",
        "readersTr/anna/b.nii.gz", "readersTr/bert/b.nii.gz",
        "imagesTs/c_0000.nii.gz", "imagesTs/c_0001.nii.gz",
        "readersTs/anna/c.nii.gz", "readersTs/bert/c.nii.gz",
    }  # fmt: skip
    description = json.loads((dataset.folder / "dataset.json").read_text())
    assert description["labels"] == {"background": 0, "level1": 1, "level2": 2}
    assert description["channel_names"] == {"0": "water", "1": "fat"}
    assert description["numTraining"] == 2
    assert dataset.exams("training") == ["a", "b"]


def test_every_storage_order_becomes_the_same_file(dataset: RawDataset) -> None:
    """nnU-Net's 2d configuration would cut an exam stored otherwise in another plane."""
    exam = make_exam("natural")
    dataset.add(exam)
    turned = {}
    for name, volume in [("water", exam.channels["water"]), ("anna", exam.masks["anna"])]:
        flip = np.diag([-1.0, 1, 1, 1])
        flip[0, 3] = volume.array.shape[0] - 1
        array = volume.array[::-1].transpose(2, 0, 1)
        affine = (volume.affine @ flip)[:, [2, 0, 1, 3]]
        turned[name] = Volume(array, affine)
    dataset.add(
        replace(
            exam, identifier="turned",
            channels={"water": turned["water"], "fat": turned["water"]},
            masks={"anna": turned["anna"], "bert": exam.masks["bert"]},
        )
    )  # fmt: skip
    for kind in ("imagesTs/{}_0000.nii.gz", "readersTs/anna/{}.nii.gz"):
        natural = read_volume(dataset.folder / kind.format("natural"))
        stored = read_volume(dataset.folder / kind.format("turned"))
        np.testing.assert_array_equal(stored.array, natural.array)
        np.testing.assert_allclose(stored.affine, natural.affine, atol=1e-5)


def other_grid(mask: Volume) -> Volume:
    return Volume(mask.array, np.diag([1.0, 1, 1.02, 1]) @ mask.affine)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: other_grid(m), r"knee_a: bert: spacing: found .* nothing is resampled"),
        (lambda m: Volume(m.array[:, :, :1], m.affine), r"knee_a: bert: size: found 8 x 7 x 1"),
        (lambda m: Volume(m.array + 6, m.affine), r"label: found 6 in \d+ of \d+ voxels, expected 0, 1, 2"),
        (lambda m: Volume(m.array * 1.5, m.affine), r"label: found 1.5 in \d+ of \d+ voxels"),
        (lambda m: Volume(m.array + np.nan, m.affine), r"label: found nan in 280 of 280 voxels"),
    ],
    ids=["grid", "slices", "label", "fraction", "nan"],
)
def test_a_wrong_mask_is_refused_by_name_and_nothing_is_written(
    dataset: RawDataset, change: object, message: str
) -> None:
    exam = make_exam()
    masks = {"anna": exam.masks["anna"], "bert": change(exam.masks["bert"])}  # type: ignore[operator]
    with pytest.raises(ConversionError, match=message):
        dataset.add(replace(exam, masks=masks))
    assert not list(dataset.folder.rglob("*"))


def test_a_fault_of_the_last_image_leaves_nothing_of_the_first(dataset: RawDataset) -> None:
    exam = make_exam()
    water = exam.channels["water"]
    fat = Volume(water.array.astype(np.float32), water.affine)
    fat.array[1, 2, 3] = np.inf
    with pytest.raises(ConversionError, match="knee_a: fat: found no finite number in 1 of 280 voxels"):
        dataset.add(replace(exam, channels={"water": water, "fat": fat}))
    assert not list(dataset.folder.rglob("*"))


def test_float_masks_of_whole_numbers_are_accepted(dataset: RawDataset) -> None:
    exam = make_exam()
    mask = exam.masks["anna"]
    dataset.add(replace(exam, masks={"anna": Volume(mask.array.astype(np.float64), mask.affine)}))
    stored = read_volume(dataset.mask_path("knee_a", "test", "anna"))
    assert stored.array.dtype == np.uint8
    assert stored.array.sum() == mask.array.sum()


def test_unknown_reader_and_missing_training_mask_are_refused(dataset: RawDataset) -> None:
    exam = make_exam()
    with pytest.raises(ConversionError, match="reader: found carl, expected one of anna, bert"):
        dataset.add(replace(exam, masks={"carl": exam.masks["anna"]}))
    with pytest.raises(ConversionError, match="knee_a: anna: found no mask, expected one"):
        dataset.add(replace(exam, split="training", masks={"bert": exam.masks["bert"]}))
    with pytest.raises(ConversionError, match="knee_a: channel: found none for fat"):
        dataset.add(replace(exam, channels={"water": exam.channels["water"]}))
    with pytest.raises(ConversionError, match="knee_a: split: found 'tset', expected training, test or"):
        dataset.add(replace(exam, split="tset"))
    with pytest.raises(ConversionError, match="channel number"):
        dataset.add(replace(exam, identifier="knee_0001"))


def test_wrong_plane_is_refused(tmp_path: Path) -> None:
    dataset = RawDataset.create(tmp_path, replace(SPEC, plane="axial"))
    exam = make_exam("a", "training")
    dataset.add(exam)
    with pytest.raises(ConversionError, match="plane: found a median spacing of 0.9 mm between axial"):
        finish(dataset, exam)
    assert not (dataset.folder / "dataset.json").exists()


def test_files_of_former_exams_are_removed(dataset: RawDataset) -> None:
    old, new = make_exam("old", "training"), make_exam("new", "training")
    dataset.add(old)
    dataset.add(new)
    removed = finish(dataset, new)
    assert sorted(path.relative_to(dataset.folder).as_posix() for path in removed) == [
        "imagesTr/old_0000.nii.gz", "imagesTr/old_0001.nii.gz", "labelsTr/old.nii.gz",
        "readersTr/anna/old.nii.gz", "readersTr/bert/old.nii.gz",
    ]  # fmt: skip


def test_two_exams_of_one_identifier_are_refused(dataset: RawDataset) -> None:
    exam = make_exam("a", "training")
    dataset.add(exam)
    with pytest.raises(ConversionError, match="exam a: found twice"):
        finish(dataset, exam, exam)


def test_an_unfinished_data_set_is_not_read(dataset: RawDataset) -> None:
    exam = make_exam("a", "training")
    dataset.add(exam)
    with pytest.raises(ConversionError, match="no finished data set"):
        dataset.cohort()
    finish(dataset, exam)
    dataset.reopen()
    with pytest.raises(ConversionError, match="no finished data set"):
        dataset.cohort()
