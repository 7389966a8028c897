"""The readers' tolerance by hand, by KiTS21's procedure, and what is said of it."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import surface_distance

from evaluation.measures.surface import SurfaceDistances, Surfaces
from evaluation.measures.tolerance import (
    CURVE,
    kits21_tolerance,
    reader_tolerance,
    tolerance_curve,
)
from evaluation.statistics.intervals import StatisticsError
from tests.support.reader_tolerances import tolerance_of_readers
from tests.support.surface_problems import surface_problem


def apart(*distances: float, areas: tuple[float, ...] | None = None) -> SurfaceDistances:
    """The same on both sides."""
    found = np.array(distances, float)
    sizes = np.ones(len(found)) if areas is None else np.array(areas, float)
    return SurfaceDistances(found, found, sizes, sizes)


def test_all_pairs_of_all_exams_are_taken_as_one_by_area() -> None:
    pairs = [apart(0, 0, 1.8), apart(0, 0.9, 0.9, areas=(14, 1, 1))]
    # 19 of area on each side: 16 at 0, 2 at 0.9, 1 at 1.8.
    assert reader_tolerance(pairs, 16 / 19) == 0
    assert reader_tolerance(pairs, 17 / 19) == 0.9
    assert reader_tolerance(pairs, 0.95) == 1.8
    assert reader_tolerance(pairs[1:]) == 0.9


def test_tolerances_are_rounded_up_so_that_what_is_printed_holds_the_quantile() -> None:
    diagonal = float(np.hypot(0.9, 0.9))
    assert reader_tolerance([apart(diagonal)]) == 1.28
    assert reader_tolerance([apart(0.9)]) == 0.9
    assert reader_tolerance([apart(float(np.float32(1.2)))]) == 1.2
    assert apart(diagonal).nsd(1.28) == 1
    assert apart(diagonal).nsd(1.27) == 0


def test_two_readers_lie_within_the_tolerance_as_far_as_it_says() -> None:
    pairs = []
    for seed in range(1, 30, 3):
        first, second, _ = surface_problem(seed, 14)
        pairs.append(Surfaces({"a": first, "b": second}, (0.9, 0.9, 3.5)).between("a", "b"))
    for quantile in (0.5, 0.8, 0.95):
        tolerance = reader_tolerance(pairs, quantile)
        areas = [pair.rater_areas.sum() + pair.reference_areas.sum() for pair in pairs]
        assert np.average([pair.nsd(tolerance) for pair in pairs], weights=areas) >= quantile - 1e-9
        below = [pair.nsd(tolerance - 0.02) for pair in pairs]
        assert np.average(below, weights=areas) < quantile


@pytest.mark.filterwarnings("ignore::DeprecationWarning:surface_distance")
def test_kits21s_procedure_on_the_same_masks_gives_its_number() -> None:
    """Their lines on surface-distance's output; ours differ by area, by pooling and by rounding up."""
    exams, theirs, pooled = [], [], []
    for seed in (1, 4, 7, 13):
        reference, rater, spacing = surface_problem(seed, 14)
        third = np.roll(reference, 1, axis=0) | rater
        masks = {"anna": reference, "ben": rater, "carl": third}
        made = Surfaces(masks, spacing)
        exams.append([made.between(*pair) for pair in combinations(masks, 2)])
        pooled += exams[-1]
        tolerances = []
        for first, second in combinations(masks.values(), 2):
            found = surface_distance.compute_surface_distances(second, first, spacing)
            sides = found["distances_gt_to_pred"], found["distances_pred_to_gt"]
            tolerances.append((np.percentile(sides[0], 95) + np.percentile(sides[1], 95)) / 2)
        theirs.append(np.mean(tolerances, 0))
    assert kits21_tolerance(exams) == pytest.approx(np.nanmean(theirs), abs=1e-9)
    # An exam in which a reader marked nothing is NaN there.
    assert kits21_tolerance([*exams, [apart(99), None]]) == kits21_tolerance(exams)
    assert reader_tolerance(pooled) != pytest.approx(kits21_tolerance(exams), abs=0.1)
    # One pair of equal elements: the two differ by interpolation and rounding alone.
    one = apart(*np.arange(200) / 100)
    assert kits21_tolerance([[one]]) == pytest.approx(1.8905)
    assert reader_tolerance([one]) == 1.89


def test_what_has_no_tolerance_is_refused() -> None:
    for found in (lambda: reader_tolerance([]), lambda: kits21_tolerance([[], [None]])):
        with pytest.raises(StatisticsError, match="^tolerance: no exam in which .* so that there is none$"):
            found()
    for quantile in (0, 1.01, np.nan):
        with pytest.raises(
            StatisticsError, match="^quantile: found .*, expected a share above 0 and at most"
        ):
            reader_tolerance([apart(1)], quantile)


