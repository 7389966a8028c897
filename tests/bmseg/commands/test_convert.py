"""Dixon exams of three vendors through the commands; tags edited in real series, as `dixon` says."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pydicom
import pytest

from bmseg.study import DEFAULT_STUDY
from dataset_conversion.images import Volume, read_volume
from tests.support import dixon
from tests.support.command_line import assert_refused, bmseg
from tests.support.dixon_enhanced import philips_enhanced
from tests.support.planted_identity import plant_identity, unpacked
from tests.support.same_volume import assert_same

VENDORS: dict[str, Callable[..., dixon.DixonExam]] = {
    "siemens": dixon.siemens,
    "siemens_xa": lambda data, out, **more: dixon.siemens(data, out, release="XA30", **more),
    "philips_classic": dixon.philips_classic,
    "philips_r11": lambda data, out, **more: philips_enhanced(data, out, release="R11", **more),
    "philips_r12": lambda data, out, **more: philips_enhanced(data, out, release="R12", **more),
    "ge": dixon.ge,
}
SOURCES = {
    "siemens": "ImageType",
    "siemens_xa": "ImageType",
    "philips_classic": "ImageType",
    "philips_r11": "FrameType",
    "philips_r12": "FrameType",
    "ge": "ImageType",
}
IMAGES = Path("nnUNet_raw") / "Dataset501_BoneMarrow" / "images"


@pytest.fixture
def two_channels(tmp_path: Path) -> Path:
    """The reference study with fat as a second channel."""
    path = tmp_path / "study" / "study.toml"
    path.parent.mkdir()
    text = DEFAULT_STUDY.read_text(encoding="utf-8").replace(
        "[[levels]]", '[[channels]]\nname = "fat"\ndicom.contrast = "fat"\n\n[[levels]]', 1
    )
    path.write_text(text.split("[published]")[0], encoding="utf-8")
    return path


def keys_of(path: Path) -> dict[str, str]:
    """PatientID to exam."""
    table = pd.read_csv(path, dtype=str)
    return dict(zip(table.patient_id, table.exam, strict=True))


@pytest.mark.parametrize("vendor", VENDORS)
def test_water_and_fat_are_found(test_data: Path, tmp_path: Path, two_channels: Path, vendor: str) -> None:
    expected = VENDORS[vendor](test_data, tmp_path / "export")
    result = bmseg("convert", "dicom", tmp_path / "export", "--study", two_channels, "-w", tmp_path / "w")
    assert result.returncode == 0, result.stderr
    for number, contrast in enumerate(["water", "fat"]):
        written = read_volume(tmp_path / "w" / IMAGES / f"exam001_{number:04d}.nii.gz")
        assert_same(written, Volume(expected.voxels[contrast], expected.affine), relative=1e-6)
    facts = pd.read_csv(tmp_path / "w" / IMAGES / "exams.csv").iloc[0]
    assert (facts.water_from, facts.fat_from) == (SOURCES[vendor], SOURCES[vendor])
    record = json.loads((tmp_path / "w" / IMAGES / "conversion.json").read_text())
    assert (record["source"], record["exams"], record["seed"]) == ("dicom", 1, 2022)
    assert record["versions"]["pydicom"] == pydicom.__version__


@pytest.mark.parametrize("vendor", VENDORS)
def test_without_the_tags_the_refusal_says_what_is_missing(
    test_data: Path, tmp_path: Path, vendor: str
) -> None:
    VENDORS[vendor](test_data, tmp_path / "export", without_tags=True)
    result = bmseg("convert", "dicom", tmp_path / "export", "-w", tmp_path / "w")
    assert_refused(result, "1 exam refused", code=1)
    assert "exam001: water: found no volume of water, coronal: " in result.stderr
    assert "FrameType, ImageType, private tags and SeriesDescription name none" in result.stderr
    assert not list((tmp_path / "w").rglob("*.nii.gz"))


def test_an_exam_that_fails_is_listed_and_the_others_go_on(test_data: Path, tmp_path: Path) -> None:
    source = tmp_path / "export"
    dixon.siemens(test_data, source / "a")
    dixon.philips_classic(test_data, source / "b", without_tags=True)
    dixon.ge(test_data, source / "c")
    shutil.copytree(test_data / "dicom2nifti_tests" / "failing", source / "failing")
    (source / "report.txt").write_text("no image")
    result = bmseg("convert", "dicom", source, "-w", tmp_path / "w")
    assert_refused(result, "4 exams refused", code=1)
    for reason in ("mixed orientation", "too few slices", "uneven spacing", "name none"):
        assert reason in result.stderr
    assert "2 exams converted, 0 already made" in result.stdout
    assert "1 file left out: not DICOM" in result.stdout
    shutil.rmtree(source / "b")
    shutil.rmtree(source / "failing")
    again = bmseg("convert", "dicom", source, "-w", tmp_path / "w")
    assert again.returncode == 0, again.stderr
    assert "0 exams converted, 2 already made" in again.stdout


def test_nothing_written_names_the_patient(test_data: Path, tmp_path: Path) -> None:
    source = tmp_path / "export"
    for name, make in VENDORS.items():
        make(test_data, source / name, exam=name)
    planted = plant_identity(source)
    keys, out = tmp_path / "apart" / "keys.csv", tmp_path / "volumes.csv"
    for command in (
        ("inspect", "dicom", source, "--keys", keys, "-o", out),
        ("convert", "dicom", source, "--keys", keys, "-w", tmp_path / "w"),
    ):
        result = bmseg(*command)
        assert result.returncode == 0, result.stderr
        assert not [word for word in planted if word in result.stdout]
    written = [out, *(path for path in (tmp_path / "w").rglob("*") if path.is_file())]
    assert len([path for path in written if path.name.endswith(".nii.gz")]) == len(VENDORS)
    for path in written:
        content = unpacked(path)
        found = [word for word in planted if word.encode() in content or word in path.name]
        assert not found, (path, found)
    # The search would find something: the key file, apart and closed to others, holds the identity.
    content = keys.read_text()
    assert [word for word in planted if word in content]
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600


def test_masks_and_splits_come_from_the_table(test_data: Path, tmp_path: Path) -> None:
    source, masks = tmp_path / "export", tmp_path / "masks"
    philips_enhanced(test_data, source / "a", exam="1", release="R11")
    philips_enhanced(test_data, source / "b", exam="2", release="R12")
    dixon.ge(test_data, source / "c")
    images = bmseg("convert", "dicom", source, "-w", tmp_path / "w", "--keys", tmp_path / "keys.csv")
    assert images.returncode == 0, images.stderr
    exam = keys_of(tmp_path / "keys.csv")
    rows = ["exam,split,reader1,reader2,group,age"]
    for patient, split in (("enhanced1", "training"), ("enhanced2", "test")):
        image = read_volume(tmp_path / "w" / IMAGES / f"{exam[patient]}_0000.nii.gz")
        array = np.zeros(image.array.shape, np.uint8)
        array[3:9, 4:8, 1:3] = 1
        mask = Volume(array, image.affine).stored_as("axial")
        masks.mkdir(exist_ok=True)
        nib.save(nib.Nifti1Image(mask.array, mask.affine), masks / f"{exam[patient]}.nii.gz")
        rows.append(f"{exam[patient]},{split},masks/{exam[patient]}.nii.gz,,healthy,9")
    (tmp_path / "cohort.csv").write_text("\n".join(rows) + "\n")
    result = bmseg(
        "convert", "dicom", source, "--table", tmp_path / "cohort.csv", "-w", tmp_path / "w",
        "--keys", tmp_path / "keys.csv",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert f"not in the table: 1 exam of the source ({exam['ge1']})" in result.stdout
    assert "brought to the axis order of their image: 2 masks" in result.stdout
    dataset = tmp_path / "w" / "nnUNet_raw" / "Dataset501_BoneMarrow"
    written = read_volume(dataset / "labelsTr" / f"{exam['enhanced1']}.nii.gz").array
    assert written.sum() == 6 * 4 * 2
    assert (written[3:9, 4:8, 1:3] == 1).all()
    cohort = pd.read_csv(dataset / "cohort.csv").set_index("exam")
    assert cohort.loc[exam["enhanced1"], "vendor"] == "Philips"
    assert cohort.loc[exam["enhanced1"], "scanner"] == "Philips Ingenia"
    assert cohort.loc[exam["enhanced2"], "group"] == "healthy"
    assert (dataset / "dataset.json").is_file()


def test_two_candidates_are_refused_with_both_named_and_the_table_decides(
    test_data: Path, tmp_path: Path
) -> None:
    source = tmp_path / "export"
    expected = dixon.siemens(test_data, source / "a")
    for path in sorted((source / "a" / "water").iterdir()):
        header = pydicom.dcmread(path)
        header.SeriesInstanceUID += ".9"
        header.SOPInstanceUID += ".9"
        header.SeriesNumber = 90
        header.PixelData = (header.pixel_array // 2).tobytes()
        header.save_as(path.with_suffix(".again"))
    result = bmseg("convert", "dicom", source, "-w", tmp_path / "w")
    assert_refused(result, "1 exam refused", code=1)
    assert "found 2 candidates, 6a (water, coronal, 256 x 256 x 4" in result.stderr
    assert "and 90a (water, coronal, 256 x 256 x 4" in result.stderr

    table = tmp_path / "volumes.csv"
    assert bmseg("inspect", "dicom", source, "-o", table).returncode == 0
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    rows.loc[rows.volume == "90a", "channel"] = "water"
    rows.to_csv(table, index=False)
    result = bmseg("convert", "dicom", source, "-w", tmp_path / "w", "--volumes", table)
    assert result.returncode == 0, result.stderr
    written = read_volume(tmp_path / "w" / IMAGES / "exam001_0000.nii.gz")
    assert_same(written, Volume(expected.voxels["water"] // 2, expected.affine))
    kept = pd.read_csv(tmp_path / "w" / IMAGES / "volumes.csv", dtype=str, keep_default_na=False)
    assert list(kept.volume[kept.channel == "water"]) == ["90a"]

    rows["size"] = "1 x 1 x 1"
    rows.to_csv(table, index=False)
    result = bmseg("convert", "dicom", source, "-w", tmp_path / "w", "--volumes", table)
    assert_refused(result, "size: found 1 x 1 x 1 in the table and 256 x 256 x 4 in the source")


def test_the_key_file_keeps_names_and_its_loss_is_noticed(test_data: Path, tmp_path: Path) -> None:
    source, keys = tmp_path / "export", tmp_path / "export.keys.csv"
    dixon.siemens(test_data, source / "a")
    assert bmseg("convert", "dicom", source, "-w", tmp_path / "w").returncode == 0
    table = pd.read_csv(keys, dtype=str)
    table["exam"] = "knee_007"
    table.to_csv(keys, index=False)
    dixon.ge(test_data, source / "b")
    result = bmseg("convert", "dicom", source, "-w", tmp_path / "w")
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (tmp_path / "w" / IMAGES).glob("*.nii.gz")) == [
        "exam001_0000.nii.gz",
        "knee_007_0000.nii.gz",
    ]
    keys.unlink()
    assert_refused(bmseg("convert", "dicom", source, "-w", tmp_path / "w"), "no such key file")
    inside = bmseg("convert", "dicom", source, "-w", tmp_path / "w", "--keys", tmp_path / "w" / "k.csv")
    assert_refused(inside, "inside the workspace")


def test_a_patient_is_in_one_split(test_data: Path, tmp_path: Path) -> None:
    source = tmp_path / "export"
    for number in "12":
        dixon.siemens(test_data, source / number, exam=number)
        for path in (source / number).rglob("*.dcm"):
            header = pydicom.dcmread(path)
            header.PatientID = "same"
            header.save_as(path)
    (tmp_path / "m.nii.gz").touch()
    (tmp_path / "cohort.csv").write_text(
        "exam,split,reader1\nexam001,training,m.nii.gz\nexam002,test,m.nii.gz\n"
    )
    result = bmseg("convert", "dicom", source, "--table", tmp_path / "cohort.csv", "-w", tmp_path / "w")
    assert_refused(result, "patient001: split: found in training (exam001) and test (exam002)")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("inspect", "dicom", "nowhere"), "nowhere: no such folder"),
        (("convert", "dicom", "empty"), "found no DICOM image (files: 0), expected"),
        (("convert", "dicom", "text"), "found no DICOM image (files: 1), expected"),
        (("convert", "dicom", "empty", "--table", "nowhere.csv"), "no such file"),
    ],
)
def test_misuse_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("text").mkdir()
    Path("text/a.txt").write_text("hello")
    assert_refused(bmseg(*words, "-w", "w"), message)
    assert not Path("w").exists()
