"""The tables of a study from its scored exams; each is declared in `evaluation.study.tables`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from evaluation.comparison.models import compare_models
from evaluation.comparison.patients import PATIENT
from evaluation.comparison.readers import compare
from evaluation.comparison.seeds import networks_of
from evaluation.comparison.ways import by_yardstick, differences_by_way
from evaluation.consensus.audited import audited
from evaluation.consensus.decisions import convergence, pooled_decisions, together
from evaluation.failures import covariates
from evaluation.failures.places import peripheral_against_central, slice_profile
from evaluation.failures.volumes import error_volumes, sparse_against_ample, summarise_errors
from evaluation.measures.dice import COLUMNS, EmptyMask, summarise
from evaluation.measures.volume import compare_volumes, volume_icc
from evaluation.scores.agreement import pairwise_dice, summarise_chance_corrected, summarise_pairs
from evaluation.scores.alternative_annotator import alternative_annotator
from evaluation.scores.interchangeability import by_reader, interchangeability
from evaluation.scores.kappa import pairwise_kappa
from evaluation.scores.reader_rates import (
    reader_confusions,
    reader_rates,
    summarise_confusions,
    summarise_rates,
)
from evaluation.scores.sensitivity import sensitivity
from evaluation.scores.table1 import summarise_fair
from evaluation.scores.twins import find_twins, scored_as_reader, twins_of
from evaluation.study import calibrated, incomplete, lineage, repeated, unsure, untaught
from evaluation.study import tables as t
from evaluation.study.beyond import Beyond
from evaluation.study.design import Design
from evaluation.study.each import OfEach
from evaluation.study.exam import YARDSTICK, ScoredExam, of_all, without_own
from evaluation.study.on_demand import Found, OnDemand, Part
from evaluation.study.patients import PATIENTS, patients_in, with_patients
from evaluation.study.seeds import METHODS_OVER_SEEDS, Scored, seeds_tables

_LINEAGE = (lineage.COMPARISONS_WITHOUT_TEACHER, lineage.METHODS_WITHOUT_TEACHER)
_AGREEMENT = (
    t.AGREEMENT_DICE, t.AGREEMENT_CHANCE, t.AGREEMENT_KAPPA, t.READER_RATES, t.VOLUMES_BLAND_ALTMAN,
)  # fmt: skip
_FAILURES = (
    t.ERRORS, t.ERRORS_SUMMARY, t.DICE_AGAINST_VOLUME, t.DICE_SPARSE_AMPLE, t.SLICES, t.SLICE_PROFILE,
    t.SLICES_PERIPHERAL_CENTRAL,
)  # fmt: skip
_OF_COHORT = (t.OUTSIDE_REGION, t.DICE_BY_CATEGORY, t.DICE_CATEGORIES_COMPARED, t.DICE_AGAINST_AGE)


def tables_on_demand(
    design: Design,
    exams: Sequence[ScoredExam],
    readers: Sequence[str],
    models: Sequence[str],
    cohort: pd.DataFrame | None = None,
) -> OnDemand:
    """The tables of all exams together, by name.

    `cohort` is what is known of the exams: ``exam`` and any of ``patient``, ``site``, ``group``, ``age``; a
    StatisticsError when it lacks an exam.
    """
    usual, fair = of_all(exams, "unit_scores"), of_all(exams, "unit_fair")
    by_way = pd.DataFrame()
    several = len(readers) > 1
    by_knee = (t.DICE_BY_KNEE,) if design.unit == "knee" else ()
    twins = find_twins(of_all(exams, "alike"), readers)
    if several:
        fair = scored_as_reader(fair, twins, readers)
        by_way = scored_as_reader(of_all(exams, "ways"), twins, readers) if models else pd.DataFrame()
    patients = patients_in(cohort, [exam.name for exam in exams])
    clustered = partial(with_patients, patients=patients)
    # A copy is judged nowhere, and the others as if it was not there.
    originals = [model for model in models if model not in lineage.copies_in(twins, readers, models)]
    # Of several networks of a method the first: all of them are compared over seeds.
    judged = [model for model in originals if model not in design.seed_of]
    beside = several and bool(judged)
    copied = twins_of(twins, readers)
    # Who shares no exam with another reader is in no comparison.
    compared = incomplete.with_fair_scores(exams, readers) if several else readers
    parts = [
        Part(
            partial(_scores, design, exams, usual),
            (t.DICE, *by_knee, t.TABLE1, t.DECISION_TABLE, t.VOLUMES, t.CONSENSUS),
        )
    ]
    if len(readers) + len(models) > 1:
        parts.append(Part(partial(iter, [(lineage.TWINS, twins)]), (lineage.TWINS,)))
    if several:
        parts.append(Part(partial(_fair, usual, fair), (t.FAIR_DICE, t.TABLE1_FAIR)))
        parts.append(Part(partial(_audits, design, exams), (t.CONSENSUS_AUDIT,)))
    parts.append(
        Part(
            partial(_comparisons, design, exams, compared, judged, *map(clustered, (usual, fair, by_way))),
            (*((t.COMPARISONS,) if beside else ()), *((t.METHODS_COMPARED,) if len(judged) > 1 else ())),
            (*_LINEAGE, t.DICE_BY_YARDSTICK, t.OTHER_WAYS) if several and models else (),
        )
    )
    if beside:
        annotator = (t.ALTERNATIVE_ANNOTATOR,) if len(compared) > 2 else ()
        parts.append(
            Part(
                partial(_interchangeability, design, exams, compared, judged),
                (t.INTERCHANGEABILITY, t.INTERCHANGEABILITY_BY_READER, *annotator),
            )
        )
    if several:
        parts.append(
            Part(
                partial(_agreement, design, exams, readers, models, copied),
                _AGREEMENT,
                (t.READER_CONFUSIONS, t.VOLUMES_ICC),
            )
        )
    by_measures: Callable[[], list[Scored]] = list
    if len(design.measured) > 1:
        beyond = Beyond(design, exams, compared, models, judged, twins, cohort)
        parts += [Part(make, tables) for make, tables in beyond.parts()]
        by_measures = beyond.scored
    # Another method, or the median reader, to compare one with.
    if len(networks_of(originals, design.seed_of)) > (0 if several else 1):
        make = partial(_over_seeds, design, compared, originals, usual, fair, by_way, by_measures)
        parts.append(Part(make, (METHODS_OVER_SEEDS,)))
    parts.append(Part(partial(_failures, exams, copied if several else {}, cohort), _FAILURES, _OF_COHORT))
    if several:
        parts.append(
            Part(
                partial(_other_consensuses, design, exams, readers),
                (t.SENSITIVITY, t.SENSITIVITY_ORDER, t.CONSENSUS_SEARCHES, t.DECISIONS),
            )
        )
    if several and incomplete.is_incomplete(exams, readers):
        parts.append(Part(partial(incomplete.incomplete_tables, exams, fair), tuple(incomplete.TABLES)))
        order = partial(incomplete.in_rater_order, [*readers, *models])
        parts = [part._replace(make=partial(order, part.make)) for part in parts]
    if len(patients):
        parts.append(Part(partial(iter, [(PATIENTS, patients)]), (PATIENTS,)))
    if any(len(exam.ignored) for exam in exams):
        parts.append(Part(partial(iter, [(unsure.IGNORED, unsure.ignored_table(exams))]), (unsure.IGNORED,)))
    if any(len(exam.calibration.scores) for exam in exams):
        parts.append(Part(partial(calibrated.calibration_tables, exams), tuple(calibrated.TABLES)))
    if any(len(exam.repeats) for exam in exams):
        make = partial(repeated.repeat_tables, design, exams, readers, models)
        parts.append(Part(make, tuple(repeated.TABLES)))
    return OnDemand(parts)


def _scores(design: Design, exams: Sequence[ScoredExam], usual: pd.DataFrame) -> Found:
    scores = of_all(exams, "scores")[COLUMNS]
    yield t.DICE, scores
    if design.unit == "knee":
        yield t.DICE_BY_KNEE, usual
    yield t.TABLE1, summarise(scores)
    yield t.DECISION_TABLE, together({exam.name: exam.decisions for exam in exams})[0]
    yield t.VOLUMES, of_all(exams, "volumes")
    yield t.CONSENSUS, convergence({exam.name: exam.consensuses.study for exam in exams})


def _audits(design: Design, exams: Sequence[ScoredExam]) -> Found:
    names = {value: name for name, value in design.levels.items()} | {0: "background"}
    rules = {which: each.rule for exam in exams for which, each in exam.consensuses.named.items()}
    yield t.CONSENSUS_AUDIT, audited({exam.name: exam.audits for exam in exams}, rules, names)


def _fair(usual: pd.DataFrame, fair: pd.DataFrame) -> Found:
    yield t.FAIR_DICE, fair
    yield t.TABLE1_FAIR, summarise_fair(usual, fair)


def _comparisons(
    design: Design,
    exams: Sequence[ScoredExam],
    readers: Sequence[str],
    models: Sequence[str],
    usual: pd.DataFrame,
    fair: pd.DataFrame,
    by_way: pd.DataFrame,
) -> Found:
    speaking: dict[str, Any] = {"models": models, "spoken_of": design.spoken_of}
    if len(readers) > 1 and models:
        known = speaking | {"readers": readers}
        tests = [
            compare(scores, **known, margin=design.margin).assign(way=way)
            for way, scores in {"fair": fair, "usual": usual}.items()
        ]
        yield t.COMPARISONS, pd.concat(tests, ignore_index=True)
        yield from untaught.without_teachers(design, exams, fair, readers, models)
    if len(models) > 1:
        against = usual
        if len(readers) > 1:
            # Models have no part in the yardstick of all readers, which is the one made of most.
            against = by_yardstick(by_way, design.yardstick)
        beside = fair if len(readers) > 1 else None
        yield t.METHODS_COMPARED, compare_models(against, beside, **speaking)
    if len(by_way):
        yield t.DICE_BY_YARDSTICK, by_way.drop(columns=PATIENT, errors="ignore")
        found = differences_by_way(by_way, models=models, readers=readers, yardstick=design.yardstick)
        yield t.OTHER_WAYS, found


def _over_seeds(
    design: Design,
    readers: Sequence[str],
    models: Sequence[str],
    usual: pd.DataFrame,
    fair: pd.DataFrame,
    by_way: pd.DataFrame,
    by_measures: Callable[[], list[Scored]],
) -> Found:
    several = len(readers) > 1
    dice = (by_yardstick(by_way, design.yardstick), fair) if several else (usual, None)
    yield from seeds_tables(design, readers, models, [("dice", *dice), *by_measures()])


def _interchangeability(
    design: Design, exams: Sequence[ScoredExam], readers: Sequence[str], models: Sequence[str]
) -> Found:
    """The models beside the readers, without a consensus; whatever the study says of empty masks."""
    pairs = pairwise_dice(OfEach(exams, lambda exam: exam.votes), design.by_name, EmptyMask.UNDEFINED)
    asked: dict[str, Any] = {"models": models, "readers": readers}
    declared: dict[str, Any] = {"family": design.spoken_of, "margin": design.margin}
    beside = interchangeability(pairs, **asked, **declared, seed=design.seed)
    yield t.INTERCHANGEABILITY, untaught.with_agreement(beside, design, pairs, **asked, **declared)
    yield t.INTERCHANGEABILITY_BY_READER, by_reader(pairs, **asked, **declared)
    if len(readers) > 2:
        yield t.ALTERNATIVE_ANNOTATOR, alternative_annotator(pairs, **asked)


def _other_consensuses(design: Design, exams: Sequence[ScoredExam], readers: Sequence[str]) -> Found:
    """The usual table under every other consensus, and what the votes became under the study's own."""
    made = OfEach(exams, lambda exam: {(rule, "volume"): each for rule, each in exam.by_rule.items()})
    panel = sensitivity(
        OfEach(exams, lambda exam: exam.votes), readers, design.by_name, EmptyMask(design.empty_mask),
        study=(design.rule, "volume"), known=made, ordered=design.ordered, seed=design.seed,
    )  # fmt: skip
    yield t.SENSITIVITY, panel.summary
    yield t.SENSITIVITY_ORDER, panel.order
    yield t.CONSENSUS_SEARCHES, panel.convergence
    yield t.DECISIONS, pooled_decisions({exam.name: exam.consensuses.study for exam in exams})


