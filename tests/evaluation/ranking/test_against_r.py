"""Numbers of R 4.2.2 (wilcox.test, p.adjust, rank, tapply), made by definitions.R beside this file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evaluation.ranking import Rules, Scheme, rank_scores
from evaluation.statistics.signed_rank import signed_rank

HERE = Path(__file__).parent
# Differences compared as they are in floating point.
AS_R = Rules(decimals=None, bootstraps=0)


def assert_as_r(scores: pd.DataFrame, name: str) -> None:
    pairs, ranks = (pd.read_csv(HERE / f"{name}_{what}_r.csv") for what in ("pairs", "ranks"))
    for task, its_scores in scores.groupby("task"):
        found = rank_scores(its_scores, AS_R)
        both = pairs[pairs.task == task].merge(
            found.pairwise, on=["task", "algorithm", "other"], suffixes=("_r", "")
        )
        n = its_scores.algorithm.nunique()
        assert len(both) == n * (n - 1)
        np.testing.assert_allclose(both.p, both.p_r, rtol=1e-12, atol=0)
        np.testing.assert_allclose(both.p_holm, both.p_holm_r, rtol=1e-12, atol=0)
        assert ((both.p_holm <= 0.05) == (both.p_holm_r <= 0.05)).all()
        both = ranks[ranks.task == task].merge(
            found.ranks, on=["scheme", "task", "algorithm"], suffixes=("_r", "")
        )
        assert len(both) == n * len(Scheme)
        np.testing.assert_allclose(both.value, both.value_r, rtol=0, atol=1e-14)
        assert both["rank"].tolist() == both.rank_r.tolist()


def test_generated_scores_with_ties_and_zeros() -> None:
    scores = pd.read_csv(HERE / "generated.csv")
    assert set(scores.task) == {"continuous", "copy", "one case", "tenths", "whole"}
    assert_as_r(scores, "generated")


def test_the_example_of_challenger(test_data: Path) -> None:
    scores = pd.read_csv(test_data / "challenger_example" / "data_matrix.csv")
    assert_as_r(scores.rename(columns={"alg_name": "algorithm"}), "challenger")


def test_where_floating_noise_is_a_tie() -> None:
    """By default 0.3 - 0.2 and 0.2 - 0.1 tie, which R takes for two sizes; whole numbers show the truth."""
    scores = pd.read_csv(HERE / "generated.csv")
    tenths = scores[scores.task == "tenths"]
    whole = tenths.assign(value=(10 * tenths.value).round())
    by_default, as_r, truth = (
        rank_scores(table, rules).pairwise.p
        for table, rules in ((tenths, Rules(bootstraps=0)), (tenths, AS_R), (whole, AS_R))
    )
    np.testing.assert_allclose(by_default, truth, rtol=1e-12)
    assert np.abs(as_r - truth).max() > 0.001


@pytest.mark.parametrize("seed", range(3))
def test_p_values_against_scipy(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = random.integers(0, 7, (25, 4)) / 4 + [0, 0.25, 0, 0.5]
    scores = pd.DataFrame(values, columns=list("abcd")).rename_axis("case").reset_index()
    scores = scores.melt("case", var_name="algorithm").assign(task="t")
    for rules in (
        Rules(bootstraps=0),
        Rules(bootstraps=0, exact=True),
        Rules(bootstraps=0, smaller_is_better=True),
    ):
        found = rank_scores(scores, rules, [Scheme.MEAN]).pairwise.set_index(["task", "algorithm", "other"])
        for (task, one, other), p in found.p.items():
            difference = values[:, "abcd".index(one)] - values[:, "abcd".index(other)]
            difference = difference if rules.larger_is_better("t") else -difference
            if rules.exact:
                # R leaves zeros out before ranking.
                expected = signed_rank(difference[difference != 0], "greater").p
            else:
                expected = stats.wilcoxon(
                    difference, alternative="greater", method="asymptotic", correction=True
                ).pvalue
            assert p == pytest.approx(expected, rel=1e-12, abs=0), task


# What challengeR's own tests expect (tests/testthat, commit 016b847 and 0d18d9a).
TWO_CASES = {"A1": [0.6, 0.4], "A2": [0.8, 1.0]}
FOUR_CASES = {"A1": [0.2] * 4, "A2": [1.0] * 4}


@pytest.mark.parametrize(
    ("scores", "scheme", "values", "ranks"),
    [
        (TWO_CASES, Scheme.MEAN, [0.5, 0.9], [1, 2]),
        (TWO_CASES, Scheme.MEDIAN, [0.5, 0.9], [1, 2]),
        (TWO_CASES, Scheme.RANK_MEAN, [1, 2], [1, 2]),
        (TWO_CASES, Scheme.RANK_MEDIAN, [1, 2], [1, 2]),
        (TWO_CASES, Scheme.TEST, [0, 0], [1, 1]),
        (FOUR_CASES, Scheme.TEST, [1, 0], [1, 2]),
        ({"A1": [0.6], "A2": [0.6]}, Scheme.MEAN, [0.6, 0.6], [1, 1]),
        ({"A1": [0.6], "A2": [0.6]}, Scheme.RANK_MEAN, [1, 1], [1, 1]),
        ({"A1": [0.6], "A2": [0.8]}, Scheme.TEST, [0, 0], [1, 1]),
        ({"A1": [0.6]}, Scheme.MEAN, [0.6], [1]),
        ({"A1": [0.6]}, Scheme.RANK_MEAN, [1], [1]),
        # A missing case replaced by 100.
        ({"A1": [None, 0.2, 0.2, 0.2], "A2": [1.0] * 4}, Scheme.TEST, [0, 0], [1, 1]),
        ({"A1": [None], "A2": [0.4]}, Scheme.MEAN, [100, 0.4], [2, 1]),
        ({"A1": [None], "A2": [0.4]}, Scheme.RANK_MEAN, [2, 1], [2, 1]),
    ],
)
def test_expectations_of_challenger_where_small_is_better(
    scores: dict[str, list[float | None]], scheme: Scheme, values: list[float], ranks: list[int]
) -> None:
    rows = [
        {"task": "T1", "algorithm": algorithm, "case": f"C{place}", "value": value}
        for algorithm, found in scores.items()
        for place, value in enumerate(found)
    ]
    table = pd.DataFrame(rows)
    table["status"] = np.where(table.value.isna(), "missing", "scored")
    # challengeR adjusts no p by default; of two one-sided tests Holm's rule doubles the smaller one.
    rules = Rules(smaller_is_better=True, worst=100, bootstraps=0, alpha=2 * 0.05)
    found = rank_scores(table, rules, [scheme]).ranks
    found = found[found.task == "T1"].sort_values("algorithm")
    assert found.value.tolist() == pytest.approx(values)
    assert found["rank"].tolist() == ranks
