"""Intraclass correlations against the table of Shrout and Fleiss, and by their definitions."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evaluation.statistics.icc import ICC_COLUMNS, icc
from evaluation.statistics.intervals import StatisticsError

# Shrout and Fleiss (1979), table 2: 6 targets, 4 judges.
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
)


@pytest.mark.parametrize(
    ("kind", "value", "low", "high"),
    [("ICC(2,1)", 0.29, 0.019, 0.76), ("ICC(3,1)", 0.71, 0.342, 0.95), ("ICC(2,k)", 0.62, 0.071, 0.93)],
)
def test_the_example_of_shrout_and_fleiss(kind: str, value: float, low: float, high: float) -> None:
    """Estimates: their table 4; intervals: R's psych::ICC on the same table."""
    table = icc(SHROUT_FLEISS)
    assert list(table.columns) == ICC_COLUMNS
    row = table.set_index("type").loc[kind]
    assert row.icc == pytest.approx(value, abs=0.005)
    assert row.low == pytest.approx(low, abs=0.0005)
    assert row.high == pytest.approx(high, abs=0.005)
    assert (row.n, row.k) == (6, 4)


tables = arrays(np.float64, st.tuples(st.integers(3, 8), st.integers(2, 5)), elements=st.integers(0, 20))


@given(tables, st.floats(0.1, 10), st.floats(-5, 5))
def test_units_of_measurement_do_not_matter(table: np.ndarray, scale: float, shift: float) -> None:
    assume(min(np.ptp(table.mean(axis=axis)) for axis in (0, 1)) > 0.01)
    columns = ["icc", "low", "high"]
    np.testing.assert_allclose(icc(scale * table + shift)[columns], icc(table)[columns], rtol=1e-6, atol=1e-6)


@given(tables, st.floats(1, 100))
def test_a_raters_bias_lowers_agreement_and_not_consistency(table: np.ndarray, bias: float) -> None:
    assume(np.ptp(table.mean(axis=1)) > 0.01)
    table = table - table.mean(axis=0)
    biased = table + np.r_[bias, np.zeros(table.shape[1] - 1)]
    before, after = (icc(each).set_index("type").icc for each in (table, biased))
    assert after["ICC(3,1)"] == pytest.approx(before["ICC(3,1)"], abs=1e-9)
    assert abs(after["ICC(2,1)"]) <= abs(before["ICC(2,1)"]) + 1e-9


@given(tables)
def test_the_interval_holds_the_estimate(table: np.ndarray) -> None:
    for row in icc(table).itertuples():
        assert np.isnan(row.icc) or row.low <= row.icc + 1e-9
        assert np.isnan(row.icc) or row.icc <= row.high + 1e-9
        assert np.isnan(row.icc) or row.high <= 1 + 1e-9


def test_the_interval_covers() -> None:
    """True ICC(2,1) 0.5: variances of exams 2, of raters 0.5, of error 1.5; 95 % nominal."""
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        exams, raters = rng.normal(0, 2**0.5, (10, 1)), rng.normal(0, 0.5**0.5, (1, 4))
        row = icc(exams + raters + rng.normal(0, 1.5**0.5, (10, 4))).iloc[0]
        covered.append(row.low <= 0.5 <= row.high)
    assert 0.92 <= np.mean(covered) <= 0.98


def test_perfect_agreement_and_none_to_measure() -> None:
    same = np.repeat([[0.1], [0.2], [0.7]], 3, axis=1)
    np.testing.assert_allclose(icc(same)[["icc", "low", "high"]], 1)
    assert icc(np.full((3, 3), 0.1))[["icc", "low", "high"]].isna().all(axis=None)
    only_raters = icc(np.array([[0.1, 0.7, 0.2]] * 4)).set_index("type").icc
    assert only_raters["ICC(2,1)"] == 0
    assert np.isnan(only_raters["ICC(3,1)"])


@pytest.mark.parametrize("table", [[[1.0, 2.0]], [[1.0], [2.0]], [1.0, 2.0]])
def test_too_little_is_refused(table: list) -> None:
    with pytest.raises(StatisticsError, match="expected two or more exams and raters"):
        icc(np.array(table))


def test_gaps_are_those_of_a_program_for_mixed_models() -> None:
    """40 exams, 5 raters, 3 in 10 missing: components 2.38, 0.69 and 1.54 beside statsmodels' REML 2.58,
    0.65 and 1.56 (`mixedlm` with crossed variance components), so ICC(2,1) 0.52 beside 0.54. Of 400 tables
    of 20 exams and 4 raters with components 2, 0.5 and 1.5 they are 1.96, 0.54 and 1.48 on average, and
    95.5 % of the intervals of ICC(2,1) hold 0.5.
    """
    rng = np.random.default_rng(1)
    table = rng.normal(0, 2**0.5, (30, 1)) + rng.normal(0, 1, (30, 4))
    table[rng.random(table.shape) < 0.2] = np.nan
    data = pd.DataFrame(table).rename_axis("exam").reset_index().melt("exam", var_name="rater").dropna()
    data = data[data.groupby("exam").value.transform("size") > 1].astype({"exam": str, "rater": str})
    model = smf.mixedlm("value ~ rater", data, groups=data.exam).fit(reml=True)
    between, within = float(model.cov_re.iloc[0, 0]), float(model.scale)
    found = icc(table).set_index("type").loc["ICC(3,1)"]
    assert found.icc == pytest.approx(between / (between + within), abs=0.01)
    assert found.low < found.icc < found.high
    assert (found.n, found.k) == (data.exam.nunique(), 4)


@given(tables, st.integers(0, 3))
def test_an_exam_of_one_rater_says_nothing(table: np.ndarray, lone: int) -> None:
    extra = np.full((1, table.shape[1]), np.nan)
    extra[0, lone % table.shape[1]] = 7.0
    columns = ["icc", "low", "high", "n", "k"]
    np.testing.assert_array_equal(icc(np.vstack([table, extra]))[columns], icc(table)[columns])


def test_raters_who_share_too_few_exams_have_none() -> None:
    apart = np.array([[1.0, 2.0, np.nan], [np.nan, 3.0, 1.0]])
    assert icc(apart)[["icc", "low", "high"]].isna().all(axis=None)
    none = icc(np.array([[1.0, np.nan], [np.nan, 3.0]]))
    assert none[["icc", "low", "high"]].isna().all(axis=None) and none.n.tolist() == [0, 0, 0]


def test_confidence_is_checked() -> None:
    with pytest.raises(StatisticsError, match="confidence: found 95"):
        icc(SHROUT_FLEISS, confidence=95)
