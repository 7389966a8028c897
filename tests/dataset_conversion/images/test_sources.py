"""One mask, whatever holds it: the same voxels at the same places."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from dataset_conversion.images import ConversionError, Volume, as_labels, as_volume, write_volume
from dataset_conversion.mask_files.labels import Labels
from dataset_conversion.mask_files.survey import survey

AFFINE = nib.affines.from_matvec(
    nib.eulerangles.euler2mat(0.1, 0.2, 0.3) @ np.diag([-0.9, 3.5, 0.8]), [10.0, -20.0, 30.0]
)
MASK = Volume(np.random.default_rng(0).integers(0, 4, (4, 5, 6)).astype(np.uint8), AFFINE, "reader1")


def held_as(kind: str, folder: Path) -> Any:
    path = folder / "exam.nii.gz"
    write_volume(path, MASK)
    if kind == "path":
        return path
    if kind == "text":
        return str(path)
    if kind == "nibabel":
        return nib.load(path)
    if kind == "SimpleITK":
        return sitk.ReadImage(path)
    return MASK


@pytest.mark.parametrize("kind", ["path", "text", "nibabel", "SimpleITK", "Volume"])
def test_every_holder_gives_the_same_volume(kind: str, tmp_path: Path) -> None:
    found = as_volume(held_as(kind, tmp_path))
    np.testing.assert_array_equal(found.array, MASK.array)
    assert found.grid.difference(MASK.grid) is None
    assert found.source == {"SimpleITK": "SimpleITK image", "Volume": "reader1"}.get(
        kind, str(tmp_path / "exam.nii.gz")
    )


def test_arrays_and_lists_are_taken_as_they_are() -> None:
    found = as_volume(MASK.array, affine=AFFINE, name="anna")
    assert (found.array is MASK.array, found.source) == (True, "anna")
    assert found.grid.difference(MASK.grid) is None
    assert as_volume([[0, 1], [2, 3]]).array.shape == (2, 2)
    assert as_volume(MASK.array, spacing=(0.9, 0.9, 3.5)).spacing.tolist() == [0.9, 0.9, 3.5]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("none.nii.gz", "none.nii.gz: no such file"),
        (["a", "b"], "array: found list of type <U1 and 1 dimensions, expected a path"),
        ([[0, 1], [2]], "array: found rows of different lengths"),
        (np.zeros((2, 2, 2, 2)), "array: found ndarray of type float64 and 4 dimensions"),
        (None, "array: found NoneType of type object"),
        (
            sitk.Image([4, 4, 4, 2], sitk.sitkUInt8),
            "SimpleITK image: found 4 dimensions and 1 values a voxel",
        ),
        (
            nib.Nifti1Image(np.zeros((2, 2, 1, 2), np.uint8), np.eye(4)),
            r"nibabel image: found 4 dimensions \(2 x 2 x 1 x 2\)",
        ),
    ],
    ids=["no file", "text", "ragged", "4-D", "None", "4-D SimpleITK", "4-D nibabel"],
)
def test_what_is_no_volume_is_refused_by_name(source: Any, message: str) -> None:
    with pytest.raises(ConversionError, match=message) as error:
        as_volume(source)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("place", [{"affine": np.eye(3)}, {"spacing": (1, 1)}], ids=str)
def test_a_place_of_another_shape_is_refused(place: dict[str, Any]) -> None:
    with pytest.raises(ConversionError, match=r"array: affine or spacing: found \(3, 3\), expected \(4, 4\)"):
        as_volume(MASK.array, **place)


def test_whole_floats_are_labels_and_others_are_named() -> None:
    whole = MASK.array.astype(float)
    found = as_labels(whole, (0, 1, 2, 3))
    assert found.array.dtype == np.uint8
    np.testing.assert_array_equal(found.array, MASK.array)
    assert as_labels(whole).array.dtype == np.uint8
    np.testing.assert_array_equal(as_labels(MASK.array > 0, (0, 1)).array, MASK.array > 0)
    for wrong, words in ((0.5, "0.5 in 1"), (np.nan, "nan in 1"), (-1, "-1 in 1"), (300, "300 in 1")):
        whole[0, 0, 0] = wrong
        with pytest.raises(
            ConversionError, match=f"anna: label: found {words} of 120 voxels, expected whole numbers"
        ):
            as_labels(whole, name="anna")
    with pytest.raises(
        ConversionError, match=r"reader1: label: found 3 in \d+ of \d+ voxels, expected 0, 1, 2; why$"
    ):
        as_labels(MASK, (0, 1, 2), advice="; why")


def test_labels_above_a_byte_are_not_cut_off() -> None:
    assert as_labels(np.array([0, 300]), (0, 300)).array.tolist() == [0, 300]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_an_infinite_label_is_refused_without_a_warning(value: float, tmp_path: Path) -> None:
    array = MASK.array.astype(np.float32)
    array[0, 0, 0] = value
    path = tmp_path / "exam.nii.gz"
    write_volume(path, Volume(array, MASK.affine))
    expected = rf"exam.nii.gz: label: found {value} in 1 of 120 voxels, expected"
    with pytest.raises(ConversionError, match=expected):
        as_labels(path)
    with pytest.raises(ConversionError, match=expected):
        survey(path, Labels({}, {}))
