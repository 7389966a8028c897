import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from evaluation.measures.components import Components, FociRules
from evaluation.measures.foci import FOCI_COLUMNS, exam_foci
from evaluation.measures.foci_counts import counts
from evaluation.statistics.intervals import StatisticsError
from tests.support.foci import LEVELS, MM, counted, line, table
from tests.support.foci_problems import FIRST_FLAT, PROBLEMS, foci_problem

label_maps = arrays.arrays(np.uint8, (6, 5, 4), elements=st.sampled_from([0, 0, 0, 0, 1, 2, 3]))

# panoptica 2.1.7 on `foci_problem(0)` to (99): reference foci, rater's foci, tp, fp, fn of its
# ConnectedComponentsInstanceApproximator (26 neighbours; 4 in 2-D) and
# NaiveThresholdMatching(Metric.IOU, 0.0, strict_threshold=True).
PANOPTICA = [
    (9, 6, 5, 1, 4), (5, 5, 1, 4, 4), (10, 9, 5, 4, 5), (9, 8, 3, 5, 6), (7, 5, 2, 3, 5), (10, 8, 3, 5, 7),
    (5, 2, 1, 1, 4), (9, 8, 4, 4, 5), (9, 5, 4, 1, 5), (4, 4, 1, 3, 3), (7, 5, 4, 1, 3), (1, 2, 1, 1, 0),
    (7, 7, 2, 5, 5), (9, 5, 3, 2, 6), (2, 6, 2, 4, 0), (8, 4, 2, 2, 6), (8, 6, 0, 6, 8), (8, 5, 3, 2, 5),
    (11, 11, 4, 7, 7), (7, 7, 2, 5, 5), (8, 6, 3, 3, 5), (5, 4, 1, 3, 4), (6, 5, 4, 1, 2), (0, 4, 0, 4, 0),
    (5, 5, 2, 3, 3), (7, 7, 2, 5, 5), (11, 4, 2, 2, 9), (0, 4, 0, 4, 0), (7, 12, 2, 10, 5),
    (10, 7, 4, 3, 6), (1, 3, 0, 3, 1), (6, 6, 4, 2, 2), (9, 8, 4, 4, 5), (8, 6, 3, 3, 5), (0, 0, 0, 0, 0),
    (2, 2, 1, 1, 1), (5, 6, 2, 4, 3), (2, 2, 0, 2, 2), (3, 6, 2, 4, 1), (10, 6, 4, 2, 6), (5, 5, 1, 4, 4),
    (4, 7, 3, 4, 1), (1, 3, 1, 2, 0), (7, 3, 2, 1, 5), (8, 6, 3, 3, 5), (8, 8, 4, 4, 4), (4, 4, 2, 2, 2),
    (1, 0, 0, 0, 1), (1, 1, 0, 1, 1), (0, 2, 0, 2, 0), (7, 5, 3, 2, 4), (5, 3, 1, 2, 4), (8, 4, 2, 2, 6),
    (8, 6, 3, 3, 5), (4, 6, 0, 6, 4), (10, 4, 2, 2, 8), (5, 6, 2, 4, 3), (0, 4, 0, 4, 0), (4, 4, 2, 2, 2),
    (7, 5, 2, 3, 5), (2, 4, 0, 4, 2), (3, 2, 0, 2, 3), (5, 4, 2, 2, 3), (6, 3, 2, 1, 4), (7, 7, 4, 3, 3),
    (2, 1, 0, 1, 2), (9, 4, 2, 2, 7), (7, 6, 3, 3, 4), (3, 5, 1, 4, 2), (0, 2, 0, 2, 0), (4, 6, 2, 4, 2),
    (13, 8, 4, 4, 9), (9, 6, 2, 4, 7), (11, 6, 2, 4, 9), (2, 6, 2, 4, 0), (9, 7, 3, 4, 6), (8, 7, 3, 4, 5),
    (0, 4, 0, 4, 0), (5, 6, 2, 4, 3), (1, 3, 0, 3, 1), (10, 8, 3, 5, 7), (0, 2, 0, 2, 0), (5, 3, 3, 0, 2),
    (6, 8, 5, 3, 1), (6, 5, 4, 1, 2), (6, 7, 3, 4, 3), (9, 6, 3, 3, 6), (8, 6, 5, 1, 3), (6, 4, 3, 1, 3),
    (9, 3, 2, 1, 7), (8, 8, 3, 5, 5), (7, 4, 3, 1, 4), (6, 4, 3, 1, 3), (7, 9, 5, 4, 2), (0, 1, 0, 1, 0),
    (4, 5, 2, 3, 2), (6, 8, 4, 4, 2), (1, 3, 1, 2, 0), (4, 5, 1, 4, 3), (7, 9, 6, 3, 1),
]  # fmt: skip


