"""One exam, from its masks to everything that is counted of it: votes, consensuses, scores, volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dataset_conversion.images import Volume
from evaluation.consensus.decisions import decision_table
from evaluation.consensus.result import Consensus
from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.votes import Votes, count_votes, paint
from evaluation.failures.places import marking_outside, slice_counts
from evaluation.masks.displaced import find_displaced
from evaluation.masks.exam import ExamMasks
from evaluation.masks.knees import knee_votes
from evaluation.masks.reading import MaskError, check_grid
from evaluation.measures.dice import score
from evaluation.measures.volume import volumes
from evaluation.scores.fair import score_fair
from evaluation.study.design import Design

#: The consensus among the raters of a table of volumes.
CONSENSUS = "consensus"


@dataclass(frozen=True, eq=False)
class ScoredExam:
    """What is known of an exam when its masks have been read."""

    name: str
    #: Of readers and models.
    votes: Votes
    #: Of the readers.
    consensus: Consensus
    #: Dice against that consensus; columns of `evaluation.measures.dice.score`.
    scores: pd.DataFrame
    #: Dice against consensuses without the own mask, of `evaluation.scores.fair.score_fair`; empty with one
    #: reader.
    fair: pd.DataFrame
    #: This and the next: the same by the unit asked for, those above or with a column ``knee``.
    unit_scores: pd.DataFrame
    unit_fair: pd.DataFrame
    #: Of `evaluation.consensus.decisions.decision_table`.
    decisions: pd.DataFrame
    #: In ml, of readers, models and consensus.
    volumes: pd.DataFrame
    #: Right and wrong voxels slice by slice, of `evaluation.failures.places.slice_counts`.
    slices: pd.DataFrame
    #: Marking outside the allowed region, of `marking_outside`; None without a region.
    outside: pd.DataFrame | None
    voxel_ml: float
    warnings: list[str]


def score_exam(
    design: Design,
    exam: str,
    masks: Mapping[str, Volume],
    readers: Sequence[str],
    region: Volume | None = None,
) -> tuple[ScoredExam, np.ndarray]:
    """Build an exam's consensuses and score every rater; also returns the readers' consensus as a label map.

    `masks` are those of readers and models, on one grid; `readers` those whose masks make the consensus;
    `region` is 1 where marking is allowed and 0 elsewhere. The label map is uint8 of shape (i, j, k). A
    MaskError when a mask is on another grid, or an exam's knees cannot be told apart.
    """
    first, *others = masks.values()
    for mask in [*others, *([region] if region else [])]:
        check_grid(mask, first)
    arrays = {rater: mask.array for rater, mask in masks.items()}
    votes = count_votes(arrays, design.labels)
    of_readers = votes.select(readers)
    consensus, without = reader_consensuses(design, of_readers)
    labels = paint(arrays, of_readers, consensus.label.astype(np.uint8))
    placed = ExamMasks(exam, labels, arrays, first.affine, design.plane)
    scores, fair = score_votes(design, votes, consensus, without)
    by_unit = scores, fair
    if design.unit == "knee":
        by_unit = _by_knee(design, exam, arrays, first, consensus, without)
    levels = design.by_name
    scored = ScoredExam(
        name=exam,
        votes=votes,
        consensus=consensus,
        scores=scores,
        fair=fair,
        unit_scores=by_unit[0],
        unit_fair=by_unit[1],
        decisions=decision_table(of_readers, consensus),
        volumes=volumes(votes, levels, placed.grid.voxel_ml, {CONSENSUS: consensus.label_on(votes)}),
        slices=slice_counts(placed, levels),
        outside=marking_outside(placed, region.array > 0, levels) if region else None,
        voxel_ml=placed.grid.voxel_ml,
        warnings=[*map(str, find_displaced(arrays)), *consensus.notices],
    )
    return scored, labels


def reader_consensuses(design: Design, of_readers: Votes) -> tuple[Consensus, dict[str, Consensus]]:
    """The consensus of all readers by the study's rule, and that without each; none with one reader."""
    alone = len(of_readers.raters) < 2
    without = {} if alone else leave_one_out(of_readers, rule=design.rule, seed=design.seed)
    return staple(of_readers, rule=design.rule, seed=design.seed), without


def score_votes(
    design: Design, votes: Votes, consensus: Consensus, without: Mapping[str, Consensus]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Dice of every rater of an exam against the consensus, and against those without each reader."""
    usual = score(votes, consensus.label_on(votes), design.by_name, design.empty_mask)
    if not without:
        return usual, pd.DataFrame()
    return usual, score_fair(votes, without, design.by_name, design.empty_mask)


def _by_knee(
    design: Design,
    exam: str,
    arrays: Mapping[str, np.ndarray],
    first: Volume,
    consensus: Consensus,
    without: Mapping[str, Consensus],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    try:
        knees = knee_votes(arrays, design.labels, first.affine)
    except MaskError as error:
        raise MaskError(f"{exam}: {error}") from None
    parts = {knee: score_votes(design, votes, consensus, without) for knee, votes in knees.items()}
    usual, fair = (
        pd.concat([tables[i].assign(knee=knee) for knee, tables in parts.items()], ignore_index=True)
        for i in range(2)
    )
    return usual, fair


def of_all(exams: Sequence[ScoredExam], name: str) -> pd.DataFrame:
    """A table of every exam, one below the other, the exam in front."""
    together = pd.concat([getattr(exam, name).assign(exam=exam.name) for exam in exams], ignore_index=True)
    return together[["exam", *(column for column in together if column != "exam")]]
