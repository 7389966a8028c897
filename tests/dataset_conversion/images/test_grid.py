from collections.abc import Callable

import nibabel as nib
import numpy as np
import pytest

from dataset_conversion.images import Grid

AFFINE = nib.affines.from_matvec(
    nib.eulerangles.euler2mat(0.1, 0.2, 0.3) @ np.diag([0.9, 3.5, 0.8]), [10.0, -20.0, 30.0]
)
GRID = Grid((4, 5, 6), AFFINE)


def moved(mm: float) -> np.ndarray:
    affine = AFFINE.copy()
    affine[0, 3] += mm
    return affine


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (Grid((4, 5, 1), AFFINE), "size: found 4 x 5 x 1, expected 4 x 5 x 6 voxels"),
        (Grid((4, 5, 6), AFFINE @ np.diag([1, 1, 1.01, 1])), "spacing: found 0.9 x 3.5 x 0.808 mm, expected"),
        (Grid((4, 5, 6), moved(0.05)), "origin: found (10.05, -20, 30) mm, expected (10, -20, 30) mm"),
        (Grid((4, 5, 6), np.diag([1.0, 1, -1, 1]) @ AFFINE), "direction: found ["),
        (Grid((4, 5, 6), moved(np.nan)), "origin: found (nan, -20, 30) mm"),
        (Grid((4, 5, 6), AFFINE * np.nan), "spacing: found nan x nan x nan mm"),
    ],
    ids=["size", "spacing", "origin", "direction", "no number", "no numbers"],
)
def test_the_differing_field_is_named(found: Grid, message: str) -> None:
    assert str(found.difference(GRID)).startswith(message)
    # Comparisons with NaN are false both ways.
    assert GRID.difference(found) is not None


@pytest.mark.parametrize(
    "same", [moved(0.009), AFFINE @ np.diag([1.001, 1, 1, 1]), AFFINE + np.eye(4) * 1e-5], ids=str
)
def test_rounding_of_headers_is_no_difference(same: np.ndarray) -> None:
    assert Grid((4, 5, 6), same).difference(GRID) is None


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (lambda grid: grid.spacing.tolist(), [0.9, 3.5, 0.8]),
        (lambda grid: grid.voxel_ml, 0.9 * 3.5 * 0.8 / 1000),
        (lambda grid: [grid.axis(ends) for ends in ("LR", "AP", "IS")], [0, 1, 2]),
    ],
    ids=["spacing", "voxel_ml", "axis"],
)
def test_what_an_oblique_grid_measures(measure: Callable[[Grid], object], expected: object) -> None:
    assert measure(GRID) == pytest.approx(expected)
