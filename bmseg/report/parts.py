"""The sections of a report: what an evaluation's tables say, in the order in which a reader asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bmseg.report import tables
from bmseg.report.part import Fold, Part, Picture, Shown
from bmseg.scoring.compare import ONE_SEED
from bmseg.scoring.evaluation import Evaluation
from evaluation.comparison.interchangeability import in_short
from evaluation.comparison.models import YARDSTICK
from evaluation.comparison.verdicts import pairs_in_words
from evaluation.study import Declared, ReaderStudy
from evaluation.study import measure_tables as m
from evaluation.study import tables as t
from evaluation.study.drawing import MEASURES_OVERVIEW
from evaluation.study.incomplete import DICE_ADJUSTED, warnings
from evaluation.study.lineage import judged, notes
from evaluation.study.repeated import REPEATS, REPEATS_VOLUMES
from evaluation.study.seeds import METHODS_OVER_SEEDS, over_seeds
from evaluation.table import Table

#: Figures of more models are behind a click.
MOST_MODELS = 2


@dataclass(frozen=True, eq=False)
class Asked:
    """What sections are made of."""

    evaluation: Evaluation
    #: Its study by titles, models before readers in printed tables.
    found: ReaderStudy
    #: Address of an exam in the viewer; empty where there is none.
    link: Callable[..., str]
    #: The number, from 1, of the slice on which a focus lies; None where that is not known.
    slice_of: Callable[[Any], int | None]
    #: Of the exams, training and test.
    cohort: Table | None = None
    costs: Table | None = None
    #: Of the reading room, where its scores were unblinded.
    tables2: Sequence[Table] = ()

    def table(self, table: Declared, *, notes: bool = True, title: str = "") -> Shown:
        """A table as it is printed."""
        anchor = f"table-{table.name.replace('_', '-')}"
        return Shown.of(self.found.printed(table), anchor, f"{table.name}.csv", title=title, notes=notes)

    def figure(self, name: str, caption: str, of: str = "") -> Picture:
        """A figure of the evaluation, of a rater or level (by title) where named; it need not be there."""
        return Picture(self.evaluation.figure(name + (f"_{self.name(of)}" if of else "")), caption)

    def link_of(self, exam: str, *, rater: str, level: str, slice: int | None) -> str:
        """The address of an exam in the viewer, of a rater and level by their titles."""
        return self.link(exam, slice=slice, rater=self.name(rater), level=self.name(level))

    def name(self, title: str) -> str:
        """The name, by which files and addresses go, of what is shown by a title."""
        names = {shown: name for name, shown in self.evaluation.found.titles.items()}
        return names.get(title, title)


def exams(asked: Asked) -> Part:
    """Who was imaged, and the Dice of every exam."""
    found = asked.found
    shown = [tables.exam_table(found, asked.link)]
    folds = []
    if asked.cohort:
        folds.append(Fold("The cohort", [Shown.of(asked.cohort, "cohort")]))
    if warnings(found) or DICE_ADJUSTED in found:
        adjusted = [asked.table(DICE_ADJUSTED)] if DICE_ADJUSTED in found else []
        folds.append(Fold("Whose exams were easier?", adjusted))
    text = "Where a model does well and where it fails."
    if asked.link("exam"):
        text += " An exam's name leads to its slices."
    return Part("exams", "Exams", text, warnings(found), shown, [], folds)


def fair(asked: Asked) -> Part:
    """Models beside the readers: every rater by the same yardsticks."""
    found = asked.found
    if t.TABLE1_FAIR not in found:
        return Part("fair", "", "")
    beside = [
        each.words for each in t.verdicts(found) if each.call != "copy" and each.second not in found.models
    ]
    copies = [each.words for each in t.verdicts(found) if each.call == "copy"]
    short = in_short(found[t.INTERCHANGEABILITY]) if t.INTERCHANGEABILITY in found else []
    folds = []
    if t.INTERCHANGEABILITY in found:
        of = [t.INTERCHANGEABILITY, t.INTERCHANGEABILITY_BY_READER, t.ALTERNATIVE_ANNOTATOR]
        title = "Without a consensus: agreement with the readers, and theirs with each other"
        given = [asked.table(table) for table in of if table in found]
        folds.append(Fold(title, given, (), found.words(t.INTERCHANGEABILITY)))
    both = [asked.figure("fair_against_usual", "Mean Dice the usual way and the fair way.")]
    folds.append(Fold("Table 1 beside the fair one, means and bias", [asked.table(t.TABLE1_FAIR)], both))
    forests = [
        asked.figure(
            "comparisons", f"Dice of {model} minus that of each reader, fair, with intervals.", model
        )
        for model in judged(found)
    ]
    if t.COMPARISONS in found:
        # Of many models one figure of all, and some of each.
        forests.insert(0, asked.figure("comparisons", "Dice of every model minus that of each reader, fair."))
        folds.append(Fold("Every model against every reader", (), forests, found.words(t.COMPARISONS)))
    return Part(
        "fair",
        "The fair comparison",
        "In the usual table a reader is scored against a consensus that holds the reader's own mask, and a "
        "model is not. Here every reader meets the consensus of the others, and every model those same "
        "consensuses.",
        [*short, *beside, *copies],
        [tables.fair_medians(found)],
        (),
        folds,
    )


def pairs(asked: Asked) -> Part:
    """Models beside each other, and what they cost."""
    found = asked.found
    if t.METHODS_COMPARED not in found:
        return Part("pairs", "", "")
    against = "the yardstick of all readers" if found.has_consensus else found.reference
    said = [each.words for each in t.verdicts(found) if each.call != "copy" and each.second in found.models]
    rows = found[t.METHODS_COMPARED]
    many = len(rows[rows.way == YARDSTICK]) > 24
    whole = asked.table(t.METHODS_COMPARED)
    over = [asked.table(METHODS_OVER_SEEDS)] if METHODS_OVER_SEEDS in found else []
    one_seed = "" if over else f" {ONE_SEED}"
    costs = [Shown.of(asked.costs, "costs", "costs.csv")] if asked.costs else []
    folds = [
        Fold("Every pair on every level, in words", [whole] if many else [],
             (), [*pairs_in_words(rows), *notes(found)]),
        Fold("What the methods cost", costs),
    ]  # fmt: skip
    return Part(
        "pairs",
        "Between models",
        f"Every pair of models on the same exams, against {against}, in which no model has a part. Clear is "
        "what stays so when all pairs and levels are tested together (Holm), without each reader, and by "
        f"every other rule that fits such readers.{one_seed}",
        [*said[:6], *over_seeds(found)[:6]],
        [*([] if many else [whole]), *over],
        [
            asked.figure(
                t.METHODS_COMPARED.name,
                f"Differences of Dice between models against {against}; a point an exam.",
            )
        ],
        folds,
    )


def foci(asked: Asked) -> Part:
    """What Dice does not see."""
    found = asked.found
    if m.MEASURES_TABLE1 not in found:
        return Part("foci", "", "")
    shown, pictures, said = [], [], []
    last = found.design.spoken_of[-1]
    if m.FOCI_SUMMARY in found:
        shown.append(tables.foci_table(found))
        said = found.words(m.FOCI_SUMMARY)
        pictures.append(asked.figure("foci", f"Every {last} focus by its volume, and what became of it."))
        if found.models and (worst := tables.largest_faults(found, asked.link_of, asked.slice_of)):
            shown.append(worst)
    folds = [Fold("Foci in words", (), (), said)]
    of_all = m.measures_table(found)
    for level in found.design.by_name:
        table = m.measures_table(found, [level], with_notes=False)
        name = level.replace("+", "-")
        title = f"{level}: {table.title[0].lower()}{table.title[1:]}"
        shown_here = Shown.of(table, f"measures-{name}", "measures_table1.csv", title=title)
        here = [_models_first(shown_here, found)]
        if m.MEASURES_COMPARISONS in found:
            beside = m.beside_median_table(found, [level], with_notes=False)
            file, title = "measures_comparisons.csv", f"{level}: {beside.title[0].lower()}{beside.title[1:]}"
            here.append(Shown.of(beside, f"measures-beside-{name}", file, title=title))
        caption = (
            f"{level}: medians by every measure; filled by the fair scores with their intervals, hollow the "
            "usual way. Arrows point to where a measure is better."
        )
        folds.append(Fold(f"Every measure on {level}", here, [asked.figure("measures", caption, level)]))
    curve = asked.figure("nsd_curve", "NSD over the tolerance, fair, of readers and models.")
    of_levels = asked.figure(
        MEASURES_OVERVIEW,
        "Every level by every measure: fair medians of the readers, grey, and of the models.",
    )
    conventions = [*of_all.notes, *m.beside_median_notes(found)]
    folds.append(
        Fold("What the measures are, and surfaces over the tolerance", (), [of_levels, curve], conventions)
    )
    first = [each for each in said if f" {last} foci" in each or f" {last} focus" in each]
    return Part(
        "foci",
        "Foci, surfaces and volumes" if m.FOCI_SUMMARY in found else "Surfaces and volumes",
        "What Dice does not see: which foci were found, how far borders lie apart, how much is too much. "
        "Verdicts rest on Dice; these say in what way a rater errs.",
        first[:MOST_MODELS],
        shown,
        pictures,
        folds,
    )


def _models_first(shown: Shown, found: ReaderStudy) -> Shown:
    return replace(shown, rows=sorted(shown.rows, key=lambda row: row[0].text not in found.models))


def repeated(asked: Asked) -> Fold | None:
    """The same reader twice; None where nobody read twice."""
    found = asked.found
    if REPEATS not in found:
        return None
    given = [asked.table(table) for table in (REPEATS, REPEATS_VOLUMES) if table in found]
    return Fold("The same reader twice", given, (), found.words(REPEATS))
