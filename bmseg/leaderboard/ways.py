"""How else a submission is looked at: by other rules that fit, and beside each reader's own mask.

Kept beside its scores, so that a board's verdicts rest on what a report's do (`evaluation.comparison`).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product

import numpy as np
import pandas as pd
from tqdm import tqdm

from bmseg.leaderboard.scoring import (
    COUNTS,
    MISSING,
    SUBMISSION,
    Reference,
    with_status,
)
from dataset_conversion.images import Volume
from evaluation.consensus.votes import Votes
from evaluation.measures.dice import score
from evaluation.scores.fair import score_fair

#: ``rule`` of a Dice against a reader's own mask.
MASK = "mask"
#: Columns of ways.csv, in order; that of the readers has ``rater`` after ``exam``. ``reader`` is not in the
#: consensus by the rule, or is the one whose mask it is.
COLUMNS = [
    "exam", "rule", "reader", "level", "dice", "status", "tp", "fp", "fn", "n_reference", "n_rater",
]  # fmt: skip


def score_ways(masks: Mapping[str, Volume], reference: Reference) -> pd.DataFrame:
    """A submission's Dice by the other ways, `COLUMNS`; by exam as `score_submission` has it.

    No row where there is one reader: nobody is beside whom to set it.
    """
    tables = []
    for exam in tqdm(reference.files, desc="other ways", unit="exam", disable=None, leave=False):
        if len(reference.readers) < 2:
            break
        if exam not in masks:
            tables.append(_missing_exam(exam, reference))
            continue
        arrays = {reader: one.array for reader, one in reference.masks(exam).items()}
        found = _of_exam(exam, {**arrays, SUBMISSION: masks[exam].array}, reference)
        tables.append(found[found.rater == SUBMISSION])
    return _together(tables, COLUMNS)


def score_readers_ways(reference: Reference) -> pd.DataFrame:
    """Each reader by the same rules without the reader, and beside each reader who comes before."""
    tables = []
    place = {reader: number for number, reader in enumerate(reference.readers)}
    for exam in tqdm(reference.files, desc="other ways", unit="exam", disable=None, leave=False):
        if len(place) < 2:
            break
        arrays = {reader: one.array for reader, one in reference.masks(exam).items()}
        found = _of_exam(exam, arrays, reference)
        later = found.rater.map(place) > found.reader.map(place)
        tables.append(found[(found.rule != MASK) | later])
    return _together(tables, [COLUMNS[0], "rater", *COLUMNS[1:]])


def names_of_ways(reference_readers: list[str], rules: list[str]) -> list[tuple[str, str]]:
    """Every ``rule`` and ``reader`` of a submission's rows."""
    return list(product([*rules, MASK], reference_readers)) if len(reference_readers) > 1 else []


def names_of_readers(readers: list[str], rules: list[str]) -> list[tuple[str, str, str]]:
    """Every ``rater``, ``rule`` and ``reader`` of the readers' rows."""
    if len(readers) < 2:
        return []
    pairs = [(later, MASK, first) for first, later in combinations(readers, 2)]
    return [(reader, rule, reader) for rule, reader in product(rules, readers)] + pairs


def _of_exam(exam: str, arrays: Mapping[str, np.ndarray], reference: Reference) -> pd.DataFrame:
    """Every rater of an exam, a column ``rater``."""
    design = reference.study.design()
    votes = reference.votes(exam, arrays)
    tables = [
        score_fair(votes, without, design.by_name, design.empty_mask)
        .rename(columns={"left_out": "reader"})
        .assign(rule=rule)
        for rule, without in reference.other_consensuses(exam, arrays).items()
    ]
    for reader in reference.readers:
        mask = score(votes, _values(votes, reader), design.by_name, design.empty_mask)
        tables.append(mask[mask.rater != reader].assign(rule=MASK, reader=reader))
    return with_status(pd.concat(tables, ignore_index=True)).assign(exam=exam)


def _values(votes: Votes, rater: str) -> np.ndarray:
    """A rater's label of each pattern."""
    return np.asarray(votes.labels)[votes.patterns][:, votes.raters.index(rater)]


def _missing_exam(exam: str, reference: Reference) -> pd.DataFrame:
    rows = [
        (*names, level)
        for names in names_of_ways(reference.readers, list(reference.other_rules))
        for level in reference.study.level_names
    ]
    nothing = dict.fromkeys(COUNTS) | {"exam": exam, "dice": np.nan, "status": MISSING}
    return pd.DataFrame(rows, columns=["rule", "reader", "level"]).assign(**nothing)


def _together(tables: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame(columns=columns)
    return pd.concat(tables, ignore_index=True)[columns].astype(dict.fromkeys(COUNTS, "Int64"))
