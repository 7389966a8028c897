"""Measures of the outer slices and of the inner half, of masks that are cut nowhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import binary_erosion
from scipy.spatial import cKDTree

from evaluation.failures.places import peripheral_against_central, slice_counts
from evaluation.masks.exam import ExamMasks
from evaluation.measures.measure import OneEmpty, Status
from evaluation.measures.named import measures
from evaluation.measures.pairs import ExamMeasured
from evaluation.measures.parts import PairInPart, Part

AFFINE = np.diag([0.9, 3.5, 0.9, 1.0])
LEVELS = {"all": (1,)}


def blobs(seed: int) -> dict[str, np.ndarray]:
    """Two masks of twelve slices along the second axis, with places that only one of them has."""
    rng = np.random.default_rng(seed)
    grid = np.indices((18, 14, 16))
    masks = {}
    common = rng.uniform([3, 2, 3], [15, 12, 13], (4, 3))
    for name in ("reference", "rater"):
        mask = np.zeros(grid.shape[1:], np.uint8)
        for middle in [*common, rng.uniform([3, 2, 3], [15, 12, 13])]:
            far = np.linalg.norm((grid.T - middle - rng.normal(0, 0.6, 3)) * [0.9, 3.5, 0.9], axis=-1).T
            mask[far < rng.uniform(2, 4.5)] = 1
        masks[name] = mask
    return masks


def run_of(masks: dict[str, np.ndarray]) -> tuple[int, int]:
    """First slice and number of slices with anything."""
    marked = np.flatnonzero(np.logical_or(*masks.values()).any(axis=(0, 2)))
    return int(marked[0]), int(marked[-1] - marked[0] + 1)


def pair_in(masks: dict[str, np.ndarray], peripheral: bool, affine: np.ndarray = AFFINE) -> PairInPart:
    exam = ExamMeasured(masks, LEVELS, affine, single={"all": 1}, ordered=False)
    return PairInPart(exam, "all", "reference", "rater", Part(*run_of(masks), peripheral))


def by_hand(masks: dict[str, np.ndarray], peripheral: bool) -> list[np.ndarray]:
    """Of both masks' border voxels in the part, how far each is from the other's border anywhere (SciPy)."""
    first, n = run_of(masks)
    borders = [np.argwhere(mask & ~binary_erosion(mask)) for mask in ((each == 1) for each in masks.values())]
    found = []
    for border, other in (borders, borders[::-1]):
        position = (border[:, 1] - first + 0.5) / n
        outer = (position < 0.25) | (position > 0.75)
        spacing = np.diag(AFFINE)[:3]
        distances, _ = cKDTree(other * spacing).query(border[outer == peripheral] * spacing)
        found.append(distances)
    return found


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("peripheral", [True, False])
def test_surfaces_of_a_part_are_held_against_the_whole_other_mask(seed: int, peripheral: bool) -> None:
    masks = blobs(seed)
    both = np.concatenate(by_hand(masks, peripheral))
    pair = pair_in(masks, peripheral)
    asked = measures(["nsd@2:voxels", "nsd@4:voxels", "hd:voxels", "hd95:voxels", "assd:voxels"])
    ours = [pair.score(measure, OneEmpty.WORST)[0] for measure in asked]
    theirs = [
        *((both <= mm + 1e-6).mean() for mm in (2, 4)),
        both.max(),
        np.percentile(both, 95),
        both.mean(),
    ]
    assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_the_parts_together_are_the_whole(seed: int) -> None:
    masks = blobs(seed)
    parts = [pair_in(masks, peripheral).distances() for peripheral in (True, False)]
    whole = parts[0], pair_in(masks, True).exam.distances("all", "reference", "rater", "elements")
    areas = [each.rater_areas.sum() + each.reference_areas.sum() for each in (*parts, whole[1])]
    assert areas[0] + areas[1] == pytest.approx(areas[2])
    nsd = [each.nsd(2) for each in (*parts, whole[1])]
    assert np.average(nsd[:2], weights=areas[:2]) == pytest.approx(nsd[2])
    assert max(each.hausdorff() for each in parts) == pytest.approx(whole[1].hausdorff())


def test_slices_may_run_either_way() -> None:
    masks = blobs(3)
    turned = {name: mask[:, ::-1].copy() for name, mask in masks.items()}
    for peripheral in (True, False):
        found = [pair_in(each, peripheral).distances() for each in (masks, turned)]
        assert found[0].nsd(2) == pytest.approx(found[1].nsd(2))
        assert found[0].assd() == pytest.approx(found[1].assd())


def test_who_stops_short_has_a_distance_to_show() -> None:
    reference = np.zeros((9, 8, 9), np.uint8)
    reference[3:6, :, 3:6] = 1
    rater = reference.copy()
    rater[:, :2] = 0
    found, empty = ({"reference": reference, "rater": mask} for mask in (rater, np.zeros_like(rater)))
    hausdorff, nsd, volume = measures(["hd:voxels", "nsd@2:voxels", "volume_difference"])
    outer, inner = (pair_in(found, peripheral) for peripheral in (True, False))
    # The first slice lies two slices in front of where the rater begins.
    assert outer.score(hausdorff, OneEmpty.WORST) == (pytest.approx(7.0), Status.SCORED)
    # In the rater's first slice the middle of the face is border, a voxel from the reference's.
    assert inner.score(hausdorff, OneEmpty.WORST)[0] == pytest.approx(0.9)
    # Two of the four outer slices, nine voxels each.
    assert outer.score(volume, OneEmpty.WORST)[0] == pytest.approx(-18 * 0.9 * 3.5 * 0.9 / 1000)
    assert inner.score(volume, OneEmpty.WORST)[0] == 0
    assert outer.score(nsd, OneEmpty.WORST)[0] < inner.score(nsd, OneEmpty.WORST)[0] == 1
    # Who marks nothing at all has the worst value in either part.
    for peripheral in (True, False):
        nothing = pair_in(empty, peripheral)
        diagonal = float(np.linalg.norm(np.multiply(reference.shape, [0.9, 3.5, 0.9])))
        assert nothing.score(hausdorff, OneEmpty.WORST) == (pytest.approx(diagonal), Status.ONE_EMPTY)
        assert np.isnan(nothing.score(hausdorff, OneEmpty.LEFT_OUT)[0])


def test_a_part_without_anything_is_undefined() -> None:
    masks = blobs(0)
    alone = {
        "reference": masks["reference"],
        "rater": masks["reference"],
        "other": np.ones_like(masks["rater"]),
    }
    for name in ("reference", "rater"):
        alone[name] = alone[name] * 0
        alone[name][8, 7, 8] = 1
    exam = ExamMeasured(alone, LEVELS, AFFINE, single={"all": 1}, ordered=False)
    pair = PairInPart(exam, "all", "reference", "rater", Part(0, 14, True))
    for measure in measures(["nsd@2", "hd95", "foci"]):
        if measure.name != "foci_false":
            value, status = pair.score(measure, OneEmpty.WORST)
            assert np.isnan(value) and status is Status.UNDEFINED, measure.name


def test_foci_belong_where_their_middle_lies() -> None:
    reference = np.zeros((9, 8, 9), np.uint8)
    reference[1:3, 0, 1:3] = reference[6:8, 4, 6:8] = reference[1:3, 6:8, 6:8] = 1
    rater = reference.copy()
    rater[:, 0] = 0
    rater[6:8, 0, 6:8] = 1
    masks = {"reference": reference, "rater": rater}
    f1, sensitivity, false = measures(["foci"])
    # Oblique, so that a focus's place in the world is not its place in the array.
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ AFFINE[:3, :3]
    affine[:3, 3] = 40, -20, 7
    outer, inner = (pair_in(masks, peripheral, affine) for peripheral in (True, False))
    assert [outer.score(each, OneEmpty.WORST)[0] for each in (f1, sensitivity, false)] == [0.5, 0.5, 1]
    assert [inner.score(each, OneEmpty.WORST)[0] for each in (f1, sensitivity, false)] == [1, 1, 0]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_dice_of_a_part_is_that_of_the_counts_by_slice(axis: int) -> None:
    plane = ("sagittal", "coronal", "axial")[axis]
    (dice,) = measures(["dice"])
    tables, ours = [], []
    for seed in range(6):
        masks = blobs(seed)
        placed = ExamMasks(f"e{seed}", masks["reference"], {"rater": masks["rater"]}, AFFINE, plane)
        tables.append(slice_counts(placed, LEVELS))
        exam = ExamMeasured(masks, LEVELS, AFFINE, single={"all": 1}, slices=axis)
        first, n = int(placed.order.min()), len(placed.order)
        parts = (
            PairInPart(exam, "all", "reference", "rater", Part(first, n, part)) for part in (True, False)
        )
        ours.append([part.score(dice, OneEmpty.WORST)[0] for part in parts])
    row = peripheral_against_central(pd.concat(tables)).iloc[0]
    assert [row.peripheral, row.central] == pytest.approx(np.median(ours, axis=0))
