from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path as Polygon

from dataset_conversion.mask_files.contours import crossing, rasterise

SHAPE = (23, 31)
CENTRES = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1).reshape(-1, 2)

coordinates = st.tuples(
    st.floats(-4, SHAPE[0] + 4, allow_nan=False), st.floats(-4, SHAPE[1] + 4, allow_nan=False)
)
polygons = st.lists(coordinates, min_size=3, max_size=12).map(np.array)


def distance_to_lines(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    start, end = polygon, np.roll(polygon, -1, axis=0)
    run = end - start
    length = np.maximum((run**2).sum(axis=1), 1e-12)
    part = (((points[:, None] - start) * run).sum(axis=-1) / length).clip(0, 1)
    return np.linalg.norm(points[:, None] - (start + part[..., None] * run), axis=-1).min(axis=1)


def even_odd(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Crossings to the right, pixel by pixel."""
    corner = polygon - points[:, None]
    following = np.roll(corner, -1, axis=1)
    crosses = (corner[..., 0] > 0) != (following[..., 0] > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = corner[..., 1] - corner[..., 0] * (following - corner)[..., 1] / (following - corner)[..., 0]
    return ((crosses & (at > 0)).sum(axis=1) % 2).astype(bool)


@given(polygons)
def test_pixel_off_every_line_follows_the_even_odd_rule(polygon: np.ndarray) -> None:
    found = rasterise([polygon], SHAPE).ravel()
    clear = distance_to_lines(CENTRES, polygon) > 0.01
    np.testing.assert_array_equal(found[clear], even_odd(CENTRES, polygon)[clear])


@given(st.lists(st.floats(0, 2 * np.pi), min_size=5, max_size=15, unique=True), st.floats(2, 9))
def test_convex_polygon_equals_matplotlib(angles: list[float], radius: float) -> None:
    turns = np.sort(angles)
    polygon = np.column_stack([11.3 + radius * np.sin(turns), 15.1 + radius * np.cos(turns)])
    found = rasterise([polygon], SHAPE).ravel()
    clear = distance_to_lines(CENTRES, polygon) > 0.01
    np.testing.assert_array_equal(found[clear], Polygon(polygon).contains_points(CENTRES)[clear])


@given(polygons)
def test_axis_order_direction_and_start_do_not_matter(polygon: np.ndarray) -> None:
    # Whole and half numbers put many corners and sides onto pixel centres.
    polygon = np.round(polygon * 2) / 2
    found = rasterise([polygon], SHAPE)
    np.testing.assert_array_equal(rasterise([polygon[:, ::-1]], SHAPE[::-1]).T, found)
    np.testing.assert_array_equal(rasterise([polygon[::-1]], SHAPE), found)
    np.testing.assert_array_equal(rasterise([np.roll(polygon, 2, axis=0)], SHAPE), found)
    mirrored = [0, SHAPE[1] - 1] + polygon * [1, -1]
    np.testing.assert_array_equal(rasterise([mirrored], SHAPE)[:, ::-1], found)


@given(polygons, polygons)
def test_contours_are_combined_by_exclusive_or(first: np.ndarray, second: np.ndarray) -> None:
    together = rasterise([first, second], SHAPE).ravel()
    apart = rasterise([first], SHAPE).ravel() ^ rasterise([second], SHAPE).ravel()
    clear = np.minimum(distance_to_lines(CENTRES, first), distance_to_lines(CENTRES, second)) > 0.01
    np.testing.assert_array_equal(together[clear], apart[clear])


@given(st.floats(5, 9), st.floats(1, 4))
def test_ring_has_the_area_of_a_ring(outer: float, inner: float) -> None:
    turns = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    unit = np.column_stack([np.sin(turns), np.cos(turns)])
    ring = rasterise([[11.2, 14.7] + outer * unit, [11.2, 14.7] + inner * unit], SHAPE)
    # Lattice points of a circle differ from its area by less than its circumference.
    assert abs(ring.sum() - np.pi * (outer**2 - inner**2)) < np.pi * (outer + inner)
    assert not ring[11, 15]


def test_line_through_pixel_centres_belongs_to_the_contour() -> None:
    square = np.array([[2, 3], [2, 7], [5, 7], [5, 3]], dtype=float)
    expected = np.zeros(SHAPE, dtype=bool)
    expected[2:6, 3:8] = True
    np.testing.assert_array_equal(rasterise([square], SHAPE), expected)
    # Coordinates in a file are rounded.
    np.testing.assert_array_equal(rasterise([square + 4e-4], SHAPE), expected)


def test_hole_that_is_traced_through_the_pixels_around_it_keeps_them() -> None:
    outer = np.array([[2, 3], [2, 9], [8, 9], [8, 3]], dtype=float)
    hole = np.array([[4, 5], [4, 7], [6, 7], [6, 5]], dtype=float)
    expected = np.zeros(SHAPE, dtype=bool)
    expected[2:9, 3:10] = True
    expected[5, 6] = False
    np.testing.assert_array_equal(rasterise([outer, hole], SHAPE), expected)


def test_keyhole_is_a_hole() -> None:
    outer = [[0.5, 0.5], [0.5, 9.5], [9.5, 9.5], [9.5, 0.5], [0.5, 0.5]]
    inner = [[3.5, 3.5], [6.5, 3.5], [6.5, 6.5], [3.5, 6.5], [3.5, 3.5]]
    found = rasterise([np.array([*outer, *inner])], SHAPE)
    # The channel between the two, from (0.5, 0.5) to (3.5, 3.5), runs through pixels of the ring alone.
    assert found.sum() == 9 * 9 - 3 * 3
    assert not found[4:7, 4:7].any()


def test_point_and_line_on_centres_are_pixels() -> None:
    assert np.argwhere(rasterise([np.array([[4.0, 6.0]])], SHAPE)).tolist() == [[4, 6]]
    assert np.argwhere(rasterise([np.array([[4.0, 6.0], [6.0, 8.0]])], SHAPE)).tolist() == [
        [4, 6],
        [5, 7],
        [6, 8],
    ]


def test_parts_outside_the_grid_are_cut_off() -> None:
    around = np.array([[-5, -5], [-5, 99], [99, 99], [99, -5]], dtype=float)
    assert rasterise([around], SHAPE).all()
    left = np.array([[-5, -5], [-5, 2.5], [99, 2.5], [99, -5]], dtype=float)
    assert rasterise([left], SHAPE)[:, :3].all()
    assert not rasterise([left], SHAPE)[:, 3:].any()
    assert not rasterise([], SHAPE).any()


@given(st.integers(1, 6))
def test_circles_cross_only_when_neither_lies_within_the_other(step: int) -> None:
    middle = np.array([11.2, 14.7])
    turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.column_stack([np.sin(turns), np.cos(turns)])
    assert crossing([middle + 9 * circle, middle + step * circle], SHAPE) == 0
    assert crossing([middle + [0, -5] + 4 * circle, middle + [0, 5] + 4 * circle], SHAPE) == 0
    assert crossing([middle + 6 * circle, middle + [0, step] + 6 * circle], SHAPE) > 0
