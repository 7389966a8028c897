"""The rules of a ranking, and what comes out."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from evaluation.statistics.intervals import StatisticsError

#: What the consensus across tasks is called where tasks are named; no task may have this name.
OVERALL = "overall"


class Scheme(StrEnum):
    """How scores become ranks."""

    #: The mean over cases, ranked.
    MEAN = "mean-then-rank"
    #: The median over cases, ranked.
    MEDIAN = "median-then-rank"
    #: Ranks within each case, their mean, ranked.
    RANK_MEAN = "rank-then-mean"
    #: Ranks within each case, their median, ranked.
    RANK_MEDIAN = "rank-then-median"
    #: The share of the other algorithms that are significantly worse, ranked.
    TEST = "test-then-rank"


@dataclass(frozen=True)
class Rules:
    """What a ranking goes by; StatisticsError when a rule makes no sense."""

    #: Of every task, or the tasks in which it is.
    smaller_is_better: bool | Collection[str] = False
    #: Whether tests over tasks go by the ranks within each case, as they always do where tasks differ in
    #: which way is better; else by the mean of the scores, which must then be of one kind.
    overall_by_ranks: bool = False
    #: Values that differ by no more are tied, and so is a chain of such values; 0: only equal ones. Sums are
    #: never compared closer than their rounding error.
    tolerance: float = 1e-9
    #: Differences within a pair that agree to so many decimals are tied in the signed-rank test: in floating
    #: point 0.3 - 0.2 is not 0.2 - 0.1. None compares them as they are, as R does.
    decimals: int | None = 12
    #: Level of the pairwise tests, over the whole family of a task.
    alpha: float = 0.05
    #: The exact signed-rank test in place of the normal approximation; bootstrap samples of more than 12
    #: cases keep the approximation.
    exact: bool = False
    #: Of rank intervals, all at once; also what share of bootstraps a spread holds.
    confidence: float = 0.95
    #: 0: no spread, probabilities and stability.
    bootstraps: int = 1000
    seed: int = 0
    #: Weight of a task's rank in the overall rank. Tasks that are not named weigh 1.
    weights: Mapping[str, float] | None = None
    #: What a missing case counts as, in every task or task by task. Needed only where a case is missing.
    worst: float | Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        for name in ("alpha", "confidence"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise StatisticsError(
                    f"{name}: found {value:g}, expected between 0 and 1, such as 0.05 or 0.95"
                )
        for name in ("tolerance", "bootstraps", "seed"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise StatisticsError(f"{name}: found {value:g}, expected 0 or more")
        if isinstance(self.smaller_is_better, str):
            raise StatisticsError(
                f"smaller_is_better: found '{self.smaller_is_better}', expected True, or a list of tasks"
            )
        found = self.worst.values() if isinstance(self.worst, Mapping) else (self.worst,)
        for worst in found:
            if worst is not None and not math.isfinite(worst):
                raise StatisticsError(f"worst: found {worst:g}, expected a finite score, such as 0")
        for task, weight in (self.weights or {}).items():
            if not 0 <= weight < math.inf:
                raise StatisticsError(f"weight of {task}: found {weight:g}, expected 0 or more")

    def larger_is_better(self, task: str) -> bool:
        """Which way is better in a task."""
        if isinstance(self.smaller_is_better, bool):
            return not self.smaller_is_better
        return task not in self.smaller_is_better

    def worst_of(self, task: str) -> float | None:
        """What a missing case of a task counts as; None where that is not known."""
        return self.worst.get(task) if isinstance(self.worst, Mapping) else self.worst

    def check_tasks(self, tasks: Collection[str]) -> None:
        """StatisticsError where a rule names a task that there is not."""
        smaller = () if isinstance(self.smaller_is_better, bool) else self.smaller_is_better
        worst = self.worst if isinstance(self.worst, Mapping) else ()
        named_by = {"weights": self.weights or (), "smaller_is_better": smaller, "worst": worst}
        for rule, named in named_by.items():
            if unknown := sorted(set(named) - set(tasks)):
                raise StatisticsError(
                    f"{rule}: found {', '.join(unknown)}, expected tasks of {', '.join(sorted(tasks))}"
                )

    def are_unlike(self, tasks: Collection[str]) -> bool:
        """Whether tasks cannot be averaged, so that tests over them go by ranks."""
        return self.overall_by_ranks or len({self.larger_is_better(task) for task in tasks}) > 1


@dataclass(frozen=True)
class Rankings:
    """Every scheme's ranking of every task and overall, and how sure it is.

    Tasks are sorted by name, "overall" comes last; algorithms are in order of rank, then by name.

    """

    #: ``scheme, task, algorithm, value, rank, rank_low, rank_high, spread_low, spread_high, n_defined,
    #: n_undefined, n_missing, n``. ``value`` is what was ranked: mean or median score, mean or median rank,
    #: share of others significantly worse; overall the weighted mean of the tasks' ranks. ``rank_low`` and
    #: ``rank_high``: the interval, for all algorithms of the task at once
    #: (`evaluation.ranking.intervals`). Between ``spread_low`` and ``spread_high`` lie the bootstraps' ranks
    #: but for at most (1 - confidence) / 2 on each side: how much the ranks move, and no interval. Cases:
    #: scored, undefined, missing, and all.
    ranks: pd.DataFrame
    #: ``task, algorithm, other, p, p_holm, p_clear, n_pairs, n_left_out``: one-sided test that the algorithm
    #: is better than the other, and adjusted by Holm's rule, whose family is all ordered pairs of a task;
    #: ``p_clear`` asks the mean as well (`evaluation.ranking.pairwise.PairwiseTests`). Pairs with an
    #: undefined side are left out and counted. Overall only where tasks share their cases, of the mean of
    #: their scores, or of their ranks within cases where tasks are unlike (`Rules.overall_by_ranks`).
    pairwise: pd.DataFrame
    #: ``scheme, task, algorithm, rank, probability``: share of bootstraps, ranks 1 to number of algorithms.
    probabilities: pd.DataFrame
    #: ``scheme, task, kendall_tau, low, high, n_undefined``: median and spread of Kendall's tau-b between a
    #: bootstrap's ranking and the ranking; undefined where one of them is a single tie.
    stability: pd.DataFrame
    #: ``task, scheme, other, kendall_tau``: tau-b between two schemes' rankings, each pair once.
    agreement: pd.DataFrame
    #: ``task, algorithm, group``: between algorithms that share a letter no difference is clear, by
    #: ``p_clear`` and the ranks of the first scheme, as for the intervals. After z come A to Z, then a1, b1,
    #: ... Overall only where tasks share cases.
    groups: pd.DataFrame
    #: The tasks that have a weight in the overall rank.
    ranked: Sequence[str]
    n_bootstraps: int
    #: Why the ranks of a task have no interval, in words; tasks that have one are not named.
    no_interval: Mapping[str, str]
