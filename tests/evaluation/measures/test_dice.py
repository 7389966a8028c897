from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from evaluation.consensus.votes import count_votes
from evaluation.measures.dice import Dice, EmptyMask, score, summarise

LEVELS = {"level1": (1,), "level2": (2,), "level3": (3,), "level2+3": (2, 3)}
label_maps = arrays.arrays(np.uint8, (5, 4, 3), elements=st.integers(0, 3))


@settings(max_examples=40)
@given(reference=label_maps, mask=label_maps)
def test_equals_simpleitk(reference: np.ndarray, mask: np.ndarray) -> None:
    for level in (1, 2, 3):
        if not (reference == level).any() and not (mask == level).any():
            continue
        overlap = sitk.LabelOverlapMeasuresImageFilter()
        overlap.Execute(
            sitk.GetImageFromArray((reference == level).astype(np.uint8)),
            sitk.GetImageFromArray((mask == level).astype(np.uint8)),
        )
        assert Dice(level)(reference, mask) == pytest.approx(overlap.GetDiceCoefficient())


@settings(max_examples=40)
@given(reference=label_maps, mask=label_maps)
def test_histogram_and_voxels_give_the_same_counts(reference: np.ndarray, mask: np.ndarray) -> None:
    votes = count_votes({"reference": reference, "model": mask}, (0, 1, 2, 3))
    scores = score(votes, votes.values_of("reference"), LEVELS)
    for row in scores[scores.rater == "model"].itertuples():
        a, b = np.isin(reference, LEVELS[row.level]), np.isin(mask, LEVELS[row.level])
        assert (row.tp, row.fp, row.fn) == ((a & b).sum(), (b & ~a).sum(), (a & ~b).sum())
        assert (row.n_reference, row.n_rater) == (a.sum(), b.sum())
        np.testing.assert_equal(row.dice, Dice(LEVELS[row.level])(reference, mask))


@settings(max_examples=40)
@given(reference=label_maps, mask=label_maps)
def test_symmetric_between_0_and_1_and_1_of_itself(reference: np.ndarray, mask: np.ndarray) -> None:
    dice = Dice((1, 2, 3))
    np.testing.assert_equal(dice(reference, mask), dice(mask, reference))
    assert np.isnan(dice(reference, mask)) or 0 <= dice(reference, mask) <= 1
    assert np.isnan(dice(mask, mask)) or dice(mask, mask) == 1


@pytest.mark.parametrize(("policy", "value"), [("undefined", np.nan), ("one", 1.0), ("zero", 0.0)])
def test_empty_masks_follow_the_policy_and_one_empty_mask_is_0(policy: str, value: float) -> None:
    empty, full = np.zeros((2, 2, 2), np.uint8), np.ones((2, 2, 2), np.uint8)
    dice = Dice(1, EmptyMask(policy))
    np.testing.assert_equal(dice(empty, empty), value)
    assert dice(empty, full) == dice(full, empty) == 0


def test_one_slice_against_four_is_refused_not_broadcast() -> None:
    with pytest.raises(ValueError, match=r"shape: found \(5, 4, 1\), expected \(5, 4, 4\)"):
        Dice(1)(np.ones((5, 4, 4)), np.ones((5, 4, 1)))


def test_summary_leaves_undefined_out_and_counts_it() -> None:
    scores = pd.DataFrame(
        {"exam": list("abcd"), "rater": "model", "level": "level3", "dice": [0.2, np.nan, 0.4, 0.9]}
    )
    row = summarise(scores).iloc[0]
    assert (row["median"], row.minimum, row.maximum, row["mean"]) == (0.4, 0.2, 0.9, 0.5)
    assert (row.n_defined, row.n) == (3, 4)


def test_published_table_is_read_by_the_same_names() -> None:
    study = Path(__file__).parents[3] / "bmseg" / "studies" / "von_brandis_2022"
    published = pd.read_csv(study / "table1_dice.csv")
    assert list(dict.fromkeys(published.level)) == list(LEVELS)
    assert len(published) == 20
