"""From a long table of scores to rankings: every scheme, every task, overall, with uncertainty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from evaluation.ranking import result_tables as tables
from evaluation.ranking.bootstrap import draw
from evaluation.ranking.intervals import why_no_interval
from evaluation.ranking.pairwise import PairwiseTests, pairwise_tests
from evaluation.ranking.result_tables import Ranking
from evaluation.ranking.rules import OVERALL, Rankings, Rules, Scheme
from evaluation.ranking.schemes import aggregate, rank_aggregates, ranks_within_cases
from evaluation.ranking.score_table import TaskScores, split_tasks
from evaluation.statistics.intervals import StatisticsError

# To which mean ranks of a case are told apart.
_DECIMALS_OF_RANKS = 12


def rank_scores(
    scores: pd.DataFrame, rules: Rules | None = None, schemes: Sequence[Scheme] = tuple(Scheme)
) -> Rankings:
    """Rank algorithms by their scores.

    Parameters
    ----------
    scores : DataFrame
        ``task, algorithm, case, value`` and optionally ``status`` (scored, undefined, missing; without it
        NaN is undefined). A case of a task that an algorithm has no row for is missing for it, and counts
        as the worst score. Undefined cases do not count, in pairwise tests neither for the other.
        Optionally ``worst``: what a case counts as where it is missing, as the diagonal of an exam's grid.
    rules : Rules
        Tests over tasks compare each case's mean over the tasks. Where tasks are unlike (in some smaller is
        better, or `Rules.overall_by_ranks`) that is no mean of scores but of the ranks within the case:
        millimetres and shares have no mean. What is clear there (``p_clear``) holds for the mean of the
        scores as well, each task divided by its spread.
    schemes : sequence of Scheme
        Those wanted; no other is computed.

    Raises
    ------
    StatisticsError
        When the table or the rules make no sense: see `evaluation.ranking.score_table.split_tasks`.

    Examples
    --------
    >>> scores = pd.DataFrame({"task": "level1", "algorithm": [*"aaabbb"], "case": [1, 2, 3] * 2,
    ...     "value": [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]})
    >>> rankings = rank_scores(scores, Rules(bootstraps=200), [Scheme.MEAN])
    >>> rankings.ranks[["algorithm", "rank", "rank_low", "rank_high", "spread_low", "spread_high"]].head(2)
      algorithm  rank  rank_low  rank_high  spread_low  spread_high
    0         a     1       1.0        2.0         1.0          1.0
    1         b     2       1.0        2.0         2.0          2.0

    Three cases are too few for two algorithms to be told apart, however steady the bootstrap looks.
    """
    rules = rules or Rules()
    if not schemes or len(set(schemes)) < len(schemes):
        found = ", ".join(schemes) or "none"
        raise StatisticsError(f"schemes: found {found}, expected one or more, each once")
    tasks = split_tasks(scores, rules)
    weights = _weights(tasks, rules)
    counts = draw(tasks, rules)
    rankings = [
        ranking for scheme in schemes for ranking in _rank(Scheme(scheme), tasks, counts, weights, rules)
    ]
    tests = {task.task: pairwise_tests(task.values, rules) for task in tasks}
    ranked = [task for task, weight in zip(tasks, weights, strict=True) if weight]
    if len({task.cases for task in ranked}) == 1:
        tests[OVERALL] = _tests_over_tasks(ranked, weights[weights > 0], rules)
    algorithms = np.array(tasks[0].algorithms, object)
    n_cases = {task.task: len(task.cases) for task in tasks} | {OVERALL: len(ranked[0].cases)}
    no_interval = {
        task: why
        for task, n in n_cases.items()
        if (why := why_no_interval(len(algorithms), n, is_tested=task in tests))
    }
    # Of one case every sample is that case: where its ranks always lie is nothing to go by either.
    most = n_cases | {OVERALL: max(len(task.cases) for task in ranked)}
    still = {task for task, n in most.items() if n == 1 or len(algorithms) == 1}
    rankings = [replace(one, samples=one.samples[:0]) if one.task in still else one for one in rankings]
    with_interval = {task: found for task, found in tests.items() if task not in no_interval}
    cases = {task.task: tables.case_counts([task]) for task in tasks} | {OVERALL: tables.case_counts(ranked)}
    first = {ranking.task: ranking for ranking in rankings if ranking.scheme == schemes[0]}
    pairwise, groups = tables.tests_tables(tests, first, algorithms, rules.alpha)
    return Rankings(
        ranks=tables.ranks_table(rankings, cases, with_interval, algorithms, rules.confidence),
        pairwise=pairwise,
        probabilities=tables.probabilities_table(rankings, algorithms),
        stability=tables.stability_table(rankings, rules.confidence),
        agreement=tables.agreement_table(rankings),
        groups=groups,
        ranked=[task.task for task in ranked],
        n_bootstraps=rules.bootstraps,
        no_interval=no_interval,
    )


def _weights(tasks: Sequence[TaskScores], rules: Rules) -> np.ndarray:
    given = dict(rules.weights or {})
    weights = np.array([given.get(task.task, 1.0) for task in tasks])
    if not weights.any():
        raise StatisticsError("weights: found 0 for every task, expected at least one above 0")
    return weights


def _rank(
    scheme: Scheme,
    tasks: Sequence[TaskScores],
    counts: Sequence[np.ndarray],
    weights: np.ndarray,
    rules: Rules,
) -> Iterator[Ranking]:
    """Each task's ranking by one scheme, then the overall one."""
    found = []
    for task, drawn in zip(tasks, counts, strict=True):
        once = np.ones((len(task.cases), 1))
        values = aggregate(scheme, task, once, rules)
        samples = rank_aggregates(aggregate(scheme, task, drawn, rules), rules.tolerance)
        ranks = rank_aggregates(values, rules.tolerance)[0]
        shown = _shown(values[0], scheme, larger_is_better=rules.larger_is_better(task.task))
        found.append(Ranking(scheme, task.task, shown, ranks, _ahead(ranks), samples))
        yield found[-1]
    total = weights.sum()
    value = sum(weight * ranking.ranks for weight, ranking in zip(weights, found, strict=True)) / total
    means = sum(weight * ranking.samples for weight, ranking in zip(weights, found, strict=True)) / total
    ranks = rank_aggregates(-value[None], rules.tolerance)[0]
    ahead = _ahead(ranks)
    for weight, ranking in zip(weights, found, strict=True):
        if weight:
            ahead &= ~ranking.ahead.T
    yield Ranking(scheme, OVERALL, value, ranks, ahead, rank_aggregates(-means, rules.tolerance))


