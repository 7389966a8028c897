from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from dataset_conversion.images import ConversionError, Volume, read_volume
from dataset_conversion.mask_files.reading import Labels, read_mask
from tests.support.dicom_masks import Exam, real_series, segmentation

# highdicom warns of the names in the public series.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

LEVELS = {"level1": 1, "level2": 2, "level3": 3}
LABELS = Labels(LEVELS, {})


@pytest.fixture(scope="module")
def exam(test_data: Path) -> Exam:
    """Series, image and a mask of three levels: the real tumour, cut in three."""
    folder = test_data / "ibsi_sts_extremity"
    series, image = real_series(test_data)
    tumour = read_volume(folder / "nifti/STS_025/MR_T1_mask.nii.gz").array > 0
    i, j, _ = np.indices(tumour.shape)
    return series, image, np.where(tumour, 1 + (i > 35) + (j > 30), 0)


@pytest.mark.parametrize("omit", [False, True])
@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("plane", [None, "coronal", "sagittal"])
def test_segments_come_back_on_the_images_grid(
    exam: Exam, tmp_path: Path, omit: bool, kind: str, plane: Any
) -> None:
    _, image, mask = exam
    path = tmp_path / "seg.dcm"
    segmentation(exam, path, kind=kind, omit_empty_frames=omit)
    expected = Volume(mask, image.affine)
    if plane:
        image, expected = image.stored_as(plane), expected.stored_as(plane)
    found = read_mask(path, image, LABELS)
    np.testing.assert_array_equal(found.array, expected.array)
    np.testing.assert_array_equal(found.affine, image.affine)


def test_compressed_packed_and_fractional_of_zero_and_one(exam: Exam, tmp_path: Path) -> None:
    path = tmp_path / "seg"
    dataset = segmentation(exam, path, kind="LABELMAP")
    # GDCM's encoder, pydicom's first choice, ends the process.
    dataset.compress(RLELossless, encoding_plugin="pydicom")
    dataset.save_as(path)
    path.write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(read_mask(path, exam[1], LABELS).array, exam[2])
    segmentation(exam, path, kind="FRACTIONAL")
    np.testing.assert_array_equal(read_mask(path, exam[1], LABELS).array, exam[2])


def test_labels_are_mapped_united_and_ignored(exam: Exam, tmp_path: Path) -> None:
    path = tmp_path / "seg.dcm"
    segmentation(exam, path, names=("Tumour", "LEVEL1", "vessel"))
    found = read_mask(path, exam[1], Labels(LEVELS, {"tumour": 1, "vessel": 0}))
    np.testing.assert_array_equal(found.array, np.isin(exam[2], [1, 2]))


def test_slices_far_apart_keep_their_places(exam: Exam, tmp_path: Path) -> None:
    series, image, mask = exam
    stack = np.zeros((len(series), *mask.shape[1::-1], 1), dtype=np.uint8)
    stack[[3, 7, 20], 4:9, 5:11] = 1
    path = tmp_path / "seg.dcm"
    segmentation(exam, path, names=("level2",), stack=stack)
    found = read_mask(path, image, LABELS).array
    expected = np.zeros(mask.shape, dtype=int)
    expected[5:11, 4:9, [3, 7, 20]] = 2
    np.testing.assert_array_equal(found, expected)


def test_overlapping_segments_are_refused_with_their_size(exam: Exam, tmp_path: Path) -> None:
    series, image, mask = exam
    stack = np.zeros((len(series), *mask.shape[1::-1], 2), dtype=np.uint8)
    stack[4, 4:9, 5:11, 0] = 1
    stack[4, 7:12, 5:11, 1] = 1
    path = tmp_path / "seg.dcm"
    segmentation(exam, path, names=("level1", "level2"), stack=stack)
    with pytest.raises(ConversionError) as error:
        read_mask(path, image, LABELS)
    assert str(error.value) == (
        f"{path}: segments: found 12 of 103125 voxels in more than one of 'level1', 'level2', expected each "
        "in one level; remove the overlap, or ignore one with --map-label NAME=0"
    )
    # Two names of one level may overlap.
    found = read_mask(path, image, Labels(LEVELS, {"level2": 1}))
    assert found.array.sum() == 2 * 30 - 12


