"""The report's part on the reader study: what the tables of an evaluation say, as parts of a page."""

from __future__ import annotations

from markupsafe import Markup

from bmseg.report.part import Part
from bmseg.scoring.evaluation import Evaluation
from evaluation.comparison.interchangeability import in_short
from evaluation.comparison.verdicts import pairs_in_words
from evaluation.study import ReaderStudy, failing
from evaluation.study import measure_tables as m
from evaluation.study import tables as t
from evaluation.study.calibrated import CALIBRATION
from evaluation.study.incomplete import DICE_ADJUSTED, warnings
from evaluation.study.lineage import judged, notes
from evaluation.study.repeated import REPEATS, REPEATS_VOLUMES
from evaluation.table import Table


def study_parts(evaluation: Evaluation, costs: Table | None = None) -> list[Part]:
    """The sections of an evaluation; fewer where it has fewer readers, models, facts or no table of costs."""
    methods = [_methods(evaluation, costs)] if t.METHODS_COMPARED in evaluation.found else []
    if not evaluation.found.has_consensus:
        beyond = [_beyond_dice(evaluation)] if m.MEASURES_TABLE1 in evaluation.found else []
        again = [_repeated(evaluation)] if REPEATS in evaluation.found else []
        sure = [_calibrated(evaluation)] if CALIBRATION in evaluation.found else []
        return [*methods, *beyond, *sure, *again, _where_it_fails(evaluation)]
    without = [_without_consensus(evaluation)] if t.INTERCHANGEABILITY in evaluation.found else []
    beside = [_comparisons(evaluation)] if t.COMPARISONS in evaluation.found else []
    parts = [_fair(evaluation), *without, *methods, *beside, _agreement(evaluation)]
    parts += [_beyond_dice(evaluation)] if m.MEASURES_TABLE1 in evaluation.found else []
    parts += [_calibrated(evaluation), _adjusted(evaluation), _repeated(evaluation)]
    parts += [_where_it_fails(evaluation), _volumes(evaluation), _audit(evaluation), _sensitivity(evaluation)]
    return [part for part in parts if part.figures or part.tables or part.choices]


def _fair(evaluation: Evaluation) -> Part:
    return Part(
        "The fair comparison",
        "In the usual table a reader is scored against a consensus that holds the reader's own mask, and a "
        "model is not. Here every reader meets the consensus of the others, and every model those same "
        "consensuses, so that all are measured by the same yardsticks.",
        [(evaluation.figure("fair_against_usual"), "Mean Dice the usual way and the fair way.")],
        [Markup(evaluation.found.printed(t.TABLE1_FAIR).to_html())],
        [],
    )


def _of_pairs(found: ReaderStudy, *, models: bool) -> list[str]:
    """Verdicts on pairs of models, or on models beside readers; copies are said below the tables."""
    made = [each for each in t.verdicts(found) if each.call != "copy"]
    return [each.words for each in made if (each.second in found.models) == models]


def _without_consensus(evaluation: Evaluation) -> Part:
    found = evaluation.found
    tables = [t.INTERCHANGEABILITY, t.INTERCHANGEABILITY_BY_READER, t.ALTERNATIVE_ANNOTATOR]
    return Part(
        "Beside the readers, without a consensus",
        "How much a model agrees with the readers, beside how much they agree with each other: no truth and "
        "no rule is needed. One reader who stands apart lowers the readers' mean, so the model is also put "
        "in each reader's place.",
        [],
        [Markup(found.printed(table).to_html()) for table in tables if table in found],
        found.words(t.INTERCHANGEABILITY),
        in_short(found.titled[t.INTERCHANGEABILITY]),
    )


def _methods(evaluation: Evaluation, costs: Table | None) -> Part:
    found = evaluation.found
    figure = evaluation.figure(t.METHODS_COMPARED.name)
    against = "the yardstick of all readers" if found.has_consensus else found.reference
    return Part(
        "Methods compared",
        f"Every pair of models on the same exams, against {against}, in which no model has a part. What is "
        "called clear is so when all pairs and levels are tested together (Holm), and holds without each "
        "reader and by every other rule that fits such readers.",
        [(figure, f"Differences of Dice between models against {against}.")],
        [Markup(table.to_html()) for table in (found.printed(t.METHODS_COMPARED), costs) if table],
        [*pairs_in_words(found.titled[t.METHODS_COMPARED]), *notes(found.titled)],
        _of_pairs(found, models=True),
    )


def _comparisons(evaluation: Evaluation) -> Part:
    found = evaluation.found
    return Part(
        "Models against readers",
        "Paired by exam, by the fair scores: Hodges-Lehmann differences with their intervals, exact Wilcoxon "
        "tests, Holm's adjustment over all readers and levels of a model; the verdicts above them are "
        "adjusted over all models and levels.",
        [
            (
                evaluation.figure(f"comparisons_{model}"),
                f"Dice of {found.shown(model)} minus each reader's, fair.",
            )
            for model in judged(found)
        ],
        [],
        found.words(t.COMPARISONS),
        _of_pairs(found, models=False),
    )


