"""A submission's scores by measures other than Dice, against the same consensuses.

Whatever the study says of scores, on a board a measure is its worst where one of two masks is empty: left
out it would pay to mark nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from tqdm import tqdm

from bmseg.leaderboard.scoring import MISSING, SUBMISSION, Reference, consensus_names
from bmseg.leaderboard.tasks import NSD_READERS
from bmseg.study import Study
from dataset_conversion.images import Volume
from evaluation.consensus.audited import STUDY, WITHOUT
from evaluation.consensus.result import Consensus
from evaluation.masks.exam import slice_axis
from evaluation.masks.reading import check_grid
from evaluation.measures.distances import nsd
from evaluation.measures.measure import Measure, OneEmpty
from evaluation.measures.named import measures
from evaluation.measures.pairs import ExamMeasured
from evaluation.scores.fair import NOBODY
from evaluation.study.measured import measure_exam
from evaluation.study.tolerances import study_tolerances

#: Columns of measures.csv of a submission; that of the readers has ``rater`` after ``exam``. ``status`` is
#: scored, one_empty (the value is then the worst), undefined or missing; ``worst`` what one empty mask
#: counts as in the exam. Counts are of what the measure looks for: voxels, or foci; 1 where it needs none.
COLUMNS = [
    "exam", "level", "measure", "left_out", "value", "status", "worst", "n_reference", "n_rater",
]  # fmt: skip
_COUNTS = ["n_reference", "n_rater"]


def score_measures(
    masks: Mapping[str, Volume],
    reference: Reference,
    names: Sequence[str],
    tolerances: Mapping[str, float],
) -> pd.DataFrame:
    """A submission by measures, `COLUMNS`; by exam as `bmseg.leaderboard.scoring.score_submission` has it.

    `tolerances` are those of the contract: level to mm, for ``nsd@readers``.
    """
    tables = []
    for exam in tqdm(reference.files, desc="measures", unit="exam", disable=None, leave=False):
        if exam not in masks:
            tables.append(_missing_exam(exam, reference, names, tolerances))
            continue
        readers = reference.masks(exam)
        first = next(iter(readers.values()))
        check_grid(masks[exam], first)
        painted = _painted(exam, readers, reference)
        mask = reference.without_ignored(exam, masks[exam]).array
        measured = _measured({**painted, _named(SUBMISSION): mask}, first, reference, exam)
        asked = [(left_out, _named(SUBMISSION)) for left_out in painted]
        tables.append(_scored(measured, asked, reference.study, names, tolerances).assign(exam=exam))
    return _together(tables, COLUMNS)


def score_readers_measures(
    reference: Reference, names: Sequence[str], tolerances: Mapping[str, float]
) -> pd.DataFrame:
    """Each reader by measures, against the consensus of the other readers; no row of a single reader."""
    columns = [COLUMNS[0], "rater", *COLUMNS[1:]]
    if len(reference.readers) < 2:
        return pd.DataFrame(columns=columns)
    tables = []
    for exam in tqdm(reference.files, desc="measures", unit="exam", disable=None, leave=False):
        readers = reference.masks(exam)
        arrays = {_named(reader): mask.array for reader, mask in readers.items()}
        first = next(iter(readers.values()))
        measured = _measured({**_painted(exam, readers, reference), **arrays}, first, reference, exam)
        asked = [(reader, _named(reader)) for reader in readers]
        found = _scored(measured, asked, reference.study, names, tolerances)
        tables.append(found.assign(exam=exam, rater=found.left_out))
    return _together(tables, columns)


def tolerances_of_readers(reference: Reference) -> tuple[dict[str, float], list[str]]:
    """Level to the tolerance of ``nsd@readers``, mm, and what these cannot carry, in sentences.

    By the study's ``[scores] tolerance_quantile``, of the readers' masks of the test exams alone, as an
    evaluation of them has it. A level that no two readers marked in one exam has none.
    """
    study = reference.study
    design = replace(study.design(), measures=(NSD_READERS,), one_empty=OneEmpty.WORST)
    exams = []
    for exam in tqdm(reference.files, desc="tolerance", unit="exam", disable=None, leave=False):
        readers = reference.masks(exam)
        painted = _painted(exam, readers, reference)
        references = {
            f"{WITHOUT}{left_out}" if left_out else STUDY: mask for left_out, mask in painted.items()
        }
        arrays = {reader: mask.array for reader, mask in readers.items()}
        affine = next(iter(readers.values())).affine
        ignored = reference.ignored(exam)
        exams.append(measure_exam(design, arrays, references, reference.readers, affine, ignored))
    quantile = study.scores.tolerance_quantile
    found = study_tolerances(exams, reference.readers, study.level_names, quantile=quantile, given={})
    known = found.dropna(subset="tolerance")
    tolerances = {row.level: float(row.tolerance) for row in known.itertuples()}
    return tolerances, [notice for notice in known.notices if notice]


def _named(rater: str) -> str:
    """A rater beside consensuses, which are called by the reader who is not in them."""
    return f"\N{INFORMATION SEPARATOR ONE}{rater}"


def _painted(exam: str, readers: Mapping[str, Volume], reference: Reference) -> dict[str, np.ndarray]:
    """Every consensus of an exam as a label map, by the reader who is left out, or `NOBODY`."""
    arrays = {reader: mask.array for reader, mask in readers.items()}
    found = reference.consensuses(exam, arrays)
    made: dict[str, Consensus] = {NOBODY: found.study, **found.without}
    return {left_out: reference.painted(exam, arrays, each) for left_out, each in made.items()}


def _measured(masks: Mapping[str, np.ndarray], grid: Volume, reference: Reference, exam: str) -> ExamMeasured:
    design = reference.study.design()
    return ExamMeasured(
        masks, design.by_name, grid.affine, single=design.levels, ordered=design.ordered, foci=design.foci,
        ignored=reference.ignored(exam), slices=slice_axis(grid.grid, design.plane),
    )  # fmt: skip


def _scored(
    exam: ExamMeasured,
    asked: Sequence[tuple[str, str]],
    study: Study,
    names: Sequence[str],
    tolerances: Mapping[str, float],
) -> pd.DataFrame:
    """Pairs of a consensus and a rater, by every level and measure."""
    rows = []
    for level, of_level in _by_level(study, names, tolerances):
        for left_out, rater in asked:
            pair = exam.pair(level, left_out, rater)
            for measure in of_level:
                known = nsd(tolerances[level]) if measure.deferred else measure
                value, status = known.score(pair, OneEmpty.WORST)
                key = level, measure.name, left_out
                rows.append((*key, value, str(status), known.worst(pair), *measure.counts(pair)))
    return pd.DataFrame(rows, columns=COLUMNS[1:])


def expected_names(
    study: Study, names: Sequence[str], tolerances: Mapping[str, float]
) -> list[tuple[str, str]]:
    """Every ``level`` and ``measure`` that is scored."""
    by_level = _by_level(study, names, tolerances)
    return [(level, measure.name) for level, of_level in by_level for measure in of_level]


def _by_level(
    study: Study, names: Sequence[str], tolerances: Mapping[str, float]
) -> Iterator[tuple[str, list[Measure]]]:
    """Levels and the measures that are scored on them; a level without a tolerance has no ``nsd@readers``."""
    single = [level.name for level in study.levels]
    for level in study.level_names:
        yield (
            level,
            [
                measure
                for measure in measures(names)
                if (measure.of_groups or level in single) and (not measure.deferred or level in tolerances)
            ],
        )


def _missing_exam(
    exam: str, reference: Reference, names: Sequence[str], tolerances: Mapping[str, float]
) -> pd.DataFrame:
    """No mask: no number either; what it counts as follows from the exam's grid."""
    rows = [
        (level, measure.name, left_out)
        for level, of_level in _by_level(reference.study, names, tolerances)
        for left_out in consensus_names(reference.readers)
        for measure in of_level
    ]
    nothing = dict.fromkeys(_COUNTS) | {"exam": exam, "value": np.nan, "worst": np.nan, "status": MISSING}
    return pd.DataFrame(rows, columns=["level", "measure", "left_out"]).assign(**nothing)


def _together(tables: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame(columns=columns)
    return pd.concat(tables, ignore_index=True)[columns].astype(dict.fromkeys(_COUNTS, "Int64"))