def test_columns_of_rows_follow_exam_rater_and_yardstick() -> None:
    assert FOCI_COLUMNS[:3] == ["exam", "rater", "left_out"]
    assert FOCI_COLUMNS[3:12] == [
        "level", "focus", "volume_ml", "x_mm", "y_mm", "z_mm", "outcome", "called", "overlap",
    ]  # fmt: skip


def test_counts_equal_panoptica() -> None:
    tables = []
    for seed in range(PROBLEMS):
        reference, rater = foci_problem(seed)
        rules = FociRules(connectivity=26 if seed < FIRST_FLAT else 6)
        foci = table(reference, rater, {"lesion": 1}, MM[: reference.ndim], rules, ordered=False)
        tables.append(foci.assign(exam=seed, rater="rater"))
    c = counts(pd.concat(tables))
    false = c.pieces + c.false
    found = np.c_[c.n_foci, c.matched + false, c.matched, false, c.n_foci - c.matched]
    np.testing.assert_array_equal(found, PANOPTICA)


def test_an_exam_by_hand() -> None:
    reference = line("33.33..3333...33..222..33.")
    rater____ = line("33333..3.33...22..333....3")
    foci = table(reference, rater____)
    shown = ["focus", "outcome", "called", "overlap", "dice", "matched", "pieces"]
    expected = [
        (1, "found", "level3", 0.75, 6 / 7, 1, 1),  # in two pieces
        (2, "found", "level3", 1.0, 4 / 7, 1, 0),  # merged with the next
        (3, "found", "level3", 1.0, 4 / 7, 0, 0),
        (4, "lower", "level2", 0.0, 0.0, 0, 0),
        (5, "missed", "none", 0.0, 0.0, 0, 0),  # side by side is no shared voxel
        (2, "false", "level2", 0.0, 0.0, 0, 0),  # the rater's second largest, called too high
        (5, "false", "none", 0.0, 0.0, 0, 0),
    ]
    assert [*foci.loc[foci.level == "level3", shown].itertuples(index=False, name=None)] == expected
    c = counted(foci).loc["level3"]
    assert c[["n_foci", "found", "lower", "missed", "false", "false_called"]].tolist() == [5, 3, 1, 1, 2, 1]
    assert c[["matched", "merged", "split", "pieces"]].tolist() == [2, 1, 1, 1]
    assert c[["sensitivity", "f1", "focus_dice"]].tolist() == pytest.approx([3 / 5, 2 * 2 / (5 + 5), 2 / 7])
    # Level 2 and above: the two false ones of level 3 are one of level 2.
    assert counted(foci).loc["level2", ["n_foci", "found", "missed", "false"]].tolist() == [6, 5, 1, 1]


@pytest.mark.parametrize(
    ("connectivity", "n_foci"), [(6, 3), (18, 2), (26, 1)], ids=["faces", "edges too", "corners too"]
)
def test_connectivity(connectivity: int, n_foci: int) -> None:
    mask = np.zeros((4, 4, 4), np.uint8)
    # Neighbours by an edge, then by a corner.
    mask[0, 0, 0] = mask[1, 1, 0] = mask[2, 2, 1] = 1
    foci = table(mask, mask, {"level1": 1}, rules=FociRules(connectivity=connectivity))
    assert len(foci) == n_foci


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (4, 1, 4), (1, 4, 4)])
@pytest.mark.parametrize(("connectivity", "n_foci"), [(6, 2), (18, 1), (26, 1)])
def test_one_slice_has_4_or_8_neighbours(shape: tuple, connectivity: int, n_foci: int) -> None:
    mask = np.eye(4, dtype=np.uint8)
    mask[2:] = 0
    rules = FociRules(connectivity=connectivity)
    assert (
        len(table(mask.reshape(shape), mask.reshape(shape), {"level1": 1}, MM[: len(shape)], rules)) == n_foci
    )


