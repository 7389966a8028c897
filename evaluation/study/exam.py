"""One exam, from its masks to everything that is counted of it: votes, consensuses, scores, volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dataset_conversion.images import Volume
from evaluation.consensus.all_votes import AllVotes, count_all
from evaluation.consensus.audit import Finding, told
from evaluation.consensus.audited import STUDY, YARDSTICK
from evaluation.consensus.decisions import decision_table
from evaluation.consensus.ignored import paint_all
from evaluation.consensus.kinds import Rule
from evaluation.consensus.result import Consensus
from evaluation.consensus.votes import Votes
from evaluation.failures.places import marking_outside, slice_counts
from evaluation.masks.displaced import find_displaced
from evaluation.masks.exam import ExamMasks
from evaluation.masks.knees import Slices, split_knees
from evaluation.masks.moved import find_moved
from evaluation.masks.reading import MaskError, check_grid
from evaluation.measures.dice import score
from evaluation.measures.volume import volumes
from evaluation.scores.calibration import Calibration, calibration_of
from evaluation.scores.fair import score_fair
from evaluation.scores.twins import alike
from evaluation.study.consensuses import Consensuses
from evaluation.study.design import Design
from evaluation.study.measured import CENTRAL, PERIPHERAL, USUAL, Measured, measure_exam, tolerance_warnings
from evaluation.study.other_rules import score_by_rules
from evaluation.study.pictures import AuditPicture, worst_picture
from evaluation.study.repeated import read_again
from evaluation.study.unsure import ignored_voxels

#: The consensus among the raters of a table of volumes.
CONSENSUS = "consensus"


@dataclass(frozen=True, eq=False)
class ScoredExam:
    """What is known of an exam when its masks have been read."""

    name: str
    #: Of readers and models.
    votes: AllVotes
    #: Of the readers.
    consensuses: Consensuses
    #: Dice against the study's own consensus; columns of `evaluation.measures.dice.score`.
    scores: pd.DataFrame
    #: Dice against yardsticks without the own mask, of `evaluation.scores.fair.score_fair`; empty with one
    #: reader.
    fair: pd.DataFrame
    #: This and the next: the same by the unit asked for, those above or with a column ``knee``.
    unit_scores: pd.DataFrame
    unit_fair: pd.DataFrame
    #: Of `evaluation.consensus.decisions.decision_table`.
    decisions: pd.DataFrame
    #: Consensuses of the readers by all rules that were asked for.
    by_rule: Mapping[Rule, Consensus]
    #: Dice against the consensuses of every rule that fits such labels, of all readers (of models) and
    #: without each (of models, and of the reader left out), by the unit asked for; columns of
    #: `evaluation.measures.dice.score` with ``rule`` and ``left_out``. Empty with one reader, or no model.
    ways: pd.DataFrame
    #: Of the exam as `scores`, but against yardsticks without the own mask: a reader against that of the
    #: others, a model against that of all.
    without_own: pd.DataFrame
    #: In ml, of readers, models, the consensus, the yardstick and those without each reader.
    volumes: pd.DataFrame
    #: Right and wrong voxels slice by slice, of `evaluation.failures.places.slice_counts`.
    slices: pd.DataFrame
    #: Marking outside the allowed region, of `marking_outside`; None without a region.
    outside: pd.DataFrame | None
    #: How alike any two raters are, of `evaluation.scores.twins.alike`; empty with one rater.
    alike: pd.DataFrame
    #: By the study's other measures; None where it has no other than Dice.
    measured: Measured | None
    #: The same of each knee, by its name; empty where exams are scored.
    measured_knees: Mapping[str, Measured]
    voxel_ml: float
    #: Of a voxel along i, j, k, mm.
    spacing: tuple[float, ...]
    #: What is to be known of each of the consensuses, by its name.
    audits: Mapping[str, Sequence[Finding]]
    #: The worst of it in the study's consensus or the yardstick, to be drawn; None where nothing is to see.
    picture: AuditPicture | None
    warnings: list[str]
    #: Second readings beside the first, of `evaluation.study.repeated.read_again`.
    repeats: pd.DataFrame
    #: Voxels that readers were unsure of, of `evaluation.study.unsure.ignored_voxels`.
    ignored: pd.DataFrame
    #: Probabilities beside votes; of no rows where no model gave any.
    calibration: Calibration


def score_exam(
    design: Design,
    exam: str,
    masks: Mapping[str, Volume],
    readers: Sequence[str],
    region: Volume | None = None,
    probabilities: Mapping[str, np.ndarray] | None = None,
) -> tuple[ScoredExam, dict[str, np.ndarray]]:
    """Build an exam's consensuses and score every rater; also returns both consensuses as label maps.

    `masks` are those of readers, models and second readings (`Design.repeats`), on one grid; `readers` the
    study's: of them those who have a mask here make the consensuses. Where that is one of several, the exam
    has no score of that reader and no fair score, and models are held against that mask. `region` is 1 where
    marking is allowed and 0 elsewhere. `probabilities` of a model: shape (labels of the design, i, j, k).

    The label maps, ``consensus`` by the study's own rule and ``yardstick``, are as `paint` makes them. A
    MaskError when a mask is on another grid, or an exam's knees cannot be told apart.
    """
    first, *others = masks.values()
    for mask in [*others, *([region] if region else [])]:
        check_grid(mask, first)
    every = {rater: mask.array for rater, mask in masks.items()}
    models = [rater for rater in every if rater not in readers and rater not in design.repeats]
    ignored, unsure = ignored_voxels(design, exam, every, models)
    if ignored is not None:
        every = {rater: np.where(ignored, 0, array).astype(array.dtype) for rater, array in every.items()}
    n_ignored = 0 if ignored is None else int(ignored.sum())
    repeats, equal = read_again(design, every, first.affine, ignored)
    arrays = {rater: array for rater, array in every.items() if rater not in design.repeats}
    counted = arrays if ignored is None else {rater: each[~ignored] for rater, each in arrays.items()}
    votes = count_all(counted, [reader for reader in readers if reader in arrays], design.labels)
    of_readers = votes.of_readers
    lone = of_readers.raters[0] if len(of_readers.raters) < min(2, len(readers)) else ""
    consensuses = Consensuses.of(design, of_readers)
    consensus = consensuses.study
    painted = {
        kind: paint_all(arrays, of_readers, each.label, n_ignored)
        for kind, each in ((CONSENSUS, consensus), (YARDSTICK, consensuses.yardstick))
    }
    placed = ExamMasks(exam, painted[CONSENSUS], arrays, first.affine, design.plane)
    scores, fair = score_votes(design, votes, consensuses)
    by_unit = scores, fair
    parts, knees = {"": votes}, {}
    if design.unit == "knee":
        knees = _knees(exam, arrays, first)
        by_unit, parts = _by_knee(design, arrays, knees, consensuses)
    levels = design.by_name
    ways, by_rule = score_by_rules(design, consensuses, parts, lone)
    drawn = {reader: arrays[reader] for reader in of_readers.raters}
    calibrated = calibration_of(probabilities or {}, drawn, design.labels, levels, ignored=ignored)
    audits = consensuses.audits(design)
    of_measures = _measured(design, arrays, consensuses, first, knees, lone, ignored, placed.order)
    scored = ScoredExam(
        name=exam,
        votes=votes,
        consensuses=consensuses,
        scores=_but(lone, scores),
        fair=fair,
        unit_scores=_but(lone, by_unit[0]),
        unit_fair=by_unit[1],
        decisions=decision_table(of_readers, consensus),
        by_rule=by_rule,
        ways=ways,
        without_own=_but(lone, _without_own(design, votes, consensuses, fair)),
        volumes=volumes(votes, levels, placed.grid.voxel_ml, _references(votes, consensuses)),
        slices=_but(lone, slice_counts(placed, levels)),
        outside=marking_outside(placed, region.array > 0, levels) if region else None,
        alike=alike(votes, design.levels, find_moved(arrays, votes)),
        measured=of_measures.pop("", None),
        measured_knees=of_measures,
        voxel_ml=placed.grid.voxel_ml,
        spacing=tuple(placed.grid.spacing.tolist()),
        audits=audits,
        picture=worst_picture(design, placed, of_readers, consensuses.named, audits),
        warnings=[
            *(f"{rater}: {note}" for rater, mask in masks.items() for note in mask.notes),
            *map(str, find_displaced(arrays)),
            *_told(design, consensuses, audits),
            *tolerance_warnings(design, placed.grid.spacing.tolist()),
            *equal,
        ],
        repeats=repeats,
        ignored=unsure,
        calibration=calibrated,
    )
    return scored, painted


def _but(lone: str, table: pd.DataFrame) -> pd.DataFrame:
    """Without a reader who alone drew the exam: the own mask is no reference."""
    return table[table.rater != lone].reset_index(drop=True) if lone else table


def _told(design: Design, consensuses: Consensuses, audits: Mapping[str, Sequence[Finding]]) -> list[str]:
    """What is to be known of the consensuses of all readers; the yardstick's where it is another."""
    of_study = told(consensuses.study, audits[STUDY])
    if YARDSTICK not in audits:
        return of_study
    of_yardstick = told(consensuses.yardstick, audits[YARDSTICK])
    return of_study + [
        f"yardstick ({design.yardstick}): {each}" for each in of_yardstick if each not in of_study
    ]


