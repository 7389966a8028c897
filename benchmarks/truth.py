"""How near does each consensus come to a truth that is known? ``python -m benchmarks.truth``

Readers of several families (`benchmarks.families`) and the phantom's calibrated readers draw exams whose
truth is known; every rule over every region makes its consensus of them, of all readers and without each.
Asked are Dice with the truth and the ratio of volumes a level, how many of the voxels on which all agree are
overruled, in how many exams a decision is not monotone, and how often two models stand in the order in which
the truth puts them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, get_args

import numpy as np
import pandas as pd

from benchmarks.families import FAMILIES, LABELS, Exam, calibrated
from benchmarks.processes import in_processes
from evaluation.consensus.audit import is_monotone, overruled_voxels
from evaluation.consensus.kinds import COUNTED, ORDERED, Region, Rule
from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.votes import Votes, count_votes
from evaluation.measures.dice import score

LEVELS = {f"level{label}": (label,) for label in LABELS[1:]}
#: Not looked at while the default was chosen.
SEEDS = range(101, 111)
#: Numbers of readers, and exams a cohort of the families.
READERS, EXAMS = (3, 4, 6), 3
CALIBRATED = "calibrated"
_TRUTH = "truth "
#: Mean Dice of two models that the truth puts no further apart says nothing about a rule.
_APART = 0.02


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
        of_readers = votes.select(tuple(exam.readers))
        for rule, region in cohort.ways:
            way: dict[str, Any] = {
                "rule": rule,
                "region": region,
                "ordered": not cohort.nominal,
                "restarts": 4,
            }
            parts = {"all": staple(of_readers, **way)}
            if cohort.n_readers == 4:
                parts |= leave_one_out(of_readers, **way)
            for part, consensus in parts.items():
                found = score(votes, consensus.label_on(votes), LEVELS)
                overruled, unanimous = overruled_voxels(consensus)
                tables.append(
                    found[~found.rater.isin(list(exam.readers))].assign(
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


def run(
    families: Sequence[str] = (CALIBRATED, *(family.name for family in FAMILIES)),
    seeds: range = SEEDS,
    n_readers: Sequence[int] = READERS,
) -> pd.DataFrame:
    """Measure every cohort; a row an exam, way, part, definition or model, and level."""
    cohorts = [
        Cohort(family, n, seed)
        for family in families
        for n in (n_readers if family != CALIBRATED else (4,))
        for seed in seeds
    ]
    return pd.concat(in_processes(measure, cohorts), ignore_index=True)


def dice_with_truth(found: pd.DataFrame, part: str = "all") -> pd.DataFrame:
    """Mean Dice with the truth over levels, and over numbers of readers: a row a family, a column a way.

    Where the truth holds nothing there is no overlap to measure. `part` is "all" readers, or "one out".
    """
    truths = _of_truth(found)
    truths = truths[(truths.part == "all") == (part == "all")]
    dice = truths.groupby(["family", "n_readers", "way", "level"]).dice.mean()
    for keys in (["family", "n_readers", "way"], ["family", "way"]):
        dice = dice.groupby(keys).mean()
    return dice.unstack("way")


def by_definition(found: pd.DataFrame) -> pd.DataFrame:
    """The same of the calibrated readers, by definition of the truth."""
    truths = _of_truth(found[(found.family == CALIBRATED) & (found.part == "all")])
    by_level = truths.groupby(["rater", "way", "level"]).dice.mean()
    return by_level.groupby(["rater", "way"]).mean().unstack("way")


def volume_ratios(found: pd.DataFrame) -> pd.DataFrame:
    """Voxels of a level in the consensus over the truth's, median over exams: a row a family and level."""
    truths = _of_truth(found[found.part == "all"])
    truths = truths.assign(ratio=truths.n_reference / truths.n_rater)
    return truths.groupby(["family", "level", "way"]).ratio.median().unstack("way")


def decisions(found: pd.DataFrame) -> pd.DataFrame:
    """A row a way: unanimous voxels overruled, of how many, in how many exams, and exams not monotone."""
    keys = ["family", "n_readers", "seed", "exam", "part", "way"]
    ways = _with_way(found[found.part != "truth"]).drop_duplicates(keys)
    grouped = ways.groupby("way")
    return pd.DataFrame(
        {
            "consensuses": grouped.size(),
            "overruling": grouped.overruled.agg(lambda voxels: int((voxels > 0).sum())),
            "overruled": grouped.overruled.sum().astype(int),
            "unanimous": grouped.unanimous.sum().astype(int),
            "not_monotone": grouped.monotone.agg(lambda good: int((~good.astype(bool)).sum())),
        }
    )