def test_fractions_are_refused(exam: Exam, tmp_path: Path) -> None:
    series, image, mask = exam
    stack = np.zeros((len(series), *mask.shape[1::-1], 1))
    stack[4, 4:9, 5:11, 0] = 0.5
    path = tmp_path / "seg.dcm"
    segmentation(exam, path, names=("level1",), stack=stack, kind="FRACTIONAL")
    with pytest.raises(
        ConversionError, match="segmentation type: found 30 pixels between 0 and 255 of a FRACTIONAL one"
    ):
        read_mask(path, image, LABELS)


def shifted(image: Volume, voxels: tuple[float, float, float]) -> Volume:
    move = np.eye(4)
    move[:3, 3] = voxels
    return Volume(image.array, image.affine @ move)


def turned(image: Volume, degrees: float) -> Volume:
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return Volume(image.array, turn @ image.affine)


def scaled(image: Volume, factor: float) -> Volume:
    return Volume(image.array, image.affine @ np.diag([factor, factor, 1, 1]))


def test_other_grids_are_refused_by_field(exam: Exam, tmp_path: Path) -> None:
    _, image, _ = exam
    path = tmp_path / "seg.dcm"
    segmentation(exam, path)
    for other, message in [
        (Volume(image.array[:-1], image.affine), "15 slices of 55 x 75 pixels, expected at most 25 of 74 x"),
        (Volume(image.array[..., 11:], image.affine), "of 55 x 75 pixels, expected at most 14 of 75 x 55"),
        (scaled(image, 1.01), "spacing: found 0.976562 x 0.976562 x 3.26996 mm, expected 0.986328 x"),
        (turned(image, 2), "direction: found [-1, 0, 0; 0, -1, 0; 0, 0, 1], expected [-0.99"),
        (turned(image, 0.05), "origin: found pixels 0.1"),
        (shifted(image, (0.5, 0, 0)), "origin: found pixels 0.5 voxels beside the image's, expected at most"),
        (
            shifted(image, (1, 0, 0)),
            "origin: found pixels 1 voxels beside the image's, expected at most 0.01",
        ),
        (
            shifted(image, (0, 0, 0.4)),
            "slice position: found 0.4 slices beside the image's, expected at most",
        ),
        (
            shifted(image, (0, 0, 12)),
            "slice position: found slice -6 of the image counted from 0, expected 0",
        ),
        (Volume(image.array, image.affine @ np.diag([1, 1, 1.3, 1])), "frames: found some beside or between"),
    ]:
        with pytest.raises(ConversionError) as error:
            read_mask(path, other, LABELS)
        assert message in str(error.value)
        assert str(error.value).endswith(("export it on the image's grid", "that was drawn on this image"))
    # As NIfTI's quaternions round it.
    np.testing.assert_array_equal(read_mask(path, turned(image, 0.003), LABELS).array, exam[2])


def edited(dataset: Dataset, path: Path, frame: int, position: tuple[float, float, float]) -> Path:
    """A SEG with a frame moved by so many millimetres."""
    plane = dataset.PerFrameFunctionalGroupsSequence[frame].PlanePositionSequence[0]
    plane.ImagePositionPatient = [a + b for a, b in zip(plane.ImagePositionPatient, position, strict=True)]
    dataset.save_as(path)
    return path


def test_frames_off_the_others_grid_are_refused_and_uneven_ones_taken(exam: Exam, tmp_path: Path) -> None:
    series, image, mask = exam
    stack = np.zeros((len(series), *mask.shape[1::-1], 1), dtype=np.uint8)
    stack[[3, 7, 20], 4:9, 5:11] = 1
    dataset = segmentation(exam, tmp_path / "seg.dcm", names=("level2",), stack=stack)
    # Scanners' own positions, and no word on how far slices are apart.
    del dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices
    found = read_mask(edited(dataset, tmp_path / "uneven.dcm", 1, (0, 0, 0.2)), image, LABELS).array
    assert np.flatnonzero(found.any(axis=(0, 1))).tolist() == [3, 7, 20]
    for moved in ((0, 0, 1.0), (0.5, 0, 0)):
        with pytest.raises(ConversionError, match="frames: found some beside or between the others' grid"):
            read_mask(edited(dataset, tmp_path / "off.dcm", 1, moved), image, LABELS)


