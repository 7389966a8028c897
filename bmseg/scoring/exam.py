"""One exam, from its masks to everything that is counted of it: votes, consensuses, scores, volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from bmseg.study import Study
from dataset_conversion.images.volume import Volume, write_volume
from evaluation.consensus.rules import Consensus, decision_table, leave_one_out, staple
from evaluation.consensus.votes import Votes, count_votes, paint
from evaluation.failures.places import marking_outside, slice_counts
from evaluation.masks.displaced import find_displaced
from evaluation.masks.exam import ExamMasks
from evaluation.masks.knees import knee_votes
from evaluation.masks.reading import LabelMap, MaskError, check_grid, read_mask
from evaluation.measures.dice import EmptyMask, score
from evaluation.measures.volume import volumes
from evaluation.scores.fair import score_fair

#: Of the consensus's random starts.
SEED = 0

#: What is scored as one: an exam, or each of its knees.
Unit = Literal["exam", "knee"]

#: The consensus among the raters of a table of volumes.
CONSENSUS = "consensus"


@dataclass(frozen=True)
class EvaluatedExam:
    """What is known of an exam when its masks have been read.

    Parameters
    ----------
    name : str
    votes : Votes
        Of readers and models.
    consensus : Consensus
        Of the readers.
    scores : DataFrame
        Dice against that consensus; columns of `evaluation.measures.dice.score`.
    fair : DataFrame
        Dice against consensuses without the own mask, of `evaluation.scores.fair.score_fair`; empty with one
        reader.
    unit_scores, unit_fair : DataFrame
        The same by the unit that is asked for: those above, or with a column ``knee``.
    decisions : DataFrame
        Of `evaluation.consensus.rules.decision_table`.
    volumes : DataFrame
        In ml, of readers, models and consensus.
    slices : DataFrame
        Right and wrong voxels slice by slice, of `evaluation.failures.places.slice_counts`.
    outside : DataFrame or None
        Marking outside the allowed region, of `marking_outside`; None without a region.
    voxel_ml : float
    warnings : list of str
    """

    name: str
    votes: Votes
    consensus: Consensus
    scores: pd.DataFrame
    fair: pd.DataFrame
    unit_scores: pd.DataFrame
    unit_fair: pd.DataFrame
    decisions: pd.DataFrame
    volumes: pd.DataFrame
    slices: pd.DataFrame
    outside: pd.DataFrame | None
    voxel_ml: float
    warnings: list[str]


def evaluate_exam(
    study: Study,
    exam: str,
    files: Mapping[str, Path],
    readers: Sequence[str],
    out: Path,
    unit: Unit,
    region: Path | None = None,
) -> EvaluatedExam:
    """Read an exam's masks, build its consensuses and score every rater; write the consensus below `out`.

    Raises
    ------
    evaluation.masks.reading.MaskError
        When a mask is damaged, on another grid or holds an undeclared label, or its knees cannot be told
        apart.
    """
    masks = {rater: read_mask(path, study.label_values) for rater, path in files.items()}
    first, *others = masks.values()
    for mask in others:
        check_grid(mask, first)
    arrays = {rater: mask.array for rater, mask in masks.items()}
    votes = count_votes(arrays, study.label_values)
    of_readers = votes.select(readers)
    consensus, without = reader_consensuses(study, of_readers)
    labels = paint(arrays, of_readers, consensus.label.astype(np.uint8))
    write_volume(consensus_path(out, exam), Volume(labels, first.affine))

    placed = ExamMasks(exam, labels, arrays, first.affine, study.plane)
    voxel_ml = placed.voxel_ml
    scores, fair = score_votes(study, votes, consensus, without)
    by_unit = scores, fair
    if unit == "knee":
        by_unit = _by_knee(study, exam, arrays, first, consensus, without)
    return EvaluatedExam(
        name=exam,
        votes=votes,
        consensus=consensus,
        scores=scores,
        fair=fair,
        unit_scores=by_unit[0],
        unit_fair=by_unit[1],
        decisions=decision_table(of_readers, consensus),
        volumes=volumes(votes, study.levels_by_name, voxel_ml, {CONSENSUS: consensus.label_on(votes)}),
        slices=slice_counts(placed, study.levels_by_name),
        outside=_outside(study, placed, first, region) if region else None,
        voxel_ml=voxel_ml,
        warnings=[*map(str, find_displaced(arrays)), *consensus.notices],
    )


def reader_consensuses(study: Study, of_readers: Votes) -> tuple[Consensus, dict[str, Consensus]]:
    """The consensus of all readers by the study's rule, and that without each; none with one reader."""
    rule = study.consensus.rule
    alone = len(of_readers.raters) < 2
    without = {} if alone else leave_one_out(of_readers, rule=rule, seed=SEED)
    return staple(of_readers, rule=rule, seed=SEED), without


def score_votes(
    study: Study, votes: Votes, consensus: Consensus, without: Mapping[str, Consensus]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Dice of every rater of an exam against the consensus, and against those without each reader."""
    policy = EmptyMask(study.scores.empty_mask)
    usual = score(votes, consensus.label_on(votes), study.levels_by_name, policy)
    if not without:
        return usual, pd.DataFrame()
    return usual, score_fair(votes, without, study.levels_by_name, policy)


def _by_knee(
    study: Study,
    exam: str,
    arrays: Mapping[str, np.ndarray],
    first: LabelMap,
    consensus: Consensus,
    without: Mapping[str, Consensus],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    try:
        knees = knee_votes(arrays, study.label_values, first.affine)
    except MaskError as error:
        raise MaskError(f"{exam}: {error}") from None
    parts = {knee: score_votes(study, votes, consensus, without) for knee, votes in knees.items()}
    usual, fair = (
        pd.concat([tables[i].assign(knee=knee) for knee, tables in parts.items()], ignore_index=True)
        for i in range(2)
    )
    return usual, fair


def _outside(study: Study, masks: ExamMasks, first: LabelMap, region: Path) -> pd.DataFrame:
    """What raters and consensus marked outside the allowed region; its mask is 0 outside, 1 inside."""
    allowed = read_mask(region, (0, 1))
    check_grid(allowed, first)
    return marking_outside(masks, allowed.array > 0, study.levels_by_name)


def of_all(exams: Sequence[EvaluatedExam], name: str) -> pd.DataFrame:
    """A table of every exam, one below the other, the exam in front."""
    together = pd.concat([getattr(exam, name).assign(exam=exam.name) for exam in exams], ignore_index=True)
    return together[["exam", *(column for column in together if column != "exam")]]


def consensus_path(out: Path, exam: str) -> Path:
    """Where the consensus of an exam is written, as a label map."""
    return out / "consensus" / f"{exam}.nii.gz"
