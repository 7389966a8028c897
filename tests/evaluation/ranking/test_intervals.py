"""Intervals of ranks: what they hold, when there is none, and where the tests are against the ranks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evaluation.ranking import OVERALL, Rankings, Rules, Scheme, rank_scores
from evaluation.ranking.groups import letters_of
from evaluation.ranking.intervals import (
    against_the_ranks,
    clear_pairs,
    fewest_cases,
    in_words,
    rank_intervals,
)
from evaluation.ranking.pairwise import pairwise_tests
from evaluation.statistics.signed_rank import holm
from tests.evaluation.ranking.tables import long, of_task


def board(random: np.random.Generator, n_cases: int, n: int) -> np.ndarray:
    """Scores with ties, gaps and algorithms apart by anything from nothing to much."""
    values = np.round(random.normal(size=(n_cases, 1)) + random.normal(size=(n_cases, n)), 1)
    values += np.round(random.normal(0, 2, n), 1)
    return np.where(random.random(values.shape) < 0.1, np.nan, values)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), n_cases=st.integers(2, 12), n=st.integers(2, 5))
def test_an_interval_holds_its_rank_in_every_scheme(seed: int, n_cases: int, n: int) -> None:
    random = np.random.default_rng(seed)
    scores = pd.concat([long(board(random, n_cases, n), task) for task in ("x", "y")])
    found = rank_scores(scores, Rules(bootstraps=0, exact=True))
    assert found.no_interval == {} and found.ranks.rank_low.notna().all()
    assert (found.ranks.rank_low >= 1).all() and (found.ranks.rank_high <= n).all()
    assert (found.ranks.rank_low <= found.ranks["rank"]).all()
    assert (found.ranks["rank"] <= found.ranks.rank_high).all()


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 6))
def test_counted_pair_by_pair(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    p, ranks = random.random((n, n)) / 8, random.integers(1, n + 1, n)
    low, high = rank_intervals(p, ranks[:, None] < ranks, 0.95)
    for one in range(n):
        better = sum(p[other, one] <= 0.05 and ranks[other] < ranks[one] for other in range(n))
        worse = sum(p[one, other] <= 0.05 and ranks[one] < ranks[other] for other in range(n))
        assert (low[one], high[one]) == (1 + better, n - worse)


def told_apart(found: Rankings, task: str) -> dict[str, list[tuple[int, int]]]:
    """Of each algorithm how many better and worse ones share no letter with it, and are clear of it."""
    ranks = of_task(found.ranks, task).set_index("algorithm")["rank"]
    groups = found.groups[found.groups.task == task].set_index("algorithm").group.map(letters_of)
    pairs = clear_pairs(found, task, Scheme.MEAN)
    clear = set(pairs[pairs.p_clear <= 0.05][["algorithm", "other"]].itertuples(index=False, name=None))
    told = {}
    for one, rank in ranks.items():
        apart = [other for other in ranks.index if groups[one].isdisjoint(groups[other])]
        told[one] = [
            (sum(ranks[other] < rank for other in apart), sum(ranks[other] > rank for other in apart)),
            (sum((o, one) in clear for o in ranks.index), sum((one, o) in clear for o in ranks.index)),
        ]
    return told


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 5))
def test_letters_and_clear_pairs_say_what_the_intervals_do(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    scores = pd.concat([long(board(random, 12, n), task) for task in ("x", "y", "z")])
    found = rank_scores(scores, Rules(bootstraps=0, exact=True, weights={"x": 3, "z": 0}), [Scheme.MEAN])
    for task in ("x", "y", "z", OVERALL):
        told = told_apart(found, task)
        for row in of_task(found.ranks, task).itertuples():
            expected = (row.rank_low - 1, n - row.rank_high)
            assert told[row.algorithm] == [expected, expected]


def test_renaming_and_a_monotone_turn_change_nothing() -> None:
    values = board(np.random.default_rng(3), 14, 4)
    columns = ["rank", "rank_low", "rank_high"]
    found = of_task(rank_scores(long(values), Rules(bootstraps=0)).ranks)[columns]
    turned = rank_scores(long(5 - values), Rules(bootstraps=0, smaller_is_better=True))
    assert of_task(turned.ranks)[columns].equals(found)
    swapped = of_task(rank_scores(long(values[:, ::-1]), Rules(bootstraps=0)).ranks)[columns]
    assert swapped.iloc[::-1].reset_index(drop=True).equals(found)


@pytest.mark.parametrize("exact", [True, False])
def test_clear_asks_signed_ranks_and_mean(exact: bool) -> None:
    """Against SciPy's signed-rank and permutation tests, one pair at a time."""
    random = np.random.default_rng(5)
    values = random.normal(size=(9, 4)) + np.array([0, 1, 2, 2])
    values[2, 1] = np.nan
    found = pairwise_tests(values, Rules(exact=exact))
    larger = np.full((4, 4), np.nan)
    for one, other in np.argwhere(~np.eye(4, dtype=bool)):
        defined = values[~np.isnan(values[:, [one, other]]).any(axis=1)]
        given = defined[:, one], defined[:, other]
        method = "exact" if exact else "asymptotic"
        ranks = stats.wilcoxon(*given, alternative="greater", method=method, correction=True).pvalue
        mean = stats.permutation_test(
            given, lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples",
            n_resamples=np.inf, alternative="greater", vectorized=True,
        ).pvalue  # fmt: skip
        larger[one, other] = max(mean, ranks)
    off = ~np.eye(4, dtype=bool)
    np.testing.assert_allclose(found.p_clear[off], holm(larger[off]), rtol=1e-10)


