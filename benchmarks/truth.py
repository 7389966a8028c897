"""How near does each consensus come to a truth that is known? ``python -m benchmarks.truth``

Readers of several families (`benchmarks.families`) and the phantom's calibrated readers draw exams whose
truth is known; every rule over every region makes its consensus of them, of all readers and without each.
Asked are Dice with the truth and the ratio of volumes a level, how many of the voxels on which all agree are
overruled, in how many exams a decision is not monotone, and how often two models stand in the order in which
the truth puts them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import combinations, product
from typing import get_args

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks.families import FAMILIES, LABELS, Exam, calibrated
from evaluation.consensus.audit import is_monotone, overruled_voxels
from evaluation.consensus.kinds import COUNTED, ORDERED, Region, Rule
from evaluation.consensus.rules import staple
from evaluation.consensus.votes import Votes, count_votes
from evaluation.measures.dice import score

LEVELS = {f"level{label}": (label,) for label in LABELS[1:]}
#: Not looked at while the default was chosen.
SEEDS = range(101, 111)
#: Numbers of readers, and exams a cohort of the families.
READERS, EXAMS = (3, 4, 6), 3
CALIBRATED = "calibrated"


@dataclass(frozen=True)
class Cohort:
    """One family, number of readers and seed: a task for a process."""

    family: str
    n_readers: int
    seed: int

    @property
    def nominal(self) -> bool:
        return any(family.nominal for family in FAMILIES if family.name == self.family)

    def exams(self) -> Iterator[Exam]:
        if self.family == CALIBRATED:
            return calibrated(self.seed)
        family = next(family for family in FAMILIES if family.name == self.family)
        return family.cohort(self.seed, self.n_readers, EXAMS)

    @property
    def ways(self) -> list[tuple[Rule, Region]]:
        """Rules over both regions; what counts votes is the same over either."""
        return [
            (rule, region)
            for rule, region in product(get_args(Rule), get_args(Region))
            if not (rule in COUNTED and region == "union") and not (rule in ORDERED and self.nominal)
        ]


def measure(cohort: Cohort) -> pd.DataFrame:
    """Every exam, way, definition of the truth, level and part (all readers, or one left out)."""
    tables = []
    for number, exam in enumerate(cohort.exams()):
        truths = {f"truth {name}": truth for name, truth in exam.truths.items()}
        votes = count_votes({**exam.readers, **exam.models, **truths}, LABELS)
        if exam.outside:
            votes = with_background(votes, exam.outside)
        readers = tuple(exam.readers)
        parts = {"all": readers}
        if cohort.n_readers == 4:
            parts |= {left: tuple(r for r in readers if r != left) for left in readers}
        for (part, raters), (rule, region) in product(parts.items(), cohort.ways):
            consensus = staple(
                votes.select(raters), rule=rule, region=region, ordered=not cohort.nominal, restarts=4
            )
            found = score(votes, consensus.label_on(votes), LEVELS)
            found = found[~found.rater.isin(readers)]
            overruled, unanimous = overruled_voxels(consensus)
            tables.append(
                found.assign(
                    rule=rule, region=region, part=part, exam=number, overruled=overruled,
                    unanimous=unanimous, monotone=cohort.nominal or is_monotone(consensus),
                )
            )  # fmt: skip
        for name in truths:
            found = score(votes, votes.values_of(name), LEVELS)
            found = found[found.rater.isin(exam.models)]
            tables.append(found.assign(rule=name, region="", part="truth", exam=number))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(family=cohort.family, n_readers=cohort.n_readers, seed=cohort.seed)


def with_background(votes: Votes, voxels: int) -> Votes:
    """The votes of an exam of more voxels, which nobody marks."""
    nobody = np.zeros((1, votes.patterns.shape[1]), votes.patterns.dtype)
    if votes.patterns[0].any():
        return Votes(
            votes.raters,
            votes.labels,
            np.vstack([nobody, votes.patterns]),
            np.insert(votes.counts, 0, voxels),
        )
    counts = votes.counts.copy()
    counts[0] += voxels
    return Votes(votes.raters, votes.labels, votes.patterns, counts)


def run(families: list[str], seeds: range, n_readers: tuple[int, ...]) -> pd.DataFrame:
    cohorts = [
        Cohort(family, n, seed)
        for family in families
        for n in (n_readers if family != CALIBRATED else (4,))
        for seed in seeds
    ]
    with ProcessPoolExecutor() as pool:
        found = list(tqdm(pool.map(measure, cohorts), total=len(cohorts), disable=None))
    return pd.concat(found, ignore_index=True)


def with_truth(found: pd.DataFrame) -> pd.DataFrame:
    """Mean Dice with the truth: a row a family, readers, part and truth; a column a way."""
    # Where the truth holds nothing there is no overlap to measure; what is marked there counts apart.
    truths = found[found.rater.str.startswith("truth ") & (found.n_rater > 0)]
    truths = truths.assign(
        way=truths.rule + " " + truths.region, part=np.where(truths.part == "all", "all", "one out")
    )
    by_level = truths.groupby(["family", "n_readers", "part", "rater", "way", "level"]).dice.mean()
    return by_level.groupby(["family", "n_readers", "part", "rater", "way"]).mean().unstack("way")


def orders(found: pd.DataFrame) -> pd.DataFrame:
    """Share of pairs of models that each way orders as the truth does, on levels and seeds."""
    models = found[~found.rater.str.startswith("truth ")]
    keys = ["family", "n_readers", "seed", "level"]
    truth = models[models.part == "truth"]
    rows = []
    consensus = models[models.part == "all"]
    consensus = consensus.assign(way=consensus.rule + " " + consensus.region)
    means = consensus.groupby([*keys, "way", "rater"]).dice.mean().unstack("rater")
    for name, of_truth in truth.groupby("rule"):
        right = of_truth.groupby([*keys, "rater"]).dice.mean().unstack("rater")
        for (*key, way), row in zip(means.index, means.itertuples(index=False), strict=True):
            if tuple(key) not in right.index:
                continue
            true, seen = right.loc[tuple(key)].to_numpy(), np.array(row)
            for one, two in combinations(range(len(true)), 2):
                # Pairs that the truth itself hardly tells apart say nothing about a rule.
                if abs(true[one] - true[two]) > 0.02:
                    same = (true[one] - true[two]) * (seen[one] - seen[two]) > 0
                    rows.append((*key, name, way, same))
    table = pd.DataFrame(rows, columns=[*keys, "truth", "way", "same"])
    return table.groupby(["family", "n_readers", "truth", "way"]).same.mean().unstack("way")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="101-110")
    parser.add_argument("--families", nargs="*", default=[CALIBRATED, *(family.name for family in FAMILIES)])
    parser.add_argument("--readers", nargs="*", type=int, default=list(READERS))
    parser.add_argument("--save")
    given = parser.parse_args()
    first, last = map(int, given.seeds.split("-"))
    found = run(given.families, range(first, last + 1), tuple(given.readers))
    if given.save:
        found.to_pickle(given.save)
    show(found)


def show(found: pd.DataFrame) -> None:
    pd.set_option("display.width", 250, "display.max_columns", 40, "display.max_rows", 200)
    dice = with_truth(found)
    print(dice.round(3).to_string())
    per_family = dice.groupby(["family", "n_readers", "part"]).mean()
    of_all = per_family.xs("all", level="part")
    regret = of_all.sub(of_all.max(axis=1), axis=0).abs()
    print(pd.DataFrame({"mean": of_all.mean(), "largest regret": regret.max()}).round(3).to_string())
    print(orders(found).round(3).to_string())
    ways = found[found.part != "truth"].drop_duplicates(
        ["family", "n_readers", "seed", "exam", "rule", "region", "part"]
    )
    ways = ways.assign(way=ways.rule + " " + ways.region, share=ways.overruled / ways.unanimous.clip(lower=1))
    said = ways.groupby(["family", "way"]).agg(
        overruled=("overruled", "sum"),
        worst=("share", "max"),
        not_monotone=("monotone", lambda m: (~m.astype(bool)).sum()),
        of=("monotone", "size"),
    )
    print(said.to_string())


if __name__ == "__main__":
    main()
