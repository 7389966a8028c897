"""Names of measures, what they are where masks are empty"""

from __future__ import annotations

import numpy as np
import pytest
import surface_distance

from evaluation.measures.kinds import DEFAULT, asked_for
from evaluation.measures.measure import Measure, OneEmpty, Status
from evaluation.measures.named import measures
from evaluation.measures.pairs import ExamMeasured, Pair

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:surface_distance")

AFFINE = np.diag([0.9, 0.9, 3.5, 1.0])
LEVELS = {"level1": (1,), "level2": (2,), "level2+3": (2, 3)}


def exam(**masks: np.ndarray) -> ExamMeasured:
    return ExamMeasured(masks, LEVELS, AFFINE, single={"level1": 1, "level2": 2, "level3": 3})


def one(name: str) -> Measure:
    (found,) = measures([name])
    return found


@pytest.fixture
def pair() -> Pair:
    """20 and 12 voxels of level 2, 8 of them shared; two foci of the reference, of which one is found."""
    reference, rater = np.zeros((2, 14, 12, 5), np.uint8)
    reference[2:6, 2:7, 1] = 2
    rater[4:8, 3:6, 1] = 2
    reference[11, 9, 3] = 2
    rater[2:5, 10, 4] = 2
    return exam(reference=reference, rater=rater).pair("level2", "reference", "rater")


def test_defaults_are_measures() -> None:
    names = [measure.name for measure in measures(DEFAULT[True])]
    assert names == [
        "dice", "nsd@readers", "hd95", "assd", "volume_difference", "foci_f1", "foci_sensitivity",
        "foci_false",
    ]  # fmt: skip
    assert [measure.name for measure in measures(DEFAULT[False])] == names[:5]


def test_a_measure_named_twice_is_there_once() -> None:
    assert len(measures(["foci", "foci_f1", "dice", "dice", "nsd@2", "nsd@2.0"])) == 5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hd96", "found 'hd96', expected some of nsd@readers, .* did you mean hd95"),
        ("nsd", "found 'nsd', expected some"),
        (
            "nsd@",
            "found 'nsd@', expected a tolerance in mm above 0, as nsd@2 or nsd_in_plane@2, or nsd@readers",
        ),
        ("nsd@0", "found 'nsd@0', expected a tolerance"),
        ("nsd@-1", "found 'nsd@-1', expected a tolerance"),
        ("nsd@nan", "found 'nsd@nan', expected a tolerance"),
        ("nsd@inf", "found 'nsd@inf', expected a tolerance"),
        ("nsd@2mm", "found 'nsd@2mm', expected a tolerance"),
        ("nsd@readers:voxels", "found 'nsd@readers:voxels', expected some"),
        ("hd95:mesh", "found 'hd95:mesh', expected some"),
        ("dice:voxels", "found 'dice:voxels', expected some"),
        ("Dice", "found 'Dice', expected some .* did you mean dice"),
        ("", "found '', expected some"),
    ],
)
def test_what_is_no_measure(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^measures: {message}"):
        asked_for(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dice", 2 * 6 / (21 + 15)),
        ("volume_difference", (15 - 21) * 0.9 * 0.9 * 3.5 / 1000),
        ("false_positive_volume", 9 * 0.9 * 0.9 * 3.5 / 1000),
        ("false_negative_volume", 15 * 0.9 * 0.9 * 3.5 / 1000),
        ("foci_f1", 0.5),
        ("foci_sensitivity", 0.5),
        ("foci_false", 1),
    ],
)
def test_values_by_hand(pair: Pair, name: str, value: float) -> None:
    assert one(name).score(pair) == (pytest.approx(value), Status.SCORED)


