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
