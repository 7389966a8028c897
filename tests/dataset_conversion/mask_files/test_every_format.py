"""One mask written in each format is the same voxels; on another grid it is refused in each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset

from dataset_conversion.images import ConversionError, Volume
from dataset_conversion.mask_files.reading import Labels, read_mask
from dataset_conversion.mask_files.survey import survey
from tests.support.dicom_masks import Exam, real_series, segmentation, structure_set

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

LABELS = Labels({"tumour": 1, "oedema": 2}, {})
NAMES = tuple(LABELS.levels)


@pytest.fixture(scope="module")
def exam(test_data: Path) -> Exam:
    """A real series, its image, and two boxes: contours of boxes are exact."""
    series, image = real_series(test_data)
    mask = np.zeros(image.array.shape, np.uint8)
    mask[10:20, 12:30, 3:9] = 1
    mask[20:26, 12:30, 3:6] = 2
    return series, image, mask


def itk(array: np.ndarray, affine: np.ndarray) -> sitk.Image:
    world = np.diag([-1.0, -1, 1, 1]) @ affine
    spacing = np.linalg.norm(world[:3, :3], axis=0)
    image = sitk.GetImageFromArray(array.T)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((world[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(world[:3, 3].tolist())
    return image


def nifti(path: Path, exam: Exam, affine: np.ndarray) -> Path:
    nib.save(nib.Nifti1Image(exam[2], affine), path.with_suffix(".nii.gz"))
    return path.with_suffix(".nii.gz")


def metaimage(path: Path, exam: Exam, affine: np.ndarray) -> Path:
    sitk.WriteImage(itk(exam[2], affine), path.with_suffix(".mha"), True)
    return path.with_suffix(".mha")


def nrrd(path: Path, exam: Exam, affine: np.ndarray) -> Path:
    sitk.WriteImage(itk(exam[2], affine), path.with_suffix(".nrrd"), True)
    return path.with_suffix(".nrrd")


def slicer(path: Path, exam: Exam, affine: np.ndarray) -> Path:
    """Segments that share a layer, numbered otherwise than the study numbers them."""
    image = itk(np.array([0, 2, 1], np.uint8)[exam[2]], affine)
    for place, (name, value) in enumerate(zip(NAMES, (2, 1), strict=True)):
        for field, text in (("Name", name), ("Layer", "0"), ("LabelValue", str(value))):
            image.SetMetaData(f"Segment{place}_{field}", text)
    sitk.WriteImage(image, path.with_suffix(".seg.nrrd"), True)
    return path.with_suffix(".seg.nrrd")


def folder(path: Path, exam: Exam, affine: np.ndarray) -> Path:
    path.mkdir()
    for name, value in LABELS.levels.items():
        sitk.WriteImage(itk((exam[2] == value).astype(np.uint8), affine), path / f"{name.upper()}.nrrd", True)
    return path


def dicom_seg(path: Path, exam: Exam, _: np.ndarray) -> Path:
    segmentation(exam, path.with_suffix(".dcm"), NAMES)
    return path.with_suffix(".dcm")


def rtstruct(path: Path, exam: Exam, _: np.ndarray) -> Path:
    def contour(low: tuple[int, int], high: tuple[int, int], k: int) -> Dataset:
        corners = [(low[0], low[1]), (low[0], high[1]), (high[0], high[1]), (high[0], low[1])]
        world = np.array([[i, j, k, 1] for i, j in corners]) @ exam[1].affine.T
        item = Dataset()
        item.ContourGeometricType = "CLOSED_PLANAR"
        item.NumberOfContourPoints = 4
        item.ContourData = [f"{value:.4f}" for value in (world[:, :3] * [-1, -1, 1]).ravel()]
        return item

    boxes = {"tumour": ((10, 12), (19, 29), range(3, 9)), "oedema": ((20, 12), (25, 29), range(3, 6))}
    sets = {name: [contour(low, high, k) for k in slices] for name, (low, high, slices) in boxes.items()}
    structure_set(sets).save_as(path.with_suffix(".dcm"), enforce_file_format=True)
    return path.with_suffix(".dcm")


FORMATS = (nifti, metaimage, nrrd, slicer, folder, dicom_seg, rtstruct)


@pytest.mark.parametrize("write", FORMATS)
def test_every_format_is_the_same_voxels_and_refused_on_another_grid(
    tmp_path: Path, exam: Exam, write: Callable[..., Path]
) -> None:
    _, image, mask = exam
    path = write(tmp_path / "e1", exam, image.affine)
    found = read_mask(path, image, LABELS)
    assert found.grid.difference(image.grid) is None
    assert np.array_equal(found.array, mask)
    seen = survey(path, Labels({}, {}))
    assert seen.values == {1, 2} if seen.names is None else {*map(str.casefold, seen.names)} == {*NAMES}
    # Moved by a tenth of a slice and more, the mask or, of DICOM, the image that it is laid on.
    moved = image.affine.copy()
    moved[:3, 3] += 0.4 * moved[:3, 2]
    if write in (dicom_seg, rtstruct):
        with pytest.raises(ConversionError, match="expected at most 0.1"):
            read_mask(path, Volume(image.array, moved), LABELS)
        with pytest.raises(ConversionError, match="found a DICOM mask and no image"):
            read_mask(path, None, LABELS)
    else:
        other = read_mask(write(tmp_path / "e2", exam, moved), None, LABELS)
        assert str(other.grid.difference(image.grid)).startswith("origin: found")
