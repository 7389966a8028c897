"""What an atlas says of cohorts that lack something: ages, levels, knees that can be told apart."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image

from bmseg.atlas.contents import Atlas, make_atlas
from bmseg.atlas.exams import AtlasExams
from bmseg.atlas.html import atlas_html
from bmseg.atlas.made import AtlasOptions
from bmseg.atlas.pdf import pdf_pages
from bmseg.atlas.pictures import picture, tint
from bmseg.atlas.words import chosen_words, first_words, level_words
from bmseg.errors import InputError
from bmseg.study import DEFAULT_STUDY, STUDIES
from bmseg.workspace import open_workspace
from tests.bmseg.atlas.tiny import AFFINES, SHAPE, tiny_workspace

Make = Callable[..., Atlas]


def atlas_of(root: Path, *, channel: str | None = None, **options: object) -> Atlas:
    workspace, _ = open_workspace(root)
    exams = options.get("exams", ())
    return make_atlas(
        AtlasExams.of(workspace, exams=exams, channel=channel),  # type: ignore[arg-type]
        AtlasOptions(**options),  # type: ignore[arg-type]
    )


def remark(root: Path, exam: str, mask: np.ndarray) -> None:
    path = root / f"nnUNet_raw/Dataset501_BoneMarrow/labelsTr/{exam}.nii.gz"
    nib.save(nib.Nifti1Image(mask.astype(np.uint8), AFFINES["coronal"]), path)


def test_unknown_ages_come_last_and_are_said(tmp_path: Path) -> None:
    tiny_workspace(tmp_path, ages={"exam001": None, "exam002": 15.0, "exam003": 7.0}, synthetic=False)
    atlas = atlas_of(tmp_path, exams=("exam001", "exam002", "exam003"))
    assert [knee.label for knee in atlas.knees] == [
        "knee 1, right, 7.0 y", "knee 2, left, 7.0 y", "knee 3, right, 15.0 y", "knee 4, left, 15.0 y",
        "knee 5, right, age unknown", "knee 6, left, age unknown",
    ]  # fmt: skip
    assert "Age unknown: 2 knees; they come last." in chosen_words(atlas)
    page = atlas_html(atlas)
    assert "age unknown" in page
    # Nothing is simulated here, and nothing says so.
    assert "ynthetic" not in page
    assert atlas.note == ""


def test_no_age_at_all(tmp_path: Path) -> None:
    tiny_workspace(tmp_path, ages=dict.fromkeys(("exam001", "exam002"), None), test=False)
    atlas = atlas_of(tmp_path, number=2)
    assert {one.exam for one in atlas.chosen} == {"exam001", "exam002"}
    assert "No age is known" in chosen_words(atlas)[0]
    assert "unknown" in atlas_html(atlas)


def test_a_level_that_nobody_marked_is_said(tmp_path: Path) -> None:
    tiny_workspace(tmp_path, levels=2)
    atlas = atlas_of(tmp_path, number=10)
    assert len(atlas.knees) == 8
    assert "10 were asked for, 8 are there." in chosen_words(atlas)
    third = atlas.levels[2]
    assert atlas.examples(third) == []
    assert level_words(atlas, third).endswith(
        "Nobody marked it in the knees of this atlas: it has no example here."
    )
    assert "Nobody marked it" in atlas_html(atlas)


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    tiny_workspace(tmp_path, ages={"exam001": 8.0, "exam002": 9.0, "exam003": 10.0})
    small, touching = np.zeros(SHAPE), np.zeros(SHAPE)
    small[10:12, 10:12, 1] = 1
    touching[10:70, 10:50, 1] = 2
    remark(tmp_path, "exam001", small)
    remark(tmp_path, "exam002", touching)
    atlas = atlas_of(tmp_path, number=10, unit="knee")
    words = " ".join(chosen_words(atlas))
    assert "4 of 5 knees of 3 training exams" in words
    assert "Not chosen from: 1 knee without any marking." in words
    assert "Shown whole, because no gap between two knees was found: 1 exam." in words
    assert [knee.label for knee in atlas.knees][:2] == ["knee 1, right, 8.0 y", "knee 2, whole exam, 9.0 y"]
    assert level_words(atlas, atlas.levels[0]).endswith(
        "Not used as examples: 1 with less than 20 mm\u00b2 in a slice."
    )


def test_an_exam_that_the_training_reader_did_not_draw_is_not_shown_as_that_readers(tmp_path: Path) -> None:
    dataset = tiny_workspace(tmp_path, ages={"exam001": 8.0, "exam002": 9.0}).dataset
    dataset.teachers_path("exam002", "reader1").unlink()
    assert "reader2" in dataset.training_masks("exam002")
    atlas = atlas_of(tmp_path, number=10)
    assert {one.exam for one in atlas.chosen} == {"exam001"}
    assert "Not chosen from: 1 training exam that reader1 did not draw." in chosen_words(atlas)
    with pytest.raises(InputError, match="exam002: found no mask of reader1, expected exams that"):
        AtlasExams.of(open_workspace(tmp_path)[0], exams=["exam002"])


def test_pictures_of_the_page_are_those_of_the_exam(root: Path) -> None:
    atlas = atlas_of(root, number=1)
    (knee,) = atlas.knees
    cut = picture(knee, knee.fullest, atlas.frame)
    sources = re.findall(r'src="data:image/png;base64,([^"]+)"', atlas_html(atlas))
    decoded = [Image.open(io.BytesIO(base64.b64decode(source))) for source in sources]
    greys = [np.asarray(one) for one in decoded if one.mode == "L"]
    masks = [np.asarray(one) for one in decoded if one.mode == "RGBA"]
    # The last pictures are those by age: image, mask, and both; pixels are enlarged twofold.
    np.testing.assert_array_equal(masks[-1], tint(cut.mask, atlas.colors))
    shown = 255 * knee.windows["standard"].applied(cut.image)
    assert greys[-1].shape == (2 * shown.shape[0], 2 * shown.shape[1])
    halved = greys[-1].reshape(shown.shape[0], 2, shown.shape[1], 2).mean(axis=(1, 3))
    assert np.corrcoef(halved.ravel(), shown.ravel())[0, 1] > 0.99
    assert abs(halved.mean() - shown.mean()) < 1


def test_safe_colors(root: Path) -> None:
    plain, safe = atlas_of(root, number=1), atlas_of(root, number=1, safe_colors=True)
    assert plain.colors == {level.value: level.color for level in plain.exams.study.levels}
    assert set(safe.colors.values()).isdisjoint(plain.colors.values())


def test_exams_of_another_study_are_not_divided(tmp_path: Path) -> None:
    tiny_workspace(tmp_path, study_file=STUDIES / "ibsi_extremity" / "study.toml", levels=1)
    folder = tmp_path / "nnUNet_raw/Dataset601_ExtremitySarcoma/labelsTr"
    for path in folder.glob("*.nii.gz"):
        mask = nib.load(path)
        array = np.asarray(mask.dataobj).copy()
        array[:40] = 0
        nib.save(nib.Nifti1Image(array, mask.affine), path)
    atlas = atlas_of(tmp_path, number=4)
    assert atlas.unit == "exam"
    assert atlas.knees[0].label == "exam 1, 6.0 y"
    assert chosen_words(atlas)[0].startswith("4 of 4 training exams. The years from the youngest")
    assert "How the exams were chosen" in atlas_html(atlas)


def test_a_study_of_two_channels_shows_the_one_that_is_named(tmp_path: Path) -> None:
    file = tmp_path / "two.toml"
    text = DEFAULT_STUDY.read_text(encoding="utf-8").split("[published]")[0]
    file.write_text(text + '\n[[channels]]\nname = "fat"\n', encoding="utf-8")
    tiny_workspace(tmp_path / "w", study_file=file, ages={"exam001": 8.0})
    water, fat = (atlas_of(tmp_path / "w", number=1, channel=name) for name in (None, "fat"))
    assert (water.exams.channel, fat.exams.channel) == ("water", "fat")
    np.testing.assert_array_equal(fat.knees[0].image, water.knees[0].image + 300)
    assert "Channel shown: fat." in atlas_html(fat)


def test_every_page_of_the_pdf_says_that_it_is_synthetic_and_has_a_number(root: Path) -> None:
    pages = pdf_pages(atlas_of(root, number=1))
    said = [[text.get_text() for text in page.findobj(Text)] for page in pages]
    assert not re.search("exam0|Oslo", str(said))
    for number, words in enumerate(said, 1):
        assert "Synthetic cohort" in words
        assert f"page {number} of {len(pages)}" in words
    # The first page says where each level is.
    for page, heading in ((2, "Level 1: range"), (3, "Level 1: windows"), (8, "By age")):
        assert heading in " ".join(said[page - 1])
        assert any(words.startswith(str(page)) for words in said[0])


@pytest.mark.parametrize("number", [1, 4])
def test_never_a_test_exam(root: Path, number: int) -> None:
    for seed in range(3):
        shown = {one.exam for one in atlas_of(root, number=number, seed=seed).candidates}
        assert shown == {"exam001", "exam002", "exam003", "exam004"}


def test_no_exam_of_a_patient_with_a_test_exam(tmp_path: Path) -> None:
    tiny_workspace(tmp_path, ages={"exam001": 8.0, "exam002": 9.0, "exam003": 10.0})
    path = tmp_path / "nnUNet_raw/Dataset501_BoneMarrow/cohort.csv"
    cohort = pd.read_csv(path)
    cohort["patient"] = cohort.exam.map({"exam001": "a", "exam002": "b", "exam090": "b"})
    cohort.to_csv(path, index=False)
    atlas = atlas_of(tmp_path, number=2)
    # A patient that is not known is nobody's.
    assert {one.exam for one in atlas.candidates} == {"exam001", "exam003"}
    assert "Not chosen from: 1 exam of patients with a test exam." in chosen_words(atlas)
    with pytest.raises(InputError, match="exam002: found an exam of a patient with a test exam, expected"):
        atlas_of(tmp_path, exams=("exam002",))


def test_what_the_reader_was_unsure_of_is_shown_unmarked_and_said(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(
        DEFAULT_STUDY.read_text().split("[published]")[0].replace("[scores]", "[scores]\nignore = 9")
    )
    tiny_workspace(tmp_path / "w", study_file=study, synthetic=False)
    before = atlas_of(tmp_path / "w", exams=("exam001",))
    assert "unsure" not in first_words(before)["Whose masks"][0]
    path = tmp_path / "w/nnUNet_raw/Dataset501_BoneMarrow/labelsTr/exam001.nii.gz"
    mask = np.asarray(nib.load(path).dataobj)
    remark(tmp_path / "w", "exam001", np.where(mask == 3, 4, mask))
    atlas = atlas_of(tmp_path / "w", exams=("exam001",))
    assert {value for knee in atlas.knees for value in np.unique(knee.mask)} == {0, 1, 2}
    assert {one.level for one in atlas.measured} == {1, 2}
    said = "In 1 exam Reader 1 was unsure of some voxels: they are shown, and measured, as unmarked."
    assert said in first_words(atlas)["Whose masks"][0]
