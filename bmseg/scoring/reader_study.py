"""The tables of the reader study: fair comparison, tests, methods, agreement, reader rates, volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from bmseg.scoring.exam import CONSENSUS, SEED, EvaluatedExam, of_all
from bmseg.scoring.failures import study_failures
from bmseg.study import Study
from evaluation.comparison.models import compare_models, methods_table
from evaluation.comparison.readers import compare, in_words
from evaluation.comparison.verdicts import pairs_in_words, verdicts
from evaluation.consensus.decisions import convergence, convergence_table, pooled_decisions, pooled_table
from evaluation.measures.dice import EmptyMask
from evaluation.measures.volume import compare_volumes, volume_icc
from evaluation.scores.agreement import pairwise_dice, summarise_chance_corrected, summarise_pairs
from evaluation.scores.reader_rates import (
    reader_confusions,
    reader_rates,
    summarise_confusions,
    summarise_rates,
)
from evaluation.scores.sensitivity import Sensitivity, sensitivity, sensitivity_table
from evaluation.scores.table1 import fair_table
from evaluation.table import Table

#: Names of models and readers in columns; for reading tables back.
NAMES = dict.fromkeys(("exam", "rater", "other", "level", "model", "left_out", "knee", "way"), str)

#: File name (without ending) of models compared with each other.
METHODS = "methods_compared"


@dataclass(frozen=True)
class ReaderStudy:
    """What the readers' and models' masks say together.

    Parameters
    ----------
    tables : dict of str to DataFrame
        File name (without ending) to what is written there as CSV.
    printed : dict of str to Table
        File name (without ending) to what is written as Markdown and HTML: Table 1 as published and fair,
        the same by other consensuses, decisions, and searches for the consensus, none of them with one
        reader; methods compared where there are two or more models.
    words : dict of str to list of str
        File name (without ending) to sentences: every comparison of a model with a reader; of two models,
        with what it comes to first.
    """

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    printed: dict[str, Table] = field(default_factory=dict)
    words: dict[str, list[str]] = field(default_factory=dict)

    def joined(self, more: ReaderStudy) -> ReaderStudy:
        """Both together."""
        return ReaderStudy(self.tables | more.tables, self.printed | more.printed, self.words | more.words)


def study_readers(
    study: Study,
    exams: Sequence[EvaluatedExam],
    readers: Sequence[str],
    models: Sequence[str],
    *,
    rule: str,
    margin: float | None = None,
    cohort: pd.DataFrame | None = None,
    notes: Sequence[str] = (),
) -> ReaderStudy:
    """Make the tables of all exams together.

    Parameters
    ----------
    study : Study
    exams : sequence of EvaluatedExam
    readers, models : sequence of str
    rule : str
        The consensus rule in words.
    margin : float, optional
        Loss of Dice that would not matter: tests non-inferiority.
    cohort : DataFrame, optional
        What is known of the exams: ``exam`` and any of ``site``, ``group``, ``age``.
    notes : sequence of str
        Lines below the tables and the sentences.
    """
    failures = study_failures(exams, cohort)
    usual, fair = of_all(exams, "unit_scores"), of_all(exams, "unit_fair")
    if len(readers) < 2:
        searches = convergence({exam.name: exam.consensus for exam in exams})
        tables = {"volumes": of_all(exams, "volumes"), "consensus": searches, **failures}
        return ReaderStudy(tables).joined(_methods(usual, None, models, readers, notes))
    table = fair_table(
        usual,
        fair,
        title=f"Dice as usual and fair, {len(exams)} exams",
        rule=rule,
        empty_mask=EmptyMask(study.scores.empty_mask),
        notes=notes,
    )
    tables = {"fair_dice": fair, "table1_fair": table.data}
    panel = _sensitivity(study, exams, readers)
    consensuses = {exam.name: exam.consensus for exam in exams}
    decisions, searches = pooled_decisions(consensuses), convergence(consensuses)
    tables |= {
        "sensitivity": panel.summary,
        "sensitivity_order": panel.order,
        "consensus_searches": panel.convergence,
        "decisions": decisions,
        "consensus": searches,
    }
    below = tuple(notes)
    printed = {
        "table1_fair": table,
        "sensitivity": sensitivity_table(panel, title="The same table by other consensuses", notes=notes),
        "decisions": pooled_table(decisions, title="Votes and what became of them", notes=below),
        "consensus": convergence_table(searches, title="The searches for the consensus", notes=below),
    }
    found = ReaderStudy(tables | _agreement(study, exams, readers) | failures, printed)
    found = found.joined(_against_readers(usual, fair, models, readers, margin, notes))
    return found.joined(_methods(usual, fair, models, readers, notes))


def _against_readers(
    usual: pd.DataFrame,
    fair: pd.DataFrame,
    models: Sequence[str],
    readers: Sequence[str],
    margin: float | None,
    notes: Sequence[str],
) -> ReaderStudy:
    """Every model compared with every reader, the fair way and the usual way."""
    if not models:
        return ReaderStudy()
    ways = {"fair": fair, "usual": usual}
    tests = {
        way: compare(scores, models=models, readers=readers, margin=margin) for way, scores in ways.items()
    }
    together = pd.concat([found.assign(way=way) for way, found in tests.items()], ignore_index=True)
    sentences = [*(in_words(row) for row in tests["fair"].itertuples()), *notes]
    return ReaderStudy({"comparisons": together}, {}, {"comparisons": sentences})


def _methods(
    usual: pd.DataFrame,
    fair: pd.DataFrame | None,
    models: Sequence[str],
    readers: Sequence[str],
    notes: Sequence[str],
) -> ReaderStudy:
    """Models compared with each other, where there are two or more."""
    if len(models) < 2:
        return ReaderStudy()
    found = compare_models(usual, fair, models=models)
    printed = printed_methods(found, readers, usual.exam.nunique(), notes)
    words = [*verdicts(found), *pairs_in_words(found), *notes]
    return ReaderStudy({METHODS: found}, {METHODS: printed}, {f"{METHODS}_in_words": words})


def printed_methods(found: pd.DataFrame, readers: Sequence[str], exams: int, notes: Sequence[str]) -> Table:
    """What `evaluation.comparison.models.compare_models` found, as an evaluation prints it."""
    return methods_table(
        found,
        title=f"Methods compared: paired differences of Dice, {exams} exams",
        reference="the consensus of all readers" if len(readers) > 1 else f"the masks of {readers[0]}",
        notes=notes,
    )


def _sensitivity(study: Study, exams: Sequence[EvaluatedExam], readers: Sequence[str]) -> Sensitivity:
    return sensitivity(
        {exam.name: exam.votes for exam in exams},
        readers,
        study.levels_by_name,
        EmptyMask(study.scores.empty_mask),
        study=(study.consensus.rule, "volume"),
        seed=SEED,
    )


def _agreement(
    study: Study, exams: Sequence[EvaluatedExam], readers: Sequence[str]
) -> dict[str, pd.DataFrame]:
    votes = {exam.name: exam.votes for exam in exams}
    of_readers = {name: each.select(readers) for name, each in votes.items()}
    consensuses = {exam.name: exam.consensus for exam in exams}
    levels = {level.name: level.value for level in study.levels}
    measured = of_all(exams, "volumes")
    policy = EmptyMask(study.scores.empty_mask)
    tables = {
        "agreement_dice": summarise_pairs(pairwise_dice(votes, study.levels_by_name, policy)),
        "agreement_chance": summarise_chance_corrected(of_readers),
        "reader_rates": summarise_rates(reader_rates(consensuses, levels)),
        "volumes": measured,
        "volumes_bland_altman": compare_volumes(measured, CONSENSUS),
    }
    confusions = reader_confusions(consensuses)
    if len(confusions):
        tables["reader_confusions"] = summarise_confusions(confusions)
    if len(exams) > 1:
        tables["volumes_icc"] = volume_icc(measured, readers)
    return tables
