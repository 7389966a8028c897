from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evaluation.consensus.rules import staple
from evaluation.consensus.votes import count_votes
from evaluation.measures.volume import bland_altman, compare_volumes, volume_icc, volumes
from evaluation.statistics.icc import icc
from evaluation.statistics.intervals import StatisticsError

LABELS = (0, 1, 2, 3)
LEVELS = {"level1": (1,), "level3": (3,), "level2+3": (2, 3)}
READERS = ["anna", "ben", "carl"]
# 0.9 x 0.9 x 3.5 mm.
VOXEL_ML = 0.002835

# Bland and Altman (Lancet 1986; 1:307): peak expiratory flow of 17 subjects, first readings, l/min.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI_WRIGHT = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def test_the_example_of_bland_and_altman() -> None:
    """Printed there: difference -2.1 (95 % -22.0 to 17.8), SD 38.8; limits with 2 SD, here with 1.96."""
    found = bland_altman(WRIGHT, MINI_WRIGHT)
    assert found.bias.estimate == pytest.approx(-2.1, abs=0.05)
    assert found.sd == pytest.approx(38.8, abs=0.05)
    # They take t = 2.12 and a standard error of 9.4, both rounded.
    assert (found.bias.low, found.bias.high) == pytest.approx((-22.0, 17.8), abs=0.1)
    assert found.lower.estimate == pytest.approx(-2.118 - 1.96 * 38.765, abs=0.01)
    assert found.upper.estimate == pytest.approx(-2.118 + 1.96 * 38.765, abs=0.01)
    assert (found.bias.n, found.bias.n_left_out) == (17, 0)


def test_intervals_of_the_limits_cover_on_both_sides() -> None:
    """Nominal 95 % at n = 10, 2.5 % on either side; the approximate interval leaves 6.5 % on one."""
    rng = np.random.default_rng(1)
    found = [bland_altman(values, np.zeros(10)) for values in rng.normal(size=(2, 10))]
    # The bounds are so many standard deviations from the mean, whatever the values.
    low, high = (
        [(getattr(one.upper, end) - one.bias.estimate) / one.sd for one in found] for end in ("low", "high")
    )
    assert (low[0], high[0]) == pytest.approx((low[1], high[1]))
    studies = rng.normal(size=(100_000, 10))
    means, sds = studies.mean(axis=1), studies.std(axis=1, ddof=1)
    limit = float(stats.norm.ppf(0.975))
    assert np.mean(means + high[0] * sds < limit) == pytest.approx(0.025, abs=0.002)
    assert np.mean(means + low[0] * sds > limit) == pytest.approx(0.025, abs=0.002)


def test_limits_mirror_each_other() -> None:
    one, other = bland_altman(WRIGHT, MINI_WRIGHT), bland_altman(MINI_WRIGHT, WRIGHT)
    for first, second in ((one.lower, other.upper), (one.upper, other.lower), (one.bias, other.bias)):
        assert (first.estimate, first.low, first.high) == pytest.approx(
            (-second.estimate, -second.high, -second.low)
        )
    assert one.lower.low < one.lower.estimate < one.lower.high < one.bias.low


def test_proportional_bias() -> None:
    reference = np.linspace(1, 10, 10)
    noise = np.tile([0.05, -0.05], 5)
    slope = bland_altman(1.5 * reference + noise, reference)
    # Differences 0.5 r on means 1.25 r.
    assert slope.slope.estimate == pytest.approx(0.4, abs=0.01)
    assert slope.slope.low > 0.3
    assert slope.slope_p < 1e-6
    constant = bland_altman(reference + 2 + noise, reference)
    assert constant.slope.low < 0 < constant.slope.high
    assert constant.slope_p > 0.05


def test_the_interval_of_the_slope_is_that_of_its_test() -> None:
    """At a confidence of 1 - p the interval ends at 0."""
    p = bland_altman(WRIGHT, MINI_WRIGHT).slope_p
    slope = bland_altman(WRIGHT, MINI_WRIGHT, confidence=1 - p).slope
    assert min(abs(slope.low), abs(slope.high)) == pytest.approx(0, abs=1e-9)
    assert max(abs(slope.low), abs(slope.high)) == pytest.approx(2 * abs(slope.estimate))


