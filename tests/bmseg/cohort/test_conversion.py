"""What is said of a conversion."""

from dataclasses import replace
from pathlib import Path

from bmseg.cohort.conversion import Conversion
from bmseg.study import load_study
from dataset_conversion.raw.conversion import ConversionReport
from dataset_conversion.raw.dataset import RawDataset


def test_voxels_that_a_reader_was_unsure_of(tmp_path: Path) -> None:
    dataset = RawDataset.create(tmp_path, replace(load_study().dataset_spec, ignore=255))
    assert len(list(Conversion(dataset, ConversionReport(["a"])).lines())) == 1
    lines = Conversion(dataset, ConversionReport(["a"], unsure={"a anna": 1})).lines()
    assert list(lines)[1] == (
        "marked as unsure (label 255): 1 voxel in 1 mask (a anna 1); no score counts them, and nothing is "
        "learned from them (in labelsTr 4, nnU-Net's ignore label)"
    )


def test_masks_of_training_exams_by_other_readers(tmp_path: Path) -> None:
    dataset = RawDataset.create(tmp_path, load_study().dataset_spec)
    by = {f"knee_{number}": "reader2" for number in range(4)}
    lines = Conversion(dataset, ConversionReport([*by], others_masks=7, labelled_by=by)).lines()
    assert list(lines)[1:] == [
        "7 masks of training exams by other readers than reader1, kept in readersTr; [training] masks in the "
        "study file, or --masks, says whether they teach",
        "4 training exams without a mask of reader1: labelsTr has that of another (knee_0 reader2, "
        "knee_1 reader2, knee_2 reader2 and 1 more)",
    ]


def test_the_end_names_where_the_others_are_listed(tmp_path: Path) -> None:
    dataset = RawDataset.create(tmp_path, load_study().dataset_spec)
    report = ConversionReport(failures={"a": "a: damaged"}, unread=True)
    again = "and start again, only what is missing is done"
    assert Conversion(dataset, report).end() == f"1 exam refused (above): correct it {again}"
    report = ConversionReport(["b"], failures={"a": "a: damaged", "c": "c: damaged"}, unread=True)
    listed = dataset.unread_folder / "exams.csv"
    assert Conversion(dataset, report).end() == (
        f"2 exams refused (above); 1 other listed in {listed}: correct them {again}"
    )
