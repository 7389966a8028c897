from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from scipy import stats

from evaluation.consensus.votes import Votes, count_votes
from evaluation.measures.dice import EmptyMask
from evaluation.scores.agreement import (
    PAIR_COLUMNS,
    chance_corrected,
    dice_matrix,
    pairwise_dice,
    summarise_chance_corrected,
    summarise_pairs,
)
from evaluation.statistics.chance_corrected import fleiss_kappa, krippendorff_alpha
from evaluation.statistics.intervals import StatisticsError

LABELS = (0, 1, 2, 3)
LEVELS = {"level1": (1,), "level2": (2,), "level3": (3,), "level2+3": (2, 3)}
READERS = ["anna", "ben", "carl", "dora"]

Masks = dict[str, dict[str, np.ndarray]]


@pytest.fixture
def masks(ordinal_masks: Callable[..., dict[str, np.ndarray]]) -> Masks:
    return {f"exam{seed}": ordinal_masks(READERS, seed=seed) for seed in range(4)}


@pytest.fixture
def exams(masks: Masks) -> dict[str, Votes]:
    return {exam: count_votes(arrays, LABELS) for exam, arrays in masks.items()}


def test_dice_of_every_pair_is_simpleitks(masks: Masks, exams: dict[str, Votes]) -> None:
    """SimpleITK's LabelOverlapMeasuresImageFilter, from the voxels."""
    pairs = pairwise_dice(exams, LEVELS)
    assert list(pairs.columns) == PAIR_COLUMNS
    assert len(pairs) == 4 * 4 * 6
    for pair in pairs.itertuples():
        images = [
            sitk.GetImageFromArray(np.isin(masks[pair.exam][rater], LEVELS[pair.level]).astype(np.uint8))
            for rater in (pair.rater, pair.other)
        ]
        overlap = sitk.LabelOverlapMeasuresImageFilter()
        overlap.Execute(*images)
        assert pair.dice == pytest.approx(overlap.GetDiceCoefficient(1), abs=1e-12)


def test_pairs_over_exams(exams: dict[str, Votes]) -> None:
    """Mean and interval by SciPy's t; pooled by the voxels of all exams."""
    pairs = pairwise_dice(exams, LEVELS)
    summary = summarise_pairs(pairs)
    assert list(summary.columns) == [
        "level",
        "rater",
        "other",
        "mean",
        "low",
        "high",
        "n_defined",
        "n",
        "pooled",
    ]
    row = summary.query("level == 'level2' and rater == 'anna' and other == 'carl'").iloc[0]
    chosen = pairs.query("level == 'level2' and rater == 'anna' and other == 'carl'")
    low, high = stats.t.interval(0.95, 3, chosen.dice.mean(), stats.sem(chosen.dice))
    assert (row["mean"], row.low, row.high) == pytest.approx((chosen.dice.mean(), low, high))
    assert (row.n_defined, row.n) == (4, 4)
    assert row.pooled == pytest.approx(2 * chosen.both.sum() / (chosen.n_rater + chosen.n_other).sum())
    assert row.pooled != pytest.approx(row["mean"], abs=1e-6)


def test_the_matrix_is_symmetric(exams: dict[str, Votes]) -> None:
    summary = summarise_pairs(pairwise_dice(exams, LEVELS))
    matrix = dice_matrix(summary, "level2")
    assert list(matrix.index) == list(matrix.columns) == READERS
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_array_equal(np.diag(matrix), 1)
    expected = summary.set_index(["level", "rater", "other"])["mean"]["level2", "ben", "dora"]
    assert matrix.loc["dora", "ben"] == expected


def test_both_empty_follows_the_policy() -> None:
    empty, full = np.zeros((4, 4, 1), np.uint8), np.ones((4, 4, 1), np.uint8)
    exams = {
        "a": count_votes({"anna": empty, "ben": empty}, LABELS),
        "b": count_votes({"anna": full, "ben": full}, LABELS),
    }
    pairs = pairwise_dice(exams, LEVELS).set_index(["exam", "level"])
    assert np.isnan(pairs.dice["a", "level1"])
    assert pairs.dice["b", "level1"] == 1
    summary = summarise_pairs(pairs.reset_index()).set_index("level")
    assert tuple(summary.loc["level1", ["mean", "n_defined", "n", "pooled"]]) == (1, 1, 2, 1)
    assert np.isnan(summary.pooled["level3"])
    zero = pairwise_dice(exams, LEVELS, EmptyMask.ZERO)
    assert summarise_pairs(zero).set_index("level")["mean"]["level1"] == 0.5


def test_alpha_and_kappa_of_the_voxels(masks: Masks, exams: dict[str, Votes]) -> None:
    """The histogram says what the voxels say, each a unit of its own."""
    found = chance_corrected(exams).set_index(["exam", "voxels"])
    for exam, arrays in masks.items():
        voxels = np.stack([arrays[reader].ravel() for reader in READERS], axis=1)
        for name, chosen in (("union", voxels[voxels.any(axis=1)]), ("volume", voxels)):
            table = np.stack([(chosen == label).sum(axis=1) for label in LABELS], axis=1)
            ones = np.ones(len(table), int)
            row = found.loc[exam, name]
            assert row.n_voxels == len(chosen)
            assert row.alpha == pytest.approx(krippendorff_alpha(table, ones), abs=1e-9)
            assert row.kappa == pytest.approx(fleiss_kappa(table, ones), abs=1e-9)


