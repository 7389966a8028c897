"""A submission's scores: every exam and level against the readers' consensus and those without each reader.

The consensuses and the Dice are those of `bmseg evaluate`: a board and an evaluation of the same masks hold
the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from bmseg.errors import InputError
from bmseg.leaderboard.challenge import Contract
from bmseg.study import Study
from bmseg.untrusted.header import ExamGrid
from dataset_conversion.images import Volume
from evaluation.consensus.ignored import paint_all
from evaluation.consensus.kinds import FIT, Rule
from evaluation.consensus.result import Consensus
from evaluation.consensus.rules import leave_one_out
from evaluation.consensus.votes import Votes, count_votes
from evaluation.masks.reading import MaskError, check_grid, list_masks, match_exams, read_mask
from evaluation.scores.fair import NOBODY, over_consensuses
from evaluation.study import Consensuses, score_votes
from evaluation.study.unsure import ignored_voxels, told

#: Columns of dice.csv of a submission, in order; that of the readers has ``rater`` after ``exam``.
COLUMNS = ["exam", "level", "left_out", "dice", "status", "tp", "fp", "fn", "n_reference", "n_rater"]
SCORED, UNDEFINED, MISSING = "scored", "undefined", "missing"
#: Among the raters of an exam.
SUBMISSION = "submission"
_LARGEST_LABEL = 255
COUNTS = ["tp", "fp", "fn", "n_reference", "n_rater"]


@dataclass(frozen=True)
class Reference:
    """The readers' masks of the test exams, which only the organiser has."""

    study: Study
    files: Mapping[str, Mapping[str, Path]]  # exam to reader to mask
    patients: Mapping[str, str] = field(default_factory=dict)  # as of a contract
    _known: dict[str, Consensuses] = field(default_factory=dict, repr=False)
    _others: dict[str, dict[Rule, dict[str, Consensus]]] = field(default_factory=dict, repr=False)
    _grids: dict[str, ExamGrid] = field(default_factory=dict, repr=False)
    _ignored: dict[str, np.ndarray] = field(default_factory=dict, repr=False)  # exam to places in its array
    _unsure: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, study: Study, readers: Mapping[str, Path], exams: list[str] | None = None) -> Reference:
        """The reference of each reader's folder of ``<exam>.nii.gz``; by default of the first one's exams.

        Raises `InputError` where a reader is not one of the study's, or there is none,
        `evaluation.masks.reading.MaskError` where a reader lacks an exam or has one more.
        """
        if not readers or (set(readers) - set(study.reader_names)):
            raise InputError(
                f"reader: found {', '.join(readers) or 'no masks of test exams'}, expected those of some of "
                f"{', '.join(study.reader_names)}"
            )
        if max(study.label_values) > _LARGEST_LABEL:
            raise InputError(
                f"study {study.name}: levels.value: found {max(study.label_values)}, expected at most "
                f"{_LARGEST_LABEL}: masks of a board have labels of 8 bits"
            )
        files = {reader: list_masks(folder) for reader, folder in readers.items()}
        try:
            names = match_exams(files, exams)
        except MaskError as error:
            if study.drawn.incomplete == "refuse":
                raise
            why = "a board of an incomplete design cannot be made: it holds every reader's mask of every exam"
            raise MaskError(f"{why}; {error}") from None
        return cls(study, {exam: {reader: files[reader][exam] for reader in readers} for exam in names})

    @property
    def readers(self) -> list[str]:
        """The readers, in order."""
        return list(next(iter(self.files.values())))

    def as_drawn(self, exam: str) -> dict[str, Volume]:
        """Every reader's mask of an exam; raises `MaskError` where one is damaged or on another grid."""
        allowed = self.study.design().labels_of_readers
        masks = {reader: read_mask(path, allowed) for reader, path in self.files[exam].items()}
        first, *others = masks.values()
        for mask in others:
            check_grid(mask, first)
        self._grids[exam] = ExamGrid.of(first)
        return masks

    def masks(self, exam: str) -> dict[str, Volume]:
        """The same, 0 in all of them where one reader was unsure: no count has these voxels.

        A `MaskError` too where nothing else is left.
        """
        masks = self.as_drawn(exam)
        arrays = {reader: mask.array for reader, mask in masks.items()}
        where, self._unsure[exam] = ignored_voxels(self.study.design(), exam, arrays, [])
        self._ignored[exam] = np.flatnonzero(() if where is None else where)
        return {reader: self.without_ignored(exam, mask) for reader, mask in masks.items()}

    def ignored(self, exam: str) -> np.ndarray | None:
        """Voxels (bool) of an exam that a reader was unsure of; None where there is none."""
        if exam not in self._ignored:
            self.masks(exam)
        if not len(places := self._ignored[exam]):
            return None
        where = np.zeros(self._grids[exam].size, dtype=bool)
        where.ravel()[places] = True
        return where

    def without_ignored(self, exam: str, mask: Volume) -> Volume:
        """A mask of an exam, 0 where a reader was unsure."""
        where = self.ignored(exam)
        if where is None:
            return mask
        return replace(mask, array=np.where(where, 0, mask.array).astype(mask.array.dtype))

    def votes(self, exam: str, arrays: Mapping[str, np.ndarray]) -> Votes:
        """Votes of raters of an exam, without the voxels that a reader was unsure of."""
        where = self.ignored(exam)
        counted = arrays if where is None else {rater: each[~where] for rater, each in arrays.items()}
        return count_votes(counted, self.labels)

    def painted(self, exam: str, arrays: Mapping[str, np.ndarray], consensus: Consensus) -> np.ndarray:
        """A consensus of an exam's readers as a label map (uint8), 0 where a reader was unsure."""
        n = len(self._ignored[exam])
        return paint_all(arrays, consensus.votes, consensus.label.astype(np.uint8), n)

    def consensuses(self, exam: str, arrays: Mapping[str, np.ndarray]) -> Consensuses:
        """Every consensus of an exam's readers; computed once."""
        if exam not in self._known:
            of_readers = self.votes(exam, {reader: arrays[reader] for reader in self.readers})
            self._known[exam] = Consensuses.of(self.study.design(), of_readers)
        return self._known[exam]

    @property
    def other_rules(self) -> list[Rule]:
        """Rules other than the yardstick's that fit such readers; see `evaluation.comparison.ways`."""
        return other_rules(self.study)

    def other_consensuses(
        self, exam: str, arrays: Mapping[str, np.ndarray]
    ) -> dict[Rule, dict[str, Consensus]]:
        """By each of `other_rules` the consensus without each reader; computed once."""
        if exam not in self._others:
            of_readers = self.votes(exam, {reader: arrays[reader] for reader in self.readers})
            design = self.study.design()
            self._others[exam] = {
                rule: leave_one_out(of_readers, rule=rule, ordered=design.ordered, seed=design.seed)
                for rule in self.other_rules
            }
        return self._others[exam]

    def consensus_map(self, exam: str) -> Volume:
        """The consensus of all readers as a label map on the exam's grid."""
        masks = self.masks(exam)
        arrays = {reader: mask.array for reader, mask in masks.items()}
        consensus = self.consensuses(exam, arrays).study
        return replace(next(iter(masks.values())), array=self.painted(exam, arrays, consensus))

    @property
    def labels(self) -> tuple[int, ...]:
        """Every value that a submission's mask may hold: a model is always sure."""
        return self.study.label_values

    def contract(self) -> Contract:
        """What a submission must hold to be scored against it; masks that were read are not read again."""
        for exam in self.files:
            if exam not in self._unsure:
                self.masks(exam)
        unsure = pd.concat([self._unsure[exam].assign(exam=exam) for exam in self.files])
        said = told(unsure, len(self.files), self.study.design()) if len(unsure) else []
        grids = dict(sorted(self._grids.items()))
        return Contract(labels=list(self.labels), exams=grids, unsure=said, patients=dict(self.patients))


