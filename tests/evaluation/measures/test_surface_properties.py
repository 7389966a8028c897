"""Surface distances: what holds of any masks, brute force, edges of a volume, and what is refused."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.spatial.distance import cdist

from evaluation.measures import surface, surface_search
from evaluation.measures.surface import SurfaceDistances, Surfaces
from tests.support.surface_problems import surface_problem

shapes = st.one_of(
    st.tuples(*[st.integers(2, 7)] * 2), st.tuples(*[st.integers(2, 6)] * 3)
)  # fmt: skip
spacings = st.tuples(*[st.floats(0.3, 5)] * 3)
conventions = st.sampled_from(["elements", "voxels"])


@st.composite
def problems(draw: st.DrawFn) -> tuple[dict[str, np.ndarray], tuple[float, ...]]:
    """Three masks, none of them empty, on a grid of any spacing."""
    shape = draw(shapes)
    masks = {name: draw(arrays.arrays(bool, shape)) for name in "abc"}
    for mask in masks.values():
        mask.flat[draw(st.integers(0, mask.size - 1))] = True
    return masks, draw(spacings)[: len(shape)]


def numbers(distances: SurfaceDistances) -> list[float]:
    found = [distances.hausdorff(percentile) for percentile in (10, 50, 95, 100)]
    return [*found, distances.assd(), distances.masd(), *distances.nsd_at(np.arange(0, 9, 0.37))]


@settings(max_examples=40)
@given(problem=problems(), convention=conventions)
def test_properties(problem: tuple, convention: surface.Convention) -> None:
    masks, spacing = problem
    made = Surfaces(masks, spacing, convention)
    apart = made.between("a", "b")
    # Symmetric, and the same in the company of others and alone.
    assert numbers(made.between("b", "a")) == numbers(apart)
    alone = Surfaces({"b": masks["b"], "a": masks["a"]}, spacing, convention)
    assert numbers(alone.between("b", "a")) == pytest.approx(numbers(apart))
    # In order.
    hausdorff = [apart.hausdorff(percentile) for percentile in (1, 25, 50, 95, 99, 100)]
    assert hausdorff == sorted(hausdorff)
    assert apart.assd() <= hausdorff[-1] + 1e-9
    assert hausdorff[-1] <= made.diagonal * 1.5
    nsd = apart.nsd_at(np.linspace(0, 20, 50)).tolist()
    assert nsd == sorted(nsd)
    assert apart.nsd(hausdorff[-1]) == 1
    # Of itself.
    same = made.between("c", "c")
    assert (same.hausdorff(), same.assd(), same.nsd(0)) == (0, 0, 1)


@settings(max_examples=40)
@given(problem=problems(), factor=st.floats(0.2, 4), convention=conventions)
def test_distances_grow_with_the_spacing(
    problem: tuple, factor: float, convention: surface.Convention
) -> None:
    masks, spacing = problem
    apart = Surfaces(masks, spacing, convention).between("a", "b")
    larger = tuple(step * factor for step in spacing)
    scaled = Surfaces(masks, larger, convention).between("a", "b")
    for measured in ("hausdorff", "assd", "masd"):
        assert getattr(scaled, measured)() == pytest.approx(getattr(apart, measured)() * factor)
    assert scaled.nsd(1.1 * factor) == pytest.approx(apart.nsd(1.1))


@settings(max_examples=40)
@given(problem=problems(), convention=conventions, data=st.data())
def test_turned_mirrored_and_moved_masks_are_as_far_apart(
    problem: tuple, convention: surface.Convention, data: st.DataObject
) -> None:
    masks, spacing = problem
    expected = numbers(Surfaces(masks, spacing, convention).between("a", "b"))
    order = data.draw(st.sampled_from(list(permutations(range(len(spacing))))))
    mirrored = data.draw(st.sets(st.sampled_from(range(len(spacing)))))
    turned = {name: np.flip(mask, tuple(mirrored)).transpose(order) for name, mask in masks.items()}
    padding = data.draw(st.tuples(*[st.tuples(st.integers(0, 4), st.integers(0, 4))] * len(spacing)))
    moved = {name: np.pad(mask, padding) for name, mask in turned.items()}
    steps = tuple(spacing[axis] for axis in order)
    assert numbers(Surfaces(moved, steps, convention).between("a", "b")) == pytest.approx(expected)


@pytest.mark.parametrize("looked_at", [0, np.inf])
@pytest.mark.parametrize("steps", [6, 120])
def test_distances_equal_brute_force(monkeypatch: pytest.MonkeyPatch, steps: int, looked_at: float) -> None:
    """By short steps, by search, and where a search would be slow by a transform."""
    monkeypatch.setattr(surface_search, "_STEPS", steps)
    monkeypatch.setattr(surface_search, "_POINTS_A_VOXEL", looked_at)
    surface_search.short_steps.cache_clear()
    rng = np.random.default_rng(0)
    for shape, spacing in (((9, 40), (2.1, 0.4)), ((20, 12, 9), (0.9, 0.9, 3.5))):
        masks = {name: rng.random(shape) > 0.98 for name in "abc"}
        masks["c"][:, shape[1] // 2 :] = False
        made = Surfaces(masks, spacing, "voxels")
        for first, second in combinations("abc", 2):
            one, other = (np.argwhere(masks[name]) * spacing for name in (first, second))
            apart, expected = made.between(first, second), cdist(other, one)
            assert apart.to_reference == pytest.approx(np.sort(expected.min(axis=1)))
            assert apart.to_rater == pytest.approx(np.sort(expected.min(axis=0)))
    surface_search.short_steps.cache_clear()


@pytest.mark.parametrize("seed", range(0, 12, 3))
def test_steps_looked_at_one_by_one_and_together_find_the_same(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    first, second, spacing = surface_problem(seed)
    found = []
    for looked_at in (1, 60, 1_000_000):
        monkeypatch.setattr(surface, "_LOOKED_AT", looked_at)
        apart = Surfaces({"a": first, "b": second}, spacing).between("a", "b")
        found.append((apart.hausdorff(), apart.assd(), apart.nsd(1.0)))
    assert found[0] == found[1] == found[2]


@settings(max_examples=20)
@given(axis=st.sampled_from([0, 1, 2]), seed=st.integers(0, 30), convention=conventions)
def test_a_volume_of_one_slice_is_flat(axis: int, seed: int, convention: surface.Convention) -> None:
    first, second, spacing = surface_problem(3 * seed, 12)
    flat = Surfaces({"a": first, "b": second}, spacing, convention)
    masks = {"a": np.expand_dims(first, axis), "b": np.expand_dims(second, axis)}
    volume = Surfaces(masks, tuple(np.insert(spacing, axis, 3.5)), convention)
    assert numbers(volume.between("a", "b")) == numbers(flat.between("a", "b"))
    assert volume.diagonal == flat.diagonal


def test_the_order_in_memory_does_not_matter() -> None:
    first, second, spacing = surface_problem(7)
    masks = {"a": np.asfortranarray(first), "b": second}
    apart = Surfaces(masks, spacing).between("a", "b")
    assert numbers(apart) == numbers(Surfaces({"a": first, "b": second}, spacing).between("a", "b"))


def test_a_voxel_is_within_a_tolerance_of_a_voxel_whatever_the_header_rounded() -> None:
    mask = np.zeros((12, 12, 8), bool)
    mask[3:7, 3:7, 3:5] = True
    for step in (1.2, float(np.float32(1.2))):
        masks = {"a": mask, "b": np.roll(mask, 2, axis=0)}
        apart = Surfaces(masks, (step, step, 3.5)).between("a", "b")
        assert apart.hausdorff() == pytest.approx(2.4)
        assert apart.nsd(2.4) == 1
    assert float(np.float32(1.2)) > 1.2


def test_the_border_of_the_volume_closes_a_surface() -> None:
    """As if a slice without a mark lay outside."""
    whole = np.ones((6, 7, 4), bool)
    inner = np.zeros_like(whole)
    inner[:, :, 1:] = True
    apart = Surfaces({"whole": whole, "inner": inner}, (1, 1, 3.5)).between("whole", "inner")
    assert apart.hausdorff() == 3.5
    assert 0.5 < apart.nsd(1) < 1
    alone = np.zeros((8, 9, 6), bool)
    alone[1:-1, 1:-1, 1:-1] = whole
    assert Surfaces({"a": whole}, (1, 1, 3.5)).between("a", "a").rater_areas.sum() == pytest.approx(
        Surfaces({"a": alone}, (1, 1, 3.5)).between("a", "a").rater_areas.sum()
    )


def test_the_diagonal_is_that_of_the_grid() -> None:
    assert Surfaces({"a": np.zeros((3, 4, 12), bool)}, (1, 1, 1)).diagonal == 13
    assert Surfaces({"a": np.zeros((6, 4, 1), bool)}, (0.5, 1, 9)).diagonal == 5


def test_an_empty_mask_has_no_surface() -> None:
    mask = np.zeros((4, 4, 4), bool)
    mask[1, 2, 1] = True
    made = Surfaces({"anna": mask, "ben": np.zeros_like(mask)}, (1, 1, 1))
    assert made.empty == {"ben"}
    for pair in (("anna", "ben"), ("ben", "anna"), ("ben", "ben")):
        with pytest.raises(ValueError, match="^mask 'ben': no voxel is marked, so that it has no surface$"):
            made.between(*pair)
    with pytest.raises(ValueError, match="^mask: found 'carl', expected one of anna, ben$"):
        made.between("anna", "carl")
    nobody = Surfaces({"ben": np.zeros_like(mask)}, (1, 1, 1))
    assert nobody.empty == {"ben"}
    assert repr(made) == "Surfaces(anna, ben: elements; empty: 1)"


@pytest.mark.parametrize(
    ("masks", "spacing", "convention", "message"),
    [
        ({"a": (3, 3, 3)}, (1, 0, 1), "elements", "spacing: found 0 along axis 1, expected mm above 0"),
        ({"a": (3, 3, 3)}, (1, 1, -2), "voxels", "spacing: found -2 along axis 2, expected mm above 0"),
        ({"a": (3, 3)}, (np.nan, 1), "elements", "spacing: found nan along axis 0, expected mm above 0"),
        ({"a": (3, 3)}, (1, np.inf), "elements", "spacing: found inf along axis 1, expected mm above 0"),
        ({"a": (3, 3)}, (1, 1, 1), "elements", "spacing: found 3 numbers, expected 2, one an axis"),
        (
            {"a": (3, 3, 3), "b": (3, 3, 4)},
            (1, 1, 1),
            "elements",
            "mask 'b': found a shape of (3, 3, 4), expected (3, 3, 3) as of the first",
        ),
        ({"a": (9,)}, (1,), "elements", "masks: found 1 dimensions, expected 2 or 3"),
        ({}, (1, 1), "elements", "masks: found none, expected one or more"),
        ({"a": (3, 3)}, (1, 1), "mesh", "convention: found 'mesh', expected one of elements, voxels"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(
    masks: dict, spacing: tuple, convention: surface.Convention, message: str
) -> None:
    made = {name: np.ones(shape, bool) for name, shape in masks.items()}
    with pytest.raises(ValueError) as caught:
        Surfaces(made, spacing, convention)
    assert str(caught.value) == message


def test_a_label_map_and_unsorted_distances_are_refused() -> None:
    with pytest.raises(ValueError, match="^mask 'a': found values of uint8, expected bool$"):
        Surfaces({"a": np.ones((3, 3), np.uint8)}, (1, 1))
    ones = np.ones(2)
    with pytest.raises(ValueError, match="^to_rater: expected one distance or more, in rising order$"):
        SurfaceDistances(ones, np.array([2.0, 1.0]), ones, ones)
    apart = SurfaceDistances(ones, ones, ones, ones)
    for tolerance in (-1, np.nan):
        with pytest.raises(ValueError, match="^tolerance: found .*, expected 0 mm or more$"):
            apart.nsd(tolerance)
    for percentile in (0, 101, np.nan):
        with pytest.raises(ValueError, match="^percentile: found .*, expected one above 0 and at most 100$"):
            apart.hausdorff(percentile)
    assert repr(apart) == "SurfaceDistances(2 and 2 elements, HD 1.00 mm)"