def _agreement(
    design: Design,
    exams: Sequence[ScoredExam],
    readers: Sequence[str],
    models: Sequence[str],
    copied: Mapping[str, str],
) -> Found:
    votes = {exam.name: exam.votes for exam in exams}
    # Of one reader alone nothing can be estimated.
    consensuses = {exam.name: exam.consensuses.study for exam in exams if exam.consensuses.without}
    measured = of_all(exams, "volumes")
    policy = EmptyMask(design.empty_mask)
    yield t.AGREEMENT_DICE, summarise_pairs(pairwise_dice(votes, design.by_name, policy))
    of_readers = {exam.name: exam.consensuses.study.votes for exam in exams}
    yield t.AGREEMENT_CHANCE, summarise_chance_corrected(of_readers, ordered=design.ordered)
    yield t.AGREEMENT_KAPPA, pairwise_kappa(votes, readers, ordered=design.ordered, seed=design.seed)
    yield t.READER_RATES, summarise_rates(reader_rates(consensuses, dict(design.levels)))
    fair = incomplete.with_fair_scores(exams, readers)
    references = {reader: without_own(reader) for reader in fair} | dict.fromkeys(models, YARDSTICK)
    references |= {model: without_own(reader) for model, reader in copied.items() if reader in fair}
    yield t.VOLUMES_BLAND_ALTMAN, compare_volumes(measured, references)
    if len(confusions := reader_confusions(consensuses)):
        yield t.READER_CONFUSIONS, summarise_confusions(confusions)
    if len(exams) > 1:
        yield t.VOLUMES_ICC, volume_icc(measured, readers)