def test_a_focus_cut_by_the_border_has_what_is_inside() -> None:
    affine = np.array([[-2.0, 0, 0, 10], [0, 0, 3, 20], [0, 1, 0, 30], [0, 0, 0, 1]])
    reference = np.zeros((5, 4, 3), np.uint8)
    reference[3:, 0, 2] = 1
    reference[0, 3, 0] = 1
    foci = table(reference, reference, {"level1": 1}, affine)
    assert foci.volume_ml.tolist() == pytest.approx([0.012, 0.006])
    places = foci[["x_mm", "y_mm", "z_mm"]].to_numpy()
    # (3.5, 0, 2) and (0, 3, 0): nothing is joined across the border.
    np.testing.assert_allclose(places, [[3, 26, 30], [10, 20, 33]])


def test_smaller_components_are_no_foci_but_are_touched() -> None:
    reference = line("1.11.111..11.....")
    rater____ = line("11.1.......1..1.1")
    foci = table(reference, rater____, {"level1": 1}, rules=FociRules(smallest_mm3=2))
    # Two are found by a voxel each. The rater's largest touches only what is no focus of the reference: it is
    # not false, and counted with the two that are small and touch nothing.
    assert foci.outcome.tolist() == ["missed", "found", "found", "too small", *["too small (rater)"] * 3]
    c = counted(foci).loc["level1"]
    assert c[["n_foci", "found", "false", "matched", "pieces"]].tolist() == [3, 2, 0, 2, 0]
    assert c[["too_small", "too_small_rater"]].tolist() == [1, 3]
    assert c.f1 == pytest.approx(2 * 2 / (3 + 2))


def test_the_smallest_focus_is_a_focus() -> None:
    # 0.1 * 0.1 * 0.1 is not 0.001 to the last digit.
    foci = table(line("1.."), line("1.."), {"level1": 1}, (0.1, 0.1, 0.1), FociRules(smallest_mm3=0.001))
    assert foci.outcome.tolist() == ["found"]


@pytest.mark.parametrize(
    ("matching", "outcomes"),
    [
        ("overlap", ["missed", "missed", "false", "false"]),
        (0, ["missed", "missed", "false", "false"]),
        (1.9, ["missed", "missed", "false", "false"]),
        (2.0, ["found", "missed", "false"]),
        (3.0, ["found", "found"]),
    ],
)
def test_matching_within_a_distance(matching: str | float, outcomes: list[str]) -> None:
    # Voxels of 1 mm: two on is 2 mm away.
    foci = table(
        line("11......1..."), line("...1.......1"), {"level1": 1}, rules=FociRules(matching=matching)
    )
    assert foci.outcome.tolist() == outcomes


@pytest.mark.parametrize(("spacing", "apart"), [(0.4, 3), (0.2, 3), (0.1, 3), (0.3, 3), (0.7, 6), (1.1, 3)])
def test_a_voxel_at_the_distance_itself_is_within_it(spacing: float, apart: int) -> None:
    """1.2 / 0.4 is 2.9999999999999996 in floating point."""
    second = line("." * apart + "1")
    first = line("1" + "." * apart)
    rules = FociRules(matching=round(spacing * apart, 10))
    assert table(first, second, {"level1": 1}, (spacing,) * 3, rules).outcome.tolist() == ["found"]


def test_distance_is_in_mm_of_each_axis_and_stays_in_the_volume() -> None:
    reference, rater = np.zeros((2, 3, 4, 4), np.uint8)
    reference[0, 0, 0], rater[2, 3, 3], rater[1, 0, 1] = 1, 1, 1
    within = [
        table(reference, rater, {"level1": 1}, (3, 1, 2), FociRules(matching=mm)).outcome.tolist()
        for mm in (3.5, np.sqrt(13), 4)
    ]
    assert within == [["missed", "false", "false"], ["found", "false"], ["found", "false"]]