def test_the_mean_of_many_cases_is_tested_by_the_normal_approximation() -> None:
    """Close to all signs of 15 cases. Of one pair p_clear is twice the larger p."""
    random = np.random.default_rng(3)
    values = random.normal(size=(15, 2)) + np.array([0.5, 0])
    difference = values[:, 0] - values[:, 1]
    signs = 1 - 2.0 * (np.arange(1 << 15)[:, None] >> np.arange(15) & 1)
    expected = (signs @ np.abs(difference) >= difference.sum() - 1e-12).mean()
    assert 0.1 < expected < 0.2
    found = pairwise_tests(values, Rules(exact=True))
    assert found.p[0, 1] < expected
    assert found.p_clear[0, 1] == pytest.approx(2 * expected, rel=0.1)


def test_who_is_worse_in_every_case_and_far_worse_in_one_is_clearly_worse() -> None:
    """As who lacks the mask of an exam: by a t test that exam would hide the others."""
    random = np.random.default_rng(0)
    values = np.repeat(random.random((10, 1)), 2, axis=1)
    values[:, 1] -= random.uniform(0.05, 0.15, 10)
    values[3, 1] = -3
    assert stats.ttest_rel(*values.T, alternative="greater").pvalue > 0.05
    found = rank_scores(long(values), Rules(bootstraps=0, exact=True))
    assert of_task(found.ranks)[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 1], [2, 2]]


def test_ahead_in_most_cases_and_not_on_average_is_not_clear() -> None:
    """One of two is a little ahead in 27 of 30 cases and fails in three: signed ranks alone say better."""
    steady = np.full(30, 0.70)
    often = np.where(np.arange(30) < 27, 0.74 + 0.001 * np.arange(30), 0.0)
    found = rank_scores(long(np.stack([often, steady], axis=1)), Rules(bootstraps=0, exact=True))
    pair = found.pairwise[(found.pairwise.task == "t") & (found.pairwise.algorithm == "a")].iloc[0]
    assert pair.p_holm < 0.01 and pair.p_clear > 0.5
    assert of_task(found.ranks)[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 2], [1, 2]]
    assert found.groups.group.tolist() == ["a", "a"] * 2


def test_equal_differences_and_none() -> None:
    values = np.array([[0.9, 0.8, 0.8]] * 7)
    p = pairwise_tests(values, Rules(exact=True)).p_clear
    assert p[0, 1] == pytest.approx(6 / 2**7) and p[1, 2] == p[2, 1] == 1


def test_no_one_is_clearly_ahead_overall_of_who_is_ahead_on_a_ranked_level() -> None:
    """By the mean over levels a is clearly better; on y and z the other is ahead by a hair."""
    random = np.random.default_rng(0)
    x = np.stack([np.full(12, 0.9), np.full(12, 0.3)], axis=1) + random.normal(0, 0.01, (12, 2))
    hair = np.stack([np.full(12, 0.5), np.full(12, 0.501)], axis=1) + random.normal(0, 0.0001, (12, 2))
    scores = pd.concat([long(x, "x"), long(hair, "y"), long(hair, "z")])
    both = rank_scores(scores, Rules(bootstraps=0, exact=True))
    overall = of_task(both.ranks, OVERALL)
    assert overall["rank"].tolist() == [2, 1]
    assert overall[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 2], [1, 2]]
    assert both.groups[both.groups.task == OVERALL].group.tolist() == ["a", "a"]
    assert clear_pairs(both, OVERALL, Scheme.MEAN).p_clear.tolist() == [1, 1]
    # Levels that are not ranked do not count.
    alone = rank_scores(scores, Rules(bootstraps=0, exact=True, weights={"y": 0, "z": 0}))
    assert of_task(alone.ranks, OVERALL)[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 1], [2, 2]]
    assert alone.groups[alone.groups.task == OVERALL].group.tolist() == ["a", "b"]
    ranks = both.ranks[(both.ranks.task == OVERALL) & (both.ranks.scheme == Scheme.MEAN)]
    pairs = against_the_ranks(ranks, both.pairwise[both.pairwise.task == OVERALL], 0.95)
    assert in_words(pairs, "exam") == [
        "b has the better rank, yet exam by exam a is clearly better (p < 0.001, adjusted): who of the two "
        "is ahead is not settled."
    ]


