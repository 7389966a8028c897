"""The same numbers as other programs: krippendorff, statsmodels and pingouin (test dependencies)."""

from __future__ import annotations

import krippendorff
import numpy as np
import pandas as pd
import pingouin
import pytest
from statsmodels.stats.inter_rater import aggregate_raters
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_kappa

from evaluation.statistics.chance_corrected import fleiss_kappa, krippendorff_alpha
from evaluation.statistics.icc import icc

RNG = np.random.default_rng(4)


def ratings(raters: int, items: int = 200) -> np.ndarray:
    """Labels 0 to 3 of raters that agree in part, shape (items, raters)."""
    truth = RNG.integers(0, 4, items)[:, None]
    return np.clip(truth + RNG.integers(-1, 2, (items, raters)) * (RNG.random((items, raters)) < 0.4), 0, 3)


def by_label(found: np.ndarray) -> np.ndarray:
    """How many raters gave each label, shape (items, labels)."""
    return (found[:, :, None] == np.arange(4)).sum(axis=1)


@pytest.mark.parametrize("raters", [2, 4])
@pytest.mark.parametrize("metric", ["ordinal", "nominal"])
def test_krippendorff_alpha(raters: int, metric: str) -> None:
    found = ratings(raters)
    expected = krippendorff.alpha(reliability_data=found.T, level_of_measurement=metric)
    ours = krippendorff_alpha(by_label(found), np.ones(len(found), dtype=np.int64), metric)
    assert ours == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("raters", [3, 5])
def test_fleiss_kappa(raters: int) -> None:
    found = ratings(raters)
    expected = statsmodels_kappa(aggregate_raters(found)[0], method="fleiss")
    assert fleiss_kappa(by_label(found), np.ones(len(found), dtype=np.int64)) == pytest.approx(
        expected, abs=1e-12
    )


def test_intraclass_correlations() -> None:
    values = RNG.normal(size=(10, 1)) * 3 + RNG.normal(size=(10, 4)) + np.arange(4)
    long = pd.DataFrame(values).reset_index(names="exam").melt("exam", var_name="rater")
    theirs = pingouin.intraclass_corr(long, targets="exam", raters="rater", ratings="value").set_index("Type")
    # pingouin names them as McGraw and Wong do: agreement and consistency.
    for ours, name in zip(icc(values).itertuples(), ["ICC(A,1)", "ICC(C,1)", "ICC(A,k)"], strict=True):
        assert ours.icc == pytest.approx(theirs.ICC[name], abs=1e-9), name
        assert [ours.low, ours.high] == pytest.approx(list(theirs.CI95[name]), abs=0.006), name
