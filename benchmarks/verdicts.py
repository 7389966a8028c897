"""How often is a verdict wrong by a truth that is known? ``python -m benchmarks.verdicts``

Pairs of simulated models on the phantom's test exams, by its calibrated readers, over several seeds. A
verdict "better" is wrong where the truth puts the other model first, by the mean Dice with it over levels and
exams. A clear level is wrong where the truth's median difference on it points the other way.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from benchmarks.families import calibrated
from benchmarks.processes import in_processes
from evaluation.comparison.models import compare_models, of_models
from evaluation.comparison.verdicts import Verdict, model_verdicts
from evaluation.comparison.ways import COLUMNS
from evaluation.consensus.votes import count_votes
from evaluation.measures.dice import score
from evaluation.study import tables as t
from evaluation.study.from_masks import read_study

LEVELS = {"level1": 1, "level2": 2, "level3": 3}
#: Not looked at while the default was chosen.
SEEDS = range(201, 211)
#: Before: the study's own rule, and nothing held against it.
BEFORE, NOW = "multi-label, alone", "yardstick, held against other ways"


@dataclass(frozen=True)
class Count:
    """Verdicts of one seed and way."""

    seed: int
    way: str
    pairs: int
    better: int
    wrong: int
    clear_levels: int
    wrong_levels: int


def measure(seed: int) -> list[Count]:
    """Every pair of one seed's models, judged before and now."""
    readers: dict[str, dict[str, np.ndarray]] = {}
    models: dict[str, dict[str, np.ndarray]] = {}
    of_truth = []
    for number, exam in enumerate(calibrated(seed)):
        name, shape = f"exam{number:02}", (-1, 1, 1)
        for masks, into in ((exam.readers, readers), (exam.models, models)):
            for rater, mask in masks.items():
                # What nobody marks is part of an exam.
                padded = np.pad(mask, (0, exam.outside)).reshape(shape)
                into.setdefault(rater, {})[name] = padded
        votes = count_votes({**exam.models, "truth": exam.truths["median"]}, (0, 1, 2, 3))
        found = score(votes, votes.values_of("truth"), {level: (at,) for level, at in LEVELS.items()})
        of_truth.append(found.assign(exam=name))
    truth = pd.concat(of_truth).pivot(index=["exam", "level"], columns="rater", values="dice")
    study = read_study(readers, models, levels=LEVELS)
    usual = compare_models(study[t.DICE], models=list(models))
    no_ways = pd.DataFrame(columns=COLUMNS)
    ways: dict[str, list[Verdict]] = {BEFORE: [], NOW: []}
    # Each pair by itself, as two methods are compared: all of them together are too many tests for ten exams.
    for pair in combinations(models, 2):
        ways[BEFORE] += model_verdicts(of_models(usual, pair), no_ways, levels=list(LEVELS))
        ways[NOW] += [verdict for verdict in t.verdicts(study, pair) if verdict.second in models]
    return [_count(seed, way, verdicts, truth) for way, verdicts in ways.items()]


def _count(seed: int, way: str, verdicts: list[Verdict], truth: pd.DataFrame) -> Count:
    called = [verdict for verdict in verdicts if verdict.call in ("better", "worse")]
    wrong = levels = wrong_levels = 0
    for verdict in verdicts:
        difference = (truth[verdict.first] - truth[verdict.second]).groupby("level")
        if verdict in called:
            claimed = 1 if verdict.call == "better" else -1
            wrong += claimed * difference.mean().mean() < 0
        for level in verdict.levels:
            if level.side:
                levels += 1
                wrong_levels += level.side * difference.median()[level.level] < 0
    n = len(list(combinations(truth.columns.drop("truth"), 2)))
    return Count(seed, way, n, len(called), int(wrong), levels, int(wrong_levels))


def report(counts: list[Count]) -> str:
    """The table of a run."""
    found = pd.DataFrame(counts).groupby("way", sort=False).sum()
    lines = [
        "| verdicts | pairs | called better | of these wrong | clear levels | of these wrong |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for way, row in found.iterrows():
        lines.append(
            f"| {way} | {row.pairs} | {row.better} | {row.wrong} ({row.wrong / max(row.better, 1):.1%}) | "
            f"{row.clear_levels} | {row.wrong_levels} ({row.wrong_levels / max(row.clear_levels, 1):.1%}) |"
        )
    return "\n".join(lines) + "\n"


def run(seeds: Sequence[int] = SEEDS) -> list[Count]:
    """Judge every pair of every seed."""
    return [count for found in in_processes(measure, seeds) for count in found]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    print(report(run(parser.parse_args().seeds)))


if __name__ == "__main__":
    main()