def test_a_lower_level_within_the_distance_is_called_lower() -> None:
    foci = table(line("33......"), line("...2...."), rules=FociRules(matching=2))
    assert foci[foci.level == "level3"].outcome.tolist() == ["lower"]
    assert foci[foci.level == "level2"].outcome.tolist() == ["found"]


def test_nominal_labels_are_not_nested() -> None:
    levels = {"liver": 1, "spleen": 2}
    foci = table(line("11.22.11"), line("11.11.22"), levels, ordered=False)
    assert foci[["level", "outcome", "called"]].values.tolist() == [
        ["liver", "found", "liver"],
        ["liver", "missed", "spleen"],
        ["liver", "false", "spleen"],
        ["spleen", "missed", "liver"],
        ["spleen", "false", "liver"],
    ]


def test_called_takes_the_lower_of_two_that_are_even() -> None:
    foci = table(line("3333"), line("1122"))
    assert foci.called[foci.level == "level3"].tolist() == ["level1"]
    foci = table(line("3333"), line("..33"))
    assert foci.called[foci.level == "level3"].tolist() == ["none"]


def test_where_neither_has_a_focus_one_row_says_so() -> None:
    foci = table(line("1..."), line("...."))
    assert foci.outcome.tolist() == ["missed", "nowhere", "nowhere"]
    c = counted(foci)
    np.testing.assert_equal(c.sensitivity.tolist(), [0, np.nan, np.nan])
    np.testing.assert_equal(c.f1.tolist(), [0, np.nan, np.nan])
    assert c.false.tolist() == [0, 0, 0]


def test_everything_marked_finds_all_but_has_no_good_f1() -> None:
    reference = line("1.1.1.1.1.1")
    c = counted(table(reference, np.ones_like(reference), {"level1": 1})).loc["level1"]
    assert (c.sensitivity, c.false, c.matched, c.merged) == (1, 0, 1, 5)
    assert c.f1 == pytest.approx(2 / 7)
    assert c.focus_dice == pytest.approx(2 / 12)


def test_components_are_found_once_a_mask() -> None:
    reference, rater = line("33.1"), line("3..1")
    components = Components(reference.shape, MM, LEVELS)
    first = exam_foci(reference, rater, LEVELS, MM, components=components)
    assert components.of(rater) is components.of(rater)
    assert repr(components) == "Components(2 masks of (1, 4, 1))"
    np.testing.assert_equal(first, exam_foci(reference, rater, LEVELS, MM))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"connectivity": 8}, "connectivity: found 8, expected one of 6, 18, 26"),
        ({"smallest_mm3": -1}, "smallest_mm3: found -1, expected 0 or more"),
        ({"smallest_mm3": np.nan}, "smallest_mm3: found nan, expected 0 or more"),
        ({"matching": "near"}, "matching: found 'near', expected 'overlap' or a distance in mm, 0 or more"),
        ({"matching": -2.0}, "matching: found -2.0, expected 'overlap' or a distance in mm, 0 or more"),
    ],
)
def test_rules_that_cannot_be_are_refused(asked: dict, message: str) -> None:
    with pytest.raises(StatisticsError) as caught:
        FociRules(**asked)
    assert str(caught.value) == message


@pytest.mark.parametrize("spacing", [(1, 0, 1), (1, np.nan, 1), np.diag([1, 0, 1, 1])])
def test_a_voxel_without_size_is_refused(spacing) -> None:
    with pytest.raises(ValueError, match="spacing: found .* mm, expected sizes above 0"):
        table(line("1"), line("1"), spacing=spacing)


def test_another_shape_spacing_or_value_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape: found \(1, 2, 1\), expected \(1, 3, 1\)"):
        table(line("111"), line("11"))
    with pytest.raises(ValueError, match="expected an affine of 4 x 4 or a size in mm an axis"):
        table(line("111"), line("111"), spacing=(1, 1))
    with pytest.raises(ValueError, match="mask: found the value 7, expected one of 0, 1, 2, 3"):
        table(line("111"), line("171"))
