"""Do plans hold? Planned numbers of exams beside studies tested by what evaluations test with; simulated.

Of known spreads: 2,000 new studies of the planned size, tested one by one. Of pilots of ten exams: how often
the planned study truly has the power that was asked for, since a pilot's spread is itself uncertain. Of
boards: ranked by `rank_scores`. Of readers: the half width that a pilot foretells beside that of studies of
another size. Run with ``python -m benchmarks.planning``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.interchangeability import EXCHANGEABLE, MODEL, studies
from evaluation.comparison.readers import non_inferiority
from evaluation.planning.board import plan_board
from evaluation.planning.closed import MOST
from evaluation.planning.exams import Goal, Wanted, plan_exams
from evaluation.planning.readers import ReaderWidths
from evaluation.planning.simulated import p_above
from evaluation.planning.spread import Spread
from evaluation.ranking import Rules, Scheme, rank_scores
from evaluation.scores.interchangeability import FIXED, RANDOM, interchangeability
from evaluation.statistics.signed_rank import hodges_lehmann, signed_rank

STUDIES, PILOTS, BOARDS = 2000, 300, 300
#: Draws differences of a shape, with a pseudo-median of 0 and a standard deviation of 0.1.
Population = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal differences."""
    return 0.1 * random.standard_normal(shape)


