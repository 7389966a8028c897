"""Calibration and Brier scores next to torchmetrics, scikit-learn and what follows from their definition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from evaluation.scores.calibration import (
    ALL,
    BIN_COLUMNS,
    UNION,
    VOLUME,
    VOTES,
    Calibration,
    calibration_of,
    reliability,
    summarise_calibration,
)

LEVELS = {"level1": [1], "level2": [2], "level3": [3]}
LABELS = [0, 1, 2, 3]
# torchmetrics 1.9.0: multiclass_calibration_error (15 bins, l1), then binary_calibration_error of classes 1
# to 3, of `drawn(seed)`.
TORCHMETRICS = {
    0: (0.08939660340547562, [0.046102064714710095, 0.046908488807710556, 0.040652824831304134]),
    1: (0.17325572669506073, [0.0884566869640737, 0.092512724520751, 0.08815977367874808]),
    2: (0.09622857719659805, [0.055439004397997094, 0.048093115291582667, 0.04300230537385074]),
    3: (0.177159383893013, [0.09255538026642485, 0.09343616543733158, 0.0851793962694825]),
}


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of four classes for 4,000 voxels, too flat or too sharp, and what came."""
    rng = np.random.default_rng(seed)
    shares = np.exp(rng.normal(0, 2, (4, 4000)))
    shares /= shares.sum(0)
    sharp = shares ** (0.5 if seed % 2 else 1.5)
    sharp /= sharp.sum(0)
    return shares, np.array([rng.choice(4, p=sharp[:, voxel]) for voxel in range(4000)])


def made(shares: np.ndarray, **readers: np.ndarray) -> pd.DataFrame:
    found = calibration_of({"net": shares}, readers, LABELS, {**LEVELS, "level2+3": [2, 3]})
    return found.scores.set_index(["against", "level", "region"])


@pytest.mark.parametrize("seed", TORCHMETRICS)
def test_errors_are_those_of_torchmetrics(seed: int) -> None:
    shares, mask = drawn(seed)
    found = made(shares, anna=mask)
    whole, levels = TORCHMETRICS[seed]
    assert found.ece["anna", ALL, VOLUME] == pytest.approx(whole, abs=1e-6)
    assert [found.ece["anna", level, VOLUME] for level in LEVELS] == pytest.approx(levels, abs=1e-6)


@pytest.mark.parametrize("seed", TORCHMETRICS)
def test_brier_scores_are_those_of_scikit_learn(seed: int) -> None:
    shares, mask = drawn(seed)
    found = made(shares, anna=mask)
    whole = brier_score_loss(mask, shares.T, labels=LABELS, scale_by_half=False)
    assert found.brier["anna", ALL, VOLUME] == pytest.approx(whole)
    for level, (value,) in LEVELS.items():
        assert found.brier["anna", level, VOLUME] == pytest.approx(
            brier_score_loss(mask == value, shares[value])
        )
    of_group = brier_score_loss(mask >= 2, shares[2:].sum(axis=0))
    assert found.brier["anna", "level2+3", VOLUME] == pytest.approx(of_group)


@given(seed=st.integers(0, 1000), n_readers=st.integers(1, 5))
def test_a_reader_drawn_at_random_costs_what_readers_differ_by(seed: int, n_readers: int) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(4, 0.4), 60).T
    readers = {f"r{n}": rng.integers(0, 4, 60) for n in range(n_readers)}
    found = made(shares, **readers)
    for level in (*LEVELS, "level2+3", ALL):
        for region in (UNION, VOLUME):
            each = [found.brier[reader, level, region] for reader in readers]
            votes = found.loc[(VOTES, level, region)]
            assert np.mean(each) == pytest.approx(votes.brier + votes.floor)
            # The shares themselves reach it, and nothing is below.
            assert votes.floor <= np.mean(each) + 1e-12
    own = np.stack([np.mean([mask == label for mask in readers.values()], axis=0) for label in LABELS])
    perfect = made(own, **readers).loc[VOTES]
    assert perfect.brier.to_numpy() == pytest.approx(0, abs=1e-12)
    assert perfect.drop(index=ALL, level=0).ece.to_numpy() == pytest.approx(0, abs=1e-9)


def test_readers_who_never_differ() -> None:
    shares, mask = drawn(1)
    found = made(shares, anna=mask, ben=mask.copy())
    pd.testing.assert_frame_equal(
        found.loc[["anna"]].reset_index(drop=True), found.loc[["ben"]].reset_index(drop=True)
    )
    assert (found.floor[VOTES] == 0).all()
    columns = ["n_voxels", "brier", "ece", "excess"]
    assert found.loc[VOTES][columns].to_numpy() == pytest.approx(found.loc["anna"][columns].to_numpy())