def _failures(exams: Sequence[ScoredExam], copied: Mapping[str, str], cohort: pd.DataFrame | None) -> Found:
    """Where raters fail: small volumes, outer slices, sites, groups, ages, outside the region."""
    scores, counts = of_all(exams, "scores"), of_all(exams, "slices")
    errors = error_volumes(
        lineage.without_own_masks(exams, copied), {exam.name: exam.voxel_ml for exam in exams}
    )
    yield t.ERRORS, errors
    yield t.ERRORS_SUMMARY, summarise_errors(errors)
    yield t.DICE_AGAINST_VOLUME, covariates.correlations(errors, "reference_ml")
    yield t.DICE_SPARSE_AMPLE, sparse_against_ample(errors)
    yield t.SLICES, counts
    yield t.SLICE_PROFILE, slice_profile(counts)
    yield t.SLICES_PERIPHERAL_CENTRAL, peripheral_against_central(counts)
    if all(exam.outside is not None for exam in exams):
        yield t.OUTSIDE_REGION, of_all(exams, "outside")
    if cohort is None:
        return
    known = covariates.with_cohort(scores, cohort)
    if columns := [name for name in covariates.CATEGORIES if name in known and known[name].nunique() > 1]:
        yield t.DICE_BY_CATEGORY, covariates.by_category(known, columns)
        yield t.DICE_CATEGORIES_COMPARED, covariates.compare_categories(known, columns)
    if "age" in known and pd.to_numeric(known.age, errors="coerce").notna().any():
        yield t.DICE_AGAINST_AGE, covariates.correlations(known, "age")
