"""Tests of all pairs at once against a plain loop over pairs, with programs that know nothing of ours."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evaluation.ranking import Rules
from evaluation.ranking.bootstrap import kendall_tau
from evaluation.ranking.pairwise import pairwise_tests
from evaluation.ranking.schemes import best_ranks
from evaluation.ranking.wins import shares_of_wins
from evaluation.statistics.signed_rank import holm, signed_rank


def made(seed: int, n_cases: int, n: int) -> np.ndarray:
    """Scores, better from left to right; of two seeds in three with ties and undefined cases."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(n_cases, n)) + np.linspace(0, 2, n)
    if seed % 3:
        values = np.round(values, seed % 3 - 1)
        values[random.random(values.shape) < 0.1] = np.nan
    return values


def counts_of(seed: int, n_cases: int, n_samples: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.multinomial(n_cases, np.full(n_cases, 1 / n_cases), n_samples).T.astype(float)


def by_scipy(differences: np.ndarray) -> float:
    differences = differences[~np.isnan(differences)]
    if not differences.any():
        return 1.0 if len(differences) else np.nan
    return float(
        stats.wilcoxon(differences, alternative="greater", method="asymptotic", correction=True).pvalue
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_wins_in_samples_are_those_of_a_loop_over_pairs(seed: int) -> None:
    values, counts, n = made(seed, 20, 14), counts_of(seed, 20, 3), 14
    found = shares_of_wins(values, counts, Rules())
    pairs = list(permutations(range(n), 2))
    for sample in range(3):
        copies = np.repeat(values, counts[:, sample].astype(int), axis=0)
        p = holm([by_scipy(np.round(copies[:, one] - copies[:, other], 12)) for one, other in pairs])
        wins = np.bincount([one for (one, _), clear in zip(pairs, p <= 0.05, strict=True) if clear], None, n)
        assert 0 < wins.sum() < len(pairs) / 2
        assert found[sample].tolist() == (wins / (n - 1)).tolist()


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), n_cases=st.integers(1, 30), alpha=st.sampled_from([0.001, 0.05, 0.3, 0.6]))
def test_many_cases_are_sorted_and_few_are_multiplied_to_the_same_shares(
    seed: int, n_cases: int, alpha: float
) -> None:
    values, counts = made(seed, n_cases, 6), counts_of(seed, n_cases, 9)
    found = shares_of_wins(values, counts, Rules(alpha=alpha))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evaluation.ranking.wins._MOST_PRODUCTS", 0)
        assert shares_of_wins(values, counts, Rules(alpha=alpha)).tobytes() == found.tobytes()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_exact_p_of_all_pairs_are_those_of_one_test_each(seed: int) -> None:
    values = made(seed, 20, 9)
    found = pairwise_tests(values, Rules(exact=True)).p
    for one, other in permutations(range(9), 2):
        differences = np.round(values[:, one] - values[:, other], 12)
        alone = signed_rank(differences[differences != 0], "greater")
        assert found[one, other] == (alone.p if alone.n_pairs else 1)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), n=st.sampled_from([2, 5, 40, 300]), decimals=st.integers(0, 3))
def test_tau_is_that_of_scipy(seed: int, n: int, decimals: int) -> None:
    scores = np.round(np.random.default_rng(seed).normal(size=(4, n)), decimals)
    ranks = best_ranks(scores, 0)
    expected = [
        stats.kendalltau(row, ranks[0]).statistic if len({*row}) > 1 and len({*ranks[0]}) > 1 else np.nan
        for row in ranks
    ]
    np.testing.assert_allclose(kendall_tau(ranks, ranks[0]), expected, rtol=1e-12)
