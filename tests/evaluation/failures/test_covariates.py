import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evaluation.failures.covariates import (
    by_category,
    check_cohort,
    compare_categories,
    correlations,
    with_cohort,
)
from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.permutation import mann_whitney, mann_whitney_each, spearman, spearman_each

# Hollander and Wolfe (1973), p. 187: assessed quality of tuna; the example of R's cor.test.
TUNA = [44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1], [2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8]
# Hollander and Wolfe (1973), p. 69: permeability of the placenta; the example of R's wilcox.test.
TERM = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
EARLY = [1.15, 0.88, 0.90, 0.74, 1.21]


def test_spearman_of_hollander_and_wolfe_as_r_gives_it() -> None:
    """R: cor.test(x, y, method = "spearman"): rho 0.6, p 0.0968, exact."""
    rho, p = spearman(np.array(TUNA[0]), np.array(TUNA[1]))
    assert rho == pytest.approx(0.6)
    # 40,320 of 362,880 orders: standard error 0.0015.
    assert p == pytest.approx(0.0968, abs=0.005)
    assert spearman(np.array(TUNA[0]), np.array(TUNA[1])) == (rho, p)


def test_spearman_of_few_pairs_is_exact() -> None:
    """Zar (1972, J Am Stat Assoc 67:578): at n = 7 a rho of 0.786 is the first that is significant."""
    order = np.arange(7.0)
    assert spearman(order, order[::-1]) == pytest.approx((-1, 2 / 5040))
    swapped = np.array([1, 0, 3, 2, 5, 4, 6.0])
    assert spearman(order, swapped)[0] == pytest.approx(1 - 6 * 6 / 336)
    below, above = np.array([2, 3, 0, 1, 5, 6, 4.0]), np.array([2, 0, 1, 5, 3, 4, 6.0])
    for ranks, significant in ((below, False), (above, True)):
        rho, p = spearman(order, ranks)
        assert (rho >= 0.786 - 5e-4) == significant == (p <= 0.05)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=3, max_size=7))
def test_rho_with_ties_is_scipys(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs, dtype=float).T
    rho, p = spearman(first, second)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        assert np.isnan([rho, p]).all()
        return
    assert rho == pytest.approx(stats.spearmanr(first, second).statistic)
    assert 0 < p <= 1


@pytest.mark.parametrize("n", [3, 5, 9, 21])
def test_p_is_that_of_scipys_permutation_test(n: int) -> None:
    rng = np.random.default_rng(n)
    for first, second in ((rng.random(n), rng.random(n)), (rng.integers(0, 3, n), np.arange(n) / 7)):
        ranks = [stats.rankdata(values) - (n + 1) / 2 for values in (first, second)]
        scale = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))

        def rho(x: np.ndarray, axis: int = -1, other: np.ndarray = ranks[1], by: float = scale) -> np.ndarray:
            return (x * other).sum(axis=axis) / by

        test = stats.permutation_test(
            (ranks[0],), rho, permutation_type="pairings", vectorized=True, n_resamples=40_320, batch=5_000,
            random_state=np.random.default_rng(0),
        )  # fmt: skip
        assert spearman(first, second) == (test.statistic, test.pvalue)


def test_mann_whitney_of_hollander_and_wolfe_as_r_gives_it() -> None:
    """R: wilcox.test(x, y, alternative = "g"): p 0.1272, exact; two-sided twice that."""
    assert mann_whitney(np.array(TERM), np.array(EARLY)) == pytest.approx(0.2544, abs=5e-5)


@settings(max_examples=40)
@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_mann_whitney_without_ties_is_scipys_exact_one(n: int, m: int, seed: int) -> None:
    values = np.random.default_rng(seed).permutation(n + m).astype(float)
    exact = stats.mannwhitneyu(values[:n], values[n:], method="exact").pvalue
    assert mann_whitney(values[:n], values[n:]) == pytest.approx(exact)


@settings(max_examples=15)
@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_mann_whitney_with_ties_is_scipys_by_permutation(n: int, m: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 4, n + m) / 3
    every = stats.PermutationMethod(n_resamples=10_000)
    expected = stats.mannwhitneyu(values[:n], values[n:], method=every).pvalue
    assert mann_whitney(values[:n], values[n:]) == pytest.approx(expected)


def test_mann_whitney_of_many_is_scipys_by_random_permutations() -> None:
    """More values than can be split in every way, of two sizes, asked at once: to the last digit."""
    rng = np.random.default_rng(5)
    pairs = [(rng.integers(0, 9, n) / 3, rng.integers(0, 9, m) / 3) for n, m in ((9, 10), (4, 15), (11, 12))]
    for pair, p in zip(pairs, mann_whitney_each(pairs), strict=True):
        some = stats.PermutationMethod(40_320, batch=5_000, random_state=np.random.default_rng(0))
        assert p == stats.mannwhitneyu(*pair, method=some).pvalue


