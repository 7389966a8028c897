"""Folders of a rater's masks: a file an exam in any format, or a folder an exam with a file a label."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from dataset_conversion.images import ConversionError
from dataset_conversion.mask_files.labels import Labels, combine, tidy
from dataset_conversion.mask_files.listing import list_masks, parts_of
from dataset_conversion.mask_files.probabilities import list_probabilities
from dataset_conversion.mask_files.reading import read_mask
from dataset_conversion.mask_files.survey import survey

MASK = np.zeros((6, 5, 4), np.uint8)
MASK[1:3, 1:4, 1:3] = 1
MASK[4, 1:4, 1:3] = 2
AFFINE = np.array([[-0.9, 0, 0, 3], [0, -0.9, 0, 4], [0, 0, 3.5, -5], [0, 0, 0, 1.0]])
LABELS = Labels({"Mandible": 1, "Parotid_L": 2}, {})


def as_sitk(array: np.ndarray) -> sitk.Image:
    """On the grid of `AFFINE`."""
    image = sitk.GetImageFromArray(array.T)
    image.SetSpacing((0.9, 0.9, 3.5))
    image.SetOrigin((-3, -4, -5))
    return image


def write(path: Path, array: np.ndarray = MASK) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith((".nii", ".nii.gz")):
        nib.save(nib.Nifti1Image(array, AFFINE), path)
    else:
        sitk.WriteImage(as_sitk(array), path)
    return path


def parts(folder: Path, ending: str = ".nrrd", **arrays: np.ndarray) -> Path:
    for name, array in ({"Mandible": MASK == 1, "Parotid L": MASK == 2} | arrays).items():
        write(folder / f"{name}{ending}", array.astype(np.uint8) * 255)
    return folder


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_every_format_gives_the_same_voxels_at_the_same_place(tmp_path: Path, ending: str) -> None:
    found = read_mask(write(tmp_path / f"a{ending}"), None, LABELS)
    assert np.array_equal(found.array, MASK)
    np.testing.assert_allclose(found.affine, AFFINE, atol=1e-6)


@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz"])
def test_a_folder_an_exam_with_a_file_a_label(tmp_path: Path, ending: str) -> None:
    parts(tmp_path / "anna" / "e1" / "segmentations", ending)
    parts(tmp_path / "anna" / "e2", ending)
    listed = list_masks(tmp_path / "anna")
    assert listed == {exam: tmp_path / "anna" / exam for exam in ("e1", "e2")}
    for folder in listed.values():
        found = read_mask(folder, None, LABELS)
        assert np.array_equal(found.array, MASK)
        np.testing.assert_allclose(found.affine, AFFINE, atol=1e-6)
        assert survey(folder, Labels({}, {})).names == ("Mandible", "Parotid L")
    assert survey(listed["e1"], Labels({}, {"Mandible": 0})).names == ("Parotid L",)


def test_overlaps_are_named_and_counted_or_settled_by_precedence(tmp_path: Path) -> None:
    grown = (MASK == 2) | (MASK == 1) & (np.arange(6) == 2)[:, None, None]
    folder = parts(tmp_path / "e1", **{"Parotid L": grown})
    with pytest.raises(ConversionError) as error:
        read_mask(folder, None, LABELS)
    assert str(error.value) == (
        f"{folder}: files: found 6 of 120 voxels in more than one of 'Mandible', 'Parotid L', expected each "
        "in one level; remove the overlap, or ignore one with --map-label NAME=0"
    )
    for first, expected in (("Mandible", MASK), ("Parotid_L", np.where(grown, 2, MASK))):
        found = read_mask(folder, None, Labels(LABELS.levels, {}, precedence=[first]), keep_notes=True)
        assert np.array_equal(found.array, expected)
        assert "found 6 of 120 voxels in more than one of 'Mandible', 'Parotid L'" in found.notes[0]


@given(st.data())
def test_precedence_does_not_depend_on_the_order_of_segments(data: st.DataObject) -> None:
    names = ["a", "b", "c"]
    voxels = {name: np.array(data.draw(st.lists(st.booleans(), min_size=8, max_size=8))) for name in names}
    precedence = data.draw(st.permutations(names))
    order = data.draw(st.permutations(names))
    values, _ = combine(
        Path("x"), (8,), [(name, names.index(name) + 1, voxels[name]) for name in order], "files", precedence
    )
    expected = np.zeros(8, int)
    for name in reversed(precedence):
        expected[voxels[name]] = names.index(name) + 1
    assert np.array_equal(values, expected)


def test_one_file_in_every_folder_is_the_exams_mask_unless_it_names_a_label(tmp_path: Path) -> None:
    for exam in ("e1", "e2"):
        write(tmp_path / exam / "segmentation.nii.gz")
    assert list_masks(tmp_path) == {exam: tmp_path / exam / "segmentation.nii.gz" for exam in ("e1", "e2")}
    assert list_masks(tmp_path, ["Segmentation"]) == {exam: tmp_path / exam for exam in ("e1", "e2")}
    write(tmp_path / "e2" / "Mandible.nii.gz")
    assert list_masks(tmp_path)["e1"] == tmp_path / "e1"
    # DICOM and Slicer's files name their labels themselves, whatever the files are called.
    for exam in ("e1", "e2"):
        (tmp_path / "other" / exam).mkdir(parents=True)
        (tmp_path / "other" / exam / f"RS.{exam}.dcm").write_bytes(b"")
    assert list_masks(tmp_path / "other")["e2"] == tmp_path / "other" / "e2" / "RS.e2.dcm"


def test_an_image_above_its_segmentations_is_no_mask(tmp_path: Path) -> None:
    write(tmp_path / "e1" / "ct.nii.gz")
    parts(tmp_path / "e1" / "segmentations", ".nii.gz")
    assert list(parts_of(tmp_path / "e1")) == ["Mandible", "Parotid L"]


def test_folders_beside_masks_are_left_out_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "e1.nii.gz")
    parts(tmp_path / "old")
    assert list(list_masks(tmp_path)) == ["e1"]
    assert "left out: folders with masks beside masks: old" in caplog.text
    # A preview is no second mask of the exam.
    (tmp_path / "e1.png").write_bytes(b"")
    assert list_masks(tmp_path) == {"e1": tmp_path / "e1.nii.gz"}
    assert "left out: 1 pictures (PNG, TIFF) beside volumes" in caplog.text


def test_what_is_wrong_with_a_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="none: no such folder"):
        list_masks(tmp_path / "none")
    (tmp_path / "a.jpg").write_text("")
    with pytest.raises(ConversionError, match=r"found no mask among the files there \(1 .jpg\)"):
        list_masks(tmp_path)
    write(tmp_path / "a.nii")
    write(tmp_path / "a.mha")
    with pytest.raises(ConversionError, match=r"exam a: found twice \(a.mha\), expected once"):
        list_masks(tmp_path)
    twice = parts(tmp_path / "e1")
    write(twice / "Mandible.nii.gz")
    with pytest.raises(ConversionError, match="label Mandible: found twice"):
        parts_of(twice)
    image = parts(tmp_path / "e2", image=np.arange(120, dtype=np.uint8).reshape(6, 5, 4))
    with pytest.raises(ConversionError, match="file: found 'image', expected the name of a level"):
        read_mask(image, None, LABELS)
    ignoring = Labels(LABELS.levels, {"image": 0})
    assert np.array_equal(read_mask(image, None, ignoring).array, MASK)
    (image / "image.nrrd").rename(image / "MANDIBLE.nii.nrrd")
    moved = parts(tmp_path / "e3")
    write(moved / "Parotid L.nrrd", np.zeros((6, 5, 3), np.uint8))
    with pytest.raises(ConversionError, match=r"Parotid L.nrrd: size: found 6 x 5 x 3, expected 6 x 5 x 4"):
        read_mask(moved, None, LABELS)
    several = parts(tmp_path / "e4", Mandible=MASK)
    with pytest.raises(
        ConversionError, match=r"Mandible.nrrd: label: found 2 values beside 0 \(1, 255\)|2 values"
    ):
        read_mask(several, None, LABELS)


@given(st.text(max_size=80))
def test_tidy_names_may_stand_in_a_study_file(name: str) -> None:
    from pydantic import TypeAdapter

    from bmseg.study import Name

    TypeAdapter(Name).validate_python(tidy(name))
    assert tidy(tidy(name)) == tidy(name)


def test_what_lies_in_a_folder_of_labels_and_is_none_is_refused(tmp_path: Path) -> None:
    folder = parts(tmp_path / "none")
    with pytest.raises(ConversionError, match=r"none: found no file of a label, expected at least one"):
        read_mask(folder, None, Labels({"Mandible": 1}, {"Mandible": 0, "Parotid L": 0}))
    (folder / "Mandible.nrrd").write_bytes(bytes(128) + b"DICM" + bytes(40))
    with pytest.raises(ConversionError, match=r"Mandible\.nrrd: found DICOM, expected a file a label in"):
        read_mask(folder, None, LABELS)
    folder = parts(tmp_path / "several")
    image = sitk.GetImageFromArray(np.zeros((4, 5, 6, 3), np.uint8), isVector=True)
    sitk.WriteImage(image, folder / "Mandible.nrrd")
    with pytest.raises(ConversionError, match=r"Mandible\.nrrd: found 3 values a voxel, expected one"):
        read_mask(folder, None, LABELS)


def test_axes_in_another_order_lie_at_the_same_places(tmp_path: Path) -> None:
    folder = parts(tmp_path / "e1", ".nii.gz")
    image = nib.load(folder / "Parotid L.nii.gz")
    turned = nib.as_closest_canonical(image)
    assert nib.aff2axcodes(turned.affine) != nib.aff2axcodes(AFFINE)
    nib.save(turned, folder / "Parotid L.nii.gz")
    found = read_mask(folder, None, LABELS)
    assert np.array_equal(found.array, MASK)


@pytest.mark.parametrize("target", ["absent", "e2.nii.gz"])
def test_a_link_that_leads_nowhere_is_named(tmp_path: Path, target: str) -> None:
    write(tmp_path / "e1.nii.gz")
    (tmp_path / "e2.nii.gz").symlink_to(tmp_path / target)
    with pytest.raises(
        ConversionError, match=r"e2\.nii\.gz: found a link that leads nowhere, expected a file"
    ):
        list_masks(tmp_path)
    (tmp_path / "e2.nii.gz").unlink()
    (tmp_path / "e2.nii.gz").symlink_to(tmp_path / "e1.nii.gz")
    assert [*list_masks(tmp_path)] == ["e1", "e2"]


@pytest.mark.parametrize("sign", ["\n", "\t", "\x1b", "\x85", "\u2028", "\udcff"])
def test_a_name_that_breaks_lines_is_refused(tmp_path: Path, sign: str) -> None:
    places = (f"masks/e{sign}.nii.gz", f"labels/e{sign}/Mandible.nii.gz", f"parts/e1/Man{sign}dible.nii.gz")
    whole = write(tmp_path / "whole.nii.gz").read_bytes()
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_bytes(whole)
        folder = tmp_path / place.split("/")[0]
        with pytest.raises(ConversionError, match="name of a file: found '.*', expected none with") as error:
            list_masks(folder)
        assert str(error.value).isprintable()
    maps = tmp_path / "maps"
    maps.mkdir()
    (maps / f"e{sign}.npz").touch()
    with pytest.raises(ConversionError, match="expected none with control characters; rename it"):
        list_probabilities(maps)