def other_rules(study: Study) -> list[Rule]:
    """Of a study: `Reference.other_rules`."""
    design = study.design()
    return [rule for rule in FIT[design.ordered] if rule != design.yardstick]


def score_submission(masks: Mapping[str, Volume], reference: Reference) -> pd.DataFrame:
    """Score the masks that `bmseg.leaderboard.submission` has checked, by exam; the others are missing.

    Returns `COLUMNS`, a row an exam, level and consensus: ``left_out`` is the reader who is not in it, or
    `NOBODY`. ``status`` is scored, undefined (``dice`` is NaN) or missing (NaN, and no counts). Raises
    `evaluation.masks.reading.MaskError` where a mask is not on the grid of the readers'.
    """
    tables = [
        _score_exam(exam, masks[exam], reference) if exam in masks else _missing_exam(exam, reference)
        for exam in tqdm(reference.files, desc="score", unit="exam", disable=None, leave=False)
    ]
    return pd.concat(tables, ignore_index=True)[COLUMNS].astype(dict.fromkeys(COUNTS, "Int64"))


def score_readers(reference: Reference) -> pd.DataFrame:
    """Score each reader against the consensus of the other readers.

    Returns ``exam``, ``rater`` (the reader, who is also ``left_out``) and the rest of `COLUMNS`; no row where
    there is one reader only.
    """
    columns = [COLUMNS[0], "rater", *COLUMNS[1:]]
    if len(reference.readers) < 2:
        return pd.DataFrame(columns=columns)
    tables = []
    for exam in tqdm(reference.files, desc="readers", unit="exam", disable=None, leave=False):
        arrays = {reader: mask.array for reader, mask in reference.masks(exam).items()}
        consensuses = reference.consensuses(exam, arrays)
        _, fair = score_votes(reference.study.design(), consensuses.study.votes, consensuses)
        tables.append(fair.assign(exam=exam))
    return with_status(pd.concat(tables, ignore_index=True))[columns].astype(dict.fromkeys(COUNTS, "Int64"))


