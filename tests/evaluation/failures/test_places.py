from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evaluation.consensus.votes import count_votes
from evaluation.failures.places import (
    COLUMNS,
    marking_outside,
    peripheral_against_central,
    slice_counts,
    slice_profile,
)
from evaluation.masks.exam import ExamMasks
from evaluation.masks.reading import MaskError
from evaluation.measures.dice import score
from evaluation.statistics.intervals import StatisticsError

LABELS = (0, 1, 2, 3)
LEVELS = {"level1": (1,), "level3": (3,), "level2+3": (2, 3)}
# Slices along the third axis, from anterior to posterior; 0.9 x 0.9 x 3.5 mm.
AFFINE = np.array([[-0.9, 0, 0, 0], [0, 0, -3.5, 0], [0, -0.9, 0, 0], [0, 0, 0, 1.0]])
BACKWARDS = AFFINE @ np.diag([1.0, 1, -1, 1])
VOXEL_ML = 0.9 * 0.9 * 3.5 / 1000

Masks = Callable[..., dict[str, np.ndarray]]


def in_slices(tp: list[int], fp: list[int], fn: list[int]) -> ExamMasks:
    """An exam of one rater with so many voxels of level 3 in its slices."""
    reference = np.zeros((40, 10, len(tp)), np.uint8)
    mask = reference.copy()
    for index, (both, extra, missed) in enumerate(zip(tp, fp, fn, strict=True)):
        column = np.zeros(400, np.uint8)
        column[: both + missed] = 3
        reference[..., index] = column.reshape(40, 10)
        column[:missed] = 0
        column[both + missed : both + missed + extra] = 3
        mask[..., index] = column.reshape(40, 10)
    return ExamMasks("e", reference, {"net": mask}, AFFINE)


def test_slices_add_up_to_the_exam(ordinal_masks: Masks) -> None:
    masks = ordinal_masks(["anna", "ben", "net"], shape=(24, 20, 9))
    reference = masks["anna"]
    votes = count_votes(masks, LABELS)
    whole = score(votes, np.asarray(LABELS)[votes.patterns[:, 0]], LEVELS).set_index(["rater", "level"])
    found = slice_counts(ExamMasks("e1", reference, masks, AFFINE), LEVELS)
    assert list(found) == COLUMNS
    assert found.voxel_ml.unique() == pytest.approx([VOXEL_ML])
    totals = found.groupby(["rater", "level"])[["tp", "fp", "fn"]].sum()
    pd.testing.assert_frame_equal(
        totals, whole.loc[totals.index, ["tp", "fp", "fn"]], check_dtype=False, check_index_type=False
    )


def test_positions_run_over_the_slices_with_marking_from_anterior() -> None:
    exam = in_slices([0, 0, 1, 0, 0, 0, 0, 2, 0, 0], [0] * 10, [0] * 10)
    found = slice_counts(exam, {"level3": (3,)})
    assert found.slice.tolist() == [2, 3, 4, 5, 6, 7]
    np.testing.assert_allclose(found.position, (np.arange(6) + 0.5) / 6)
    # Of six slices the second's middle is at 1/4: central, as is its mirror image.
    assert found.is_peripheral.tolist() == [True, False, False, False, False, True]
    assert found.tp.tolist() == [1, 0, 0, 0, 0, 2]
    turned = slice_counts(ExamMasks("e", exam.reference, exam.raters, BACKWARDS), {"level3": (3,)})
    assert turned.slice.tolist() == [7, 6, 5, 4, 3, 2]
    assert turned.tp.tolist() == [2, 0, 0, 0, 0, 1]
    marrow = np.zeros_like(exam.reference, dtype=bool)
    marrow[:, :, 1:9] = True
    wide = slice_counts(ExamMasks("e", exam.reference, exam.raters, AFFINE, marrow=marrow), {"level3": (3,)})
    assert wide.slice.tolist() == list(range(1, 9))
    assert wide.is_peripheral.tolist() == [True, True, False, False, False, False, True, True]


def test_other_planes() -> None:
    reference = np.zeros((6, 4, 5), np.uint8)
    reference[1:5] = 1
    sagittal = ExamMasks("e", reference, {"net": reference}, AFFINE, "sagittal")
    # Growing indices run to the patient's left: right comes first.
    assert slice_counts(sagittal, {"level1": (1,)}).slice.tolist() == [1, 2, 3, 4]
    axial = ExamMasks("e", reference, {"net": reference}, AFFINE, "axial")
    assert slice_counts(axial, {"level1": (1,)}).slice.tolist() == [0, 1, 2, 3]


def test_an_exam_without_marking_has_no_slices() -> None:
    empty = slice_counts(in_slices([0] * 4, [0] * 4, [0] * 4), {"level3": (3,)})
    assert list(empty) == COLUMNS
    assert empty.empty
    assert slice_profile(empty).empty
    assert peripheral_against_central(empty).empty


def profile_of(exams: list[ExamMasks], bins: int = 4) -> pd.DataFrame:
    tables = [slice_counts(exam, {"level3": (3,)}).assign(exam=f"e{n}") for n, exam in enumerate(exams)]
    return slice_profile(pd.concat(tables), bins=bins)


