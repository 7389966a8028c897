"""How often do intervals over exams and seeds hold the true difference of two methods? By simulation.

``python -m benchmarks seeds``. Each study has two methods without a difference: n exams, k seeds of each;
normal scores with an exam within a method (SD of the difference 1), a seed within a method, and a rest. Of
small rests and large ones, of one method that hardly differs from seed to seed beside one that does, and of
exams in which a method fails (one in ten, by 3), whose means are known to be hard.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evaluation.statistics.crossed import crossed_difference

STUDIES = 4000
SEEDS, EXAMS = (2, 3, 5), (10, 40)


class Spreads(NamedTuple):
    """Standard deviations between seeds of the two methods, and of the rest; whether exams fail."""

    name: str
    seeds: tuple[float, float]
    rest: float = 0.5
    fails: bool = False


SPREADS = (
    Spreads("none between seeds", (0, 0)),
    Spreads("a fifth of that of exams", (0.2, 0.2)),
    Spreads("as that of exams", (1, 1)),
    Spreads("as that of exams, of one method alone", (1, 0)),
    Spreads("three times that of exams", (3, 3)),
    Spreads("none between seeds, much rest", (0, 0), rest=2),
    Spreads("a fifth of that of exams; 1 exam in 10 fails", (0.2, 0.2), fails=True),
)


class Covered(NamedTuple):
    """Of a setting: how often intervals over exams and seeds, and over exams alone, held the truth."""

    spreads: Spreads
    seeds: int
    exams: int
    crossed: float
    alone: float
    width: float


def run(studies: int = STUDIES) -> list[Covered]:
    """Every setting; deterministic."""
    return [covered(spreads, k, n, studies) for spreads in SPREADS for k in SEEDS for n in EXAMS]


def covered(spreads: Spreads, k: int, n: int, studies: int, seed: int = 2022) -> Covered:
    """One setting."""
    rng = np.random.default_rng([seed, k, n])
    found = [crossed_difference(*_scores(rng, spreads, k, n)) for _ in range(studies)]
    held = [one.low <= 0 <= one.high for one in found]
    alone = [one.exams_low <= 0 <= one.exams_high for one in found]
    width = float(np.median([one.high - one.low for one in found]))
    return Covered(spreads, k, n, float(np.mean(held)), float(np.mean(alone)), width)


def _scores(rng: np.random.Generator, spreads: Spreads, k: int, n: int) -> list[np.ndarray]:
    made = []
    for sd in spreads.seeds:
        exams = rng.normal(scale=0.5**0.5, size=n)
        if spreads.fails:
            exams -= 3 * (rng.random(n) < 0.1)
        made.append(exams + rng.normal(scale=sd, size=(k, 1)) + rng.normal(scale=spreads.rest, size=(k, n)))
    return made


def render(rows: list[Covered]) -> str:
    """The table of a run."""
    head = "| spread | seeds of each | exams | over exams and seeds | over exams alone | median width |"
    lines = [head, "| --- | ---: | ---: | ---: | ---: | ---: |"]
    lines += [
        f"| {row.spreads.name} | {row.seeds} | {row.exams} | {row.crossed:.3f} | {row.alone:.3f} | "
        f"{row.width:.2f} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(render(run()))