def on_yardstick(dice: pd.DataFrame, yardstick: str) -> pd.DataFrame:
    """One Dice an exam and level of what was scored against several consensuses.

    Fair is the mean over the consensuses without each reader on which the Dice is defined, as in the fair
    table of `bmseg evaluate`; usual is the consensus of all. Returns ``exam, rater, level, dice, status,
    n_defined, n_consensuses, absent`` (whether most of these consensuses lack the level:
    `evaluation.scores.fair.over_consensuses`); with a ``rater`` where `dice` has one.
    """
    chosen = dice[(dice.left_out == NOBODY) == (yardstick == "usual")]
    raters = chosen if "rater" in chosen else chosen.assign(rater=SUBMISSION)
    scores = over_consensuses(raters)
    missing = raters.groupby(["exam", "rater", "level"], sort=False).status.first().eq(MISSING).to_numpy()
    scores["status"] = np.where(missing, MISSING, np.where(scores.n_defined == 0, UNDEFINED, SCORED))
    columns = ["exam", "rater", "level", "dice", "status", "n_defined", "n_consensuses", "absent"]
    scores = scores[columns]
    return scores if "rater" in dice else scores.drop(columns="rater")


def _score_exam(exam: str, mask: Volume, reference: Reference) -> pd.DataFrame:
    readers = reference.masks(exam)
    check_grid(mask, next(iter(readers.values())))
    arrays = {reader: one.array for reader, one in readers.items()}
    consensuses = reference.consensuses(exam, arrays)
    votes = reference.votes(exam, {**arrays, SUBMISSION: mask.array})
    usual, fair = score_votes(reference.study.design(), votes, consensuses)
    scores = pd.concat([usual.assign(left_out=NOBODY), fair], ignore_index=True)
    return with_status(scores[scores.rater == SUBMISSION].assign(exam=exam))


def with_status(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores of masks that are there: scored, or undefined."""
    return scores.assign(status=np.where(scores.dice.isna(), UNDEFINED, SCORED))


def _missing_exam(exam: str, reference: Reference) -> pd.DataFrame:
    """No mask: no number either; what it counts as is the challenge's rule."""
    rows = product(consensus_names(reference.readers), reference.study.level_names)
    nothing = dict.fromkeys(COUNTS) | {"exam": exam, "dice": np.nan, "status": MISSING}
    return pd.DataFrame(rows, columns=["left_out", "level"]).assign(**nothing)


def consensus_names(readers: Sequence[str]) -> list[str]:
    """Every ``left_out`` of a submission's scores."""
    return [NOBODY, *(readers if len(readers) > 1 else [])]
