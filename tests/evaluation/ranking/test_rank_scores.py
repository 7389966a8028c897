from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from evaluation.ranking import OVERALL, Rankings, Rules, Scheme, rank_scores
from evaluation.statistics.intervals import StatisticsError
from tests.evaluation.ranking.tables import long, of_task

TABLES = ("ranks", "pairwise", "probabilities", "stability", "agreement", "groups")


@pytest.fixture(scope="module")
def noisy() -> pd.DataFrame:
    random = np.random.default_rng(1)
    values = np.round(random.normal(size=(14, 4)) + np.array([0.6, 0.5, 0.2, 0]), 2)
    other = np.round(values + random.normal(size=values.shape), 1)
    other[3] = np.nan
    other[5, 2] = np.nan
    table = pd.concat([long(values, "level1"), long(other, "level2")])
    return table[~((table.task == "level1") & (table.algorithm == "d") & (table.case == 2))]


@settings(max_examples=6)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_rows_never_matters(noisy: pd.DataFrame, seed: int) -> None:
    rules = Rules(worst=-9, bootstraps=50)
    found, expected = (
        rank_scores(table, rules)
        for table in (noisy.sample(frac=1, random_state=np.random.default_rng(seed)), noisy)
    )
    for name in TABLES:
        assert_frame_equal(getattr(found, name), getattr(expected, name))


def test_renaming_algorithms_renames_the_result(noisy: pd.DataFrame) -> None:
    names = dict(zip("abcd", "zyxw", strict=True))
    rules = Rules(worst=-9, bootstraps=100)
    found = rank_scores(noisy.assign(algorithm=noisy.algorithm.map(names)), rules).ranks
    expected = rank_scores(noisy, rules).ranks
    expected["algorithm"] = expected.algorithm.map(names)
    keys = ["scheme", "task", "algorithm"]
    assert_frame_equal(found.set_index(keys).sort_index(), expected.set_index(keys).sort_index())


def test_the_seed_decides(noisy: pd.DataFrame) -> None:
    def probabilities(seed: int) -> list[float]:
        return rank_scores(
            noisy, Rules(worst=-9, bootstraps=60, seed=seed)
        ).probabilities.probability.tolist()

    assert probabilities(3) == probabilities(3)
    assert probabilities(3) != probabilities(4)


def test_a_total_tie_gives_one_shared_rank_in_every_scheme() -> None:
    random = np.random.default_rng(0)
    values = np.repeat(random.random((9, 1)), 5, axis=1)
    for tolerance in (1e-9, 0):
        found = rank_scores(long(values), Rules(bootstraps=100, tolerance=tolerance))
        assert len(found.ranks) == 5 * 2 * 5
        assert (found.ranks[["rank", "rank_low", "spread_low", "spread_high"]] == 1).all(axis=None)
        # Equal scores in these cases are no proof: any of them may be first on others, and any last.
        assert (found.ranks.rank_high == 5).all()
        assert (found.pairwise.p == 1).all()
        assert set(found.groups.group) == {"a"}
        first = found.probabilities["rank"] == 1
        assert (found.probabilities.probability == first).all()
        # Kendall's tau of a single tie is undefined, and counted.
        assert found.stability.kendall_tau.isna().all()
        assert (found.stability.n_undefined == 100).all()
        assert found.agreement.kendall_tau.isna().all()


def test_ties_by_tolerance() -> None:
    values = np.array([[0.80, 0.8004, 0.7], [0.9, 0.9004, 0.7]])
    ranks = of_task(rank_scores(long(values), Rules(bootstraps=0, tolerance=0.001)).ranks)["rank"]
    assert ranks.tolist() == [1, 1, 3]
    ranks = of_task(rank_scores(long(values), Rules(bootstraps=0)).ranks)["rank"]
    assert ranks.tolist() == [2, 1, 3]