def test_surfaces_of_cropped_masks_are_those_of_whole_volumes(pair: Pair) -> None:
    masks = [np.zeros((14, 12, 5), bool) for _ in range(2)]
    masks[0][2:6, 2:7, 1] = masks[0][11, 9, 3] = True
    masks[1][4:8, 3:6, 1] = masks[1][2:5, 10, 4] = True
    found = surface_distance.compute_surface_distances(*masks, (0.9, 0.9, 3.5))
    nsd = surface_distance.compute_surface_dice_at_tolerance(found, 1.0)
    assert one("nsd@1").score(pair)[0] == pytest.approx(nsd, abs=1e-6)
    for name, percentile in (("hd95", 95), ("hd", 100)):
        theirs = surface_distance.compute_robust_hausdorff(found, percentile)
        assert one(name).score(pair)[0] == pytest.approx(theirs, abs=1e-6)


def test_all_that_is_marked_in_one_slice_of_several_stays_a_volume() -> None:
    flat, other = np.zeros((2, 9, 9, 4), np.uint8)
    flat[3:6, 3:6, 2], other[3:6, 3:6, 2] = 2, 2
    other[3, 3, 2] = 0
    pair = exam(reference=flat, rater=other).pair("level2", "reference", "rater")
    found = surface_distance.compute_surface_distances(flat == 2, other == 2, (0.9, 0.9, 3.5))
    sides = surface_distance.compute_average_surface_distance(found)
    assert one("hd95").score(pair)[0] == pytest.approx(surface_distance.compute_robust_hausdorff(found, 95))
    assert min(sides) <= one("assd").score(pair)[0] <= max(sides)
    # In 2-D the surface is a line, and there is no way around through the neighbouring slices.
    line = exam(reference=flat[:, :, 2:3], rater=other[:, :, 2:3]).pair("level2", "reference", "rater")
    assert one("assd").score(line)[0] != pytest.approx(one("assd").score(pair)[0], abs=1e-3)


@pytest.mark.parametrize("empty", ["reference", "rater", "both"])
def test_empty_masks(empty: str) -> None:
    whole = {"reference": np.zeros((14, 12, 5), np.uint8), "rater": np.zeros((14, 12, 5), np.uint8)}
    if empty != "both":
        whole["rater" if empty == "reference" else "reference"][3:5, 3:5, 2] = 2
    found = exam(**whole).pair("level2", "reference", "rater")
    diagonal = float(np.linalg.norm(np.array([14, 12, 5]) * [0.9, 0.9, 3.5]))
    ml = 4 * 0.9 * 0.9 * 3.5 / 1000
    worst = {"dice": 0, "nsd@1": 0, "hd95": diagonal, "hd": diagonal, "assd": diagonal, "foci_f1": 0}
    for name, value in worst.items():
        expected = (np.nan, Status.UNDEFINED) if empty == "both" else (value, Status.ONE_EMPTY)
        assert one(name).score(found) == (pytest.approx(expected[0], nan_ok=True), expected[1]), name
        assert np.isnan(one(name).score(found, OneEmpty.LEFT_OUT)[0])
    signs = {"both": 0, "reference": 1, "rater": -1}
    assert one("volume_difference").score(found) == (pytest.approx(signs[empty] * ml), Status.SCORED)
    assert one("false_positive_volume").score(found)[0] == pytest.approx(ml if empty == "reference" else 0)
    assert one("foci_false").score(found) == (float(empty == "reference"), Status.SCORED)
    sensitivity = one("foci_sensitivity").score(found)
    assert sensitivity == (0.0, Status.SCORED) if empty == "rater" else np.isnan(sensitivity[0])


def test_foci_are_of_all_that_is_called_the_level_or_more() -> None:
    reference, rater = np.zeros((2, 8, 8, 3), np.uint8)
    reference[2:4, 2:4, 1], rater[2:4, 2:4, 1] = 2, 3
    pair = exam(reference=reference, rater=rater).pair("level2", "reference", "rater")
    assert one("dice").score(pair)[0] == 0
    assert one("foci_f1").score(pair)[0] == 1
