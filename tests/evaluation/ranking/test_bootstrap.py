"""The vectorised bootstrap against a literal one: copies written out, each ranked within its own case."""

import warnings
from dataclasses import replace
from statistics import mean, median

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evaluation.ranking import OVERALL, Rules, Scheme, rank_scores
from evaluation.ranking.bootstrap import draw, rank_probabilities, rank_spread, rank_stability
from evaluation.ranking.schemes import aggregate, best_ranks, rank_aggregates
from evaluation.ranking.score_table import TaskScores
from evaluation.statistics.signed_rank import signed_rank


def task_of(values: np.ndarray) -> TaskScores:
    cases, algorithms = (tuple(map(str, range(n))) for n in values.shape)
    return TaskScores("t", algorithms, cases, values, np.zeros(values.shape, bool))


def literal_ranks(values: list[float], tolerance: float) -> list[int]:
    """1 is the largest; a chain of neighbours that differ by no more than the tolerance is a tie."""
    order = sorted(range(len(values)), key=lambda place: -values[place])
    ranks = [0] * len(values)
    for place, index in enumerate(order):
        behind = place and values[order[place - 1]] - values[index] <= tolerance
        ranks[index] = ranks[order[place - 1]] if behind else place + 1
    return ranks


def literal(scheme: Scheme, sample: np.ndarray, rules: Rules) -> list[int]:
    """Ranks of one sample, its copies written out as rows."""
    columns = list(sample.T)
    if scheme in (Scheme.RANK_MEAN, Scheme.RANK_MEDIAN):
        # Each row, a copy or not, is ranked by itself; undefined ones are ahead there and have no rank.
        rows = [literal_ranks(np.where(np.isnan(row), 9e9, row).tolist(), rules.tolerance) for row in sample]
        columns = list(np.where(np.isnan(sample), np.nan, -np.array(rows, float)).T)
    kept = [[value for value in column.tolist() if value == value] for column in columns]
    if scheme is Scheme.TEST:
        wins = literal_wins(sample, rules)
        found = [count if defined else -9e9 for count, defined in zip(wins, kept, strict=True)]
    else:
        summary = mean if scheme in (Scheme.MEAN, Scheme.RANK_MEAN) else median
        found = [summary(values) if values else -9e9 for values in kept]
    return literal_ranks(found, max(rules.tolerance, 1e-12))


def literal_wins(sample: np.ndarray, rules: Rules) -> list[int]:
    n = sample.shape[1]
    tests = []
    for one in range(n):
        for other in range(n):
            difference = np.round(sample[:, one] - sample[:, other], 12)
            difference = difference[~np.isnan(difference)]
            if one != other and len(difference):
                tests.append((literal_p(difference, rules), one))
    wins, still = [0] * n, True
    for step, (p, one) in enumerate(sorted(tests)):
        still = still and p * (len(tests) - step) <= rules.alpha
        wins[one] += still
    return wins


def literal_p(difference: np.ndarray, rules: Rules) -> float:
    if not difference.any():
        return 1.0
    if rules.exact:
        return signed_rank(difference[difference != 0], "greater").p
    return float(
        stats.wilcoxon(difference, alternative="greater", method="asymptotic", correction=True).pvalue
    )


@pytest.mark.parametrize("scheme", Scheme)
@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), exact=st.booleans())
def test_every_scheme_equals_the_literal_loop(scheme: Scheme, seed: int, exact: bool) -> None:
    """Random small matrices with ties and undefined cases; missing ones hold the worst score, 0."""
    random = np.random.default_rng(seed)
    n_cases, n = random.integers(1, 13), random.integers(1, 5)
    values = random.integers(0, 6, (n_cases, n)) / 10 + random.integers(0, 3) * np.arange(n) / 5
    values[random.random(values.shape) < 0.15] = np.nan
    values[random.random(values.shape) < 0.1] = 0
    rules = Rules(alpha=0.3, exact=exact)
    counts = random.multinomial(n_cases, np.full(n_cases, 1 / n_cases), size=12).T.astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = rank_aggregates(aggregate(scheme, task_of(values), counts, rules), rules.tolerance)
    for sample, ranks in enumerate(found):
        copies = np.repeat(values, counts[:, sample].astype(int), axis=0)
        assert ranks.tolist() == literal(scheme, copies, rules)


def test_beyond_twelve_cases_samples_are_tested_by_the_approximation_and_the_cases_exactly() -> None:
    """Fourteen cases of which the first algorithm wins all: exact p is 2 ** -14, approximate p is 5e-4."""
    values = np.column_stack([np.arange(14) / 20 + 0.1 + np.arange(14) / 100, np.arange(14) / 20])
    once = np.ones((14, 1))
    rules = Rules(alpha=2.5e-4, exact=True)
    assert aggregate(Scheme.TEST, task_of(values), once, rules).tolist() == [[1, 0]]
    twice = np.ones((14, 2))
    assert aggregate(Scheme.TEST, task_of(values), twice, rules).tolist() == [[0, 0], [0, 0]]
    few = aggregate(Scheme.TEST, task_of(values[:12]), twice[:12], Rules(alpha=2 * 2.0**-12, exact=True))
    assert few.tolist() == [[1, 0], [1, 0]]


