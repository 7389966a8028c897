from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from dataset_conversion.images import ConversionError, Volume, read_volume
from dataset_conversion.mask_files.reading import Labels, read_mask
from tests.support.dicom_masks import FRAME, structure_set

LEVELS = {"level1": 1, "level2": 2}
LABELS = Labels(LEVELS, {})
SERIES = ["STS_002", "STS_015", "STS_025"]

#: An oblique coronal grid, slices along j, in RAS+ millimetres.
_TURN = np.array([[-0.96, 0.0, 0.28], [0.28, 0.0, 0.96], [0.0, 1.0, 0.0]])[:, [0, 2, 1]]
IMAGE = Volume(
    np.zeros((20, 6, 18), dtype=np.int16),
    np.block([[_TURN * [0.9, 3.5, 0.9], np.array([[10.0], [-20.0], [30.0]])], [np.zeros((1, 3)), 1.0]]),
)


def contour(points: list[list[float]], j: float = 2, kind: str = "CLOSED_PLANAR") -> Dataset:
    """A contour through voxels (i, k) of slice j of `IMAGE`."""
    voxels = np.array([[i, j, k] for i, k in points], dtype=float)
    world = voxels @ IMAGE.affine[:3, :3].T + IMAGE.affine[:3, 3]
    item = Dataset()
    item.ContourGeometricType = kind
    item.NumberOfContourPoints = len(points)
    item.ContourData = [f"{value:.4f}" for value in (world * [-1, -1, 1]).ravel()]
    return item


def square(low: float, high: float, **options: Any) -> Dataset:
    return contour([[low, low], [low, high], [high, high], [high, low]], **options)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Dataset], Path]:
    def save(dataset: Dataset) -> Path:
        path = tmp_path / "RS"
        dataset.save_as(path, enforce_file_format=True)
        return path

    return save


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("plane", [None, "coronal", "sagittal"])
def test_real_structure_set_equals_the_nifti_mask(test_data: Path, series: str, plane: Any) -> None:
    folder = test_data / "ibsi_sts_extremity"
    image = read_volume(folder / "nifti" / series / "MR_T1_image.nii.gz")
    expected = read_volume(folder / "nifti" / series / "MR_T1_mask.nii.gz")
    if plane:
        image, expected = image.stored_as(plane), expected.stored_as(plane)
    labels = Labels({"tumour": 1}, {"GTV_Mass_MR_T1": 1})
    found = read_mask(folder / "dicom" / series / "MR_T1" / "mask" / "RS.dcm", image, labels)
    a, b = found.array > 0, expected.array > 0
    assert 2 * (a & b).sum() / (a.sum() + b.sum()) >= 0.999
    np.testing.assert_array_equal(found.affine, image.affine)


@pytest.mark.parametrize("packed", [False, True])
def test_sets_become_levels_by_name(write: Callable[[Dataset], Path], packed: bool) -> None:
    path = write(
        structure_set(
            {
                "LEVEL1": [square(2.5, 8.5), square(4.5, 6.5), square(3.5, 5.5, j=4)],
                "Oedema": [square(10.5, 12.5)],
                "marker": [contour([[1, 1]], kind="POINT")],
                "level2": None,
            }
        )
    )
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    labels = Labels(LEVELS, {"oedema": 2, "marker": 0})
    found = read_mask(path, IMAGE, labels, frame_of_reference=FRAME).array
    expected = np.zeros(IMAGE.array.shape, dtype=int)
    expected[3:9, 2, 3:9] = 1
    expected[5:7, 2, 5:7] = 0
    expected[4:6, 4, 4:6] = 1
    expected[11:13, 2, 11:13] = 2
    np.testing.assert_array_equal(found, expected)


def test_exclusive_contours_may_cross(write: Callable[[Dataset], Path]) -> None:
    kind = "CLOSEDPLANAR_XOR"
    path = write(structure_set({"level1": [square(2.5, 8.5, kind=kind), square(4.5, 10.5, kind=kind)]}))
    assert read_mask(path, IMAGE, LABELS).array.sum() == 2 * (36 - 16)