def _ahead(ranks: np.ndarray) -> np.ndarray:
    return ranks[:, None] < ranks[None, :]


def _shown(values: np.ndarray, scheme: Scheme, *, larger_is_better: bool) -> np.ndarray:
    """What was ranked, in its own direction: inside, larger is better."""
    is_turned = scheme in (Scheme.RANK_MEAN, Scheme.RANK_MEDIAN) or (
        scheme is not Scheme.TEST and not larger_is_better
    )
    return -values + 0.0 if is_turned else values


def _tests_over_tasks(tasks: Sequence[TaskScores], weights: np.ndarray, rules: Rules) -> PairwiseTests:
    """Tests of each case's mean over the tasks: of its scores, or where tasks are unlike of its ranks."""
    if not rules.are_unlike([task.task for task in tasks]):
        return pairwise_tests(_means_over_tasks([task.values for task in tasks], weights), rules)
    ranks = [ranks_within_cases(task, rules) for task in tasks]
    # Means of whole numbers: what differs in the last digits is equal, whatever scores are taken for.
    decimals = _DECIMALS_OF_RANKS if rules.decimals is None else min(rules.decimals, _DECIMALS_OF_RANKS)
    rules = replace(rules, decimals=decimals)
    # A rank is no worse for a case that fails altogether than for one that is last by a hair. So what is
    # clear has to hold for the mean of the scores too, each task in units of its own spread.
    scaled = _means_over_tasks([_in_units_of_spread(task.values) for task in tasks], weights)
    return pairwise_tests(-_means_over_tasks(ranks, weights), rules, scaled)


def _in_units_of_spread(values: np.ndarray) -> np.ndarray:
    """Scores (cases, algorithms) less the mean of their case, divided by how far they are from it in all."""
    n_defined = (~np.isnan(values)).sum(axis=1, keepdims=True)
    from_mean = values - np.nansum(values, axis=1, keepdims=True) / np.maximum(1, n_defined)
    spread = np.sqrt(np.nanmean(from_mean**2)) if n_defined.any() else 0.0
    return from_mean / spread if spread > 0 else from_mean


def _means_over_tasks(of_tasks: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Each case's weighted mean over the tasks where it is defined; NaN where it is in none."""
    values = np.stack(of_tasks)
    counted = weights[:, None, None] * ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.nansum(weights[:, None, None] * values, axis=0) / counted.sum(axis=0)
