"""How often do the rank intervals of a board hold all its true ranks at once? By simulation.

Six algorithms with near ties and a true tie, or all alike, on Dice-like scores that are skewed to the left.
The true ranks are those by the board's own quantity over endless cases: the mean score, or over three levels
the mean of the levels' ranks. Unlike tasks are one of shares and two of distances, which a failure makes
120 mm; their tests over tasks are of ranks within cases. Beside the intervals stand the bootstrap's spread,
and what the signed-rank tests alone would give. Run with ``python -m benchmarks.rank_coverage``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit

from benchmarks.processes import in_processes
from evaluation.ranking import OVERALL, Rules, Scheme, rank_scores

SIZES = (10, 30, 100)
REPEATS = 300
BOOTSTRAPS = 500
#: Cases that the true quantities are taken from.
ENDLESS = 200_000
_NAMES = [*"abcdef"]
_SKILLS = np.array([0.0, 0.03, 0.05, 0.3, 0.6, 0.6])
# How often a case fails altogether, with a Dice of 0.
_FAILURES = np.array([0.0, 0.08, 0.0, 0.15, 0.0, 0.0])


@dataclass(frozen=True, eq=False)
class Design:
    """Skill and chance of failure, shape (algorithms, levels); who has the same truly ties."""

    skill: np.ndarray
    failure: np.ndarray
    #: Whether all tasks but the first are distances, in mm.
    unlike: bool = False

    def draw(self, random: np.random.Generator, n_cases: int) -> np.ndarray:
        """Scores, shape (cases, algorithms, levels)."""
        shape = (n_cases, *self.skill.shape)
        hardness = random.normal(0, 0.5, (n_cases, 1, 1)) + random.normal(0, 0.3, (n_cases, 1, shape[2]))
        noise = 0.5 * (1 - random.exponential(1, shape))
        scores = expit(1 - 0.5 * np.arange(shape[2]) + hardness + self.skill + noise)
        scores = np.where(random.random(shape) < self.failure, 0.0, scores)
        if self.unlike:
            scores[..., 1] = np.where(scores[..., 1] > 0, -25 * np.log(np.maximum(scores[..., 1], 1e-3)), 120)
            scores[..., 2] = np.where(scores[..., 2] > 0, 8 / np.maximum(scores[..., 2], 1e-2) - 8, 120)
        return scores

    @property
    def signs(self) -> np.ndarray:
        """Of each task, so that larger is better."""
        return np.array([1] + [-1 if self.unlike else 1] * (self.skill.shape[1] - 1))

    def true_ranks(self) -> tuple[np.ndarray, np.ndarray]:
        """First and last place that each algorithm takes by the true quantity; ties take theirs together."""
        means = self.signs * self.draw(np.random.default_rng(1), ENDLESS).mean(axis=0)
        _, alike = np.unique(np.hstack([self.skill, self.failure]), axis=0, return_inverse=True)
        means = np.stack([means[alike == own].mean(axis=0) for own in alike])
        mean_rank = np.round(stats.rankdata(-means, axis=0, method="min").mean(axis=1), 9)
        first = 1 + (mean_rank[None, :] < mean_rank[:, None]).sum(axis=1)
        last = len(mean_rank) - (mean_rank[None, :] > mean_rank[:, None]).sum(axis=1)
        return first, last


def _three_levels(failure: np.ndarray, *, unlike: bool = False) -> Design:
    """Levels on which the order differs."""
    other = np.random.default_rng(3).normal(0, 0.15, (6, 3))
    other[-1] = other[-2]
    return Design(_SKILLS[:, None] + other, np.repeat(failure[:, None], 3, axis=1), unlike)


DESIGNS = {
    "all alike": Design(np.zeros((6, 1)), np.zeros((6, 1))),
    "steady": Design(_SKILLS[:, None], np.zeros((6, 1))),
    "failing": Design(_SKILLS[:, None], _FAILURES[:, None]),
    "three levels": _three_levels(np.zeros(6)),
    "three levels, failing": _three_levels(_FAILURES),
    "unlike tasks": _three_levels(np.zeros(6), unlike=True),
    "unlike tasks, failing": _three_levels(_FAILURES, unlike=True),
}


class Coverage(NamedTuple):
    """Shares of boards in which all true ranks are held at once, and mean numbers of ranks held."""

    design: str
    n_cases: int
    held: float
    width: float
    spread_held: float
    spread_width: float
    tests_held: float
    tests_width: float


def coverage(
    design: str, n_cases: int, *, repeats: int = REPEATS, bootstraps: int = BOOTSTRAPS, seed: int = 2022
) -> Coverage:
    """Simulate boards of one design; deterministic for a seed."""
    chosen = DESIGNS[design]
    first, last = chosen.true_ranks()
    random = np.random.default_rng([seed, n_cases])
    rows = []
    for _ in range(repeats):
        row: list[float] = []
        smaller = [f"level{place + 1}" for place in np.flatnonzero(chosen.signs < 0)]
        rules = Rules(exact=True, bootstraps=bootstraps, smaller_is_better=smaller)
        for low, high in _intervals(chosen.draw(random, n_cases), rules):
            row += [float(((low <= first) & (last <= high)).all()), float((high - low + 1).mean())]
        rows.append(row)
    return Coverage(design, n_cases, *np.mean(rows, axis=0).tolist())


def _intervals(scores: np.ndarray, rules: Rules) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of one board: the interval, the spread, and what the adjusted signed-rank tests alone give."""
    cases, algorithms, levels = (index.ravel() for index in np.indices(scores.shape))
    table = pd.DataFrame(
        {
            "task": [f"level{level + 1}" for level in levels],
            "algorithm": [_NAMES[place] for place in algorithms],
            "case": cases,
            "value": scores.ravel(),
        }
    )
    found = rank_scores(table, rules, [Scheme.MEAN])
    ranks = found.ranks[found.ranks.task == OVERALL].set_index("algorithm").loc[_NAMES]
    yield ranks.rank_low.to_numpy(), ranks.rank_high.to_numpy()
    yield ranks.spread_low.to_numpy(), ranks.spread_high.to_numpy()
    pairs = found.pairwise[found.pairwise.task == OVERALL]
    better = pairs[pairs.p_holm <= rules.alpha]
    n_better = better.groupby("other").size().reindex(_NAMES, fill_value=0).to_numpy()
    n_worse = better.groupby("algorithm").size().reindex(_NAMES, fill_value=0).to_numpy()
    yield 1 + n_better, len(_NAMES) - n_worse


def render(rows: list[Coverage]) -> str:
    """The coverages as a Markdown table."""
    lines = [
        "| scores | cases | intervals hold all | ranks in one | bootstrap spreads hold all | ranks in one | "
        "signed ranks alone | ranks in one |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row.design} | {row.n_cases} | {row.held:.3f} | {row.width:.1f} | {row.spread_held:.3f} | "
        f"{row.spread_width:.1f} | {row.tests_held:.3f} | {row.tests_width:.1f} |"
        for row in rows
    ]
    return "\n".join(lines)


def run() -> list[Coverage]:
    """Every design and number of cases."""
    # The largest boards take longest, and come first.
    tasks = [(design, n_cases) for n_cases in SIZES[::-1] for design in DESIGNS]
    found = dict(zip(tasks, in_processes(_of_task, tasks), strict=True))
    return [found[design, n_cases] for design in DESIGNS for n_cases in SIZES]


def _of_task(task: tuple[str, int]) -> Coverage:
    return coverage(*task)


if __name__ == "__main__":
    print(render(run()))