def test_file_without_contours_is_an_empty_mask(write: Callable[[Dataset], Path]) -> None:
    path = write(structure_set({"level1": None, "level2": []}))
    assert not read_mask(path, IMAGE, LABELS).array.any()


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (
            {"GTV": None, "level1": None, "Knee\nleft": None},
            "contour set: found 'GTV', 'Knee left', expected the name of a level (level1, level2); map each "
            "with --map-label NAME=VALUE (0 ignores it)",
        ),
        (
            {"level1": [contour([[1, 1]], kind="POINT")]},
            "contour set 'level1': contour 1: found type 'POINT', expected CLOSED_PLANAR or "
            "CLOSEDPLANAR_XOR; leave it out, or ignore the set with --map-label NAME=0",
        ),
        (
            {"level1": [contour([[1, 1]], kind="CLOSED\nPLANAR")]},
            "contour set 'level1': contour 1: found type 'CLOSED PLANAR', expected CLOSED_PLANAR or "
            "CLOSEDPLANAR_XOR; leave it out, or ignore the set with --map-label NAME=0",
        ),
        (
            {"level1": [square(2, 5), square(2, 5, j=2.4)]},
            "contour set 'level1': contour 2: found points up to 0.4 slices beside the nearest slice of the "
            "image, expected at most 0.1; export the mask that was drawn on this image",
        ),
        (
            {"level1": [square(2, 5, j=6)]},
            "contour set 'level1': contour 1: found it at slice 6 of the image counted from 0, expected 0 to "
            "5; export the mask that was drawn on this image",
        ),
        (
            {"level1": [square(40, 45)]},
            "contour set 'level1': contour 1: found it wholly beside the image, from voxel (40, 40) to "
            "(45, 45) of slice 2, expected within 20 x 18; export the mask that was drawn on this image",
        ),
        (
            {"level1": [square(2.5, 5.5)], "level2": [square(4.5, 8.5), square(3.5, 5.5, j=1)]},
            "contour sets: found 1 of 2160 voxels in more than one of 'level1', 'level2', expected each in "
            "one level; remove the overlap, or ignore one with --map-label NAME=0",
        ),
        (
            {"level1": [square(2.5, 8.5), square(4.5, 10.5)]},
            "contour set 'level1': slice 2 of the image counted from 0: found two contours that cross and "
            "share 16 pixels, expected them apart or one within the other; unite them",
        ),
        (
            {"level1": [square(2.5, 8.5), square(2.5, 8.5)]},
            "contour set 'level1': slice 2 of the image counted from 0: found the same contour twice, "
            "expected it once; remove one",
        ),
    ],
)
def test_refusals(write: Callable[[Dataset], Path], sets: dict[str, Any], message: str) -> None:
    path = write(structure_set(sets))
    with pytest.raises(ConversionError) as error:
        read_mask(path, IMAGE, LABELS)
    assert str(error.value) == f"{path}: {message}"


def test_another_frame_of_reference_is_refused_without_its_uid(write: Callable[[Dataset], Path]) -> None:
    path = write(structure_set({"level1": [square(2, 5)]}, frame="1.2.3.99"))
    with pytest.raises(ConversionError, match="another frame of reference than the image's") as error:
        read_mask(path, IMAGE, LABELS, frame_of_reference=FRAME)
    assert "1.2.3" not in str(error.value)
    assert read_mask(path, IMAGE, LABELS).array.any()


def test_contours_of_no_set_and_lost_points_are_refused(write: Callable[[Dataset], Path]) -> None:
    dataset = structure_set({"level1": [square(2, 5)]})
    dataset.ROIContourSequence[0].ReferencedROINumber = 7
    with pytest.raises(
        ConversionError, match="found contours of sets 7 and names of 1, expected each number"
    ):
        read_mask(write(dataset), IMAGE, LABELS)
    dataset = structure_set({"level1": [square(2, 5)]})
    dataset.ROIContourSequence[0].ContourSequence[0].NumberOfContourPoints = 5
    with pytest.raises(ConversionError, match="found 12 coordinates, expected 3 finite ones for each of 5"):
        read_mask(write(dataset), IMAGE, LABELS)


def test_truncated_file_is_refused(write: Callable[[Dataset], Path]) -> None:
    path = write(structure_set({"level1": [square(2.5, 8.5), square(3.5, 5.5, j=4)]}))
    content = path.read_bytes()
    whole = read_mask(path, IMAGE, LABELS).array
    for length in range(132, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(ConversionError) as error:
            read_mask(path, IMAGE, LABELS)
        assert "\n" not in str(error.value)
    path.write_bytes(content)
    np.testing.assert_array_equal(read_mask(path, IMAGE, LABELS).array, whole)


def test_flipped_bits_end_in_a_mask_or_a_refusal(write: Callable[[Dataset], Path]) -> None:
    path = write(structure_set({"level1": [square(2.5, 8.5), square(3.5, 5.5, j=4)]}))
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        damaged[rng.integers(132, len(content))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            read_mask(path, IMAGE, LABELS)
        except ConversionError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 100


def test_other_dicom_objects_are_refused_by_kind(test_data: Path, tmp_path: Path) -> None:
    path = test_data / "ibsi_sts_extremity" / "dicom" / "STS_025" / "MR_T1" / "image" / "000000.dcm"
    with pytest.raises(ConversionError, match="found a DICOM MR Image Storage, expected a segmentation"):
        read_mask(path, IMAGE, LABELS)
    dataset = pydicom.dcmread(path)
    dataset.SOPClassUID = "1.2.3"
    stream = io.BytesIO()
    dataset.save_as(stream)
    (tmp_path / "x").write_bytes(stream.getvalue())
    with pytest.raises(ConversionError, match="found a DICOM object of unknown kind"):
        read_mask(tmp_path / "x", IMAGE, LABELS)
