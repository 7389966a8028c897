"""Scores adjusted for the exam: least squares of another program, exact where the model is, or none."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st

from evaluation.scores.adjusted import adjusted_for_exams

RATERS = ["anna", "ben", "carl", "net"]


def scores(table: np.ndarray) -> pd.DataFrame:
    """A row a cell; a cell without a mask (NaN) has none."""
    rows = [
        (f"exam{n}", rater, "level1", value)
        for n, row in enumerate(table)
        for rater, value in zip(RATERS, row, strict=True)
        if not np.isnan(value)
    ]
    return pd.DataFrame(rows, columns=["exam", "rater", "level", "dice"])


def test_least_squares_of_another_program() -> None:
    """statsmodels' OLS on indicators, predicted on every exam."""
    rng = np.random.default_rng(0)
    table = rng.uniform(0.3, 0.9, (12, 4))
    table[rng.random(table.shape) < 0.4] = np.nan
    data = scores(table)
    model = smf.ols("dice ~ exam + rater", data).fit()
    found = adjusted_for_exams(data).set_index("rater")
    for rater in RATERS:
        everywhere = pd.DataFrame({"exam": data.exam.unique(), "rater": rater})
        assert found.adjusted[rater] == pytest.approx(model.predict(everywhere).mean())
        assert found["mean"][rater] == pytest.approx(data.dice[data.rater == rater].mean())
        assert found.n[rater] == (data.rater == rater).sum()
    assert (found["mean"] - found.ease).tolist() == pytest.approx(found.adjusted.tolist())


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.7))
def test_what_is_additive_is_found_whoever_is_missing(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    exams, raters = rng.uniform(0.2, 0.5, (6, 1)), rng.uniform(0, 0.4, (1, 4))
    table = exams + raters
    holes = rng.random((6, 3)) < share
    table[:, :3][holes] = np.nan
    found = adjusted_for_exams(scores(table)).set_index("rater")
    # The model has every exam, so that all raters are connected.
    for rater, part in zip(RATERS, raters[0], strict=True):
        if rater in found.index:
            assert found.adjusted[rater] == pytest.approx(exams.mean() + part)


def test_with_every_mask_nothing_is_adjusted() -> None:
    found = adjusted_for_exams(scores(np.random.default_rng(1).uniform(0, 1, (5, 4))))
    assert found.ease.tolist() == pytest.approx([0] * 4, abs=1e-12)


def test_a_hard_exam_is_not_held_against_who_drew_it() -> None:
    table = np.array([[0.9, 0.9, np.nan, 0.9], [0.9, 0.9, np.nan, 0.9], [np.nan, np.nan, 0.5, 0.5]])
    found = adjusted_for_exams(scores(table)).set_index("rater")
    assert found["mean"].round(3).to_dict() == {"anna": 0.9, "ben": 0.9, "carl": 0.5, "net": 0.767}
    assert found.adjusted.tolist() == pytest.approx([0.767] * 4, abs=5e-4)
    assert found.ease["carl"] == pytest.approx(-0.267, abs=5e-4)


def test_raters_without_a_way_between_them_are_not_adjusted() -> None:
    nan = np.nan
    apart = np.array([[0.9, 0.8, nan, nan], [0.9, 0.7, nan, nan], [nan, nan, 0.5, 0.4]])
    found = adjusted_for_exams(scores(apart))
    assert found.adjusted.isna().all() and found["mean"].notna().all()
    assert found.n.tolist() == [2, 2, 1, 1] and set(found.n_exams) == {3}


def test_where_nobody_scored_nothing_is_adjusted() -> None:
    rows = [("e1", "a", "low", np.nan), ("e1", "b", "low", np.nan)]
    scores = pd.DataFrame(rows, columns=["exam", "rater", "level", "dice"]).assign(left_out=["a", "b"])
    assert adjusted_for_exams(scores).ease.isna().all()
