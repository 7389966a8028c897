"""What readers draw on the middle of two test exams: one with fluid-like foci, and the one without."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy import ndimage

from dataset_conversion.phantom.cohort import DEFAULT_SEED, Body, plan_cohort, simulate_body
from dataset_conversion.phantom.readers import (
    READERS,
    SPECK,
    Habit,
    calibrated_readers,
    draw_masks,
    true_levels,
)

Masks = dict[str, np.ndarray]


def _simulate(identifier: str) -> tuple[Body, Masks]:
    planned = next(replace(exam, slices=8) for exam in plan_cohort() if exam.identifier == identifier)
    body = simulate_body(planned, seed=DEFAULT_SEED)
    masks = draw_masks(
        body.grid, body.anatomy.region, body.marrow, readers=READERS, seed=DEFAULT_SEED, exam=identifier
    )
    return body, masks


@pytest.fixture(scope="module")
def exam() -> tuple[Body, Masks]:
    return _simulate("knee_087")


@pytest.fixture(scope="module")
def exam_without_foci() -> tuple[Body, Masks]:
    return _simulate("knee_095")


def _dice(first: np.ndarray, second: np.ndarray) -> float:
    return 2 * (first & second).sum() / (first.sum() + second.sum())


def test_levels_and_their_order_of_size(exam: tuple[Body, Masks]) -> None:
    for reader in READERS[:3]:
        counts = np.bincount(exam[1][reader].ravel(), minlength=4)
        assert len(counts) == 4
        assert counts[1] > counts[2] > counts[3] > 0


def test_masks_keep_within_bone_and_off_physes_and_vessels(exam: tuple[Body, Masks]) -> None:
    body, masks = exam
    tissues = body.anatomy.tissues
    for mask in masks.values():
        drawn = mask > 0
        assert body.anatomy.bone[drawn].all()
        assert tissues["physis"][drawn].max() < 0.1
        assert tissues["vessel"][drawn].max() < 0.1
        assert tissues["marrow"][drawn].min() > 0.5


def test_marrow_region_has_the_size_it_has_in_knees(exam: tuple[Body, Masks]) -> None:
    # 14 % of a whole exam; the middle slices hold more.
    assert 0.10 < exam[0].anatomy.region.mean() < 0.18


def test_exam_without_fluid_like_foci_has_no_level_3(exam_without_foci: tuple[Body, Masks]) -> None:
    body, masks = exam_without_foci
    assert masks["reader1"].max() == 2
    assert all(mask.max() <= 2 for mask in masks.values())
    assert body.marrow.latent[body.anatomy.region].max() < body.marrow.ceiling


def test_the_truth_is_the_signal_cut_at_the_readers_median_thresholds(
    exam: tuple[Body, Masks], exam_without_foci: tuple[Body, Masks]
) -> None:
    cuts = [[habit.thresholds[level] for habit in calibrated_readers().habits.values()] for level in range(3)]
    for body, _ in (exam, exam_without_foci):
        region, marrow = body.anatomy.region, body.marrow
        truth = true_levels(region, marrow)
        expected = np.digitize(marrow.latent, np.median(cuts, axis=1), right=True)
        assert np.array_equal(truth[region], expected[region])
        assert not truth[~region].any()
        assert truth.dtype == np.uint8
    # Exams without fluid-like foci have no level 3.
    assert truth.max() == 2


def test_reader_4_stands_apart_on_level_2(exam: tuple[Body, Masks]) -> None:
    drawn = {reader: mask == 2 for reader, mask in exam[1].items()}
    colleagues = [_dice(drawn[a], drawn[b]) for a, b in combinations(READERS[:3], 2)]
    with_reader_4 = [_dice(drawn[reader], drawn["reader4"]) for reader in READERS[:3]]
    assert min(colleagues) > max(with_reader_4)
    assert drawn["reader4"].sum() < min(drawn[reader].sum() for reader in READERS[:3])


def test_readers_without_perturbation_agree(exam: tuple[Body, Masks]) -> None:
    body, _ = exam
    exact = Habit((1.4, 2.2, 3.2), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    parameters = replace(calibrated_readers(), habits=dict.fromkeys(READERS, exact), dropped=0.0)
    masks = draw_masks(
        body.grid, body.anatomy.region, body.marrow,
        readers=READERS, seed=1, exam="any", parameters=parameters,
    )  # fmt: skip
    expected = np.digitize(body.marrow.latent, exact.thresholds, right=True) * body.anatomy.region
    for mask in masks.values():
        assert np.array_equal(mask, expected)


def test_specks_are_dropped_within_slices(exam: tuple[Body, Masks]) -> None:
    body, _ = exam
    parameters = replace(calibrated_readers(), dropped=1.0)
    masks = draw_masks(
        body.grid, body.anatomy.region, body.marrow,
        readers=("reader1",), seed=1, exam="any", parameters=parameters,
    )  # fmt: skip
    for slice_ in np.moveaxis(masks["reader1"], 2, 0):
        components, count = ndimage.label(slice_ > 0)
        assert count == 0 or np.bincount(components.ravel())[1:].min() > SPECK


def test_what_is_dropped_is_small_components_whole(exam: tuple[Body, Masks]) -> None:
    """Against SciPy's labelling of each level in turn, all small components dropped or none."""
    body, _ = exam

    def draw(dropped: float) -> np.ndarray:
        parameters = replace(calibrated_readers(), dropped=dropped)
        return draw_masks(
            body.grid, body.anatomy.region, body.marrow,
            readers=("reader2",), seed=1, exam="any", parameters=parameters,
        )["reader2"]  # fmt: skip

    expected = draw(0.0)
    in_slice = np.zeros((3, 3, 3), dtype=bool)
    in_slice[:, :, 1] = ndimage.generate_binary_structure(2, 1)
    for level in (1, 2, 3):
        components, _ = ndimage.label(expected >= level, in_slice)
        small = np.bincount(components.ravel()) <= SPECK
        small[0] = False
        assert small.any()
        expected[small[components]] = level - 1
    assert np.array_equal(draw(1.0), expected)
