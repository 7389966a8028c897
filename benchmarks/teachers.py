"""Whose masks should teach, and does the fair yardstick say so? ``python -m benchmarks.teachers``

On one synthetic cohort nnU-Net learns from one reader, from the readers' consensus, from all readers and
from the shares of their votes, beside a residual encoder and a U-Net that learn from the one reader; a
network a seed. All predict the test exams and are scored by the fair yardstick, which is made of the readers'
masks, and by the phantom's own truth, which no study has. What is trained is not trained again, so a run that
was stopped goes on; with all defaults it takes hours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import click
import numpy as np
import pandas as pd

import evaluation as ev
from bmseg.cohort.phantom import make_phantom
from bmseg.methods.profiles import PROFILES, Profile, get_profile
from bmseg.methods.variants import Masks
from bmseg.nnunet import Training, plan, predict, train
from bmseg.workspace import Workspace, open_workspace
from evaluation.scores.fair import over_consensuses
from evaluation.statistics.crossed import crossed_difference
from evaluation.statistics.words import DASH, interval, plural, with_interval

ROOT = Path("workspaces/teachers")
SEED, SEEDS = 2022, 3


@dataclass(frozen=True)
class Way:
    """What is trained: a method, and whose masks teach it."""

    method: str
    masks: Masks | None
    taught_by: str


#: The first is what the others are held against.
WAYS = {
    "nnunet": Way("nnunet", None, "reader1"),
    "nnunet_consensus": Way("nnunet", "consensus", "consensus"),
    "nnunet_all": Way("nnunet", "all", "all readers, one drawn a step"),
    "nnunet_soft": Way("nnunet", "soft", "shares of votes"),
    "nnunet_resenc": Way("nnunet_resenc", None, "reader1"),
    "unet": Way("unet", None, "reader1"),
}
PLAIN = next(iter(WAYS))
TEACHERS = [name for name, way in WAYS.items() if way.method == PLAIN]
FAIR, TRUTH = "fair", "truth"
_AGAINST = {
    FAIR: "By the fair yardstick (consensuses without one reader each)",
    TRUTH: "By the truth (which no study has)",
}


def networks(
    root: Path, profile: Profile, seeds: int, epochs: int | None, ways: Sequence[str]
) -> dict[str, list[str]]:
    """Way to the names of its networks, trained and with their predictions in the workspace."""
    workspace, study = open_workspace(root, create=True)
    others = [reader for reader in study.reader_names if reader != study.dataset_spec.training_reader]
    make_phantom(
        workspace, training=profile.training_exams, seed=SEED, processes=None, training_readers=others
    )
    plan(workspace, profile)
    found: dict[str, list[str]] = {}
    for name in ways:
        way = WAYS[name]
        first = Training.named(way.method, profile.name, epochs, masks=way.masks)
        for training in first.of_seeds(SEED, seeds):
            train(workspace, training, seed=training.seed or SEED)
            predict(workspace, training)
            found.setdefault(name, []).append(training.name)
    return found


def scores(workspace: Workspace, of: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Dice of every network: columns ``against`` ("fair" or "truth"), ``way, seed, exam, level, dice``."""
    exams, dataset = workspace.test_exams(), workspace.dataset
    levels = {level.name: level.value for level in workspace.study.levels}
    models = {name: _masks(workspace.predictions(name), exams) for names in of.values() for name in names}
    readers = {name: _masks(folder, exams) for name, folder in workspace.readers().items()}
    fair = ev.read_study(readers, models, levels=levels).fair_scores
    truth = {TRUTH: {exam: dataset.truth_path(exam) for exam in exams}}
    alone = ev.read_study(truth, models, levels=levels).scores
    table = pd.concat([over_consensuses(fair).assign(against=FAIR), alone.assign(against=TRUTH)])
    which = {name: (way, seed) for way, names in of.items() for seed, name in enumerate(names)}
    table = table[table.rater.isin(list(which))]
    ways, seeds = zip(*table.rater.map(which), strict=True)
    return table.assign(way=ways, seed=seeds)[["against", "way", "seed", "exam", "level", "dice"]]


def _masks(folder: Path, exams: Sequence[str]) -> dict[str, Path]:
    return {exam: folder / f"{exam}.nii.gz" for exam in exams}


def by_seed(table: pd.DataFrame, against: str, level: str) -> dict[str, np.ndarray]:
    """Way to Dice of shape (seeds, exams), of exams in which every network of every way is defined."""
    of = table[(table.against == against) & (table.level == level)]
    wide = of.pivot(index="exam", columns=["way", "seed"], values="dice").dropna()
    return {way: wide[way].to_numpy().T for way in dict.fromkeys(table.way)}


