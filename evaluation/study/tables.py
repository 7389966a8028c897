"""Every table of a study, declared once: its file, what it says, its columns, and how it is printed.

Who adds a table adds it here and in `evaluation.study.compute`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from evaluation.comparison import interchangeability as beside
from evaluation.comparison import models, printed, readers
from evaluation.comparison import ways as comparison_ways
from evaluation.comparison.models import of_models
from evaluation.comparison.teachers import teachers_among
from evaluation.comparison.verdicts import Verdict, model_verdicts, pairs_in_words, reader_verdicts
from evaluation.consensus.audited import (
    AUDIT,
    STUDY,
    WITHOUT,
    YARDSTICK,
    audit_table,
    audit_words,
)
from evaluation.consensus.decisions import CONVERGENCE, convergence_table, pooled_table
from evaluation.measures import dice
from evaluation.measures.dice import EmptyMask
from evaluation.scores import fair, interchangeability, sensitivity, table1
from evaluation.statistics.words import plural
from evaluation.study import (
    agreed,
    beside_readers,
    failing,
    incomplete,
    lineage,
    measure_tables,
    patients,
    repeated,
    seeds,
    unsure,
)
from evaluation.study.calibrated import TABLES as CALIBRATED
from evaluation.study.results import Declared, Results, worded
from evaluation.table import Table, dice_table

_POLICIES = {
    EmptyMask.UNDEFINED: "left out of median and mean, and counted (n of n)",
    EmptyMask.ONE: "counted as 1",
    EmptyMask.ZERO: "counted as 0",
}


@worded
def usual_table(found: Results, raters: Sequence[str] = ()) -> Table:
    """Table 1 of the study, of some raters or of all."""
    summary = found[TABLE1]
    whom = f"the consensus of {_how_many(found)} readers" if found.has_consensus else found.reference
    return dice_table(
        summary[summary.rater.isin(raters)] if raters else summary,
        title=f"Dice against {whom}, {plural(len(found.exams), 'exam')}",
        notes=usual_notes(found),
    )


def _how_many(found: Results) -> str:
    """How many readers make a consensus: as many in every exam, or from the fewest to the most."""
    if incomplete.READERS_PER_EXAM not in found:
        return str(len(found.readers))
    drew = found[incomplete.READERS_PER_EXAM].n_readers
    fewest, most = f"{drew.min()}", f"{drew.max()}"
    return f"{fewest if fewest == most else f'{fewest} to {most}'} of {len(found.readers)}"


@worded
def usual_notes(found: Results) -> list[str]:
    """What stands below Table 1: what it is scored against, and how empty masks count."""
    design, names = found.design, ", ".join(found.readers)
    policy = EmptyMask(design.empty_mask)
    empty = f"Both masks empty: {policy}, {_POLICIES[policy]}; one of them empty: 0."
    if found.has_consensus:
        notes = [f"Consensus: {design.rule_in_words} of {names}.", empty]
        notes.append("Each reader is part of the consensus that scores it, which flatters readers.")
    else:
        whose = f"Reference: the masks of {names}; one reader makes no consensus, and its own Dice is 1."
        notes = [whose, empty]
    if absent := [name for name in design.all_readers if name not in found.readers]:
        notes.append(f"Not given: {', '.join(absent)} of the study's {len(design.all_readers)} readers.")
    return [*notes, *lineage.copy_notes(found, usual=True), *design.notes]


@worded
def fair_table(found: Results, raters: Sequence[str] = ()) -> Table:
    """Table 1 as usual and fair, of some raters or of all."""
    data = found[TABLE1_FAIR]
    return table1.fair_table(
        data[data.rater.isin(raters)] if raters else data,
        title=f"Dice as usual and fair, {plural(len(found.exams), 'exam')}",
        readers=found.readers,
        rule=found.design.yardstick_in_words,
        empty_mask=EmptyMask(found.design.empty_mask),
        unit=f"{found.design.unit}s",
        complete=incomplete.READERS_PER_EXAM not in found,
        notes=lineage.notes(found),
    )


@worded
def methods_table(found: Results, pairs: pd.DataFrame | None = None) -> Table:
    """Models compared with each other, all pairs or those given."""
    return printed.methods_table(
        found[METHODS_COMPARED] if pairs is None else pairs,
        title=f"Methods compared: paired differences of Dice, {plural(len(found.exams), 'exam')}",
        reference=f"the yardstick of all readers ({found.design.yardstick_in_words})"
        if found.has_consensus
        else f"the masks of {found.reference}",
        notes=lineage.notes(found),
    )


def _sensitivity(found: Results) -> Table:
    panel = sensitivity.Sensitivity(
        study=(found.design.rule, "volume"),
        empty_mask=EmptyMask(found.design.empty_mask),
        scores=pd.DataFrame(),
        summary=found[SENSITIVITY],
        order=found[SENSITIVITY_ORDER],
        convergence=found[CONSENSUS_SEARCHES],
    )
    title = "The same table by other consensuses"
    return sensitivity.sensitivity_table(panel, title=title, notes=found.design.notes)


def _decisions(found: Results) -> Table:
    return pooled_table(found[DECISIONS], title="Votes and what became of them", notes=found.design.notes)


def _searches(found: Results) -> Table | None:
    if not found.has_consensus:
        return None
    notes = tuple(found.design.notes)
    return convergence_table(found[CONSENSUS], title="The searches for the consensus", notes=notes)


@worded
def verdicts(found: Results, models: Sequence[str] = ()) -> list[Verdict]:
    """Every verdict of a study, of some models or of all: on pairs of models, and beside the median reader.

    Report, screen, board and tables all say what stands here. Of a copy it is said whose masks it has.
    """
    chosen = list(models or found.models)
    ways = found[OTHER_WAYS] if OTHER_WAYS in found else pd.DataFrame(columns=comparison_ways.COLUMNS)
    levels = found.design.spoken_of
    made: list[Verdict] = []
    if METHODS_COMPARED in found:
        pairs = of_models(found[METHODS_COMPARED], chosen, levels)
        made += model_verdicts(pairs, ways, levels=levels)
    agreement = partial(_agreement, found, chosen)
    if COMPARISONS in found:
        rows = found[COMPARISONS][found[COMPARISONS].model.isin(chosen)]
        made += reader_verdicts(rows, ways, levels=levels, agreement=agreement())
    beside = seeds.beside_seeds(found, lineage.beside_teacher(found, made, agreement))
    return beside + lineage.copy_verdicts(found, chosen)


def _agreement(
    found: Results, models: Sequence[str], left_out: str = interchangeability.NOBODY
) -> dict[tuple[str, str], int] | None:
    """Where models clearly agree more or less with the readers than they do; None where it was not asked."""
    if INTERCHANGEABILITY not in found:
        return None
    if left_out != interchangeability.NOBODY:
        by = found.design.taught_by
        models = [model for model in models if teachers_among(by.get(model, ()), found.readers) == left_out]
    return beside.standings(beside.of_models(found[INTERCHANGEABILITY], models), left_out=left_out)


@worded
def said_first(found: Results, models: Sequence[str] = ()) -> list[str]:
    """What a study says first, of some models or of all: agreement without a consensus, then the verdicts."""
    said = []
    if INTERCHANGEABILITY in found:
        said = beside.in_short(beside.of_models(found[INTERCHANGEABILITY], models or found.models))
    over = seeds.over_seeds(found) if not models or {*found.models} <= {*models} else []
    return [*said, *(verdict.words for verdict in verdicts(found, models)), *over]


def _audited(found: Results) -> dict[str, int]:
    """How many consensuses of each kind were looked through."""
    design, drew = found.design, [len(found.readers)] * len(found.exams)
    if incomplete.READERS_PER_EXAM in found:
        drew = found[incomplete.READERS_PER_EXAM].n_readers.tolist()
    # One reader makes none.
    exams = sum(n > 1 for n in drew)
    numbers = {STUDY: exams} | ({YARDSTICK: exams} if design.yardstick != design.rule else {})
    # Without one of two readers the other's mask is left, which is no consensus.
    without = sum(n for n in drew if n > 2)
    return numbers | ({WITHOUT: without} if without else {})


def _audit(found: Results) -> Table:
    title = "What the consensuses do that readers would not expect"
    return audit_table(found[CONSENSUS_AUDIT], _audited(found), title=title, notes=found.design.notes)


def _audit_words(found: Results) -> list[str]:
    design = found.design
    by_yardstick = design.yardstick_in_words
    rules = {STUDY: design.rule_in_words, YARDSTICK: by_yardstick, WITHOUT: by_yardstick}
    return [*audit_words(found[CONSENSUS_AUDIT], _audited(found), rules), *design.notes]


def _comparisons(found: Results) -> list[str]:
    rows = found[COMPARISONS]
    return [*map(readers.in_words, rows[rows.way == "fair"].itertuples()), *lineage.notes(found)]


def _methods(found: Results) -> list[str]:
    pairs = found[METHODS_COMPARED]
    made = [verdict for verdict in verdicts(found) if verdict.call != "copy"]
    said = [verdict.words for verdict in made if verdict.second in found.models]
    return [*said, *pairs_in_words(pairs), *lineage.notes(found)]


DICE = Declared("dice", "Dice of every exam, rater and level, with counts", dice.COLUMNS)
DICE_BY_KNEE = Declared("dice_by_knee", "the same knee by knee, where knees are scored", dice.COLUMNS[1:])
TABLE1 = Declared(
    "table1", "median (range) and mean, n defined of n: the table as studies print it",
    ["level", "rater", "median", "minimum", "maximum", "mean", "n_defined", "n"],
    usual_table, decimals="%.6f",
)  # fmt: skip
FAIR_DICE = Declared("fair_dice", "Dice against consensuses without one reader each", fair.COLUMNS[:3])
TABLE1_FAIR = Declared(
    "table1_fair", "Table 1 beside the fair one, with intervals, and the bias of the usual way",
    ["way", *table1.COLUMNS], fair_table,
)  # fmt: skip
COMPARISONS = Declared(
    "comparisons", "every model against every reader and the median reader, both ways, and in words",
    readers.COLUMNS, words=_comparisons, words_name="comparisons",
)  # fmt: skip
INTERCHANGEABILITY = beside_readers.INTERCHANGEABILITY
INTERCHANGEABILITY_BY_READER = beside_readers.INTERCHANGEABILITY_BY_READER
ALTERNATIVE_ANNOTATOR = beside_readers.ALTERNATIVE_ANNOTATOR
METHODS_COMPARED = Declared(
    "methods_compared", "every pair of models, and in words", models.COLUMNS, methods_table,
    _methods, "methods_compared_in_words",
)  # fmt: skip
DICE_BY_YARDSTICK = Declared(
    "dice_by_yardstick", "Dice against yardsticks by every fit rule, with and without each reader",
    ["exam", "rater", "level", "dice"],
)  # fmt: skip
OTHER_WAYS = Declared(
    "other_ways", "what every difference is without a reader, and by other fit rules", comparison_ways.COLUMNS
)
AGREEMENT_DICE = agreed.AGREEMENT_DICE
AGREEMENT_CHANCE = agreed.AGREEMENT_CHANCE
AGREEMENT_KAPPA = agreed.AGREEMENT_KAPPA
READER_RATES = agreed.READER_RATES
READER_CONFUSIONS = Declared("reader_confusions", "STAPLE's estimates too", ["rater", "truth", "decision"])
VOLUMES = Declared("volumes", "volumes in ml", ["exam", "level", "rater", "ml"])
VOLUMES_BLAND_ALTMAN = Declared("volumes_bland_altman", "against others' yardsticks", ["level", "rater"])
VOLUMES_ICC = agreed.VOLUMES_ICC
ERRORS = failing.ERRORS
ERRORS_SUMMARY = failing.ERRORS_SUMMARY
DICE_AGAINST_VOLUME = failing.DICE_AGAINST_VOLUME
DICE_SPARSE_AMPLE = failing.DICE_SPARSE_AMPLE
SLICES = failing.SLICES
SLICE_PROFILE = failing.SLICE_PROFILE
SLICES_PERIPHERAL_CENTRAL = failing.SLICES_PERIPHERAL_CENTRAL
OUTSIDE_REGION = failing.OUTSIDE_REGION
DICE_BY_CATEGORY = failing.DICE_BY_CATEGORY
DICE_CATEGORIES_COMPARED = failing.DICE_CATEGORIES_COMPARED
DICE_AGAINST_AGE = failing.DICE_AGAINST_AGE
SENSITIVITY = Declared(
    "sensitivity", "Table 1 by other consensus rules, with and without background",
    ["rule", "region", "level", "rater"], _sensitivity,
)  # fmt: skip
SENSITIVITY_ORDER = Declared("sensitivity_order", "how the order of raters changes", sensitivity.ORDER)
CONSENSUS_SEARCHES = Declared("consensus_searches", "the searches for all these consensuses", CONVERGENCE)
CONSENSUS = Declared("consensus", "the search for each exam's consensus", CONVERGENCE, _searches)
CONSENSUS_AUDIT = Declared(
    "consensus_audit", "what an audit found in every consensus, those without a reader included",
    AUDIT, _audit, _audit_words, "consensus_audit_in_words",
)  # fmt: skip
DECISIONS = Declared("decisions", "what every combination of votes became, over exams", (), _decisions)
DECISION_TABLE = Declared("decision_table", "the same exam by exam", ["exam"], decimals="%.6f")

#: All of them, in the order in which docs list them.
TABLES = [value for value in list(globals().values()) if isinstance(value, Declared)]
TABLES += [*measure_tables.TABLES, *lineage.TABLES, *incomplete.TABLES, *repeated.TABLES, *unsure.TABLES]
TABLES += [*CALIBRATED, *seeds.TABLES, *patients.TABLES]