def test_rounding_breaks_no_tie_even_without_tolerance() -> None:
    """The same scores in another order: their sums differ in the last digit."""
    random = np.random.default_rng(0)
    column = random.random(40)
    values = np.stack([random.permutation(column) for _ in range(8)], axis=1)
    assert len(set(np.ones(40) @ values)) > 1
    found = rank_scores(long(values), Rules(bootstraps=0, tolerance=0), [Scheme.MEAN])
    assert set(found.ranks["rank"]) == {1}


def test_missing_is_worst_and_undefined_is_not_counted() -> None:
    scores = pd.DataFrame(
        [
            ("t", "a", 1, 0.8),
            ("t", "a", 2, 0.6),
            ("t", "b", 1, 0.9),
            ("t", "c", 1, 0.7),
            ("t", "c", 2, np.nan),
        ],
        columns=["task", "algorithm", "case", "value"],
    )
    found = rank_scores(scores, Rules(worst=0.0, bootstraps=0))
    ranks = of_task(found.ranks)
    assert ranks.value.tolist() == pytest.approx([0.7, 0.45, 0.7])
    assert ranks["rank"].tolist() == [1, 3, 1]
    counts = ["n_defined", "n_undefined", "n_missing", "n"]
    assert ranks[counts].to_numpy().tolist() == [[2, 0, 0, 2], [1, 0, 1, 2], [1, 1, 0, 2]]
    pairs = found.pairwise.set_index(["task", "algorithm", "other"])
    assert pairs.loc[("t", "a", "b"), ["n_pairs", "n_left_out"]].tolist() == [2, 0]
    assert pairs.loc[("t", "a", "c"), ["n_pairs", "n_left_out"]].tolist() == [1, 1]
    stated = scores.assign(status=["scored"] * 4 + ["undefined"])
    gap = pd.DataFrame([("t", "b", 2, np.nan, "missing")], columns=stated.columns)
    for name in TABLES:
        assert_frame_equal(
            getattr(rank_scores(pd.concat([stated, gap]), Rules(worst=0.0, bootstraps=0)), name),
            getattr(found, name),
        )


def test_nobody_gains_rank_by_marking_what_is_not_there() -> None:
    """Case 2 has nothing to mark: a and b are right and undefined, c marks all the same and has 0."""
    values = np.array([[0.5, 0.6, 0.7], [np.nan, np.nan, 0.0], [np.nan, 0.0, 0.0]])
    ranks = of_task(rank_scores(long(values), Rules(bootstraps=0)).ranks, scheme=Scheme.RANK_MEAN)
    # c: ranks 1, 3 and 2 (shared with b, behind a); a and b keep their ranks of where they are defined.
    assert ranks.value.tolist() == pytest.approx([3, (2 + 2) / 2, (1 + 3 + 2) / 3])


def test_an_undefined_algorithm_ranks_last_and_is_in_no_test() -> None:
    values = np.array([[0.5, np.nan, 0.2], [0.6, np.nan, 0.1]])
    found = rank_scores(long(values), Rules(bootstraps=20))
    for scheme in Scheme:
        ranks = of_task(found.ranks, scheme=scheme)
        assert np.isnan(ranks.value[1])
        assert ranks["rank"][1] == 3
    pairs = found.pairwise[found.pairwise.task == "t"].set_index(["algorithm", "other"])
    with_b = [pair for pair in pairs.index if "b" in pair]
    assert pairs.p[with_b].isna().all()
    # Two tests are left in Holm's family.
    assert pairs.p_holm["a", "c"] == pytest.approx(2 * pairs.p["a", "c"])


def test_the_overall_rank_is_the_weighted_mean_of_the_tasks_ranks() -> None:
    one, two, three = (np.array([row] * 3, float) for row in ([3, 2, 1], [1, 3, 2], [2, 2, 1]))
    scores = pd.concat([long(one, "one"), long(two, "two"), long(three, "three")])
    overall = of_task(rank_scores(scores, Rules(bootstraps=10)).ranks, OVERALL)
    assert overall.value.tolist() == pytest.approx([(1 + 3 + 1) / 3, (2 + 1 + 1) / 3, (3 + 2 + 3) / 3])
    assert overall["rank"].tolist() == [2, 1, 3]
    assert overall.n.tolist() == [9, 9, 9]
    rules = Rules(bootstraps=10, weights={"one": 3, "two": 1, "three": 0})
    overall = of_task(rank_scores(scores, rules).ranks, OVERALL)
    assert overall.value.tolist() == pytest.approx([(3 + 3) / 4, (6 + 1) / 4, (9 + 2) / 4])
    assert overall["rank"].tolist() == [1, 2, 3]
    assert overall.n.tolist() == [6, 6, 6]