def test_pooled_is_of_all_voxels_together(masks: Masks, exams: dict[str, Votes]) -> None:
    together = {reader: np.stack([arrays[reader] for arrays in masks.values()]) for reader in READERS}
    expected = chance_corrected({"all": count_votes(together, LABELS)}).set_index("voxels")
    summary = summarise_chance_corrected(exams).set_index(["voxels", "measure"])
    by_exam = chance_corrected(exams)
    for voxels in ("union", "volume"):
        for measure in ("alpha", "kappa"):
            row = summary.loc[voxels, measure]
            assert row.pooled == pytest.approx(expected.loc[voxels, measure])
            values = by_exam[by_exam.voxels == voxels][measure]
            low, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
            assert (row["mean"], row.low, row.high) == pytest.approx((values.mean(), low, min(high, 1)))


def test_on_the_union_chance_is_not_zero() -> None:
    """What the module says: Dice 0.8 of two raters and one level is an alpha of -0.2 on the union."""
    anna, ben = np.zeros((2, 100, 1), np.uint8)
    anna[:50], ben[10:60] = 1, 1
    exams = {"a": count_votes({"anna": anna, "ben": ben}, (0, 1))}
    assert pairwise_dice(exams, {"level1": (1,)}).dice.item() == 0.8
    found = chance_corrected(exams).set_index("voxels")
    # The finite sample adds 1 / 120 of 1.2.
    assert found.alpha["union"] == pytest.approx(-0.2, abs=0.011)
    assert found.kappa["union"] == pytest.approx(-0.2)
    assert found.alpha["volume"] == pytest.approx(0.6, abs=0.003)


def test_a_mean_below_zero_keeps_its_interval() -> None:
    anna, ben = np.zeros((2, 100, 1), np.uint8)
    anna[:50], ben[10:60] = 1, 1
    exams = {"a": count_votes({"anna": anna, "ben": ben}, (0, 1))}
    ben[60:80] = 1
    exams["b"] = count_votes({"anna": anna, "ben": ben}, (0, 1))
    kappas = chance_corrected(exams).query("voxels == 'union'").kappa
    low, high = stats.t.interval(0.95, 1, kappas.mean(), stats.sem(kappas))
    row = summarise_chance_corrected(exams).set_index(["voxels", "measure"]).loc["union", "kappa"]
    assert row["mean"] < 0
    assert (row.low, row.high) == pytest.approx((low, min(high, 1)))


def test_nothing_marked_is_undefined() -> None:
    empty = np.zeros((4, 4, 1), np.uint8)
    full = empty.copy()
    full[0], full[1] = 1, 2
    exams = {
        exam: count_votes({"anna": mask, "ben": mask}, LABELS) for exam, mask in (("a", empty), ("b", full))
    }
    found = chance_corrected(exams).set_index(["exam", "voxels"])
    assert found.loc["a", "union"].n_voxels == 0
    assert found.loc["a"][["alpha", "kappa"]].isna().all(axis=None)
    summary = summarise_chance_corrected(exams)
    assert list(summary.n_defined) == [1, 1, 1, 1]
    assert list(summary["mean"]) == [1, 1, 1, 1]


def test_pairs_are_of_those_who_drew_the_exam(exams: dict[str, Votes]) -> None:
    some = dict(exams)
    for exam, out in {"exam0": "ben", "exam1": "carl", "exam3": "ben"}.items():
        some[exam] = exams[exam].select([reader for reader in READERS if reader != out])
    some["exam2"] = exams["exam2"].select(["dora"])
    pairs, whole = pairwise_dice(some, LEVELS), pairwise_dice(exams, LEVELS)
    keys = ["exam", "level", "rater", "other"]
    pd.testing.assert_frame_equal(whole.merge(pairs[keys], on=keys), pairs)
    summary = summarise_pairs(pairs).set_index(["level", "rater", "other"])
    # Ben and Carl drew no exam together: no row, and no zero in the picture.
    assert ("level1", "ben", "carl") not in summary.index
    assert summary.loc[("level1", "anna", "dora")].n == 3
    matrix = dice_matrix(summary.reset_index(), "level1")
    assert set(matrix) == set(READERS) and np.isnan(matrix.loc["ben", "carl"])
    chance = summarise_chance_corrected(some)
    assert set(chance.n) == {4} and set(chance.n_defined) == {3} and chance.pooled.notna().all()


def test_exams_must_have_the_same_labels() -> None:
    mask = np.ones((2, 2, 1), np.uint8)
    exams = {"a": count_votes({"anna": mask, "ben": mask}, LABELS)}
    exams["b"] = count_votes({"anna": mask, "ben": mask}, (0, 1))
    with pytest.raises(StatisticsError, match=r"exam b: found labels \(0, 1\), expected \(0, 1, 2, 3\)"):
        pairwise_dice(exams, LEVELS)
    with pytest.raises(StatisticsError, match="found no exam"):
        summarise_chance_corrected({})
    with pytest.raises(StatisticsError, match="found rater anna alone"):
        chance_corrected({"a": count_votes({"anna": mask}, LABELS)})


def test_order_of_raters_changes_nothing_but_the_order(exams: dict[str, Votes]) -> None:
    turned = {exam: votes.select(READERS[::-1]) for exam, votes in exams.items()}
    pd.testing.assert_frame_equal(
        summarise_chance_corrected(turned), summarise_chance_corrected(exams), rtol=1e-12
    )
    matrices = [dice_matrix(summarise_pairs(pairwise_dice(e, LEVELS)), "level1") for e in (exams, turned)]
    pd.testing.assert_frame_equal(matrices[1].loc[READERS, READERS], matrices[0])
