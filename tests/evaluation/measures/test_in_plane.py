"""Outlines slice by slice, next to another program called a slice at a time."""

from __future__ import annotations

import numpy as np
import pytest
import surface_distance

from evaluation.measures.named import measures
from evaluation.measures.pairs import ExamMeasured
from evaluation.measures.surface import Surfaces
from evaluation.study.from_masks import measure
from tests.support.surface_problems import surface_problem

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:surface_distance")


def by_peer(
    reference: np.ndarray, rater: np.ndarray, spacing: tuple[float, ...], axis: int, tolerance: float
) -> float:
    """Lengths of outlines within the tolerance of the other in the same slice, of all."""
    within, whole = 0.0, 0.0
    flat = [step for place, step in enumerate(spacing) if place != axis]
    for first, second in zip(np.moveaxis(reference, axis, 0), np.moveaxis(rater, axis, 0), strict=True):
        for mine, other in ((first, second), (second, first)):
            if not mine.any():
                continue
            found = surface_distance.compute_surface_distances(mine, other if other.any() else mine, flat)
            areas = found["surfel_areas_gt"]
            whole += areas.sum()
            if other.any():
                within += areas[found["distances_gt_to_pred"] <= tolerance].sum()
    return within / whole


@pytest.mark.parametrize("begin", range(0, 60, 20))
def test_outlines_equal_surface_distance_slice_by_slice(begin: int) -> None:
    compared = 0
    for seed in range(begin, begin + 20):
        reference, rater, spacing = surface_problem(seed, 12)
        if reference.ndim == 2:
            continue
        for axis in range(3):
            surfaces = Surfaces({"reference": reference, "rater": rater}, spacing, slices=axis)
            ours = surfaces.between("reference", "rater").nsd_at(np.array([0.0, 0.7, 2.0, 6.0]))
            theirs = [by_peer(reference, rater, spacing, axis, mm) for mm in (0.0, 0.7, 2.0, 6.0)]
            assert ours == pytest.approx(theirs, abs=1e-6)
            compared += 1
    assert compared >= 36


@pytest.mark.parametrize("convention", ["elements", "voxels"])
def test_of_one_slice_outlines_are_the_surface(convention: str) -> None:
    reference, rater, spacing = surface_problem(3)
    assert reference.ndim == 2
    masks = {"reference": reference[:, None], "rater": rater[:, None]}
    placed = (spacing[0], 4.0, spacing[1])
    flat = Surfaces(masks, placed, convention).between("reference", "rater")
    for axis in range(3):
        sliced = Surfaces(masks, placed, convention, slices=axis).between("reference", "rater")
        np.testing.assert_array_equal(sliced.to_rater, flat.to_rater)


def test_a_focus_drawn_a_slice_further_is_forgiven_in_space_and_not_in_plane() -> None:
    reference = np.zeros((12, 12, 6), np.uint8)
    reference[4:8, 4:8, 2] = 1
    moved = np.roll(reference, 1, axis=2)
    exam = ExamMeasured(
        {"a": reference, "b": moved}, {"level1": (1,)}, np.diag([0.9, 0.9, 3.5, 1]), single={}
    )
    in_space, in_plane = measures(["nsd@3.5", "nsd_in_plane@3.5"])
    pair = exam.pair("level1", "a", "b")
    assert in_space.score(pair)[0] == 1
    assert in_plane.score(pair)[0] == 0
    # Of the axis with the largest step where nothing else is known of slices.
    assert measure("nsd_in_plane@1", reference, reference) == 1


def test_slices_lie_across_an_axis_of_the_volume() -> None:
    with pytest.raises(ValueError, match="slices: found axis 3, expected one of 0 to 2"):
        Surfaces({"a": np.ones((3, 3, 3), bool)}, (1, 1, 1), slices=3)