def turned(table: pd.DataFrame, levels: Sequence[str]) -> list[str]:
    """Pairs of teachers, level by level, that the fair yardstick and the truth put in another order."""
    found = []
    for level in levels:
        means = {each: {w: s.mean() for w, s in by_seed(table, each, level).items()} for each in _AGAINST}
        for one, other in combinations(TEACHERS, 2):
            apart = {each: means[each][one] - means[each][other] for each in _AGAINST}
            if apart[FAIR] * apart[TRUTH] < 0:
                told = ", ".join(f"{each} {apart[each]:+.3f}" for each in _AGAINST)
                found.append(f"{level}: `{one}` minus `{other}` ({told})")
    return found


def render(table: pd.DataFrame, told: str) -> str:
    """Markdown for RESULTS.md."""
    levels = list(dict.fromkeys(table.level))
    lines = [told, ""]
    for against, what in _AGAINST.items():
        lines += [f"{what}:", "", _HEAD]
        for level in levels:
            of = by_seed(table, against, level)
            for way, ours in of.items():
                mean = crossed_difference(ours)
                apart = DASH
                if way != PLAIN:
                    found = crossed_difference(ours, of[PLAIN])
                    apart = (
                        f"{with_interval(found.difference, found.low, found.high, sign=True)} | "
                        f"{interval(found.exams_low, found.exams_high, sign=True)}"
                    )
                else:
                    apart = f"{DASH} | {DASH}"
                lines.append(
                    f"| {level} | `{way}` | {WAYS[way].taught_by} | {mean.n_exams} | "
                    f"{with_interval(mean.difference, mean.low, mean.high)} | {mean.sd_seeds:.3f} | {apart} |"
                )
        best = {
            level: max(TEACHERS, key=lambda w: by_seed(table, against, level)[w].mean()) for level in levels
        }
        lines += [
            "",
            "Best teacher of nnunet: " + ", ".join(f"{w} on {at}" for at, w in best.items()) + ".",
            "",
        ]
    pairs = len(levels) * len(list(combinations(TEACHERS, 2)))
    other = turned(table, levels)
    said = f": {'; '.join(other)}" if other else ""
    lines.append(
        f"Pairs of teachers, a level each, that the two put in another order: {len(other)} of {pairs}{said}."
    )
    return "\n".join(lines)


_HEAD = (
    "| level | method | taught by | exams | mean Dice (interval) | SD between seeds | minus `nnunet` "
    "(interval over exams and seeds) | interval over exams alone |\n" + "| --- " * 8 + "|"
)


def teachers(
    root: Path = ROOT,
    profile: str = "quick",
    seeds: int = SEEDS,
    epochs: int | None = None,
    ways: Sequence[str] = tuple(WAYS),
) -> str:
    """Everything: trained, predicted, scored, as Markdown."""
    chosen = get_profile(profile)
    of = networks(root, chosen, seeds, epochs, ways)
    workspace, _ = open_workspace(root)
    table = scores(workspace, of)
    told = (
        f"Synthetic cohort: {chosen.training_exams} training exams (fold 0), "
        f"{plural(table.exam.nunique(), 'test exam')}, profile {chosen.name}, {epochs or chosen.epochs} "
        f"epochs, seeds {SEED} to {SEED + seeds - 1}. Means over exams and networks; intervals of 95 % over "
        "exams and seeds (`evaluation.statistics.crossed`), one by one, not adjusted. SD between seeds: of "
        "networks' means over exams. Exams: those in which every network is defined."
    )
    return render(table, told)


@click.command(help=__doc__)
@click.option("--workspace", "root", type=click.Path(path_type=Path), default=ROOT, show_default=True)
@click.option("--profile", type=click.Choice([*PROFILES]), default="quick", show_default=True)
@click.option("--seeds", type=click.IntRange(2), default=SEEDS, show_default=True)
@click.option("--epochs", type=click.IntRange(1), help="[default: the profile's]")
@click.option("--ways", default=",".join(WAYS), show_default=True, help="Names, with commas; nnunet first.")
def main(root: Path, profile: str, seeds: int, epochs: int | None, ways: str) -> None:
    """Print the table."""
    names = ways.split(",")
    if unknown := [name for name in names if name not in WAYS]:
        raise click.BadParameter(f"found '{unknown[0]}', expected some of {', '.join(WAYS)}")
    if names[0] != PLAIN or not {*TEACHERS} <= {*names}:
        raise click.BadParameter(f"found {ways}, expected {', '.join(TEACHERS)} at least, in this order")
    click.echo(teachers(root, profile, seeds, epochs, names))


if __name__ == "__main__":
    main()