def _beyond_dice(evaluation: Evaluation) -> Part:
    found = evaluation.found
    caption = (
        "{}: medians by every measure; filled by the fair scores with their intervals, hollow the usual way. "
        "Arrows point to where a measure is better."
    )
    choices = []
    for level in found.design.by_name:
        title = found.shown(level)
        tables = [m.measures_table(found.titled, [title], with_notes=False)]
        if m.MEASURES_COMPARISONS in found:
            tables.append(m.beside_median_table(found.titled, [title], with_notes=False))
        shown = [Markup(table.to_html()) for table in tables]
        choices.append((title, shown, evaluation.figure(f"measures_{level}"), caption.format(title)))
    # The highest level is the sparsest, and what Dice says least of.
    last = found.titled.design.spoken_of[-1]
    figures = [
        (evaluation.figure(name), about)
        for name, about in (
            ("foci", f"Every {last} focus by its volume, and what became of it."),
            ("nsd_curve", "NSD over the tolerance, fair, of readers and models."),
        )
    ]
    of_foci = found.words(m.FOCI_SUMMARY)
    return Part(
        "Surfaces, foci and volumes",
        "What Dice does not see: how far borders lie apart, which foci were found, how much is too much. "
        "Verdicts rest on Dice; these say in what way a rater errs.",
        figures,
        [],
        [*of_foci, *m.measures_table(found.titled).notes, *m.beside_median_notes(found.titled)],
        [each for each in of_foci if f" {last} foci" in each],
        choices,
    )


def _agreement(evaluation: Evaluation) -> Part:
    found = evaluation.found
    tables = [t.AGREEMENT_CHANCE, t.AGREEMENT_KAPPA, t.READER_RATES]
    return Part(
        "Agreement of readers",
        "Alpha and kappa on the voxels that a reader marked leave out what all agree to be nothing, so "
        "chance is not 0 there; on the whole volume they rise with the share of background. Neither alone "
        "is right. Sensitivity and specificity are STAPLE's estimates.",
        [(evaluation.figure("agreement"), "Dice of every pair of raters, mean over exams.")],
        [Markup(found.printed(table).to_html()) for table in tables],
        [],
    )


def _calibrated(evaluation: Evaluation) -> Part:
    found = evaluation.found
    if CALIBRATION not in found:
        return Part("", "", [], [], [])
    return Part(
        "Do probabilities mean what readers do?",
        "Where a model gives 80 %, four of five readers should have marked it so.",
        [(evaluation.figure("reliability"), "Share of readers over the model's probability, marked voxels.")],
        [Markup(found.printed(CALIBRATION).to_html())],
        [],
        found.words(CALIBRATION),
    )


def _adjusted(evaluation: Evaluation) -> Part:
    found = evaluation.found
    return Part(
        "Whose exams were easier?",
        "Readers drew some of the exams each, so that a mean says how a rater did and which exams it was "
        "asked of. Here both stand apart.",
        [],
        [Markup(found.printed(DICE_ADJUSTED).to_html())] if DICE_ADJUSTED in found else [],
        [],
        warnings(found.titled),
    )


def _repeated(evaluation: Evaluation) -> Part:
    found = evaluation.found
    tables = [table for table in (REPEATS, REPEATS_VOLUMES) if table in found]
    return Part(
        "The same reader twice",
        "How far a reader agrees with the own second reading, beside other readers and the models, on the "
        "exams that were read twice.",
        [],
        [Markup(found.printed(table).to_html()) for table in tables],
        [],
        found.words(REPEATS),
    )


#: Tables of where raters fail.
_FAILURES = {
    t.ERRORS_SUMMARY: failing.errors_table,
    t.SLICES_PERIPHERAL_CENTRAL: failing.outer_slices_table,
    t.DICE_BY_CATEGORY: failing.categories_table,
    t.DICE_AGAINST_AGE: failing.age_table,
}


def _where_it_fails(evaluation: Evaluation) -> Part:
    found = evaluation.found
    figures = []
    for model in found.models:
        shown = found.shown(model)
        of_volume = f"Dice of {shown} against the volume of the reference."
        of_slices = f"Dice and false volume of {shown} along the slices, readers grey."
        figures.append((evaluation.figure(f"volume_{model}"), of_volume))
        figures.append((evaluation.figure(f"slices_{model}"), of_slices))
    tables = [
        Markup(made(found, found.models).to_html()) for table, made in _FAILURES.items() if table in found
    ]
    return Part(
        "Where it fails",
        "Dice against the volume of the reference and along the slices; by site, group and age where the "
        "cohort's table names them.",
        figures,
        tables,
        [],
    )


def _volumes(evaluation: Evaluation) -> Part:
    found = evaluation.found
    figures = [
        (evaluation.figure(f"bland_altman_{model}"), f"Volumes of {found.shown(model)}, and the consensus.")
        for model in found.models
    ]
    tables = [Markup(found.printed(t.VOLUMES_ICC).to_html())] if t.VOLUMES_ICC in found else []
    return Part("Volumes", "Bland-Altman: difference against mean, a point an exam.", figures, tables, [])


def _audit(evaluation: Evaluation) -> Part:
    found = evaluation.found
    pictures = sorted((evaluation.folder / "figures").glob("audit_*.png"))
    caption = "{}: the readers' votes and the consensus, on the slice with most of what was found."
    return Part(
        "What the consensuses do that readers would not expect",
        "Every consensus is looked through: the study's own, the yardstick, those without a reader each.",
        [(path, caption.format(path.stem.removeprefix("audit_"))) for path in pictures],
        [Markup(found.printed(t.CONSENSUS_AUDIT).to_html())],
        found.words(t.CONSENSUS_AUDIT),
    )


def _sensitivity(evaluation: Evaluation) -> Part:
    return Part(
        "The same table by other consensuses",
        "Does the rule matter? Median (mean) Dice when the consensus is made by another rule, and how the "
        "order of raters changes; the study's own rule is starred.",
        [],
        [Markup(evaluation.found.printed(t.SENSITIVITY).to_html())],
        [],
    )