def test_the_overall_bootstrap_is_weighted_too(noisy: pd.DataFrame) -> None:
    rules = Rules(worst=-9, bootstraps=100, weights={"level2": 0})
    found = rank_scores(noisy, rules, [Scheme.MEAN]).probabilities
    level1, overall = (found[found.task == task] for task in ("level1", OVERALL))
    assert overall.probability.tolist() == level1.probability.tolist()
    assert set(level1.probability) > {0.0}


def test_overall_groups_only_where_tasks_share_their_cases() -> None:
    random = np.random.default_rng(5)
    values = random.normal(size=(20, 3)) + np.array([3, 0, 0])
    shared = rank_scores(pd.concat([long(values, "x"), long(values, "y")]), Rules(bootstraps=0))
    assert shared.groups[shared.groups.task == OVERALL].group.tolist() == ["a", "b", "b"]
    x, overall = (shared.pairwise[shared.pairwise.task == task].p.to_numpy() for task in ("x", OVERALL))
    np.testing.assert_allclose(x, overall)
    apart = rank_scores(pd.concat([long(values, "x"), long(values[:9], "y")]), Rules(bootstraps=0))
    assert set(apart.groups.task) == set(apart.pairwise.task) == {"x", "y"}


def test_an_overall_test_takes_the_mean_over_tasks_where_a_case_is_defined() -> None:
    x, y = np.array([[1.0, 0.0], [2, 1], [5, 3]]), np.array([[np.nan, 2.0], [4, 0], [np.nan, np.nan]])
    found = rank_scores(pd.concat([long(x, "x"), long(y, "y")]), Rules(bootstraps=0, weights={"y": 3}))
    means = np.array([[1, (0 + 3 * 2) / 4], [(2 + 3 * 4) / 4, 1 / 4], [5, 3]])
    expected = rank_scores(long(means), Rules(bootstraps=0)).pairwise
    overall = found.pairwise[found.pairwise.task == OVERALL].sort_values("algorithm")
    assert overall.p.tolist() == expected[expected.task == "t"].sort_values("algorithm").p.tolist()


def test_only_the_schemes_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("computed a scheme that nobody asked for")

    monkeypatch.setattr("evaluation.ranking.schemes.shares_of_wins", refuse)
    monkeypatch.setattr("evaluation.ranking.schemes._medians", refuse)
    found = rank_scores(long(np.eye(3)), Rules(bootstraps=5), [Scheme.RANK_MEAN, Scheme.MEAN])
    assert list(dict.fromkeys(found.ranks.scheme)) == ["rank-then-mean", "mean-then-rank"]
    assert len(found.agreement) == 2


def test_no_bootstrap() -> None:
    found = rank_scores(long(np.eye(3)), Rules(bootstraps=0))
    assert found.ranks.spread_low.isna().all()
    assert found.ranks.rank_low.notna().all() and found.no_interval == {}
    assert len(found.probabilities) == 0
    assert found.stability.kendall_tau.isna().all()
    assert found.n_bootstraps == 0


def test_a_single_algorithm() -> None:
    found = rank_scores(long(np.array([[0.5], [0.6]])), Rules(bootstraps=10))
    assert (found.ranks["rank"] == 1).all() and found.ranks.rank_low.isna().all()
    assert set(found.no_interval.values()) == {
        "no interval of the rank: there is nobody else to be ranked with"
    }
    assert len(found.pairwise) == 0
    assert found.groups.group.tolist() == ["a", "a"]