def test_many_at_once_are_as_one_by_one() -> None:
    rng = np.random.default_rng(6)
    pairs = [(rng.integers(0, 5, n) / 4, rng.random(n)) for n in (2, 5, 5, 9, 21, 21)]
    pairs.append((np.ones(5), rng.random(5)))
    np.testing.assert_array_equal(spearman_each(pairs), [spearman(*pair) for pair in pairs])
    np.testing.assert_array_equal(mann_whitney_each(pairs), [mann_whitney(*pair) for pair in pairs])


def test_mann_whitney_with_ties_counts_splits() -> None:
    # Of the 6 splits of 0, 0, 1, 1 in pairs, one puts both zeros first and one last.
    assert mann_whitney(np.array([0.0, 0]), np.array([1.0, 1])) == pytest.approx(2 / 6)
    assert np.isnan(mann_whitney(np.array([]), np.array([1.0])))


@pytest.fixture
def scores() -> pd.DataFrame:
    """Six exams; the model fails in Tromsø on level 3, and one of its Dice is undefined."""
    rows = []
    for place, exam in enumerate("abcdef"):
        rows += [(exam, "net", "level1", 0.7 + 0.01 * place), (exam, "net", "level3", 0.8 - 0.1 * place)]
        rows.append((exam, "anna", "level1", 0.8))
    table = pd.DataFrame(rows, columns=["exam", "rater", "level", "dice"])
    table.loc[(table.exam == "f") & (table.level == "level3"), "dice"] = np.nan
    return table


@pytest.fixture
def cohort() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "exam": list("gfedcba"),
            "site": ["Oslo", *["Tromsø"] * 3, *["Oslo"] * 3],
            "group": ["CNO", "CNO", "healthy", None, "CNO", "healthy", "healthy"],
            "age": ["9", "15", "14", "12", "", "8", "6"],
        }
    )


def test_medians_by_category(scores: pd.DataFrame, cohort: pd.DataFrame) -> None:
    found = by_category(with_cohort(scores, cohort))
    cells = found.set_index(["rater", "level", "column", "category"])
    tromso = cells.loc[("net", "level3", "site", "Tromsø")]
    assert (tromso["median"], tromso.n_defined, tromso.n) == pytest.approx((0.45, 2, 3))
    assert cells.loc[("net", "level1", "site", "Oslo"), "median"] == pytest.approx(0.71)
    # Exam d has no group.
    groups = found[(found.column == "group") & (found.rater == "anna")]
    assert dict(zip(groups.category, groups.n, strict=True)) == {"CNO": 2, "healthy": 3}


def test_categories_are_tested_with_holm_for_all_of_a_rater(
    scores: pd.DataFrame, cohort: pd.DataFrame
) -> None:
    found = compare_categories(with_cohort(scores, cohort))
    assert len(found) == 2 * 2 + 2
    row = found.query("rater == 'net' and level == 'level1' and column == 'site'").iloc[0]
    assert (row.category, row.other, row.n, row.n_other) == ("Oslo", "Tromsø", 3, 3)
    assert row.difference == pytest.approx(-0.03)
    assert row.p == pytest.approx(2 / 20)
    # The least of the rater's four p values.
    assert row.p_holm == pytest.approx(4 * 2 / 20)
    still = found[found.rater == "anna"]
    assert still.p.tolist() == still.p_holm.tolist() == [1, 1]
    assert still.difference.tolist() == [0, 0]


def test_age_is_correlated_where_it_is_known(scores: pd.DataFrame, cohort: pd.DataFrame) -> None:
    found = correlations(with_cohort(scores, cohort), "age").set_index(["rater", "level"])
    level1, level3 = found.loc[("net", "level1")], found.loc[("net", "level3")]
    assert (level1.rho, level1.n, level1.n_left_out) == pytest.approx((1, 5, 1))
    assert level1.p == pytest.approx(2 / 120)
    assert level1.p_holm == pytest.approx(4 / 120)
    assert (level3.rho, level3.n, level3.n_left_out) == pytest.approx((-1, 4, 2))
    assert np.isnan(found.loc[("anna", "level1")][["rho", "p", "p_holm"]].astype(float)).all()


def test_refusals(scores: pd.DataFrame, cohort: pd.DataFrame) -> None:
    with pytest.raises(StatisticsError, match="found no row of exam a, b, expected"):
        with_cohort(scores, cohort[~cohort.exam.isin(["a", "b"])])
    with pytest.raises(StatisticsError, match="found exam g twice"):
        with_cohort(scores, pd.concat([cohort, cohort.head(1)]))
    with pytest.raises(StatisticsError, match="column 'site': not among exam, rater, level, dice"):
        by_category(scores)
    with pytest.raises(StatisticsError, match="twice, expected one row an exam"):
        correlations(pd.concat([scores, scores]).assign(age=1), "age")


def test_a_cohort_is_called_by_its_file(cohort: pd.DataFrame) -> None:
    check_cohort(cohort, cohort.exam)
    with pytest.raises(
        StatisticsError, match=r"^known.csv: found no row of exam x, expected one row an exam"
    ):
        check_cohort(cohort, ["x", *cohort.exam, "x"], "known.csv")
