"""Wilcoxon's test, Hodges and Lehmann's estimate and Holm's rule against SciPy and published examples."""

from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.rank_sums import sums_of_ranks, tail
from evaluation.statistics.signed_rank import _places, hodges_lehmann, holm, sign_test, signed_rank

# Hollander and Wolfe, Nonparametric Statistical Methods, example 3.1: Hamilton depression scale factor IV
# of nine patients before and after a tranquilizer; also the example of R's wilcox.test.
BEFORE = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
AFTER = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
DEPRESSION = np.subtract(BEFORE, AFTER)

# Two-sided critical values at 0.05, in textbooks since Wilcoxon and Wilcox (1964).
CRITICAL = {6: 0, 7: 2, 8: 3, 9: 5, 10: 8, 11: 10, 12: 13, 13: 17, 14: 21, 15: 25}

untied = st.lists(st.integers(-60, 60).filter(bool), min_size=1, max_size=14, unique_by=abs)
tied = st.lists(st.integers(-3, 3), min_size=1, max_size=9)
alternatives = st.sampled_from(["two-sided", "greater", "less"])


def test_depression_example_of_r_and_of_hollander_and_wolfe() -> None:
    """R's wilcox.test: V = 40, p = 0.01953; the book: estimate 0.46, 96 % interval 0.010 to 0.786."""
    test = signed_rank(DEPRESSION, "greater")
    assert test.statistic == 40
    assert test.p == pytest.approx(0.01953, abs=5e-6)
    found = hodges_lehmann(DEPRESSION, confidence=0.96)
    assert (found.estimate, found.low, found.high) == pytest.approx((0.46, 0.010, 0.786))
    assert found.coverage == pytest.approx(0.961, abs=5e-4)
    assert found.method == "Walsh averages 6 and 40 of 45"


@pytest.mark.parametrize(("n", "critical"), CRITICAL.items())
def test_published_critical_values(n: int, critical: int) -> None:
    def p_of(statistic: int) -> float:
        """P of n differences whose positive ranks sum to `statistic`, the largest ranks first."""
        signs = -np.ones(n)
        rest = statistic
        for rank in range(n, 0, -1):
            if rank <= rest:
                signs[rank - 1], rest = 1, rest - rank
        found = signed_rank(signs * np.arange(1, n + 1))
        assert found.statistic == statistic
        return found.p

    assert p_of(critical) <= 0.05 < p_of(critical + 1)
    # The interval that excludes 0 whenever the test rejects starts one Walsh average further in.
    assert hodges_lehmann(2.0 ** np.arange(n)).method.startswith(f"Walsh averages {critical + 1} and ")


@given(differences=untied, alternative=alternatives)
def test_without_ties_as_scipy_exact(differences: list[int], alternative: str) -> None:
    expected = stats.wilcoxon(differences, alternative=alternative, method="exact")
    assert signed_rank(differences, alternative).p == pytest.approx(expected.pvalue, rel=1e-12)


@settings(max_examples=40)
@given(differences=tied.filter(lambda d: np.count_nonzero(d) > 1), alternative=alternatives)
def test_with_ties_and_zeros_as_scipy_over_all_permutations(differences: list[int], alternative: str) -> None:
    exhaustive = stats.PermutationMethod(n_resamples=10_000)
    expected = stats.wilcoxon(differences, alternative=alternative, zero_method="pratt", method=exhaustive)
    found = signed_rank(differences, alternative)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.n_equal == differences.count(0)


@settings(max_examples=40)
@given(differences=tied)
def test_zeros_are_ranked_and_then_have_no_sign(differences: list[int]) -> None:
    """Pratt's rule over all signs, written out."""
    ranks = stats.rankdata(np.abs(differences))
    ranks = ranks[np.array(differences) != 0]
    sums = [ranks @ signs for signs in product((0, 1), repeat=len(ranks))]
    found = signed_rank(differences, "greater")
    assert found.p == pytest.approx(np.mean([total >= found.statistic for total in sums]))


def test_zero_is_the_smallest_difference_not_none() -> None:
    """Without the zeros p would be 0.078 (Wilcoxon's rule); with them the negative ranks weigh more."""
    differences = [0, 0, 0, -1, -2, 3, 4, 5, 6, 7]
    assert signed_rank(differences[3:]).p == pytest.approx(5 / 64)
    assert signed_rank(differences).p == pytest.approx(8 / 64)