def test_gaps_and_too_few_exams() -> None:
    found = bland_altman([1, 2, np.nan, 4], [2, 2, 2, 2.5])
    assert (found.bias.n, found.bias.n_left_out) == (3, 1)
    assert found.bias.estimate == pytest.approx(0.5 / 3)
    alone = bland_altman([1.0], [2.0])
    assert alone.bias.estimate == -1
    assert all(np.isnan([alone.sd, alone.lower.estimate, alone.upper.high, alone.slope.estimate]))
    two = bland_altman([1.0, 2.0], [2.0, 4.0])
    assert two.bias.estimate == -1.5
    assert all(np.isnan([two.slope.estimate, two.slope.low, two.slope_p]))
    still = bland_altman([0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    assert (still.bias.estimate, still.sd, still.upper.high) == (0, 0, 0)
    assert np.isnan(still.slope.estimate)
    with pytest.raises(StatisticsError, match="found 2 values, expected 3"):
        bland_altman([1, 2, 3], [1, 2])


@pytest.fixture
def table(ordinal_masks: Callable[..., dict[str, np.ndarray]]) -> pd.DataFrame:
    """Volumes of six exams, with those of the consensus."""
    exams = []
    for seed in range(6):
        votes = count_votes(ordinal_masks(READERS, seed=seed), LABELS)
        exam = volumes(votes, LEVELS, VOXEL_ML, {"consensus": staple(votes, restarts=2).label})
        exams.append(exam.assign(exam=f"exam{seed}"))
    return pd.concat(exams)


def test_volumes_are_voxels_counted(ordinal_masks: Callable[..., dict[str, np.ndarray]]) -> None:
    masks = ordinal_masks(READERS)
    votes = count_votes(masks, LABELS)
    consensus = staple(votes, restarts=2).label
    found = volumes(votes, LEVELS, VOXEL_ML, {"consensus": consensus}).set_index(["level", "rater"]).ml
    assert len(found) == 12
    for level, values in LEVELS.items():
        for reader in READERS:
            assert found[level, reader] == pytest.approx(np.isin(masks[reader], values).sum() * VOXEL_ML)
        expected = votes.counts[np.isin(consensus, values)].sum() * VOXEL_ML
        assert found[level, "consensus"] == pytest.approx(expected)
    with pytest.raises(StatisticsError, match="reference 'ben': it is also a rater's name"):
        volumes(votes, LEVELS, VOXEL_ML, {"ben": consensus})
    with pytest.raises(StatisticsError, match="voxel_ml: found 0"):
        volumes(votes, LEVELS, 0)


def test_every_rater_is_compared_with_the_reference(table: pd.DataFrame) -> None:
    found = compare_volumes(table, "consensus")
    assert list(found.rater) == READERS * 3
    row = found.query("level == 'level1' and rater == 'ben'").iloc[0]
    values = table[table.level == "level1"].pivot(index="exam", columns="rater", values="ml")
    expected = bland_altman(values.ben.tolist(), values.consensus.tolist())
    assert (row.bias, row.bias_low, row.bias_high) == (
        expected.bias.estimate, expected.bias.low, expected.bias.high
    )  # fmt: skip
    assert (row.lower, row.upper_high, row.sd) == (expected.lower.estimate, expected.upper.high, expected.sd)
    assert (row.slope, row.slope_p, row.n) == (expected.slope.estimate, expected.slope_p, 6)
    with pytest.raises(StatisticsError, match="rater: found 'zoe', expected one of anna, ben"):
        compare_volumes(table, "zoe")


def test_a_rater_may_have_a_reference_of_its_own(table: pd.DataFrame) -> None:
    found = compare_volumes(table, {"ben": "anna", "anna": "consensus"})
    assert list(found.rater) == ["ben", "anna"] * 3
    assert list(found.reference) == ["anna", "consensus"] * 3
    alone = compare_volumes(table, "anna")
    pd.testing.assert_frame_equal(
        found[found.rater == "ben"].reset_index(drop=True),
        alone[alone.rater == "ben"].reset_index(drop=True),
    )
    with pytest.raises(StatisticsError, match="rater: found 'zoe', expected one of anna, ben"):
        compare_volumes(table, {"ben": "zoe"})


def test_icc_of_volumes_leaves_the_consensus_out(table: pd.DataFrame) -> None:
    found = volume_icc(table, READERS)
    assert list(found.level) == [level for level in LEVELS for _ in range(3)]
    values = table[table.level == "level2+3"].pivot(index="exam", columns="rater", values="ml")[READERS]
    pd.testing.assert_frame_equal(
        found[found.level == "level2+3"].drop(columns="level").reset_index(drop=True), icc(values.to_numpy())
    )
    with pytest.raises(StatisticsError, match="rater: found 'zoe'"):
        volume_icc(table, ["anna", "zoe"])
