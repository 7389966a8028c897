"""Fixtures for all tests: real data where it is at hand, and small masks on disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import settings

# The same examples in every run, and no failure because a machine was busy.
settings.register_profile("bmseg", deadline=None, derandomize=True)
settings.load_profile("bmseg")

#: Files that take a minute and more, the longest first.
LONG = ["e2e/test_synthetic_run", "slurm/test_training", "nnunet/test_own_commands", "e2e/test_real_images"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process is left alone with it at the end."""
    order = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get("/".join(item.path.with_suffix("").parts[-2:]), len(LONG)))


AFFINE = np.diag([0.9, 0.9, 3.5, 1.0])


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of openly licensed real images, which is not part of the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("BMSEG_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.skip("real images are not here: set BMSEG_TEST_DATA to their folder")
    return folder


@pytest.fixture
def write_mask() -> Callable[..., Path]:
    """Write an array as NIfTI; by default on a coronal-like grid."""

    def write(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(array, affine), path)
        return path

    return write


@pytest.fixture
def ordinal_masks() -> Callable[..., dict[str, np.ndarray]]:
    """Masks of several raters that agree in part: thresholds of one smooth field plus noise."""

    def make(
        raters: list[str], shape: tuple[int, int, int] = (24, 20, 6), seed: int = 0
    ) -> dict[str, np.ndarray]:
        from scipy.ndimage import gaussian_filter

        rng = np.random.default_rng(seed)

        def smooth() -> np.ndarray:
            field = gaussian_filter(rng.normal(size=shape), (2.5, 2.5, 0.8))
            return field / field.std()

        common = smooth()
        return {
            rater: np.digitize(common + 0.35 * smooth(), [0.8, 1.3, 1.8]).astype(np.uint8) for rater in raters
        }

    return make
