"""`bmseg evaluate` without a study file: any names, any labels, what is assumed and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from bmseg.errors import InputError
from bmseg.scoring.assumed import assume_study
from bmseg.scoring.evaluation import KEPT_STUDY, Evaluation
from bmseg.scoring.masks import Reading, list_masks, read_exam
from bmseg.study import load_study
from dataset_conversion.images import read_volume
from evaluation.masks.reading import MaskError
from tests.support.command_line import assert_refused, bmseg
from tests.support.masks import save_mask, thresholded
from tests.support.unnamed import assumed, drawn, words


@pytest.mark.usefixtures("no_figures")
def test_any_names_and_values_score_as_a_study_file_of_theirs_would(
    tmp_path: Path, few_tables: Callable[..., None]
) -> None:
    few_tables("table1_fair", "scores", "interchangeability", "volumes")
    root, out = drawn(tmp_path / "masks"), tmp_path / "out"
    result = bmseg(*words(root, "-o", out))
    assert result.returncode == 0, result.stderr
    first, second = result.stdout.splitlines()[:2]
    assert first == (
        "no study file; assumed: 3 labels found, without an order (--ordinal: in rising order): label1 (1), "
        "label5 (5), label500 (500)"
    )
    assert second == "assumed: slices are axial; consensus and yardstick by the rule 'map'"
    assert f"go on with --study {out / 'study.toml'}" in result.stdout
    # Values of the consensus are those of the masks.
    painted = read_volume(out / "consensus" / "seg_2.nii.gz").array
    assert set(np.unique(painted)) == {0, 1, 5, 500}
    # The same masks with values from 1 on, by a study file, have the same numbers.
    study = tmp_path / "study.toml"
    text = (out / "study.toml").read_text()
    study.write_text(text.replace("value = 500", "value = 3").replace("value = 5", "value = 2"))
    plain = drawn(tmp_path / "plain", (1, 2, 3))
    result = bmseg(*words(plain, "-o", tmp_path / "other", "--study", study))
    assert result.returncode == 0, result.stderr
    for name in ("dice.csv", "table1_fair.csv", "scores.csv", "interchangeability.csv", "volumes.csv"):
        assert (out / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    # What was assumed can be used, and changed, and is never written over.
    again = bmseg(*words(root, "-o", out, "--study", out / "study.toml"))
    assert "already made from the same inputs" in again.stdout
    assert "already made from the same inputs" in bmseg(*words(root, "-o", out)).stdout
    (out / "study.toml").write_text(text.replace('"label5"', '"oedema"'))
    assert_refused(bmseg(*words(root, "-o", out)), "study.toml: found a study file that bmseg did not write")
    changed = bmseg(*words(root, "-o", out, "--study", out / "study.toml"))
    assert "oedema" in changed.stdout
    assert load_study(out / "study.toml").level_names == ["label1", "oedema", "label500"]
    # So is what is read back, as a report does.
    assert Evaluation.read(out, out / KEPT_STUDY).study.level_names == ["label1", "oedema", "label500"]


def test_ordinal_where_it_is_said(tmp_path: Path) -> None:
    drawn(tmp_path)
    assert assumed(tmp_path).study.scale == "nominal"  # type: ignore[attr-defined]
    found = assumed(tmp_path, ordinal=True)
    assert found.study.scale == "ordinal"  # type: ignore[attr-defined]
    assert "in rising order: label1" in found.lines[0]  # type: ignore[attr-defined]


def test_readers_of_the_reference_study_and_its_levels_are_that_study(tmp_path: Path) -> None:
    drawn(tmp_path, (1, 2, 3))
    found = assumed(tmp_path, reader1="anna", reader2="p1")
    assert found.study.name == "von_brandis_2022"  # type: ignore[attr-defined]
    assert found.text == ""  # type: ignore[attr-defined]
    assert assumed(tmp_path, ordinal=False, reader1="anna").study.level_names == [  # type: ignore[attr-defined]
        "label1", "label2", "label3",
    ]  # fmt: skip
    drawn(tmp_path, (1, 2, 4))
    with pytest.raises(
        InputError, match=r"found reader1, who are readers of von_brandis_2022, and labels 1, 2, 4"
    ):
        assumed(tmp_path, reader1="anna")


def test_all_that_is_wrong_with_masks_is_told_at_once(tmp_path: Path) -> None:
    root = drawn(tmp_path)
    (root / "anna" / "seg_2.nii.gz").write_bytes(b"nothing")
    save_mask(root / "p1" / "seg_3.nii.gz", np.full((24, 20, 6), 0.5, np.float32))
    result = bmseg(*words(root, "-o", tmp_path / "out"))
    first, second = result.stderr.splitlines()
    assert first.startswith("Error: ")
    assert "anna/seg_2.nii.gz: cannot be read as NIfTI" in first
    assert "p1/seg_3.nii.gz: label: found 0.5 in 2880 of" in second
    drawn(tmp_path)
    save_mask(root / "p1" / "seg_3.nii.gz", np.ones((24, 20, 6), np.uint8), np.diag([1, 1, 1, 1.0]))
    save_mask(root / "net" / "seg_2.nii.gz", np.ones((24, 20, 5), np.uint8))
    result = bmseg(*words(root, "-o", tmp_path / "out"))
    assert "net/seg_2.nii.gz: size: found 24 x 20 x 5, expected 24 x 20 x 6" in result.stderr
    assert "p1/seg_3.nii.gz: spacing: found 1 x 1 x 1 mm, expected 0.9 x 0.9 x 3.5 mm" in result.stderr


def test_another_axis_order_is_brought_to_the_first_masks_and_said(tmp_path: Path) -> None:
    root = drawn(tmp_path)
    study = assumed(root).study  # type: ignore[attr-defined]
    path = root / "p1" / "seg_2.nii.gz"
    mask = read_volume(path).in_order("PIR")
    save_mask(path, mask.array, mask.affine)
    files = {rater: list_masks(root / rater)["seg_2"] for rater in ("anna", "p1")}
    found = read_exam(study, files, Reading(), "seg_2")
    assert found["p1"].axis_order == found["anna"].axis_order == "RAS"
    assert found["p1"].notes == ("axes in the order PIR were brought to RAS, the first mask's",)
    assert np.array_equal(found["p1"].array, mask.in_order("RAS").array)


def test_a_study_without_images_is_no_data_set(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(assumed(drawn(tmp_path)).text)  # type: ignore[attr-defined]
    (tmp_path / "cohort.csv").write_text("exam,split,water,anna\n")
    result = bmseg(
        "convert", "nifti", "--table", tmp_path / "cohort.csv", "--study", study, "-w", tmp_path / "w"
    )
    assert_refused(
        result, "found no dataset, channels, training_reader, expected them of a study whose exams"
    )


@pytest.mark.usefixtures("drawn_figures")
def test_a_table_of_scores_names_every_reader(tmp_path: Path) -> None:
    """A reader may be called as a column of the table of decisions."""
    root = drawn(tmp_path, raters=("p1", "voxels", "share5"))
    result = bmseg(*words(root, "-o", tmp_path / "out", raters=("p1", "voxels", "share5")))
    assert result.returncode == 0, result.stderr
    decisions = pd.read_csv(tmp_path / "out" / "decisions.csv")
    assert list(decisions)[:3] == ["rater p1", "rater voxels", "voxels"]


@pytest.mark.parametrize("name", ["consensus", "median reader", "a/b", "..", ".net"])
def test_names_that_tables_and_files_cannot_have_are_refused(tmp_path: Path, name: str) -> None:
    root = drawn(tmp_path)
    result = bmseg(
        "evaluate",
        f"--reader=anna={root / 'anna'}",
        f"--prediction={name}={root / 'net'}",
        "-o",
        tmp_path / "out",
    )
    assert_refused(result, f"name of a rater: found '{name}', expected a name that is none of consensus")
    assert not (tmp_path / "out").exists()


def test_an_image_gives_the_grid(tmp_path: Path) -> None:
    root = drawn(tmp_path)
    study = assumed(root).study  # type: ignore[attr-defined]
    files = {rater: root / rater / "seg_2.nii.gz" for rater in ("anna", "p1")}
    with pytest.raises(MaskError, match=r"images: found no image of exam seg_2, expected seg_2.nii.gz"):
        read_exam(study, files, Reading(images=tmp_path / "images"), "seg_2")
    mask = read_volume(files["anna"]).in_order("LPS")
    save_mask(tmp_path / "images" / "seg_2_0000.nii.gz", mask.array, mask.affine)
    found = read_exam(study, files, Reading(images=tmp_path / "images"), "seg_2")
    assert {each.axis_order for each in found.values()} == {"LPS"}


def test_real_pictures_are_what_the_walk_makes_of_them(test_data: Path, tmp_path: Path) -> None:
    """BU-BIL: five people, RGB, the object black; docs/tutorials/reader_study.md makes NIfTI of them."""
    source = test_data / "bubil_multiannotator" / "BU-BIL_Dataset2" / "ExpertsAnnotations" / "2A"
    folders = {}
    for person in (1, 2):
        folders[f"p{person}"] = tmp_path / f"p{person}"
        folders[f"p{person}"].mkdir()
        for exam in ("seg_P01.png", "seg_P05.png"):
            shutil.copy(source / f"Person{person}_ImageJ" / exam, folders[f"p{person}"])
    with pytest.raises(MaskError, match=r"p1, p2: label: found 255 .* in 2 of 2 masks of p1, as of inverted"):
        assume_study(folders, {}, Reading())
    reading = Reading({"0": 1, "255": 0})
    study = assume_study(folders, {}, reading).study
    masks = read_exam(
        study, {who: folder / "seg_P05.png" for who, folder in folders.items()}, reading, "seg_P05"
    )
    for who, folder in folders.items():
        pixels = sitk.GetArrayFromImage(sitk.ReadImage(folder / "seg_P05.png")).min(axis=-1)
        assert np.array_equal(masks[who].array[..., 0].T, pixels == 0)


def test_a_structure_set_lies_on_the_series_that_it_was_drawn_on(test_data: Path, tmp_path: Path) -> None:
    """A real exam as DICOM; its structure set is equal to the NIfTI mask that came with it."""
    source = test_data / "ibsi_sts_extremity"
    (tmp_path / "rt" / "e1").mkdir(parents=True)
    (rtstruct,) = (source / "dicom/STS_025/MR_T1/mask").glob("*.dcm")
    shutil.copy(rtstruct, tmp_path / "rt" / "e1" / "RS.dcm")
    shutil.copytree(source / "dicom/STS_025/MR_T1/image", tmp_path / "images" / "e1")
    reading = Reading({"GTV_Mass_MR_T1": 1}, images=tmp_path / "images")
    study = assume_study({"anna": tmp_path / "rt"}, {}, reading).study
    assert study.levels_by_name == {"GTV_Mass_MR_T1": (1,)}
    files = {"anna": list_masks(tmp_path / "rt")["e1"], "ben": source / "nifti/STS_025/MR_T1_mask.nii.gz"}
    found = read_exam(study, files, reading, "e1")
    assert np.array_equal(found["anna"].array, found["ben"].array)
    assert found["anna"].array.any()
    (tmp_path / "images" / "e1").rename(tmp_path / "images" / "e2")
    with pytest.raises(
        MaskError, match="found no image of exam e1, expected e1.nii.gz, or a folder e1 of DICOM"
    ):
        read_exam(study, files, reading, "e1")


@pytest.mark.usefixtures("drawn_figures")
def test_readers_may_lack_exams_where_that_is_said(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, exam in enumerate(("p1", "p2", "p3")):
        for rater, mask in thresholded(["anna", "ben", "carl"], seed=seed).items():
            if (rater, exam) != ("carl", "p2"):
                save_mask(tmp_path / rater / f"{exam}.nii.gz", mask.astype(np.uint8))
    readers = [f"--reader={rater}={tmp_path / rater}" for rater in ("anna", "ben", "carl")]
    refused = bmseg("evaluate", *readers, "-o", tmp_path / "out")
    assert_refused(refused, "--incomplete")
    assert "carl: missing p2" in refused.stderr
    result = bmseg("evaluate", *readers, "--incomplete", "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    kept = tmp_path / "out" / "study.toml"
    assert load_study(kept).design().incomplete
    # Allowed or refused, as by the option: the tables are the same.
    request.getfixturevalue("few_tables")
    monkeypatch.setattr("bmseg.scoring.evaluate.write_figures", lambda *_: None)
    again = bmseg("evaluate", *readers, "--study", kept, "-o", tmp_path / "again")
    assert again.returncode == 0, again.stderr