def failing(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """In one exam in ten the model fails: skewed, with a long tail to below."""
    fails = random.random(shape) < 0.1
    values = np.where(fails, random.normal(-0.27, 0.06, shape), random.normal(0.0, 0.055, shape))
    # Pseudo-median and standard deviation of four million.
    return (values + 0.01155) * (0.1 / 0.09815)


POPULATIONS: dict[str, Population] = {"normal": normal, "fails in one of ten": failing}


def reached(goal: Goal, target: float, difference: float, n: int, repeats: int = STUDIES) -> float:
    """Share of studies of n exams, SD 0.1 and normal, that reach a goal by the evaluation's own functions."""
    drawn = difference + normal(np.random.default_rng(99), (repeats, n))
    if goal is Goal.HALF_WIDTH:
        found = [hodges_lehmann(row) for row in drawn]
        return float(np.mean([(each.high - each.low) / 2 <= target for each in found]))
    if goal is Goal.NOT_WORSE:
        return float(np.mean([non_inferiority(row, target) <= 0.025 for row in drawn]))
    return float(np.mean([signed_rank(row).p <= 0.05 and np.median(row) > 0 for row in drawn]))


def plans(repeats: int = STUDIES) -> pd.DataFrame:
    """Goals of a known, normal spread: planned exams, and the share of new studies that reach the goal."""
    asked = [
        (Goal.HALF_WIDTH, 0.05, 0.0), (Goal.HALF_WIDTH, 0.03, 0.0), (Goal.NOT_WORSE, 0.05, 0.0),
        (Goal.NOT_WORSE, 0.05, -0.02), (Goal.BETTER, 0.0, 0.05), (Goal.BETTER, 0.0, 0.1),
    ]  # fmt: skip
    rows = []
    for goal, target, difference in asked:
        plan = plan_exams(Spread.normal(difference, 0.1), [Wanted(goal, target)]).iloc[0]
        found = reached(goal, target, difference, plan.n, repeats)
        rows.append((goal, target, difference, plan.n, plan.n_closed, plan.reached, found))
    return pd.DataFrame(
        rows, columns=["goal", "target", "difference", "n", "n_closed", "foretold", "reached"]
    )


def of_pilots(
    population: Population, repeats: int = PILOTS, n: int = 10, margin: float = 0.05
) -> pd.DataFrame:
    """What pilots of n exams plan for non-inferiority, no difference given, and the power that it truly has.

    A row an assumption: the median of the planned numbers, with quartiles; the share of pilots whose study
    truly has power 0.8, and the mean of the true powers.
    """
    true = _true_power(population, margin)
    made = []
    for seed in range(repeats):
        pilot = Spread.of(population(np.random.default_rng([7, seed]), (n,)))
        plan = plan_exams(pilot, [Wanted(Goal.NOT_WORSE, margin)], difference=0.0, studies=500, seed=seed)
        made += [(row.assumed, MOST if pd.isna(row.n) else row.n) for row in plan.itertuples()]
    table = pd.DataFrame(made, columns=["assumed", "n"])
    table["power"] = true[table.n.to_numpy(int)]
    table["enough"] = table.power >= 0.8
    of_each = table.groupby("assumed", sort=False)
    found = of_each.n.quantile([0.25, 0.5, 0.75]).unstack().set_axis(["q1", "n", "q3"], axis=1)
    return found.assign(enough=of_each.enough.mean(), power=of_each.power.mean())


def _true_power(population: Population, margin: float) -> np.ndarray:
    """By the number of exams, from 0 on; between numbers that are simulated on a line."""
    drawn = population(np.random.default_rng(5), (4000, 400)) + margin
    known = [0, 5, *range(6, 60, 3), *range(60, 401, 20)]
    powers = [0.0, 0.0, *((p_above(drawn[:, :n]) <= 0.025).mean() for n in known[2:])]
    return np.interp(np.arange(MOST + 1), known, powers)


def board(teams: int, gap: float, sd: float, repeats: int = BOARDS) -> tuple[int, int, float]:
    """Cases planned for a board, by simulation and by t; and on how many new boards they are enough.

    New boards have a case's own difficulty, and are ranked with the rules of `bmseg rank`.
    """
    plan = plan_board(Spread.normal(0, sd), teams, gap).iloc[0]
    n, names = int(plan.n), [f"team{k}" for k in range(teams)]
    random = np.random.default_rng(3)
    ahead = 0
    for _ in range(repeats):
        values = random.normal(0, 0.2, (n, 1)) + random.normal(0, sd / np.sqrt(2), (n, teams))
        values[:, 0] += gap
        cases = np.repeat(np.arange(n), teams)
        scores = pd.DataFrame({"task": "a", "algorithm": names * n, "case": cases, "value": values.ravel()})
        pairs = rank_scores(scores, Rules(bootstraps=0), [Scheme.MEAN]).pairwise
        pairs = pairs[pairs.task == "a"]
        clear = pairs[(pairs.algorithm == names[0]) & (pairs.other == names[1])].p_clear.item()
        ahead += clear <= 0.05
    return n, int(plan.n_closed), ahead / repeats


def widths(
    pilot: tuple[int, int] = (10, 4), other: tuple[int, int] = (20, 8), repeats: int = 200
) -> tuple[float, float, float]:
    """Half width of interchangeability, readers random, of other numbers of exams and readers.

    Root mean squares of what pilots foretell and of what studies of that size have, on level 1 of readers
    with habits; and the share of studies that have no more than a pilot foretells at the upper limits.
    """
    found, upper = [], []
    for pairs in _level(pilot, repeats, 1):
        foretold = ReaderWidths.of(_rows(pairs), pilot[1])
        if foretold:
            found.append(foretold.half_width(*other))
            upper.append(foretold.half_width(*other, upper=True))
    rows = [_rows(pairs) for pairs in _level(other, repeats, 2)]
    random = [each[each.way == RANDOM].iloc[0] for each in rows]
    had = np.array([(row.jackknife_high - row.jackknife_low) / 2 for row in random])
    within = float(np.mean(np.array(upper)[:, None] >= had))
    return _rms(found), _rms(had), within


def _level(size: tuple[int, int], repeats: int, seed: int) -> list[pd.DataFrame]:
    habits = next(world for world in EXCHANGEABLE if world.name == "habits")
    return [pairs[pairs.level == "level1"] for pairs in studies(habits, size[1], size[0], repeats, seed=seed)]


def _rows(pairs: pd.DataFrame) -> pd.DataFrame:
    readers = sorted({*pairs.rater} - {MODEL})
    return interchangeability(pairs, models=[MODEL], readers=readers, leave_out=False, ways=(FIXED, RANDOM))


def _rms(values: list[float] | np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def main() -> None:
    """Print every part."""
    print(plans().to_string(float_format="%.3f"), flush=True)
    for name, population in POPULATIONS.items():
        print(f"\npilots of ten exams, {name}")
        print(of_pilots(population).to_string(float_format="%.2f"), flush=True)
    for teams in (2, 5, 10):
        print(f"\nboard of {teams}: cases, by t, enough on", *board(teams, 0.05, 0.1), flush=True)
    print("\nhalf width with readers random: foretold, had, within the upper limit", *widths(), flush=True)


if __name__ == "__main__":
    main()