def test_exams_are_pooled_by_position() -> None:
    exams = [in_slices([5, 8, 8, 2], [3, 0, 0, 0], [1, 2, 2, 8]), in_slices([1] * 8, [0] * 8, [1] * 8)]
    found = profile_of(exams)
    assert found.position.tolist() == [0.125, 0.375, 0.625, 0.875]
    assert found.dice.tolist() == pytest.approx([14 / 20, 20 / 24, 20 / 24, 8 / 18])
    assert found.fp_ml.tolist() == pytest.approx([1.5 * VOXEL_ML, 0, 0, 0])
    assert found.fn_ml.tolist() == pytest.approx([1.5 * VOXEL_ML, 2 * VOXEL_ML, 2 * VOXEL_ML, 5 * VOXEL_ML])
    assert found.reference_ml.tolist() == pytest.approx(np.array([5, 7, 7, 7]) * VOXEL_ML)
    assert found.n_exams.tolist() == [2] * 4


def test_the_interval_is_that_of_a_mean_where_exams_weigh_the_same() -> None:
    """With one denominator in all exams, pooled Dice is their mean and the jackknife its t interval."""
    hits = [2, 5, 7, 8, 4]
    found = profile_of([in_slices([tp] * 4, [10 - tp] * 4, [10 - tp] * 4) for tp in hits]).iloc[0]
    dice = np.array(hits) / 10
    assert found.dice == pytest.approx(dice.mean())
    expected = stats.t.interval(0.95, 4, dice.mean(), stats.sem(dice))
    assert (found.low, found.high) == pytest.approx(expected)


def test_bins_without_marking_and_of_one_exam() -> None:
    found = profile_of(
        [in_slices([1, 0, 0, 1], [0] * 4, [0] * 4), in_slices([1, 0, 1, 1], [0] * 4, [1, 0, 1, 1])]
    )
    assert found.n_exams.tolist() == [2, 0, 1, 2]
    assert np.isnan(found.dice.iloc[1])
    assert found.dice.iloc[2] == pytest.approx(2 / 3)
    assert found.low.isna().tolist() == [False, True, True, False]
    with pytest.raises(StatisticsError, match="bins: found 6, expected a multiple of 4"):
        profile_of([in_slices([1] * 4, [0] * 4, [0] * 4)], bins=6)


def test_peripheral_against_central_is_paired_by_exam() -> None:
    """Eight exams, all better in the middle: Wilcoxon's least p, 2 of 256."""
    exams = [in_slices([2, 8, 8, 2], [0] * 4, [8, 2, 2, 8 + n]) for n in range(8)]
    tables = [slice_counts(exam, {"level3": (3,)}).assign(exam=f"e{n}") for n, exam in enumerate(exams)]
    nothing = slice_counts(in_slices([0, 3, 3, 0], [0] * 4, [0] * 4), {"level3": (3,)}).assign(exam="e8")
    gap = slice_counts(in_slices([3, 0, 0, 3], [0] * 4, [0] * 4), {"level3": (3,)}).assign(exam="e9")
    # Marking on two slices is all central; marking at both ends alone is all peripheral: no pair.
    found = peripheral_against_central(pd.concat([*tables, nothing, gap])).iloc[0]
    assert (found.n_pairs, found.n_left_out) == (8, 2)
    found = peripheral_against_central(pd.concat(tables)).iloc[0]
    outer = np.array([8 / (8 + 16 + n) for n in range(8)])
    assert found.peripheral == pytest.approx(np.median(outer))
    assert found.central == pytest.approx(32 / 36)
    assert found.p == found.p_holm == pytest.approx(2 / 256)
    assert found.low <= found.difference <= found.high < 0
    walsh = [(a + b) / 2 for i, a in enumerate(outer) for b in outer[i:]]
    assert found.difference == pytest.approx(np.median(walsh) - 32 / 36)


def test_marking_outside_the_region(ordinal_masks: Masks) -> None:
    masks = ordinal_masks(["anna", "net"])
    region = np.zeros((24, 20, 6), bool)
    region[4:20] = True
    exam = ExamMasks("e1", masks["anna"], {"net": masks["net"]}, AFFINE)
    found = marking_outside(exam, region, LEVELS).set_index(["rater", "level"])
    for level, values in LEVELS.items():
        for rater, mask in (("net", masks["net"]), ("reference", masks["anna"])):
            row, marked = found.loc[(rater, level)], np.isin(mask, values)
            outside = int(marked[:4].sum() + marked[20:].sum())
            assert (row.n_outside, row.n_marked) == (outside, marked.sum())
            assert row.ml_outside == pytest.approx(outside * VOXEL_ML)
            assert row.share == pytest.approx(outside / marked.sum())
    assert found.n_outside.sum() > 0
    nothing = ExamMasks("e1", masks["anna"], {"net": masks["net"] * 0}, AFFINE)
    assert marking_outside(nothing, region, LEVELS).query("rater == 'net'").share.isna().all()


def test_refusals() -> None:
    array = np.ones((4, 4, 3), np.uint8)
    exam = ExamMasks("e1", array, {"net": array}, AFFINE)
    with pytest.raises(MaskError, match="region: found an array"):
        marking_outside(exam, array[:2], LEVELS)
    with pytest.raises(MaskError, match="region: found no voxel"):
        marking_outside(exam, array * 0, LEVELS)
    named = ExamMasks("e1", array, {"reference": array}, AFFINE)
    with pytest.raises(MaskError, match="rater 'reference': the name is taken"):
        marking_outside(named, array, LEVELS)