def test_differences_that_tie_but_for_rounding_are_ties() -> None:
    differences = [0.3 - 0.2, 0.2 - 0.1, 0.4 - 0.5, 0.25]
    assert signed_rank(differences).p == signed_rank([1, 1, -1, 2.5]).p
    assert signed_rank([0.1 + 0.2 - 0.3, 0.5]).n_equal == 1


def test_undefined_and_equal_pairs_are_counted() -> None:
    found = signed_rank([0.1, np.nan, 0.0, -0.2, np.nan])
    assert (found.n_pairs, found.n_left_out, found.n_equal) == (3, 2, 1)
    assert signed_rank([0.0, 0.0]).p == 1
    assert np.isnan(signed_rank([np.nan]).p)


@given(differences=untied.filter(lambda d: len(d) > 1), confidence=st.sampled_from([0.8, 0.9, 0.95]))
def test_interval_excludes_0_exactly_when_the_test_rejects(differences: list[int], confidence: float) -> None:
    found = hodges_lehmann(differences, confidence=confidence)
    # A Walsh average of exactly 0 counts half in the test's statistic, and is in the closed interval.
    assume(not found.falls_short and not any(one == -other for one, other in combinations(differences, 2)))
    excludes = found.low > 0 or found.high < 0
    assert excludes == (signed_rank(differences).p <= 1 - confidence + 1e-12)


@settings(max_examples=60, deadline=None)
@given(differences=st.lists(st.integers(-3, 6), min_size=6, max_size=11))
def test_with_ties_and_zeros_interval_and_test_agree(differences: list[int]) -> None:
    """Not rejected: 0 is in the interval. Rejected: 0 is not within it, at most its very end.

    The same in 3,144 random samples of 6 to 11 differences, three in ten of them 0.
    """
    found = hodges_lehmann(differences)
    if signed_rank(differences).p > 0.05 + 1e-12:
        assert found.low <= 0 <= found.high
    else:
        assert found.low >= 0 or found.high <= 0


def test_interval_is_of_the_test_where_that_of_walsh_averages_is_not() -> None:
    """By the 9th of 55 Walsh averages it would begin at -0.5, though the test rejects 0."""
    differences = [-1, -1, -1, 0, 3, 3, 3, 3, 4, 4]
    assert signed_rank(differences).p == pytest.approx(0.046875)
    found = hodges_lehmann(differences)
    assert (found.low, found.high) == (0, 3.5)
    assert found.method == "shifts that the exact test with ties does not reject"


@given(n_for=st.integers(0, 12), n_against=st.integers(0, 12))
def test_sign_test_counts_all_signs(n_for: int, n_against: int) -> None:
    n = n_for + n_against
    if not n:
        assert np.isnan(sign_test(n_for, n_against))
        return
    as_far = [k for k in range(n + 1) if abs(2 * k - n) >= abs(n_for - n_against)]
    assert sign_test(n_for, n_against) == pytest.approx(sum(comb(n, k) for k in as_far) / 2**n)


def test_sign_test_as_mcnemars_exact_test_of_statsmodels() -> None:
    """statsmodels: mcnemar([[1, 7], [0, 2]], exact=True).pvalue is 0.015625; of 8 and 2 0.109375."""
    assert (sign_test(7, 0), sign_test(8, 2)) == pytest.approx((0.015625, 0.109375))


@given(differences=untied, shift=st.integers(-20, 20))
def test_estimate_moves_and_turns_with_the_differences(differences: list[int], shift: int) -> None:
    found, values = hodges_lehmann(differences), np.array(differences)
    moved, turned = hodges_lehmann(values + shift), hodges_lehmann(-values)
    np.testing.assert_allclose(
        [moved.estimate, moved.low, moved.high], np.add([found.estimate, found.low, found.high], shift)
    )
    np.testing.assert_allclose(
        [turned.estimate, turned.low, turned.high], [-found.estimate, -found.high, -found.low]
    )


