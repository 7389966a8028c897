"""docs/tutorials/scanner.md: of public exams, DICOM and RTSTRUCT give the data set that NIfTI gives."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from bmseg.study import DEFAULT_STUDY
from dataset_conversion.images import read_volume
from tests.support.command_line import bmseg

STUDY = DEFAULT_STUDY.parents[1] / "ibsi_extremity" / "study.toml"
CASES = {"STS_002": "training", "STS_015": "training", "STS_025": "test"}
DATASET = Path("nnUNet_raw") / "Dataset601_ExtremitySarcoma"


def write_table(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_dicom_and_rtstruct_give_what_nifti_gives(test_data: Path, tmp_path: Path) -> None:
    folder = test_data / "ibsi_sts_extremity"
    keys = tmp_path / "keys.csv"
    looked = bmseg("inspect", "dicom", folder / "dicom", "--study", STUDY, "--keys", keys)
    assert looked.returncode == 0, looked.stderr
    assert "3 files left out: RT Structure Set Storage" in looked.stdout
    with keys.open() as file:
        exams = {row["patient_id"]: row["exam"] for row in csv.DictReader(file)}

    contours = {case: folder / "dicom" / case / "MR_T1" / "mask" / "RS.dcm" for case in CASES}
    table = write_table(
        tmp_path / "dicom.csv",
        ["exam", "split", "expert"],
        [[exams[case], split, contours[case]] for case, split in CASES.items()],
    )
    result = bmseg(
        "convert", "dicom", folder / "dicom", "--table", table, "--study", STUDY, "--keys", keys,
        "--map-label", "GTV_Mass_MR_T1=1", "-w", tmp_path / "dicom",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr

    images = {case: folder / "nifti" / case / "MR_T1_image.nii.gz" for case in CASES}
    masks = {case: folder / "nifti" / case / "MR_T1_mask.nii.gz" for case in CASES}
    table = write_table(
        tmp_path / "nifti.csv",
        ["exam", "split", "T1", "expert"],
        [[case, split, images[case], masks[case]] for case, split in CASES.items()],
    )
    result = bmseg("convert", "nifti", "--table", table, "--study", STUDY, "-w", tmp_path / "nifti")
    assert result.returncode == 0, result.stderr

    for case, split in CASES.items():
        part = ("imagesTr", "labelsTr") if split == "training" else ("imagesTs", "readersTs/expert")
        ours, theirs = (
            [
                read_volume(tmp_path / source / DATASET / part[0] / f"{name}_0000.nii.gz"),
                read_volume(tmp_path / source / DATASET / part[1] / f"{name}.nii.gz"),
            ]
            for source, name in (("dicom", exams[case]), ("nifti", case))
        )
        assert ours[0].grid.difference(theirs[0].grid) is None
        np.testing.assert_array_equal(ours[0].array, theirs[0].array)
        both = np.count_nonzero(ours[1].array & theirs[1].array)
        dice = 2 * both / (np.count_nonzero(ours[1].array) + np.count_nonzero(theirs[1].array))
        assert dice >= 0.999, case
