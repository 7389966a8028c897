"""From drawn epiphyses to region masks, and on to marking outside them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bmseg.scoring import regions
from bmseg.study import DEFAULT_STUDY
from dataset_conversion.images import Volume, read_volume, write_volume
from tests.support.command_line import assert_refused, bmseg

# Indices grow to the patient's left, inferior and posterior; 1 x 1 x 3.5 mm.
AFFINE = np.array([[-1.0, 0, 0, 0], [0, 0, -3.5, 0], [0, -1.0, 0, 0], [0, 0, 0, 1.0]])
SHAPE = (40, 60, 4)
#: A femur 16 mm wide that ends towards its shaft at row 24, above a tibia of 14 mm that does at row 36.
FEMUR = (slice(12, 28), slice(24, 30), slice(1, 3))
TIBIA = (slice(13, 27), slice(32, 37), slice(1, 3))
ONE_KNEE = ("--bone", "right femur", "--bone", "right tibia")


def drawn(folder: Path, exam: str, *, femur: int = 1, rows: int = SHAPE[1]) -> Path:
    mask = np.zeros(SHAPE, np.uint8)
    mask[FEMUR], mask[TIBIA] = femur, 2
    write_volume(folder / f"{exam}.nii.gz", Volume(mask[:, :rows], AFFINE))
    return folder


def expected() -> np.ndarray:
    """Epiphyses, and the squares above the femur and below the tibia."""
    region = np.zeros(SHAPE, np.uint8)
    region[FEMUR] = region[TIBIA] = 1
    region[12:28, 8:24, 1:3] = region[13:27, 37:51, 1:3] = 1
    return region


@pytest.fixture
def epiphyses(tmp_path: Path) -> Path:
    for exam in ("knee_a", "knee_b"):
        drawn(tmp_path / "epiphyses", exam)
    return tmp_path / "epiphyses"


@pytest.mark.usefixtures("no_figures")
def test_from_epiphyses_to_marking_outside_the_region(
    epiphyses: Path, tmp_path: Path, few_tables: Callable[..., None]
) -> None:
    few_tables("outside_region")
    result = bmseg("region", epiphyses, "-o", tmp_path / "regions", *ONE_KNEE)
    assert result.returncode == 0, result.stderr
    assert f"2 regions: {tmp_path / 'regions'}" in result.stdout
    found = read_volume(tmp_path / "regions" / "knee_a.nii.gz")
    np.testing.assert_array_equal(found.array, expected())
    assert found.grid.difference(read_volume(epiphyses / "knee_a.nii.gz").grid) is None
    again = bmseg("region", epiphyses, "-o", tmp_path / "regions", *ONE_KNEE)
    assert "already made from the same masks" in again.stdout

    mask = np.zeros(SHAPE, np.uint8)
    mask[14:20, 20:26, 1] = 1
    mask[0:3, 0:2, 1] = 1
    for reader in ("reader1", "reader2"):
        for exam in ("knee_a", "knee_b"):
            write_volume(tmp_path / reader / f"{exam}.nii.gz", Volume(mask, AFFINE))
    readers = [f"--reader={name}={tmp_path / name}" for name in ("reader1", "reader2")]
    words = [*readers, "--study", DEFAULT_STUDY, "-o", tmp_path / "out"]
    result = bmseg("evaluate", *words, "--regions", tmp_path / "regions")
    assert result.returncode == 0, result.stderr
    named = bmseg("evaluate", *words[:-1], tmp_path / "other", "--regions", epiphyses)
    advice = "expected 0, 1; correct the region, which is 1 inside and 0 elsewhere"
    assert advice in named.stderr and named.returncode == 2
    outside = pd.read_csv(tmp_path / "out" / "outside_region.csv").query("level == 'level1'")
    assert set(zip(outside.n_outside, outside.n_marked, strict=True)) == {(6, 42)}


def test_marrow_limits_and_physes_are_taken_out(epiphyses: Path, tmp_path: Path) -> None:
    marrow, physes = (np.zeros(SHAPE, np.float32) for _ in range(2))
    marrow[:20] = 1
    physes[:, 22:24] = 1
    for name, array in (("marrow", marrow), ("physes", physes)):
        for exam in ("knee_a", "knee_b"):
            write_volume(tmp_path / name / f"{exam}.nii.gz", Volume(array, AFFINE))
    limits = ["--marrow", tmp_path / "marrow", "--leave-out", tmp_path / "physes"]
    result = bmseg("region", epiphyses, "-o", tmp_path / "regions", *ONE_KNEE, *limits)
    assert result.returncode == 0, result.stderr
    found = read_volume(tmp_path / "regions" / "knee_b.nii.gz").array
    np.testing.assert_array_equal(found, expected() * (marrow > 0) * (physes == 0))


def test_a_square_that_the_image_cuts_is_told(tmp_path: Path) -> None:
    folder = drawn(tmp_path / "epiphyses", "knee_a", rows=45)
    result = bmseg("region", folder, "-o", tmp_path / "regions", *ONE_KNEE)
    assert "warning: knee_a: the image ends before the square of right tibia does" in result.stderr
    assert "1 region: " in result.stdout


def _other_value(folder: Path) -> None:
    drawn(folder, "knee_b", femur=9)


def _no_marrow(folder: Path) -> None:
    write_volume(folder.parent / "marrow" / "knee_a.nii.gz", Volume(np.ones(SHAPE, np.uint8), AFFINE))


def _nothing(folder: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("spoil", "options", "message"),
    [
        (_other_value, ONE_KNEE, "1 of 2 exams refused, none written: knee_b: "),
        (
            _nothing,
            ONE_KNEE[:2],
            "expected 0, 1; correct the mask or name all its bones (right femur 1, right",
        ),
        (
            _nothing,
            (*ONE_KNEE, "--marrow", "epiphyses"),
            "expected 0, 1; correct the mask, which is 1 where marrow is",
        ),
        (_nothing, (), "2 of 2 exams refused, none written: knee_a: epiphysis of left femur: found no voxel"),
        (_nothing, ("--bone", "fibula"), "bone: found fibula, expected one of right femur, right tibia"),
        (_no_marrow, (*ONE_KNEE, "--marrow", "marrow"), "marrow: found no mask of exam knee_b"),
        (_nothing, (*ONE_KNEE, "-o", "epiphyses"), "expected a new or empty folder or an earlier set of"),
        (_nothing, ("--marrow", "none"), "none: no such folder"),
    ],
    ids=[
        "value",
        "other bone",
        "marrow's value",
        "bones",
        "unknown bone",
        "marrow",
        "a folder of masks",
        "no folder",
    ],
)
def test_refusals_leave_nothing(
    epiphyses: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path], None],
    options: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    spoil(epiphyses)
    assert_refused(bmseg("region", epiphyses, "-o", "regions", *options), message)
    assert not (tmp_path / "regions").exists()
    assert len(list(epiphyses.iterdir())) == 2


def test_masks_that_change_while_regions_are_made_make_none(
    epiphyses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    making = regions._region

    def changed(*given: Any) -> Any:
        found = making(*given)
        drawn(epiphyses, "knee_a", rows=55)
        return found

    monkeypatch.setattr(regions, "_region", changed)
    result = bmseg("region", epiphyses, "-o", tmp_path / "regions", *ONE_KNEE)
    assert_refused(result, "regions: found files that changed while results were made from them", code=1)
    assert not (tmp_path / "regions").exists()
