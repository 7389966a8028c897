import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.failures.volumes import (
    COLUMNS,
    SPARSE_COLUMNS,
    error_volumes,
    sparse_against_ample,
    summarise_errors,
)
from evaluation.statistics.intervals import StatisticsError

COUNTS = ["exam", "rater", "level", "dice", "tp", "fp", "fn", "n_reference", "n_rater"]
# 0.9 x 0.9 x 3.5 mm.
VOXEL_ML = 0.002835


def scores(tp: list[int], fp: list[int], fn: list[int], rater: str = "net") -> pd.DataFrame:
    rows = []
    for place, (both, extra, missed) in enumerate(zip(tp, fp, fn, strict=True)):
        total = 2 * both + extra + missed
        dice = 2 * both / total if total else np.nan
        rows.append((f"e{place}", rater, "level3", dice, both, extra, missed, both + missed, both + extra))
    return pd.DataFrame(rows, columns=COUNTS)


def test_voxels_become_ml() -> None:
    table = scores([100, 0], [20, 0], [60, 40])
    found = error_volumes(table, {"e0": VOXEL_ML, "e1": 0.001})
    assert list(found) == COLUMNS
    first, second = found.itertuples()
    assert (first.reference_ml, first.rater_ml) == pytest.approx((160 * VOXEL_ML, 120 * VOXEL_ML))
    assert (first.fp_ml, first.fn_ml) == pytest.approx((20 * VOXEL_ML, 60 * VOXEL_ML))
    assert (second.reference_ml, second.fn_ml, second.dice) == pytest.approx((0.04, 0.04, 0))


@settings(max_examples=20)
@given(st.lists(st.tuples(*[st.integers(0, 500)] * 3), min_size=1, max_size=6))
def test_errors_are_what_the_volumes_differ_by(counts: list[tuple[int, int, int]]) -> None:
    tp, fp, fn = map(list, zip(*counts, strict=True))
    found = error_volumes(scores(tp, fp, fn), {f"e{place}": VOXEL_ML for place in range(len(tp))})
    np.testing.assert_allclose(
        found.rater_ml - found.reference_ml, found.fp_ml - found.fn_ml, atol=1e-12, rtol=1e-9
    )


def test_errors_over_exams() -> None:
    table = scores([100, 50, 0], [20, 0, 5], [60, 40, 0])
    found = summarise_errors(error_volumes(table, dict.fromkeys(["e0", "e1", "e2"], 0.001))).set_index(
        "error"
    )
    too_much, too_little = found.loc["fp_ml"], found.loc["fn_ml"]
    assert (too_much["median"], too_much["maximum"], too_much["mean"]) == pytest.approx(
        (0.005, 0.02, 0.025 / 3)
    )
    assert (too_little["median"], too_little["minimum"]) == pytest.approx((0.04, 0))
    # 250 voxels in the reference of three exams.
    assert (too_much["share"], too_little["share"]) == pytest.approx((0.1, 0.4))
    nothing = summarise_errors(error_volumes(scores([0], [7], [0]), {"e0": 0.001}))
    assert nothing.share.isna().all()
    assert nothing["mean"].tolist() == pytest.approx([0.007, 0])


def test_sparse_exams_are_those_up_to_the_median_volume() -> None:
    # Reference volumes 10 to 60 voxels; the seventh exam has no Dice.
    table = scores([1, 4, 6, 36, 45, 54, 0], [0] * 7, [9, 16, 24, 4, 5, 6, 0])
    errors = error_volumes(table, {f"e{place}": 0.001 for place in range(7)})
    found = sparse_against_ample(errors)
    assert list(found) == SPARSE_COLUMNS
    row = found.iloc[0]
    assert row.split_ml == pytest.approx(0.035)
    assert (row.n_sparse, row.n_ample, row.n_left_out) == (3, 3, 1)
    assert row.dice_sparse == pytest.approx(np.median([2 / 11, 8 / 24, 12 / 36]))
    assert row.dice_ample == pytest.approx(36 * 2 / 76)
    # All three below all three: the two most extreme of 20 splits.
    assert row.p == row.p_holm == pytest.approx(2 / 20)


def test_the_exam_at_the_median_is_sparse_and_no_exam_is_no_test() -> None:
    errors = error_volumes(scores([5, 6, 7], [0, 0, 0], [0, 0, 0]), dict.fromkeys(["e0", "e1", "e2"], 0.001))
    assert sparse_against_ample(errors).iloc[0][["n_sparse", "n_ample"]].tolist() == [2, 1]
    empty = sparse_against_ample(error_volumes(scores([0], [0], [0]), {"e0": 0.001})).iloc[0]
    assert (empty.n_sparse, empty.n_ample, empty.n_left_out) == (0, 0, 1)
    assert np.isnan([empty.dice_sparse, empty.dice_ample, empty.p, empty.p_holm]).all()


def test_refusals() -> None:
    table = scores([1, 2], [0, 0], [0, 0])
    with pytest.raises(StatisticsError, match=r"voxel_ml: found no volume above 0 of e1"):
        error_volumes(table, {"e0": 0.001, "e1": 0})
    with pytest.raises(StatisticsError, match="exam e0: found net, level3 twice"):
        error_volumes(pd.concat([table, table]), {"e0": 0.001, "e1": 0.001})