def _measured(
    design: Design,
    arrays: Mapping[str, np.ndarray],
    consensuses: Consensuses,
    first: Volume,
    knees: Mapping[str, Slices],
    lone: str,
    ignored: np.ndarray | None,
    slices: np.ndarray,
) -> dict[str, Measured]:
    """The exam by the study's other measures, as "", and each of its knees; empty where there are none."""
    if len(design.measured) < 2:
        return {}
    n_ignored = 0 if ignored is None else int(ignored.sum())
    references = {
        name: paint_all(arrays, each.votes, each.label, n_ignored) for name, each in consensuses.named.items()
    }
    readers = consensuses.study.votes.raters
    parts = {}
    for part, where in {"": (slice(None),) * 3, **knees}.items():
        found = measure_exam(
            design,
            {rater: mask[where] for rater, mask in arrays.items()},
            {name: label[where] for name, label in references.items()},
            readers,
            first.affine,
            None if ignored is None else ignored[where],
            None if part else slices,
        )
        own = found.rows.against.isin((USUAL, PERIPHERAL, CENTRAL)) & (found.rows.rater == lone)
        parts[part] = replace(found, rows=found.rows[~own].reset_index(drop=True)) if lone else found
    return parts


def score_votes(
    design: Design, votes: Votes | AllVotes, consensuses: Consensuses
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Dice of every rater of an exam against the study's consensus, and against the fair yardsticks."""
    usual = score(votes, consensuses.study.label_on(votes), design.by_name, design.empty_mask)
    if not consensuses.without:
        return usual, pd.DataFrame()
    return usual, score_fair(votes, consensuses.without, design.by_name, design.empty_mask)


def _without_own(
    design: Design, votes: AllVotes, consensuses: Consensuses, fair: pd.DataFrame
) -> pd.DataFrame:
    of_all = score(votes, consensuses.yardstick.label_on(votes), design.by_name, design.empty_mask)
    if fair.empty:
        return of_all
    readers = fair[fair.rater.isin(list(consensuses.without))]
    return pd.concat([readers[list(of_all)], of_all[~of_all.rater.isin(readers.rater)]], ignore_index=True)


def _references(votes: AllVotes, consensuses: Consensuses) -> dict[str, np.ndarray]:
    """What volumes are held against, by name."""
    both = {CONSENSUS: consensuses.study, YARDSTICK: consensuses.yardstick}
    without = {without_own(reader): each for reader, each in consensuses.without.items()}
    return {name: each.label_on(votes) for name, each in (both | without).items()}


def without_own(reader: str) -> str:
    """The yardstick without a reader among the raters of a table of volumes."""
    return f"{YARDSTICK} without {reader}"


def _knees(exam: str, arrays: Mapping[str, np.ndarray], first: Volume) -> dict[str, Slices]:
    try:
        return split_knees(arrays, first.affine)
    except MaskError as error:
        raise MaskError(f"{exam}: {error}") from None


def _by_knee(
    design: Design,
    arrays: Mapping[str, np.ndarray],
    knees: Mapping[str, Slices],
    consensuses: Consensuses,
) -> tuple[tuple[pd.DataFrame, pd.DataFrame], dict[str, AllVotes]]:
    """Scores and votes of each knee, by the exam's consensus: half an exam would make a poorer one."""
    readers = consensuses.study.raters
    votes = {
        knee: count_all({rater: mask[where] for rater, mask in arrays.items()}, readers, design.labels)
        for knee, where in knees.items()
    }
    parts = {knee: score_votes(design, each, consensuses) for knee, each in votes.items()}
    usual, fair = (
        pd.concat([tables[i].assign(knee=knee) for knee, tables in parts.items()], ignore_index=True)
        for i in range(2)
    )
    return (usual, fair), votes


def of_all(exams: Sequence[ScoredExam], name: str) -> pd.DataFrame:
    """A table of every exam, one below the other, the exam in front; some may have none."""
    tables = [getattr(exam, name).assign(exam=exam.name) for exam in exams]
    together = pd.concat([each for each in tables if len(each)] or tables, ignore_index=True)
    return together[["exam", *(column for column in together if column != "exam")]]
