"""An export of DICOM files, predicted with a model file; DICOM comes out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from scipy.ndimage import gaussian_filter

from bmseg.errors import InputError, WorkError
from bmseg.sharing import predict_images
from bmseg.sharing.dicom_results import predict_export, segments_of
from bmseg.sharing.dicom_work import DicomResults
from bmseg.sharing.exam_page import marked_in, page_of
from bmseg.study import Study, load_study
from dataset_conversion.dicom.pixels import read_voxels
from dataset_conversion.dicom_out.maker import TISSUE, Code
from dataset_conversion.dicom_out.segmentation import segmentation_of
from dataset_conversion.images import Volume, write_volume
from dataset_conversion.mask_files.reading import Labels, read_mask
from tests.bmseg.sharing.conftest import STUDY, Shared
from tests.support.command_line import assert_refused, bmseg
from tests.support.dicom_origins import volumes_in
from tests.support.dicom_series import write_slices
from tests.support.dixon import uid_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SIDE = 32
PLACES = [0, 3.5, 7, 10.5, 14]
LABELS = Labels({"level1": 1, "level2": 2}, {})


def write_exam(folder: Path, exam: str, *, blank: bool = False, **changes: Any) -> Path:
    """A coronal series whose levels can be told from the intensities, as the tiny model learned them."""
    rng = np.random.default_rng(list(exam.encode()))
    signal = gaussian_filter(rng.normal(size=(len(PLACES), SIDE, SIDE)), (1, 4, 4))
    signal = 100 + 60 * signal / signal.std() * (not blank)

    def edit(header: Dataset, number: int) -> None:
        header.Rows = header.Columns = SIDE
        header.PixelData = signal[number].clip(0).astype("<u2").tobytes()
        header.StudyInstanceUID, header.SeriesInstanceUID = uid_of("study", exam), uid_of("series", exam)
        header.SOPInstanceUID = uid_of("object", exam, str(number))
        header.PatientID = header.PatientName = f"Patient^{exam}"
        for keyword, value in changes.items():
            setattr(header, keyword, value)

    return write_slices(folder / exam, PLACES, edit)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dicom") / "export"
    write_exam(folder, "one")
    write_exam(folder, "two")
    return folder


def files(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix() for path in found}


def exam_of(export: Path, exam: str) -> str:
    """The case identifier of an exam in the key file beside the export."""
    rows = (line.split(",") for line in (export.parent / "export.keys.csv").read_text().splitlines())
    return next(row[0] for row in rows if row[2] == f"Patient^{exam}")


@pytest.fixture(scope="module")
def predicted(shared: Shared, export: Path) -> tuple[Path, DicomResults]:
    out = export.parent / "out"
    return out, predict_export(shared.file, export, out, rtstruct=True, pdf=True)


def test_segmentations_are_the_masks_of_the_same_images(
    predicted: tuple[Path, DicomResults], shared: Shared, export: Path, tmp_path: Path
) -> None:
    out, made = predicted
    assert (len(made.written), made.refused, made.unmarked) == (6, {}, [])
    for name in ("one", "two"):
        (volume,) = volumes_in(export / name)
        image = read_voxels(volume)
        write_volume(tmp_path / "images" / f"{exam_of(export, name)}.nii.gz", image)
    masks = predict_images(shared.file, tmp_path / "images", tmp_path / "masks")
    assert len(masks) == 2
    for path in masks:
        exam = path.name.removesuffix(".nii.gz")
        expected = read_mask(path, None, LABELS)
        for kind in ("seg", "rtstruct"):
            found = read_mask(out / kind / f"{exam}.dcm", expected, LABELS)
            np.testing.assert_array_equal(found.array, expected.array)
        assert {1, 2} <= {*np.unique(expected.array).tolist()}


def test_files_are_called_by_case_identifiers_and_the_record_names_nobody(
    predicted: tuple[Path, DicomResults], export: Path
) -> None:
    out, made = predicted
    both = sorted(exam_of(export, name) for name in ("one", "two"))
    assert both == ["exam001", "exam002"]
    assert files(out) == {"bmseg_predict.log", "dicom_made_from.json"} | {
        f"{kind}/{exam}.dcm" for kind in ("seg", "rtstruct", "pdf") for exam in both
    }
    for name in ("bmseg_predict.log", "dicom_made_from.json"):
        text = (out / name).read_text()
        assert "Patient^" not in text
        assert uid_of("study", "one") not in text
    for kind in ("seg", "rtstruct", "pdf"):
        dataset = pydicom.dcmread(out / kind / f"{exam_of(export, 'one')}.dcm")
        assert str(dataset.PatientName) == "Patient^one"
        assert dataset.StudyInstanceUID == uid_of("study", "one")
        assert dataset.SeriesNumber == {"seg": 6, "rtstruct": 7, "pdf": 8}[kind]
    pdf = pydicom.dcmread(out / "pdf" / "exam001.dcm").EncapsulatedDocument
    assert pdf.startswith(b"%PDF")
    assert b"Patient" not in pdf
    record = json.loads((out / "dicom_made_from.json").read_text())
    assert record["model"]["method"] == "tiny"
    assert record["exams"].keys() == set(both)
    assert made.lines(out)[-1] == (
        f"{out}: the files name patients as the images do: keep them as you keep the images"
    )


def test_what_is_made_is_kept_and_what_changed_is_made_anew(
    predicted: tuple[Path, DicomResults], shared: Shared, export: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = shutil.copytree(predicted[0], tmp_path / "out")
    source = shutil.copytree(export, tmp_path / "export")
    keys = export.parent / "export.keys.csv"
    one, two = (exam_of(export, name) for name in ("one", "two"))
    assert predict_export(shared.file, source, out, keys_file=keys).written == []
    assert "seg: 2 of 2 kept, made by the same model" in capsys.readouterr().err
    # What followed from an earlier mask goes with it.
    shutil.rmtree(source / "one")
    write_exam(source, "one", StudyDescription="knee")
    made = predict_export(shared.file, source, out, keys_file=keys)
    assert made.written == [out / "seg" / f"{one}.dcm"]
    assert not (out / "rtstruct" / f"{one}.dcm").exists()
    # Other kinds come of the segmentations: nothing is predicted again.
    made = predict_export(shared.file, source, out, rtstruct=True, keys_file=keys)
    assert made.written == [out / "rtstruct" / f"{one}.dcm"]
    (out / "seg" / f"{two}.dcm").write_bytes(b"mended by hand")
    with pytest.raises(InputError, match=rf"changed since \(seg/{two}\.dcm\), expected none"):
        predict_export(shared.file, source, out, keys_file=keys)
    record = json.loads((out / "dicom_made_from.json").read_text())
    record["model"]["networks"] = "others"
    (out / "dicom_made_from.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="found results of another model, expected none or this one's"):
        predict_export(shared.file, source, out, keys_file=keys)


def test_refused_exams_keep_no_other_from_being_predicted(shared: Shared, tmp_path: Path) -> None:
    """As `convert dicom` refuses them; and what an RTSTRUCT lacks, a segmentation does without."""
    source = tmp_path / "export"
    strange = {"PatientBirthDate": "somebody's", "StudyID": "Olsen, longer than sixteen letters"}
    write_exam(source, "blank", blank=True, FrameOfReferenceUID="", **strange)
    torn = write_exam(source, "torn")
    (torn / "IM002").unlink()
    answer = bmseg("predict", "--model", shared.file, source, "--dicom", "--rtstruct", "-o", tmp_path / "out")
    assert answer.returncode == 1
    blank, gone = (exam_of(source, name) for name in ("blank", "torn"))
    assert f"refused: {gone}: water: found no volume of any magnitude, coronal: volume 5a is" in answer.stderr
    assert f"refused: {blank}: rtstruct: FrameOfReferenceUID: found none in the images" in answer.stderr
    assert (
        "Error: 2 not made (above); correct them, start again: only what is missing is made" in answer.stderr
    )
    assert "1 segmentation written to" in answer.stdout
    assert files(tmp_path / "out") == {
        "bmseg_predict.log", "dicom_made_from.json", f"seg/{blank}.dcm"
    }  # fmt: skip
    told = answer.stdout + answer.stderr + (tmp_path / "out" / "bmseg_predict.log").read_text()
    assert "Olsen" not in told
    assert "somebody's" not in told
    said = f"{blank}: nothing marked; its segmentation says so, with blank frames" in answer.stdout
    assert said == (not pydicom.dcmread(tmp_path / "out" / "seg" / f"{blank}.dcm").pixel_array.any())


def test_a_file_that_does_not_come_back_is_not_put_in_place(
    shared: Shared, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = segmentation_of

    def one_voxel_off(mask: np.ndarray, *given: Any, **named: Any) -> Any:
        other = mask.copy()
        other[0, 0, 0] = 1 - min(other[0, 0, 0], 1)
        return written(other, *given, **named)

    monkeypatch.setattr("bmseg.sharing.dicom_work.segmentation_of", one_voxel_off)
    keys = export.parent / "export.keys.csv"
    with pytest.raises(WorkError, match="exam001: seg: found other voxels when it was read back, expected"):
        predict_export(shared.file, export, tmp_path / "out", keys_file=keys)
    assert files(tmp_path / "out") == {"bmseg_predict.log"}


def test_results_among_the_images(shared: Shared, export: Path) -> None:
    with pytest.raises(InputError, match="found it in the folder of the images, expected another one"):
        predict_export(shared.file, export, export / "out")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--model", "m.zip", "images", "-o", "o", "--rtstruct"],
            "--rtstruct: found it given, expected none",
        ),
        (
            ["--model", "m.zip", "images", "-o", "o", "--keys", "k"],
            "--keys: found it given, expected none",
        ),
        (["unet", "--dicom"], "--dicom: found it given, expected none: only with --model"),
        (["--model", "m.zip", "images", "--dicom"], "--model needs IMAGES, a folder, and -o"),
        (["--model", "m.zip", "images", "--dicom", "-o", "o"], "m.zip: no such file, expected a model file"),
    ],
)
def test_options_that_do_not_go_together(words: list[str], message: str) -> None:
    assert_refused(bmseg("predict", *words), message)


# Terms of the study file


def study_with(tmp_path: Path, terms: str) -> Study:
    path = tmp_path / "study.toml"
    text = STUDY.replace('color = "#4477aa" }', f'color = "#4477aa", dicom = {terms} }}')
    path.write_text(text.replace('published = { table1 = "printed.csv" }', ""))
    return load_study(path)


def test_levels_have_the_terms_of_the_study_file(tmp_path: Path) -> None:
    marrow = '{ value = "14016003", scheme = "SCT", meaning = "Bone marrow" }'
    first, second = segments_of(study_with(tmp_path, f"{{ type = {marrow} }}"))
    assert (first.category, first.type) == (TISSUE, Code("14016003", "SCT", "Bone marrow"))
    assert (second.category, second.type) == (TISSUE, TISSUE)
    assert (first.value, first.name, first.color) == (1, "level1", "#4477aa")


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (
            '{ type = { value = "1", scheme = "SCT" } }',
            "levels.0.dicom.type.meaning: found none, expected one",
        ),
        (
            '{ kind = { value = "1" } }',
            "levels.0.dicom.kind: found an unknown key, expected one of category, type",
        ),
        (
            '{ type = { value = "12345678901234567", scheme = "SCT", meaning = "x" } }',
            "dicom.type.value: found",
        ),
        ('{ type = { value = "1", scheme = "S C T", meaning = "x" } }', "dicom.type.scheme: found 'S C T'"),
        ('{ type = { value = "1", scheme = "SCT", meaning = "a\\\\b" } }', "dicom.type.meaning: found"),
    ],
)
def test_terms_that_dicom_cannot_hold(tmp_path: Path, terms: str, message: str) -> None:
    with pytest.raises(InputError, match="levels.0.dicom") as caught:
        study_with(tmp_path, terms)
    assert message in str(caught.value)


# The page


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "study.toml").write_text(STUDY.replace('published = { table1 = "printed.csv" }', ""))
    return load_study(tmp_path / "study.toml")


AFFINE = np.array([[-2.0, 0, 0, 10], [0, 0, 5, 20], [0, -1, 0, 30], [0, 0, 0, 1]])


def test_volumes_and_foci_of_a_mask(study: Study) -> None:
    """By hand: voxels of 10 mm³; a focus of level 2 inside one of level 1, and one of level 1 alone."""
    mask = np.zeros((9, 8, 4), dtype=np.uint8)
    mask[1:4, 1:3, 1:3] = 1
    mask[2, 1, 1:3] = 2
    mask[7, 6, 3] = 1
    low, high = marked_in(Volume(mask, AFFINE), study)
    assert (low.level, low.slices, len(low.foci)) == ("level1", 3, 2)
    assert low.volume_ml == pytest.approx(0.11)
    assert [focus.volume_ml for focus in low.foci] == pytest.approx([0.12, 0.01])
    assert (high.slices, len(high.foci)) == (2, 1)
    assert high.volume_ml == high.foci[0].volume_ml == pytest.approx(0.02)
    alone = low.foci[1]
    # World (RAS) is (-4, 35, 24): DICOM counts to the left and to the back.
    assert (alone.slice, alone.place) == (3, pytest.approx((4, -35, 24)))
    nominal = study.model_copy(update={"scale": "nominal"})
    assert [focus.volume_ml for focus in marked_in(Volume(mask, AFFINE), nominal)[0].foci] == pytest.approx(
        [0.1, 0.01]
    )


def test_the_page_is_the_same_for_the_same_mask_and_whole_for_none(study: Study) -> None:
    mask = Volume(np.zeros((9, 8, 4), dtype=np.uint8), AFFINE)
    slices = [f"image {number}" for number in range(1, 5)]
    blank = page_of("knee_1", mask, slices, study, ["Model: tiny."])
    assert blank == page_of("knee_1", mask, slices, study, ["Model: tiny."])
    rng = np.random.default_rng(0)
    noise = Volume((rng.random((40, 40, 4)) < 0.1).astype(np.uint8), AFFINE)
    pages = page_of("knee_1", noise, slices, study, ["Model: tiny."], "Synthetic.")
    assert (blank.count(b"/Type /Page "), pages.count(b"/Type /Page ")) == (1, 4)
