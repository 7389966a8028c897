"""Differences over exams and seeds: closed forms against statsmodels, R. A. Fisher's table and simulation."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from evaluation.statistics.crossed import crossed_difference
from evaluation.statistics.intervals import StatisticsError

SIZES = st.tuples(st.just(2), st.integers(2, 4), st.integers(2, 6))
SCORES = SIZES.flatmap(lambda shape: arrays(float, shape, elements=st.floats(0, 1, width=32)))


def simulated(rng: np.random.Generator, *sd_seeds: float, k: int = 3, n: int = 10) -> list[np.ndarray]:
    """Scores of two methods, no true difference: SD of exams within a method 0.7, of the rest 0.5."""
    return [
        rng.normal(scale=0.7, size=n) + rng.normal(scale=sd, size=(k, 1)) + rng.normal(scale=0.5, size=(k, n))
        for sd in sd_seeds
    ]


def test_of_seeds_alike_it_is_the_mixed_model_of_statsmodels() -> None:
    """REML is the analysis of variance where a design is balanced and no component is 0."""
    rng = np.random.default_rng(3)
    # What is hard for one method is hard for the other.
    exams = rng.normal(scale=2, size=12)
    ours, theirs = (scores + exams for scores in simulated(rng, 0.8, 0.8, k=4, n=12))
    found = crossed_difference(ours, theirs)
    rows = [
        {"y": scores[s, e], "method": method, "exam": e, "within": f"{method}{e}", "seed": f"{method}{s}"}
        for method, scores in enumerate((ours, theirs))
        for s, e in np.ndindex(scores.shape)
    ]
    table = pd.DataFrame(rows).assign(one=1)
    parts = {name: f"0 + C({name})" for name in ("exam", "within", "seed")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = smf.mixedlm("y ~ method", table, groups="one", vc_formula=parts, re_formula="0").fit(reml=True)
    assert found.difference == pytest.approx(-fit.params["method"])
    half = (found.high - found.low) / 2
    assert half / stats.t.ppf(0.975, found.degrees) == pytest.approx(fit.bse["method"], rel=1e-3)


def test_hand_made() -> None:
    """Two seeds that differ by 2 in every exam, against one that never differs; no rest, exams alike."""
    ours, theirs = np.array([[1.0, 1.0], [3.0, 3.0]]), np.zeros((2, 2))
    found = crossed_difference(ours, theirs)
    # Variance 2 / 2 seeds, one degree of freedom: 12.706 is Student's for 95 %.
    assert (found.difference, found.sd_seeds, found.sd_seeds_other, found.sd_exams) == (2, 2**0.5, 0, 0)
    assert found.high == pytest.approx(2 + 12.7062, abs=1e-3)
    assert (found.exams_low, found.exams_high) == (2, 2)
    # Cauchy's distribution is Student's of one degree: P(|t| > 2).
    assert found.p == pytest.approx(1 - 2 * np.arctan(2) / np.pi)


def test_without_what_seeds_do_it_is_students_paired_test() -> None:
    """Networks whose means are alike add nothing; exams do as in the paired t test."""
    rng = np.random.default_rng(1)
    ours, theirs = rng.normal(size=(2, 8)), rng.normal(size=(2, 8))
    for scores in (ours, theirs):
        scores -= scores.mean(axis=1, keepdims=True) - scores.mean()
    found = crossed_difference(ours, theirs)
    known = stats.ttest_rel(ours.mean(axis=0), theirs.mean(axis=0))
    low, high = known.confidence_interval()
    assert (found.low, found.high, found.p) == pytest.approx((low, high, known.pvalue))
    assert (found.exams_low, found.exams_high) == pytest.approx((low, high))


def test_what_has_no_seeds() -> None:
    ours, theirs = simulated(np.random.default_rng(2), 0.3, 0.3)
    alone = crossed_difference(ours - theirs[0])
    assert np.isnan(alone.sd_seeds_other)
    assert alone.difference == pytest.approx((ours - theirs[0]).mean())


@given(SCORES)
def test_the_other_way_round_and_never_narrower_than_over_exams(scores: np.ndarray) -> None:
    ours, theirs = scores
    one, other = crossed_difference(ours, theirs), crossed_difference(theirs, ours)
    assert one.difference == -other.difference
    np.testing.assert_allclose([one.low, one.p], [-other.high, other.p], rtol=1e-9, atol=1e-12)
    if not np.isnan(one.p):
        assert one.low <= one.difference <= one.high
        assert 0 <= one.p <= 1
        # A seed's spread widens; degrees of freedom are those of exams and all seeds at most.
        assert one.degrees <= ours.shape[1] - 1 + 2 * (len(ours) - 1) * ours.shape[1] + 1e-6


def test_too_few_and_nothing() -> None:
    assert np.isnan(crossed_difference(np.zeros((2, 0)), np.zeros((2, 0))).difference)
    one = crossed_difference(np.array([[0.5], [0.7]]), np.array([[0.1], [0.1]]))
    assert (one.difference, one.n_exams) == (pytest.approx(0.5), 1)
    assert np.isnan(one.p)
    assert np.isnan(crossed_difference(np.ones((2, 3)), np.zeros((2, 3))).p)  # no spread at all
    with pytest.raises(StatisticsError, match=r"^seeds: found 1 seeds x 3 exams, expected two"):
        crossed_difference(np.zeros((1, 3)))
    with pytest.raises(StatisticsError, match="on the same exams"):
        crossed_difference(np.zeros((2, 3)), np.zeros((2, 4)))


@pytest.mark.parametrize(
    ("sd_seeds", "crossed", "over_exams"),
    [
        ((0.0, 0.0), (0.94, 0.98), (0.93, 0.97)),
        ((1.0, 1.0), (0.93, 0.98), (0.5, 0.68)),
        ((1.0, 0.0), (0.92, 0.97), (0.65, 0.79)),
    ],
)
def test_intervals_hold_as_often_as_they_say(
    sd_seeds: tuple[float, float], crossed: tuple[float, float], over_exams: tuple[float, float]
) -> None:
    """3 seeds, 10 exams; the long run of the same is in benchmarks/RESULTS.md."""
    rng = np.random.default_rng(0)
    found = [crossed_difference(*simulated(rng, *sd_seeds)) for _ in range(600)]
    assert crossed[0] <= np.mean([one.low <= 0 <= one.high for one in found]) <= crossed[1]
    assert over_exams[0] <= np.mean([one.exams_low <= 0 <= one.exams_high for one in found]) <= over_exams[1]


def test_a_confidence_beyond_1_is_refused() -> None:
    with pytest.raises(StatisticsError, match="confidence: found 95, expected a number between 0 and 1"):
        crossed_difference(np.ones((2, 3)), None, confidence=95)
