"""The tables of a ranking: one row an algorithm, a pair, a rank, a scheme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from evaluation.ranking.bootstrap import kendall_tau, rank_probabilities, rank_spread, rank_stability
from evaluation.ranking.groups import letter_display
from evaluation.ranking.intervals import rank_intervals
from evaluation.ranking.pairwise import PairwiseTests
from evaluation.ranking.rules import Scheme
from evaluation.ranking.score_table import TaskScores


@dataclass(frozen=True)
class Ranking:
    """One ranking: a scheme, and a task or overall."""

    scheme: Scheme
    task: str
    #: What was ranked, of each algorithm.
    values: np.ndarray
    ranks: np.ndarray
    #: Whether the row has the better rank than the column, shape (algorithms, algorithms); overall also
    #: the worse one on no ranked task.
    ahead: np.ndarray
    #: The bootstraps' ranks, shape (bootstraps, algorithms).
    samples: np.ndarray

    @property
    def best_first(self) -> np.ndarray:
        """Places of the algorithms by rank; equal ones by name, as they stand."""
        return np.argsort(self.ranks, kind="stable")


def case_counts(tasks: Sequence[TaskScores]) -> dict[str, np.ndarray]:
    """How many cases of each algorithm are scored, undefined, missing, over all tasks."""
    undefined = np.sum([np.isnan(task.values).sum(axis=0) for task in tasks], axis=0)
    missing = np.sum([task.missing.sum(axis=0) for task in tasks], axis=0)
    n = np.full(len(tasks[0].algorithms), sum(len(task.cases) for task in tasks))
    return {"n_defined": n - undefined - missing, "n_undefined": undefined, "n_missing": missing, "n": n}


def ranks_table(
    rankings: Sequence[Ranking],
    cases: Mapping[str, Mapping[str, np.ndarray]],
    tests: Mapping[str, PairwiseTests],
    algorithms: np.ndarray,
    confidence: float,
) -> pd.DataFrame:
    """``Rankings.ranks``; ``cases`` are `case_counts`, ``tests`` of the tasks whose ranks have intervals."""
    columns: dict[str, list[np.ndarray]] = {}
    for ranking in rankings:
        low = high = np.full(len(algorithms), np.nan)
        if ranking.task in tests:
            low, high = rank_intervals(tests[ranking.task].p_clear, ranking.ahead, confidence)
        found = {"algorithm": algorithms, "value": ranking.values, "rank": ranking.ranks}
        found |= {"rank_low": low, "rank_high": high}
        found |= dict(
            zip(("spread_low", "spread_high"), rank_spread(ranking.samples, confidence), strict=True)
        )
        found |= cases[ranking.task]
        for name, column in found.items():
            columns.setdefault(name, []).append(column[ranking.best_first])
    return _table(rankings, len(algorithms), {name: np.concatenate(parts) for name, parts in columns.items()})


def probabilities_table(rankings: Sequence[Ranking], algorithms: np.ndarray) -> pd.DataFrame:
    """``Rankings.probabilities``; without a row where there is no bootstrap."""
    n = len(algorithms)
    sampled = [ranking for ranking in rankings if len(ranking.samples)]
    shares = [rank_probabilities(ranking.samples)[ranking.best_first] for ranking in sampled]
    names = [algorithms[ranking.best_first] for ranking in sampled]
    columns = {
        "algorithm": np.repeat(np.array(names, object).ravel(), n),
        "rank": np.tile(np.arange(1, n + 1), n * len(sampled)),
        "probability": np.array(shares, float).ravel(),
    }
    return _table(sampled, n * n, columns)


def stability_table(rankings: Sequence[Ranking], confidence: float) -> pd.DataFrame:
    """``Rankings.stability``."""
    found = [rank_stability(ranking.samples, ranking.ranks, confidence) for ranking in rankings]
    columns = dict(zip(("kendall_tau", "low", "high", "n_undefined"), np.array(found).T, strict=True))
    return _table(rankings, 1, columns).astype({"n_undefined": int})


def agreement_table(rankings: Sequence[Ranking]) -> pd.DataFrame:
    """``Rankings.agreement``."""
    rows = [
        (task, str(one.scheme), str(other.scheme), kendall_tau(one.ranks[None], other.ranks)[0])
        for task in dict.fromkeys(ranking.task for ranking in rankings)
        for one, other in combinations([ranking for ranking in rankings if ranking.task == task], 2)
    ]
    return pd.DataFrame(rows, columns=["task", "scheme", "other", "kendall_tau"])


def tests_tables(
    tests: Mapping[str, PairwiseTests], rankings: Mapping[str, Ranking], algorithms: np.ndarray, alpha: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``Rankings.pairwise`` and ``groups``; ``rankings`` are those of the tasks by one scheme."""
    rows, columns = np.nonzero(~np.eye(len(algorithms), dtype=bool))
    pairs, groups = [], []
    for task, found in tests.items():
        order = rankings[task].best_first
        first, second = order[rows], order[columns]
        cells = {"task": np.full(len(rows), task, object)}
        cells |= {"algorithm": algorithms[first], "other": algorithms[second]}
        for name in ("p", "p_holm", "p_clear", "n_pairs", "n_left_out"):
            cells[name] = getattr(found, name)[first, second]
        pairs.append(pd.DataFrame(cells))
        is_better = (found.p_clear <= alpha) & rankings[task].ahead
        letters = letter_display((is_better | is_better.T)[np.ix_(order, order)])
        groups.append(pd.DataFrame({"task": task, "algorithm": algorithms[order], "group": letters}))
    return pd.concat(pairs, ignore_index=True), pd.concat(groups, ignore_index=True)


def _table(rankings: Sequence[Ranking], n: int, columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """A table with n rows a ranking: scheme and task first."""
    names = {
        key: np.repeat(np.array([str(getattr(ranking, key)) for ranking in rankings], object), n)
        for key in ("scheme", "task")
    }
    return pd.DataFrame(names | dict(columns))