def test_few_pairs_give_the_widest_interval_or_none() -> None:
    found = hodges_lehmann([0.1, 0.2, 0.3, 0.4, 0.5])
    assert (found.low, found.high, found.coverage, found.falls_short) == (0.1, 0.5, 0.9375, True)
    assert not hodges_lehmann([0.1, np.nan]).is_defined
    assert np.isnan(hodges_lehmann([]).estimate)
    with pytest.raises(StatisticsError, match="confidence: found 1, expected between 0 and 1"):
        hodges_lehmann([0.1, 0.2], confidence=1)


def test_holm_as_r_p_adjust() -> None:
    """R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm")."""
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert holm([0.04, 0.01]) == pytest.approx([0.04, 0.02])
    np.testing.assert_allclose(holm([0.4, np.nan, 0.01]), [0.4, np.nan, 0.02])


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_p_and_bonferroni_and_keeps_the_order(p: list[float]) -> None:
    adjusted, values = holm(p), np.array(p)
    assert (adjusted >= values).all()
    assert (adjusted <= np.minimum(1, len(p) * values) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(values, kind="stable")]) >= 0).all()


@pytest.mark.parametrize("rounded", [9, 1, 0.5, 0])
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.35])
def test_of_many_differences_p_is_what_counting_gives(
    rounded: float, shift: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ties, with ties and zeros, and with few different ranks, whose sums leave gaps."""
    found = np.random.default_rng([int(10 * rounded), int(100 * shift)]).normal(shift, 1, 240)
    step = 10.0**-rounded if rounded != 0.5 else 0.25
    values = np.round(found / step) * step
    monkeypatch.setattr("evaluation.statistics.signed_rank.COUNTED", 1000)
    counted = {way: signed_rank(values, way).p for way in ("two-sided", "greater", "less")}
    monkeypatch.setattr("evaluation.statistics.signed_rank.COUNTED", 200)
    for way, p in counted.items():
        assert signed_rank(values, way).p == pytest.approx(p, rel=1e-4, abs=1e-14)


def test_of_many_differences_the_interval_is_that_of_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).normal(0.2, 1, 203)
    monkeypatch.setattr("evaluation.statistics.signed_rank.COUNTED", 210)
    counted = hodges_lehmann(values)
    _places.cache_clear()
    monkeypatch.setattr("evaluation.statistics.signed_rank.COUNTED", 200)
    quick = hodges_lehmann(values)
    _places.cache_clear()
    assert (quick.low, quick.high, quick.method) == (counted.low, counted.high, counted.method)
    assert quick.coverage == pytest.approx(counted.coverage, abs=1e-5)


@pytest.mark.parametrize("ranks", [np.full(300, 7), np.repeat([2, 5], 150), 2 * np.arange(1, 301)])
def test_the_ends_of_a_tail_are_sure(ranks: np.ndarray) -> None:
    assert tail(ranks, 0) == pytest.approx(1)
    assert tail(ranks, int(ranks.sum())) == pytest.approx(0.5 ** len(ranks), abs=1e-14)
    assert tail(ranks, int(ranks.sum()) + 1) == pytest.approx(0, abs=1e-14)


def test_a_tail_of_equal_ranks_is_binomial() -> None:
    assert tail(np.full(500, 3), 3 * 280) == pytest.approx(stats.binom.sf(279, 500, 0.5), rel=1e-10)


@pytest.mark.parametrize("kind", ["ties", "zeros", "few values"])
def test_of_more_ties_the_interval_is_found_quicker_and_is_the_same(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Searched by halves, as if the tests turned but once, and shift by shift."""
    rng = np.random.default_rng(len(kind))
    for n in range(31, 40):
        values = {
            "ties": rng.integers(-6, 9, n) / 100,
            "zeros": np.where(rng.random(n) < 0.4, 0, rng.normal(0.1, 0.2, n)).round(2),
            "few values": rng.choice([-0.1, 0, 0.1, 0.3], n),
        }[kind]
        quick = hodges_lehmann(values)
        with monkeypatch.context() as patch:
            patch.setattr("evaluation.statistics.signed_rank._ALL_SHIFTS", n)
            assert hodges_lehmann(values) == quick


def test_next_to_the_mean_a_tail_is_what_counting_gives() -> None:
    ranks = 2 * np.arange(1, 241)
    counted = np.cumsum(sums_of_ranks(ranks)[::-1])[::-1]
    middle = int(ranks.sum()) // 2
    for total in range(middle - 400, middle + 400, 20):
        assert tail(ranks, total) == pytest.approx(counted[total], abs=1e-6)