def test_pixels_of_no_segment_are_refused(exam: Exam, tmp_path: Path) -> None:
    dataset = segmentation(exam, tmp_path / "seg.dcm", kind="LABELMAP")
    del dataset.SegmentSequence[-1]
    dataset.save_as(tmp_path / "less.dcm")
    with pytest.raises(ConversionError, match="segments: found pixels of segment 3, expected only segments"):
        read_mask(tmp_path / "less.dcm", exam[1], LABELS)


def test_unknown_names_and_frames_of_reference_are_refused(exam: Exam, tmp_path: Path) -> None:
    path = tmp_path / "seg.dcm"
    dataset = segmentation(exam, path, names=("level1", "GTV", "oedema"))
    with pytest.raises(
        ConversionError, match=r"segment: found 'GTV', 'oedema', expected the name of a level"
    ):
        read_mask(path, exam[1], LABELS)
    labels = Labels(LEVELS, {"GTV": 2, "oedema": 3})
    frame = dataset.FrameOfReferenceUID
    assert read_mask(path, exam[1], labels, frame_of_reference=frame).array.any()
    with pytest.raises(ConversionError, match="another frame of reference than the image's") as error:
        read_mask(path, exam[1], labels, frame_of_reference="1.2.3")
    assert frame not in str(error.value)
    del dataset.FrameOfReferenceUID
    dataset.save_as(path)
    assert read_mask(path, exam[1], labels, frame_of_reference="1.2.3").array.any()


def test_damaged_files_are_refused(exam: Exam, tmp_path: Path) -> None:
    path = tmp_path / "seg.dcm"
    # Few frames, for speed.
    stack = np.zeros((len(exam[0]), *exam[2].shape[1::-1], 1), dtype=np.uint8)
    stack[[3, 4], 4:9, 5:11] = 1
    dataset = segmentation(exam, path, names=("level1",), stack=stack)
    content = path.read_bytes()
    for length in np.linspace(132, len(content) - 1, 60).astype(int):
        path.write_bytes(content[:length])
        with pytest.raises(ConversionError) as error:
            read_mask(path, exam[1], LABELS)
        assert "\n" not in str(error.value)
    path.write_bytes(gzip.compress(content)[:-30])
    with pytest.raises(ConversionError, match=r"truncated or damaged \(EOFError\); export it again"):
        read_mask(path, exam[1], LABELS)
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(content)
        damaged[rng.integers(132, len(content))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            read_mask(path, exam[1], LABELS)
        except ConversionError as error:
            assert "\n" not in str(error)
            assert str(dataset.FrameOfReferenceUID) not in str(error)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda seg: setattr(seg, "NumberOfFrames", 1),
            "NumberOfFrames: found 1 and [0-9]+ frames",
        ),
        (lambda seg: setattr(seg, "SegmentSequence", []), "found a frame of segment 1"),
        (lambda seg: setattr(seg.SegmentSequence[1], "SegmentNumber", 0), "found a frame of segment 2"),
        (lambda seg: setattr(seg.SegmentSequence[0], "SegmentNumber", 65535), "found a frame of segment 1"),
        (
            lambda seg: setattr(
                seg.PerFrameFunctionalGroupsSequence[3].SegmentIdentificationSequence[0],
                "ReferencedSegmentNumber",
                9,
            ),
            "found a frame of segment 9, expected only segments that the file describes",
        ),
    ],
)
def test_no_frame_is_left_out_without_a_word(exam: Exam, tmp_path: Path, edit: Any, message: str) -> None:
    """highdicom gives every segment its frames, and nobody those that are left."""
    path = tmp_path / "seg.dcm"
    dataset = segmentation(exam, path)
    edit(dataset)
    dataset.save_as(path)
    with pytest.raises(ConversionError, match=message):
        read_mask(path, exam[1], LABELS)
