from itertools import permutations, product

import numpy as np
import pytest

from evaluation.masks.metaphysis import KNEE_BONES, Bone, allowed_region, metaphysis_square
from evaluation.masks.reading import MaskError

FEMUR, TIBIA = KNEE_BONES[:2]
# Indices grow to the patient's left, inferior and posterior; 1 x 1 x 3.5 mm.
AFFINE = np.diag([-1.0, 1.0, 1.0, 1.0]) @ np.array(
    [[1.0, 0, 0, 0], [0, 0, -3.5, 0], [0, -1.0, 0, 0], [0, 0, 0, 1.0]]
)
SHAPE = (60, 80, 6)


@pytest.fixture
def epiphyses() -> np.ndarray:
    """A femur 10, 20 and 16 mm wide on slices 1 to 3, and a tibia of 18 mm on slices 1 to 4."""
    labels = np.zeros(SHAPE, np.uint8)
    for index, (first, last) in {1: (25, 35), 2: (20, 40), 3: (20, 36)}.items():
        labels[first:last, 40 - index : 46, index] = FEMUR.value
    labels[22:40, 48:53, 1:5] = TIBIA.value
    return labels


def test_the_square_has_the_largest_width_and_stands_towards_the_shaft(epiphyses: np.ndarray) -> None:
    """The femur's epiphysis reaches furthest up, to row 37, on slice 3; it is widest on slice 2."""
    femur = metaphysis_square(epiphyses, AFFINE, FEMUR)
    assert (femur.side_mm, femur.widest_slice, femur.is_cut) == (20, 2, False)
    assert femur.box == (slice(20, 40), slice(17, 37), slice(1, 4))
    tibia = metaphysis_square(epiphyses, AFFINE, TIBIA)
    assert (tibia.bone, tibia.side_mm, tibia.widest_slice) == ("right tibia", 18, 1)
    assert tibia.box == (slice(22, 40), slice(53, 71), slice(1, 5))


def test_the_region_is_epiphyses_squares_and_the_hollows_between(epiphyses: np.ndarray) -> None:
    found = allowed_region(epiphyses, AFFINE, [FEMUR, TIBIA])
    expected = epiphyses > 0
    expected[20:40, 17:37, 1:4] = True
    expected[22:40, 53:71, 1:5] = True
    # Slices 1 and 2 begin two rows and one row below the square, in their own columns.
    expected[25:35, 37:39, 1] = True
    expected[20:40, 37:38, 2] = True
    np.testing.assert_array_equal(found, expected)


def test_a_hollow_of_the_growth_plate_is_allowed() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[20:40, 40:46, 2] = FEMUR.value
    labels[28:32, 40:43, 2] = 0
    found = allowed_region(labels, AFFINE, [FEMUR])
    assert found[28:32, 40:43, 2].all()
    # An opening within the epiphysis that is closed towards the shaft is no marrow of the metaphysis.
    labels[28:32, 40:43, 2] = FEMUR.value
    labels[30, 44, 2] = 0
    assert not allowed_region(labels, AFFINE, [FEMUR])[30, 44, 2]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_any_order_and_direction_of_axes_gives_the_same_region(
    order: tuple[int, int, int], epiphyses: np.ndarray
) -> None:
    expected = allowed_region(epiphyses, AFFINE, [FEMUR, TIBIA])
    for flips in product((False, True), repeat=3):
        axes = [axis for axis, flip in enumerate(flips) if flip]
        stored = np.flip(epiphyses, axes).transpose(order)
        affine = AFFINE.copy()
        for axis in axes:
            affine[:3, 3] += affine[:3, axis] * (SHAPE[axis] - 1)
            affine[:3, axis] *= -1
        affine[:3, :3] = affine[:3, order]
        found = allowed_region(stored, affine, [FEMUR, TIBIA])
        np.testing.assert_array_equal(found, np.flip(expected, axes).transpose(order))


def test_the_square_is_square_in_mm(epiphyses: np.ndarray) -> None:
    affine = AFFINE @ np.diag([0.9, 0.5, 1, 1])
    femur = metaphysis_square(epiphyses, affine, FEMUR)
    # 20 columns of 0.9 mm, as high as 36 rows of 0.5 mm.
    assert femur.side_mm == pytest.approx(18)
    assert femur.box[1] == slice(1, 37)
    assert not femur.is_cut


def test_a_square_beyond_the_image_is_cut_and_says_so(epiphyses: np.ndarray) -> None:
    low = metaphysis_square(epiphyses[:, :60], AFFINE, TIBIA)
    assert low.is_cut
    assert low.box[1] == slice(53, 60)
    high = metaphysis_square(epiphyses[:, 30:], AFFINE, FEMUR)
    assert high.is_cut
    assert high.box[1] == slice(0, 7)


def test_marrow_limits_the_region_and_physes_are_taken_out(epiphyses: np.ndarray) -> None:
    marrow = np.zeros(SHAPE, bool)
    marrow[24:36] = True
    physis = np.zeros(SHAPE, bool)
    physis[:, 35:37] = True
    whole = allowed_region(epiphyses, AFFINE, [FEMUR, TIBIA])
    found = allowed_region(epiphyses, AFFINE, [FEMUR, TIBIA], marrow=marrow, leave_out=physis)
    np.testing.assert_array_equal(found, whole & marrow & ~physis)
    assert 0 < found.sum() < whole.sum()


def test_refusals(epiphyses: np.ndarray) -> None:
    with pytest.raises(MaskError, match="epiphysis of left femur: found no voxel of value 3"):
        allowed_region(epiphyses, AFFINE)
    with pytest.raises(
        MaskError, match="epiphyses: label: found 2 in 360 of 28800 voxels, expected 0, 1; name its bone"
    ):
        allowed_region(epiphyses, AFFINE, [FEMUR])
    with pytest.raises(MaskError, match=r"marrow: found an array of \(2, 2, 2\), expected \(60, 80, 6\)"):
        allowed_region(epiphyses, AFFINE, [FEMUR, TIBIA], marrow=np.ones((2, 2, 2), bool))
    with pytest.raises(MaskError, match="epiphysis of patella: found no voxel of value 9"):
        metaphysis_square(epiphyses, AFFINE, Bone("patella", 9, "superior"))