def orders(found: pd.DataFrame) -> pd.DataFrame:
    """Share of pairs of models that each way orders as the truth does: a row a family.

    By a cohort's mean Dice of a level. Pairs that the truth itself puts within 0.02 say nothing about a rule.
    """
    models = found[~found.rater.str.startswith(_TRUTH)]
    keys = ["family", "n_readers", "seed", "level"]
    of_all = _with_way(models[models.part == "all"])
    means = of_all.groupby([*keys, "way", "rater"]).dice.mean().unstack("rater")
    rows = []
    for name, of_truth in models[models.part == "truth"].groupby("rule"):
        right = of_truth.groupby([*keys, "rater"]).dice.mean().unstack("rater")
        for index, seen in means.iterrows():
            key, way = index[:-1], index[-1]
            if key not in right.index:
                continue
            true = right.loc[key]
            for one, two in combinations(true.dropna().index, 2):
                if abs(true[one] - true[two]) > _APART:
                    same = (true[one] - true[two]) * (seen[one] - seen[two]) > 0
                    rows.append((key[0], name, way, same))
    table = pd.DataFrame(rows, columns=["family", "truth", "way", "same"])
    return table.groupby(["family", "way"]).same.mean().unstack("way")


def regrets(dice: pd.DataFrame) -> pd.Series:
    """The most by which each way falls below the best of a family; of ways that serve all families."""
    whole = dice.dropna(axis=1)
    return whole.sub(whole.max(axis=1), axis=0).abs().max()


def report(found: pd.DataFrame) -> str:
    """The tables of a run, as Markdown."""
    nominal = [family.name for family in FAMILIES if family.nominal]
    tables = dice_with_truth(found), dice_with_truth(found, "one out"), orders(found)
    ratios = volume_ratios(found).drop(index=nominal, level="family", errors="ignore")
    parts = {
        "Levels in rising order": _summary(*(table.drop(nominal, errors="ignore") for table in tables)),
        "Labels without an order": _summary(*(table[table.index.isin(nominal)] for table in tables)),
        "The calibrated readers, by definition of the truth": _markdown(by_definition(found).T),
        "Volume of the consensus over the truth's, median over exams": _markdown(
            ratios.groupby("level").mean().T, 2
        ),
        "What the rules do to votes": _markdown(decisions(found), 0),
    }
    return "\n".join(f"### {title}\n\n{table}\n" for title, table in parts.items())


def _summary(dice: pd.DataFrame, alone: pd.DataFrame, order: pd.DataFrame) -> str:
    """Every family's Dice, then what they come to, the best way first."""
    whole, without, ordered = (table.dropna(axis=1) for table in (dice, alone, order))
    table = whole.T.assign(
        **{
            "mean": whole.mean(),
            "largest regret": regrets(whole),
            "one left out: mean": without.mean(),
            "one left out: regret": regrets(without),
            "pairs in order": ordered.mean(),
        }
    )
    return _markdown(table.sort_values("mean", ascending=False))


def _of_truth(found: pd.DataFrame) -> pd.DataFrame:
    return _with_way(found[found.rater.str.startswith(_TRUTH) & (found.n_rater > 0)])


def _with_way(found: pd.DataFrame) -> pd.DataFrame:
    region = found.region.where(found.region != "volume", "")
    return found.assign(way=(found.rule + " " + region).str.strip())


def _markdown(table: pd.DataFrame, decimals: int = 3) -> str:
    heads = ["", *map(str, table.columns)]
    rows = [
        [str(name), *(f"{value:.{decimals}f}" for value in row)]
        for name, row in zip(table.index, table.to_numpy(float), strict=True)
    ]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default=f"{SEEDS[0]}-{SEEDS[-1]}")
    parser.add_argument("--families", nargs="*", default=[CALIBRATED, *(family.name for family in FAMILIES)])
    parser.add_argument("--readers", nargs="*", type=int, default=list(READERS))
    given = parser.parse_args()
    first, last = map(int, given.seeds.split("-"))
    print(report(run(given.families, range(first, last + 1), tuple(given.readers))))


if __name__ == "__main__":
    main()