def without(column: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda table: table.drop(columns=column)


def changed(row: int, **cells: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table = table.astype(object)
        for column, value in cells.items():
            table.loc[row, column] = value
        return table

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("case"), "scores: found no column case"),
        (lambda table: table.head(0), "scores: found no row"),
        (changed(1, value=np.inf), "value: task t, algorithm b, case 0: found 'inf', expected a finite"),
        (changed(1, value="good"), "value: task t, algorithm b, case 0: found 'good', expected a finite"),
        (changed(1, algorithm=np.nan), "algorithm: task t, case 0: found nothing, expected a name"),
        (changed(2, case=0), "scores: task t, algorithm a, case 0: found more than once, expected one row"),
        (changed(0, task="overall"), "task: found 'overall', which names the ranking across tasks"),
        (lambda table: table.drop(index=[2, 3, 4]), "worst: found none, but 1 case is missing (a 1 in t)"),
        (lambda table: table.drop(index=[2, 4]), "worst: found none, but 2 cases are missing (a 2 in t)"),
        (lambda table: table.assign(status="done"), "algorithm a, case 0: found 'done' (and 5 more)"),
        (lambda table: table.assign(status="missing"), "found '0.1' (and 5 more) and status missing, exp"),
        (lambda table: table.assign(value=np.nan, status="scored"), "nothing (and 5 more) and status scored"),
    ],
)  # fmt: skip
def test_refusals_of_tables(change: Callable[[pd.DataFrame], pd.DataFrame], message: str) -> None:
    table = long(np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]))
    with pytest.raises(StatisticsError) as refused:
        rank_scores(change(table), Rules(bootstraps=0))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_case_must_not_beat_a_given_one() -> None:
    table = long(np.array([[0.1, 0.2], [0.3, 0.4]])).iloc[1:]
    with pytest.raises(StatisticsError, match="worst: found 0.3, but a score of 0.2 is worse"):
        rank_scores(table, Rules(worst=0.3, bootstraps=0))
    with pytest.raises(StatisticsError, match="worst: found 0.3, but a score of 0.4 is worse"):
        rank_scores(table, Rules(worst=0.3, bootstraps=0, smaller_is_better=True))


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"alpha": 0.0}, "alpha: found 0"),
        ({"confidence": 1.5}, "confidence: found 1.5"),
        ({"tolerance": -1.0}, "tolerance: found -1"),
        ({"tolerance": float("nan")}, "tolerance: found nan"),
        ({"bootstraps": -1}, "bootstraps: found -1"),
        ({"worst": float("inf")}, "worst: found inf"),
        ({"weights": {"t": -1.0}}, "weight of t: found -1"),
        ({"weights": {"t": 0.0}}, "weights: found 0 for every task"),
        ({"weights": {"level9": 1.0}}, "weights: found level9, expected tasks of t"),
        ({"smaller_is_better": ["hd95"]}, "smaller_is_better: found hd95, expected tasks of t"),
        ({"smaller_is_better": "t"}, "smaller_is_better: found 't', expected True, or a list of tasks"),
        ({"worst": {"hd95": 3.0}}, "worst: found hd95, expected tasks of t"),
        ({"worst": {"t": float("nan")}}, "worst: found nan"),
    ],
)
def test_refusals_of_rules(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(StatisticsError) as refused:
        rank_scores(long(np.eye(2)), Rules(**rules))
    assert message in str(refused.value)


def test_schemes_are_named_once() -> None:
    for schemes in ([], [Scheme.MEAN, Scheme.MEAN]):
        with pytest.raises(StatisticsError, match="schemes: found"):
            rank_scores(long(np.eye(2)), schemes=schemes)


def null_board(random: np.random.Generator) -> Rankings:
    """Ten algorithms that differ by noise alone, on 50 cases of different difficulty."""
    values = random.normal(size=(50, 1)) + 0.3 * random.normal(size=(50, 10))
    return rank_scores(long(values), Rules(bootstraps=0), [Scheme.MEAN])


def test_identical_algorithms_are_one_group() -> None:
    random = np.random.default_rng(2022)
    boards = [null_board(random).groups for _ in range(100)]
    share = np.mean([set(groups[groups.task == "t"].group) == {"a"} for groups in boards])
    assert share >= 0.95