def test_the_union_is_of_readers_and_of_what_the_model_calls_likeliest() -> None:
    anna, ben = np.array([1, 0, 0, 0, 0]), np.array([0, 2, 0, 0, 0])
    shares = np.eye(4)[[0, 0, 3, 0, 0]].T
    found = made(shares, anna=anna, ben=ben)
    assert found.n_voxels["anna", "level1", UNION] == 3
    assert found.n_voxels["anna", "level1", VOLUME] == 5
    # Wrong for anna in one of three voxels; of the votes for level 1, half a vote in one of three.
    assert found.brier["anna", "level1", UNION] == pytest.approx(1 / 3)
    assert found.brier[VOTES, "level1", UNION] == pytest.approx(0.25 / 3)
    assert found.excess[VOTES, "level3", UNION] == pytest.approx(1 / 3)


def test_ignored_voxels_count_nowhere() -> None:
    shares, mask = drawn(2)
    ignored = np.zeros(4000, bool)
    ignored[::3] = True
    with_them = calibration_of({"net": shares}, {"anna": mask}, LABELS, LEVELS, ignored=ignored).scores
    without = calibration_of({"net": shares[:, ~ignored]}, {"anna": mask[~ignored]}, LABELS, LEVELS).scores
    pd.testing.assert_frame_equal(with_them, without)


def of_exams(n: int, nothing: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Exams whose probabilities are too flat, some more than others; in the last ones there is nothing."""
    exams: dict[str, Calibration] = {}
    for seed in range(n + nothing):
        rng = np.random.default_rng(seed)
        shares = rng.dirichlet(np.full(4, 0.5), 400).T
        sharp = shares ** (1.2 + 0.1 * seed)
        sharp /= sharp.sum(0)
        mask = (rng.random(400) > np.cumsum(sharp, axis=0)).sum(axis=0).clip(0, 3)
        if seed >= n:
            shares, mask = np.eye(4)[np.zeros(400, int)].T, np.zeros(400, int)
        exams[f"e{seed}"] = calibration_of({"net": shares}, {"anna": mask}, LABELS, LEVELS)
    return tuple(
        pd.concat([getattr(each, name).assign(exam=exam) for exam, each in exams.items()], ignore_index=True)
        for name in ("scores", "bins")
    )  # type: ignore[return-value]


def test_errors_of_all_exams_are_of_all_their_voxels() -> None:
    scores, bins = of_exams(6, nothing=1)
    summary = summarise_calibration(scores, bins).set_index(["against", "level", "region"])
    row = summary.loc[("anna", "level2", UNION)]
    sums = bins.query("against == 'anna' and level == 'level2' and region == 'union'").groupby("bin")
    sums = sums[["n", "probability", "observed"]].sum()
    assert row.ece == pytest.approx((sums.probability - sums.observed).abs().sum() / sums.n.sum())
    assert row.n_exams == 6 and summary.n_exams["anna", "level2", VOLUME] == 7
    mine = scores.query("against == 'anna' and level == 'level2' and region == 'union'").dropna(
        subset="brier"
    )
    assert row.brier == pytest.approx(mine.brier.mean())
    # The jackknife by hand: of the excess, a ratio of sums.
    sums = bins.query("against == 'anna' and level == 'level2' and region == 'union'").groupby("exam")
    sums = sums[["n", "probability", "observed"]].sum()
    whole = sums.sum()
    left = [
        ((whole - each).probability - (whole - each).observed) / (whole - each).n
        for _, each in sums.iterrows()
    ]
    half = 2.5705818 * np.sqrt(5 / 6 * ((np.array(left) - np.mean(left)) ** 2).sum())
    assert row.excess_high - row.excess == pytest.approx(half)
    assert row.excess - row.excess_low == pytest.approx(half)


def test_one_exam_has_no_interval_and_nothing_is_nan() -> None:
    scores, bins = of_exams(1)
    summary = summarise_calibration(scores, bins)
    assert summary[["brier", "ece", "excess"]].notna().all(axis=None)
    assert summary[["brier_low", "ece_low", "excess_high"]].isna().all(axis=None)
    nothing = summarise_calibration(*of_exams(0, nothing=2)).set_index(["level", "region"])
    assert nothing.loc[("level1", UNION), ["brier", "ece", "excess"]].isna().all(axis=None)
    assert (nothing.n_exams.xs(UNION, level=1) == 0).all()


def test_reliability_is_how_often_it_was_so() -> None:
    bins = pd.DataFrame(
        [("net", VOTES, "level1", UNION, 3, 10, 2.4, 1.0), ("net", VOTES, "level1", UNION, 3, 30, 7.2, 9.0)],
        columns=BIN_COLUMNS,
    )
    (row,) = reliability(bins).itertuples()
    assert (row.n_voxels, row.to) == (40, pytest.approx(4 / 15))
    assert row.probability == pytest.approx(9.6 / 40) and row.observed == pytest.approx(0.25)
