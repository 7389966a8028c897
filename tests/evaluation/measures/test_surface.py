"""Surface distances next to other programs, closed forms and brute force."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import surface_distance
from surface_distance import lookup_tables

from evaluation.measures.surface import Surfaces
from evaluation.measures.surface_elements import element_areas
from tests.support.people import people
from tests.support.reader_tolerances import tolerance_of_readers
from tests.support.surface_problems import surface_problem

peers = pytest.mark.filterwarnings("ignore::DeprecationWarning:surface_distance")

#: Of `surface_problem` by seed: voxels of the two masks; MedPy 0.5.2's hd, hd95 and assd; panoptica 2.1.7's
#: hd, hd95, assd and NSD at 2 mm (numpy 2.2.6, scipy 1.17.1).
BORDER_VOXELS = [
    (0, 1, 99, 19.3311623, 18.950542, 10.523475, 19.3311623, 18.950542, 6.77666497, 0),
    (1, 997, 1, 56.1968387, 49.7744139, 27.7567593, 56.1968387, 49.7744139, 14.3813839, 0.501062699),
    (2, 408, 287, 9.36141742, 5.15141209, 1.79335219, 9.36141742, 5.15141209, 1.66517751, 0.611590858),
    (3, 16, 46, 5.87380917, 4.59571884, 2.06139398, 5.87380917, 4.59571884, 1.83222432, 0.611111111),
    (4, 2669, 805, 10.2730234, 6.30914482, 2.8329267, 10.2730234, 6.30914482, 2.38264794, 0.458456056),
    (5, 225, 46, 39.0649767, 36.8025773, 15.5739893, 39.0649767, 36.8025773, 10.1513562, 0.300152141),
    (6, 63, 37, 16.2769282, 12.5195348, 3.96638788, 16.2769282, 12.5195348, 3.32617524, 0.461466165),
    (7, 2976, 1299, 16.3912087, 7.36275626, 2.64457863, 16.3912087, 7.36275626, 2.38245261, 0.537350235),
    (8, 591, 640, 8.9897047, 4.39113537, 1.74310948, 8.9897047, 4.39113537, 1.7438674, 0.698979279),
    (9, 116, 48, 16.1947217, 11.6524376, 4.25723025, 16.1947217, 11.6524376, 3.2916857, 0.52582846),
    (10, 1, 1480, 67.9985897, 63.0927896, 32.9736629, 67.9985897, 63.0927896, 16.9984824, 0.500338983),
    (11, 146, 1, 13.0867734, 12.400087, 7.39389447, 13.0867734, 12.400087, 4.7129821, 0.503846154),
]


@peers
@pytest.mark.parametrize("begin", range(0, 200, 50))
def test_elements_equal_surface_distance(begin: int) -> None:
    for seed in range(begin, begin + 50):
        reference, rater, spacing = surface_problem(seed, 12)
        theirs = surface_distance.compute_surface_distances(reference, rater, spacing)
        ours = Surfaces({"reference": reference, "rater": rater}, spacing).between("reference", "rater")
        for tolerance in (0, 0.5, 1, 2, 5):
            nsd = surface_distance.compute_surface_dice_at_tolerance(theirs, tolerance)
            assert ours.nsd(tolerance) == pytest.approx(nsd, abs=1e-6)
        # Not 50: where exactly half of the area lies within a distance, rounding decides theirs.
        for percentile in (51, 95, 100):
            hausdorff = surface_distance.compute_robust_hausdorff(theirs, percentile)
            assert ours.hausdorff(percentile) == pytest.approx(hausdorff, abs=1e-6)
        directed = surface_distance.compute_average_surface_distance(theirs)
        own = [
            np.average(ours.to_rater, weights=ours.reference_areas),
            np.average(ours.to_reference, weights=ours.rater_areas),
        ]
        assert own == pytest.approx(directed, abs=1e-6)
        assert ours.masd() == pytest.approx(np.mean(directed), abs=1e-6)
        areas = theirs["surfel_areas_gt"].sum(), theirs["surfel_areas_pred"].sum()
        assert ours.assd() == pytest.approx(np.average(directed, weights=areas), abs=1e-6)


@peers
def test_outlines_of_five_people_equal_surface_distance(test_data: Path) -> None:
    """Ten real images of 1030 x 1300 pixels; and their tolerance as docs/reference/measures.md prints it."""
    exams = []
    for masks in people(test_data).values():
        marked = {person: mask > 0 for person, mask in masks.items()}
        exams.append(Surfaces(marked, (1, 1)))
        # Background far around them takes the peer most of its time.
        box = tuple(
            slice(places.min() - 2, places.max() + 3)
            for places in np.nonzero(marked["person1"] | marked["person5"])
        )
        theirs = surface_distance.compute_surface_distances(
            marked["person1"][box], marked["person5"][box], (1, 1)
        )
        ours = exams[-1].between("person1", "person5")
        expected = surface_distance.compute_robust_hausdorff(theirs, 95)
        assert ours.hausdorff(95) == pytest.approx(expected, abs=1e-6)
        for tolerance in (0, 1, 3, 12):
            nsd = surface_distance.compute_surface_dice_at_tolerance(theirs, tolerance)
            assert ours.nsd(tolerance) == pytest.approx(nsd, abs=1e-6)
    found = [tolerance_of_readers(exams, list(marked)[:4], "cell", share) for share in (0.5, 0.8, 0.95)]
    assert [tolerance.mm for tolerance in found] == [2.83, 6, 12]
    assert found[-1].radius == pytest.approx(30.3, abs=0.1)
    assert found[-1].notices == []


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.9, 0.9, 3.5), (1.3, 0.7, 3.1), (0.3, 5.0, 2.0)])
def test_areas_of_all_cells_equal_surface_distance(spacing: tuple[float, ...]) -> None:
    """Their bits are numbered by a kernel."""
    for dimensions, kernel, theirs in (
        (
            3,
            lookup_tables.ENCODE_NEIGHBOURHOOD_3D_KERNEL,
            lookup_tables.create_table_neighbour_code_to_surface_area(spacing),
        ),
        (
            2,
            lookup_tables.ENCODE_NEIGHBOURHOOD_2D_KERNEL,
            lookup_tables.create_table_neighbour_code_to_contour_length(spacing[:2]),
        ),
    ):
        corners = list(product((0, 1), repeat=dimensions))
        codes = [
            sum(int(kernel[corner]) for bit, corner in enumerate(corners) if code >> bit & 1)
            for code in range(1 << len(corners))
        ]
        assert sorted(codes) == list(range(len(codes)))
        np.testing.assert_allclose(element_areas(spacing[:dimensions]), theirs[codes], atol=1e-12)


@pytest.mark.parametrize("row", BORDER_VOXELS)
def test_border_voxels_equal_medpy_and_where_defined_alike_panoptica(row: tuple) -> None:
    seed, n_reference, n_rater, *numbers = row
    hd, hd95, assd, panoptica_hd, panoptica_hd95, panoptica_assd, panoptica_nsd = numbers
    reference, rater, spacing = surface_problem(seed)
    assert (reference.sum(), rater.sum()) == (n_reference, n_rater)
    masks = {"reference": reference, "rater": rater}
    ours = Surfaces(masks, spacing, "voxels").between("reference", "rater")
    assert [ours.hausdorff(), ours.hausdorff(95), ours.assd()] == pytest.approx([hd, hd95, assd], rel=1e-8)
    assert [ours.hausdorff(), ours.hausdorff(95)] == pytest.approx([panoptica_hd, panoptica_hd95], rel=1e-8)
    # Its ASSD and NSD count each surface alike, however small: the means of the two directions.
    assert ours.masd() == pytest.approx(panoptica_assd, rel=1e-8)
    within = np.mean([(ours.to_reference <= 2).mean(), (ours.to_rater <= 2).mean()])
    assert within == pytest.approx(panoptica_nsd, abs=1e-8)


def ball(radius: float, spacing: tuple[float, ...], half: float) -> np.ndarray:
    """A ball in mm in the middle of a grid that reaches `half` mm to all sides."""
    axes = [np.arange(-half, half + 1e-9, step) for step in spacing]
    return sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")) <= radius**2


@pytest.mark.parametrize("spacing", [(0.5, 0.5), (0.4, 0.6), (0.5, 0.5, 0.5), (0.4, 0.5, 0.7)])
def test_balls_in_each_other_are_apart_by_the_difference_of_radii(spacing: tuple[float, ...]) -> None:
    """Within a voxel's diagonal for each element; on average less, by at most 0.6 voxels.

    Elements stand on a lattice, so that of several about as near one is nearer than the surface.
    """
    masks = {"small": ball(7, spacing, 12), "large": ball(10, spacing, 12)}
    apart = Surfaces(masks, spacing).between("large", "small")
    voxel = np.linalg.norm(spacing)
    assert np.abs(np.concatenate([apart.to_reference, apart.to_rater]) - 3).max() <= voxel
    for average in (apart.assd(), apart.masd()):
        assert 3 - 0.6 * max(spacing) <= average < 3
    assert apart.hausdorff() == pytest.approx(3, abs=voxel)
    assert (apart.nsd(3 - voxel), apart.nsd(3 + voxel)) == (0, 1)


def test_a_shifted_cube_has_its_closed_form() -> None:
    """Cubes of a mm, one s mm further along an axis; within 3 % for a = 40 voxels, s = 4."""
    size, shift = 40, 4
    cube = np.zeros((60, 60, 60), bool)
    cube[10:50, 10:50, 8:48] = True
    masks = {"cube": cube, "shifted": np.roll(cube, shift, axis=2)}
    apart = Surfaces(masks, (1, 1, 1)).between("cube", "shifted")
    assert apart.hausdorff() == shift
    # A face outside is s away; one inside at most s, but less near its rim; the sides that stick out s / 2.
    inside = shift * (size - 2 * shift) ** 2 + 2 * size * shift**2 - 8 * shift**3 / 3
    summed = size**2 * shift + inside + 4 * size * shift * shift / 2
    assert apart.assd() == pytest.approx(summed / (6 * size**2), rel=0.03)
    # Within nothing: sides without what sticks out.
    assert apart.nsd(0) == pytest.approx(4 * size * (size - shift) / (6 * size**2), rel=0.03)
    # The cube's edges are cut, its corners too.
    area = 6 * (size - 1) ** 2 + 12 * (size - 1) * np.sqrt(0.5) + np.sqrt(3)
    assert [apart.rater_areas.sum(), apart.reference_areas.sum()] == pytest.approx([area, area])


def test_an_empty_mask_has_no_extent_and_an_axis_of_one_voxel_no_places() -> None:
    plane = np.zeros((1, 6, 6), bool)
    plane[0, 2:4, 2:5] = True
    found = Surfaces({"a": plane, "empty": plane & False}, (2.0, 1.0, 1.0))
    assert found.extent("empty") == (0, 0)
    # A picture: six pixels of 1 mm, and their outline.
    assert found.extent("a")[0] == pytest.approx(6)
    with pytest.raises(ValueError, match="axis: found 0, along which there is one voxel, expected another"):
        found.along("a", "a", 0)
