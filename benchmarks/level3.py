"""What helps the sparse level 3? ``python -m benchmarks.level3``

Every variant of the method nnunet (`benchmarks.level3_variants`) is trained with several seeds on one
synthetic cohort, predicts the test exams and is scored on level 3: by its foci and Dice against the readers,
and against the phantom's own truth. What is trained is not trained again, so a run that was stopped goes on;
with all defaults it takes hours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import click
import pandas as pd

import evaluation as ev
from benchmarks.level3_variants import PLAIN, ROOT, SEEDS, VARIANTS, Run, make
from bmseg.methods.profiles import PROFILES, get_profile
from evaluation.comparison.seeds import FEWEST
from evaluation.measures.foci_counts import counts
from evaluation.statistics.crossed import Crossed, crossed_difference
from evaluation.statistics.words import DASH, number, plural, with_interval
from evaluation.study import ReaderStudy
from evaluation.study.measure_tables import FOCI
from evaluation.study.tables import DICE, FAIR_DICE

LEVEL = "level3"
_TRUTH = "truth"
#: Of references, to what the tables say.
_AGAINST = {
    "readers": "Beside the readers, by consensuses without one reader each",
    _TRUTH: "Beside the truth",
}


def scores(run: Run, folders: Mapping[str, Mapping[int, Path]]) -> pd.DataFrame:
    """A row an exam, variant, seed and reference ("readers" or "truth"): what is said of level 3.

    Columns ``n_foci, found, false, focus_dice, dice``. Against the readers all are means over the consensuses
    without one reader each, so that no variant gains by the reader who taught it alone. ``focus_dice`` and
    ``dice`` are of references that hold the level, and NaN where none does: what is invented elsewhere is
    among the ``false``.
    """
    workspace = run.workspace(next(iter(folders)))
    exams = workspace.test_exams()
    models = {
        f"{name} {seed}": _masks(of, exams) for name, each in folders.items() for seed, of in each.items()
    }
    readers = {name: _masks(folder, exams) for name, folder in workspace.readers().items()}
    truth = {_TRUTH: {exam: workspace.dataset.truth_path(exam) for exam in exams}}
    levels = {level.name: level.value for level in workspace.study.levels}
    tables = []
    for against, references in (("readers", readers), (_TRUTH, truth)):
        study = ev.read_study(references, models, levels=levels, measures=("foci",))
        tables.append(_of_level(study, fair=against == "readers").assign(against=against))
    table = pd.concat(tables, ignore_index=True)
    table[["variant", "seed"]] = table.pop("rater").str.rsplit(" ", n=1, expand=True)
    return table


def _masks(folder: Path, exams: Sequence[str]) -> dict[str, Path]:
    return {exam: folder / f"{exam}.nii.gz" for exam in exams}


def _of_level(study: ReaderStudy, *, fair: bool) -> pd.DataFrame:
    """Means over the yardsticks of an exam: those without one reader each, or the one that there is."""
    foci = study[FOCI]
    foci = foci[(foci.level == LEVEL) & foci.rater.isin(study.models)].fillna({"left_out": ""})
    counted = counts(foci[(foci.left_out != "") if fair else (foci.left_out == "")])
    counted["focus_dice"] = counted.focus_dice.where(counted.n_foci > 0)
    dice = study[FAIR_DICE if fair else DICE]
    dice = dice[(dice.level == LEVEL) & dice.rater.isin(study.models)]
    if fair:
        dice = dice[dice.left_out.fillna("") != ""]
    dice = dice.assign(dice=dice.dice.where(dice.n_reference > 0))
    keys = ["exam", "rater"]
    found = counted.groupby(keys)[["n_foci", "found", "false", "focus_dice"]].mean()
    return found.join(dice.groupby(keys).dice.mean()).reset_index()


#: What is compared, as the tables call it.
COMPARED = {"focus_dice": "foci Dice", "dice": "Dice"}


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """A row a variant and reference: share of foci found, false foci an exam, mean Dice; and their spread.

    ``<measure>_spread`` is the standard deviation over seeds of the mean over exams, NaN of one seed.
    """
    of_seed = table.groupby(["against", "variant", "seed"], sort=False).agg(
        n_foci=("n_foci", "sum"), found=("found", "sum"), false=("false", "mean"),
        focus_dice=("focus_dice", "mean"), dice=("dice", "mean"),
    )  # fmt: skip
    of_seed["found"] = of_seed.found / of_seed.n_foci
    grouped = of_seed.groupby(["against", "variant"], sort=False)
    means = grouped[["found", "false", *COMPARED]].mean()
    spread = grouped[[*COMPARED]].std().add_suffix("_spread")
    return means.join(spread).assign(networks=grouped.size())


def differences(table: pd.DataFrame, plain: str = PLAIN) -> dict[tuple[str, str, str], Crossed]:
    """Every other variant minus the plain one, by reference, variant and measure, over exams and seeds.

    Of exams in which every network of both is defined. Intervals hold together with 95 % for all variants of
    a measure and reference (Bonferroni); of variants with one seed there are none.
    """
    others = [name for name in dict.fromkeys(table.variant) if name != plain]
    found = {}
    for against, measure in product(dict.fromkeys(table.against), COMPARED):
        of_network = table[table.against == against].pivot(
            index=["variant", "seed"], columns="exam", values=measure
        )
        for name in others:
            both = of_network.loc[[name, plain]].dropna(axis="columns")
            ours, theirs = (both.loc[which].to_numpy() for which in (name, plain))
            if min(len(ours), len(theirs)) > 1:
                apart = crossed_difference(ours, theirs, confidence=1 - 0.05 / len(others))
            else:
                apart = Crossed(both.shape[1], float(ours.mean() - theirs.mean()))
            found[against, name, measure] = apart
    return found


def render(run: Run, table: pd.DataFrame, seconds: Mapping[str, float]) -> str:
    """Markdown for RESULTS.md."""
    summed, exams = summary(table), table.exam.nunique()
    apart = differences(table) if PLAIN in run.variants else {}
    lines = [_words(run, exams), ""]
    for against, what in _AGAINST.items():
        lines += [f"{what}:", "", _HEAD]
        for name in run.variants:
            row = summed.loc[(against, name)]
            cells = [name, str(int(row.networks)), number(row.found), number(row.false)]
            for measure in COMPARED:
                differs = DASH
                if of_pair := apart.get((against, name, measure)):
                    differs = with_interval(of_pair.difference, of_pair.low, of_pair.high, sign=True)
                    if len(run.seeds) >= FEWEST and of_pair.low * of_pair.high > 0:
                        differs = f"**{differs}**"
                cells += [f"{number(row[measure])} (SD {number(row[f'{measure}_spread'])})", differs]
            lines.append(f"| {' | '.join([*cells, f'{seconds[name]:.0f} s'])} |")
        lines.append("")
    return "\n".join(lines)


_HEAD = (
    "| variant | networks | foci found | false foci an exam | foci Dice | difference | Dice | difference | "
    "training |\n" + "| --- " * 9 + "|"
)


def _words(run: Run, exams: int) -> str:
    schedule = plural(run.epochs or run.profile.epochs, "epoch")
    trained = run.training_exams or run.profile.training_exams
    variants = "; ".join(f"`{name}`: {VARIANTS[name].summary}" for name in run.variants)
    return (
        f"Level 3 of the synthetic cohort: {trained} training exams (fold 0), {plural(exams, 'test exam')}, "
        f"profile {run.profile.name}, {schedule}, seeds {', '.join(map(str, run.seeds))}. {variants}.\n\n"
        "Foci found: share of the reference's, of all exams together. Dice and foci Dice: means over exams "
        "whose reference holds the level; in brackets the standard deviation between seeds. Differences to "
        f"`{PLAIN}`: of means over exams and seeds, with intervals over exams and seeds "
        "(`evaluation.statistics.crossed`) that hold together with 95 % for all variants of a column; bold "
        f"where they leave out 0 and there are {FEWEST} seeds or more."
    )


def level3(run: Run | None = None) -> str:
    """Everything: trained, predicted, scored, as Markdown."""
    run = run or Run()
    folders, seconds = make(run)
    return render(run, scores(run, folders), seconds)


@click.command(help=__doc__)
@click.option(
    "--workspace",
    "root",
    type=click.Path(path_type=Path),
    default=ROOT,
    show_default=True,
    help="Another one for other epochs or exams.",
)
@click.option("--variants", default=",".join(VARIANTS), show_default=True, help="Names, with commas.")
@click.option("--seeds", default=",".join(map(str, SEEDS)), show_default=True, help="Numbers, with commas.")
@click.option("--profile", type=click.Choice([*PROFILES]), default="quick", show_default=True)
@click.option("--epochs", type=click.IntRange(1), help="[default: the profile's]")
@click.option("--training", type=click.IntRange(5, 85), help="Training exams. [default: the profile's]")
def main(
    root: Path, variants: str, seeds: str, profile: str, epochs: int | None, training: int | None
) -> None:
    """Print the tables."""
    names = tuple(variants.split(","))
    if unknown := [name for name in names if name not in VARIANTS]:
        raise click.BadParameter(f"found '{unknown[0]}', expected some of {', '.join(VARIANTS)}")
    chosen = tuple(map(int, seeds.split(",")))
    click.echo(level3(Run(root, names, chosen, get_profile(profile), epochs, training)))


if __name__ == "__main__":
    main()