def test_doubling_a_case_never_changes_the_ranking_within_it() -> None:
    """Two algorithms tie on a case: were its copies ranked together, they would share ranks 1 to 4."""
    values = np.array([[0.9, 0.8, 0.1], [0.5, 0.5, 0.7], [0.2, 0.3, 0.4]])
    for copies in (1, 2, 5):
        only_first = np.array([[copies], [0], [0]], float)
        found = aggregate(Scheme.RANK_MEAN, task_of(values), only_first, Rules())
        assert (-found).tolist() == [[1, 2, 3]]
    both = np.array([[2], [1], [0]], float)
    expected = (2 * np.array([1, 2, 3]) + np.array([2, 2, 1])) / 3
    np.testing.assert_allclose(-aggregate(Scheme.RANK_MEAN, task_of(values), both, Rules())[0], expected)


def test_copies_count_in_the_test() -> None:
    """Three cases can never be significant at 0.05; eight copies of them are eight pairs more."""
    values = np.array([[0.9, 0.1], [0.8, 0.1], [0.7, 0.1]])
    counts = np.array([[1, 4], [1, 4], [1, 3]], float)
    assert aggregate(Scheme.TEST, task_of(values), counts, Rules()).tolist() == [[0, 0], [1, 0]]


def test_samples_hold_as_many_cases_and_are_shared_by_tasks_with_the_same_cases() -> None:
    values = np.arange(10.0).reshape(5, 2)
    one, other = task_of(values), task_of(values + 1)
    fewer = task_of(values[:4])
    counts = draw([one, other, fewer], Rules(bootstraps=300))
    assert [found.shape for found in counts] == [(5, 300), (5, 300), (4, 300)]
    assert (counts[0].sum(axis=0) == 5).all()
    assert (counts[2].sum(axis=0) == 4).all()
    assert (counts[0] == counts[1]).all()
    # Each case is drawn once a sample on average, and some samples lack it: (4/5)^5 of them.
    assert counts[0].mean(axis=1) == pytest.approx(np.ones(5), abs=0.15)
    assert (counts[0] == 0).mean() == pytest.approx(0.8**5, abs=0.05)
    renamed = replace(one, cases=tuple("abcde"))
    assert (draw([renamed], Rules(bootstraps=300))[0] != counts[0]).any()
    # The draw is a matter of the task alone.
    assert (draw([fewer], Rules(bootstraps=300))[0] == counts[2]).all()
    assert (draw([fewer], Rules(bootstraps=300, seed=1))[0] != counts[2]).any()


def test_tasks_with_the_same_cases_move_together_in_the_overall_ranking() -> None:
    """Two tasks with the same scores: drawn together, the overall ranking is each one's, sample by sample."""
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        [("one", algorithm, case, random.normal()) for algorithm in "abc" for case in range(12)],
        columns=["task", "algorithm", "case", "value"],
    )
    found = rank_scores(pd.concat([rows, rows.assign(task="two")]), Rules(bootstraps=200), [Scheme.MEAN])
    tables = [
        table.drop(columns="task").reset_index(drop=True) for _, table in found.probabilities.groupby("task")
    ]
    assert len(tables) == 3
    assert all(table.equals(tables[0]) for table in tables)
    stability = found.stability.set_index("task").drop(columns="scheme")
    assert stability.loc["one"].tolist() == stability.loc[OVERALL].tolist()
    apart = pd.concat([rows, rows.assign(task="two", case=rows.case + 100)])
    apart = rank_scores(apart, Rules(bootstraps=200), [Scheme.MEAN]).probabilities
    assert (
        apart[apart.task == "one"].probability.tolist() != apart[apart.task == OVERALL].probability.tolist()
    )


def test_intervals_probabilities_and_stability_of_known_samples() -> None:
    first = np.repeat([1, 2, 3], [3, 94, 3])
    samples = np.stack([first, np.where(first == 1, 2, 1)], axis=1)
    low, high = rank_spread(samples, 0.95)
    assert (low.tolist(), high.tolist()) == ([1, 1], [3, 2])
    low, high = rank_spread(samples, 0.9)
    assert (low.tolist(), high.tolist()) == ([2, 1], [2, 1])
    assert rank_probabilities(np.array([[1, 2], [1, 1], [2, 1], [1, 2]])).tolist() == [
        [0.75, 0.25],
        [0.5, 0.5],
    ]
    observed = np.array([1, 2, 3])
    samples = np.array([[1, 2, 3], [1, 3, 2], [3, 2, 1], [1, 1, 1], [1, 1, 3]])
    taus = [stats.kendalltau(sample, observed).statistic for sample in samples if len(set(sample)) > 1]
    middle, low, high, n_undefined = rank_stability(samples, observed, 0.95)
    assert middle == pytest.approx(np.median(taus))
    assert (low, high) == pytest.approx(tuple(np.quantile(taus, [0.025, 0.975])))
    assert n_undefined == 1


def test_an_algorithm_without_a_defined_case_in_a_sample_ranks_last() -> None:
    values = np.array([[0.1, np.nan, 0.3], [0.2, 0.9, 0.1]])
    counts = np.array([[2], [0]], float)
    for scheme in Scheme:
        found = aggregate(scheme, task_of(values), counts, Rules())
        assert np.isnan(found[0, 1])
        assert rank_aggregates(found, 0)[0, 1] == 3


def test_ties_are_transitive_and_undefined_is_last() -> None:
    values = np.array([[0.0, 0.6, 1.2, np.nan, 5.0], [1, 2, 3, np.nan, np.nan]])
    assert best_ranks(values, 0.7).tolist() == [[2, 2, 2, 5, 1], [3, 2, 1, 4, 4]]
    assert best_ranks(values, 0.5).tolist() == [[4, 3, 2, 5, 1], [3, 2, 1, 4, 4]]