def test_a_shared_rank_that_the_tests_tell_apart_is_said() -> None:
    random = np.random.default_rng(0)
    x = np.stack([np.full(12, 0.9), np.full(12, 0.3)], axis=1) + random.normal(0, 0.01, (12, 2))
    scores = pd.concat([long(x, "x"), long((x[:, ::-1] - 0.6) / 10, "y")])
    found = rank_scores(scores, Rules(bootstraps=0, exact=True))
    ranks = found.ranks[(found.ranks.task == OVERALL) & (found.ranks.scheme == Scheme.MEAN)]
    assert ranks["rank"].tolist() == [1, 1] and ranks.rank_high.tolist() == [2, 2]
    pairs = against_the_ranks(ranks, found.pairwise[found.pairwise.task == OVERALL], 0.95)
    assert in_words(pairs) == [
        "a and b share a rank, yet the tests tell them apart: case by case a is clearly better (p < 0.001, "
        "adjusted)."
    ]
    more = in_words(pairs * 5)
    assert len(more) == 4 and more[-1].startswith("2 more pairs")


def test_one_case_and_tasks_of_different_cases_have_no_interval_and_say_why() -> None:
    one = rank_scores(long(np.array([[0.5, 0.6, 0.7]])), Rules(bootstraps=20))
    assert one.ranks.rank_low.isna().all() and one.ranks.rank_high.isna().all()
    assert set(one.no_interval) == {"t", OVERALL}
    assert one.no_interval["t"] == "no interval of a rank: one case says nothing of others"
    random = np.random.default_rng(0)
    tables = [long(random.random((n, 3)), task) for n, task in ((5, "x"), (6, "y"))]
    apart = rank_scores(pd.concat(tables), Rules(bootstraps=20))
    assert list(apart.no_interval) == [OVERALL] and "different cases" in apart.no_interval[OVERALL]
    assert of_task(apart.ranks, "x").rank_low.notna().all()


@pytest.mark.parametrize("exact", [True, False])
def test_how_many_cases_it_takes_at_least(exact: bool) -> None:
    """One algorithm ahead in every case: clear with so many, with one less not."""
    rules = Rules(exact=exact, bootstraps=0)
    for n in (2, 4, 6):
        least = fewest_cases(n, rules)
        for n_cases, is_clear in ((least, True), (least - 1, False)):
            steps = 1 + np.arange(n_cases) / 1000
            values = np.zeros((n_cases, n))
            values[:, 0] = steps
            clear = rank_scores(long(values), rules).pairwise.p_clear.min() <= 0.05
            # The others tie: only the first against one of them is a difference.
            assert clear == is_clear, (n, n_cases)


def test_six_near_ties_hold_their_ranks_at_once() -> None:
    """A small run of ``benchmarks.rank_coverage``, whose numbers stand in docs/explanation/ranks.md."""
    from benchmarks.rank_coverage import coverage

    found = coverage("steady", n_cases=10, repeats=60, bootstraps=100, seed=4)
    assert found.held >= 0.95 and found.spread_held < 0.9


def test_unlike_tasks_hold_their_ranks_where_submissions_fail() -> None:
    """As above: by ranks within cases alone, who fails now and then would be clearly ahead."""
    from benchmarks.rank_coverage import coverage

    found = coverage("unlike tasks, failing", n_cases=30, repeats=25, bootstraps=0, seed=4)
    assert found.held >= 0.95 and found.tests_held < 0.3


def test_so_many_algorithms_ask_for_more_cases_than_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.ranking.intervals._MANY", 5)
    assert fewest_cases(3, Rules(exact=True)) == 5
    monkeypatch.undo()
    assert fewest_cases(3, Rules(exact=True)) == 7