def exam(**boxes: tuple[slice, slice, slice] | None) -> Surfaces:
    """Readers who marked a box each, or nothing, on voxels of 0.9 x 0.9 x 3.5 mm."""
    masks = {}
    for reader, box in boxes.items():
        masks[reader] = np.zeros((40, 40, 12), bool)
        if box:
            masks[reader][box] = True
    return Surfaces(masks, (0.9, 0.9, 3.5))


BOX = (slice(5, 15), slice(5, 15), slice(2, 6))
MOVED = (slice(6, 16), slice(5, 15), slice(2, 6))
FAR = (slice(30, 32), slice(30, 32), slice(9, 10))


def test_a_tolerance_rests_on_the_exams_in_which_two_readers_marked_something() -> None:
    exams = [
        exam(anna=BOX, ben=MOVED, carl=BOX),
        exam(anna=BOX, ben=None, carl=None),
        exam(anna=BOX, ben=BOX, carl=None),
        exam(anna=None, ben=None, carl=None),
    ]
    found = tolerance_of_readers(iter(exams), ["anna", "ben", "carl"], "level1")
    assert (found.mm, found.n_pairs, found.n_exams, found.n_one_empty) == (0.9, 4, 2, 4)
    assert found.voxel == 0.9
    # Cut at its edges and corners a box has some more volume for its surface than 3 V / A.
    volume, area = 9 * 9 * 14, 2 * (9 * 9 + 2 * 9 * 14)
    assert found.radius == pytest.approx(3 * volume / area, rel=0.15)
    assert found.is_of_borders
    assert found.notices == [
        "level1: in 4 of 8 pairs of readers and exams one reader alone marked something; they are not in the "
        "tolerance."
    ]
    # Whoever is not asked for is not in it.
    assert tolerance_of_readers(exams, ["anna", "carl"], "level1").mm == 0
    with pytest.raises(StatisticsError, match="^level3: tolerance: no exam in which two readers marked"):
        tolerance_of_readers(exams[1:2], ["anna", "ben"], "level3")


def test_a_tolerance_that_voxels_cannot_carry_is_told() -> None:
    same = tolerance_of_readers([exam(anna=BOX, ben=BOX)], ["anna", "ben"], "level3")
    assert same.notices == [
        "level3: the readers' tolerance of 0.00 mm is below a voxel (0.90 mm). Surfaces are apart by whole "
        "voxels, so that only what coincides is within it."
    ]
    # It is so.
    found = exam(anna=BOX, ben=MOVED).between("anna", "ben")
    assert found.nsd(0.89) == found.nsd(0) < found.nsd(0.9)


def test_a_tolerance_between_foci_is_none_of_borders() -> None:
    found = tolerance_of_readers([exam(anna=BOX, ben=FAR)], ["anna", "ben"], "level3")
    assert found.mm > 20
    assert found.radius < 6
    assert not found.is_of_borders
    assert found.notices == [
        f"level3: the readers' tolerance of {found.mm:.2f} mm is more than the size of what they mark "
        f"(a ball with as much surface for its volume has a radius of {found.radius:.2f} mm). They differ in "
        "whole foci, not by borders alone: NSD at this tolerance takes one focus for another nearby and says "
        "little of borders."
    ]
    # It does: not a voxel is shared, and nearly all of the surface counts as right.
    assert exam(anna=BOX, ben=FAR).between("anna", "ben").nsd(found.mm) > 0.9


def test_a_curve_is_the_median_of_exams_and_one_empty_counts_0() -> None:
    scored = [
        ("anna", "level1", apart(0, 1)),
        ("anna", "level1", apart(2, 3)),
        ("anna", "level1", None),
        ("net", "level1", apart(0, 0)),
        ("net", "level3", None),
    ]
    curve = tolerance_curve(scored, [0, 1, 2.5, 3])
    assert set(curve.of) == {"surfaces"}
    assert curve.drop(columns="of").to_numpy().tolist() == [
        ["anna", "level1", 0, 0, 3],
        ["anna", "level1", 1, 0, 3],
        ["anna", "level1", 2.5, 0.5, 3],
        ["anna", "level1", 3, 1, 3],
        *(["net", "level1", tolerance, 1, 1] for tolerance in (0, 1, 2.5, 3)),
        *(["net", "level3", tolerance, 0, 1] for tolerance in (0, 1, 2.5, 3)),
    ]
    assert len(CURVE) == 51
    assert CURVE[:2] == (0, 0.1)
    assert CURVE[-1] == 5
    assert tolerance_curve([]).columns.tolist() == curve.columns.tolist()
