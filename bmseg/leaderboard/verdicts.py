"""Is a submission better than the readers? The verdict of a report, of what a board holds.

The function is the one that reports ask (`evaluation.comparison.verdicts`), and so is what goes into it: fair
scores, other rules and leave-outs that might turn a difference round, agreement with the readers without a
consensus. An exam without a mask counts as Dice 0 wherever there is something to mark.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from bmseg.leaderboard.board import Board
from bmseg.leaderboard.called import board_titles
from bmseg.leaderboard.entries import Entry
from bmseg.leaderboard.scoring import MISSING
from bmseg.leaderboard.ways import MASK
from evaluation.comparison.families import adjusted
from evaluation.comparison.interchangeability import of_models, standings
from evaluation.comparison.models import FAIR
from evaluation.comparison.patients import PATIENT
from evaluation.comparison.readers import MEDIAN_READER, compare
from evaluation.comparison.teachers import readers_without_teacher
from evaluation.comparison.verdicts import Verdict, reader_verdicts
from evaluation.comparison.ways import COLUMNS as WAYS
from evaluation.comparison.ways import readers_by_way
from evaluation.scores.fair import NOBODY, grouped, numbered, over_consensuses
from evaluation.scores.interchangeability import FIXED, interchangeability
from evaluation.study import Design, Results
from evaluation.study.lineage import COMPARISONS_WITHOUT_TEACHER, beside_teacher
from evaluation.study.titles import renamed

#: What a board that was made before other ways were kept says of itself.
UNKNOWN = (
    "this board holds no agreement without a consensus and no other rules; 'bmseg leaderboard init' adds them"
)


def verdicts(
    board: Board, entries: Sequence[Entry], dice: Mapping[str, pd.DataFrame] | None = None
) -> dict[str, tuple[Verdict, Verdict]]:
    """Key to the verdict on each submission beside the median reader, and to the same with titles for names.

    Empty with fewer than two readers.

    `dice` holds by key what the board keeps of each, where it has been read.

    All submissions and levels are adjusted together. Simulated ones, which are no teams', are so by
    themselves: else a board that holds them would say otherwise than a report of the same models.
    """
    found: dict[str, tuple[Verdict, Verdict]] = {}
    titles = board_titles(board.study, entries)
    dice = {entry.key: board.dice(entry) for entry in entries} if dice is None else dice
    for simulated in (False, True):
        chosen = [entry for entry in entries if entry.simulated == simulated]
        if chosen and len(board.reader_scores()):
            found |= _of_family(board, chosen, dice, titles)
    return found


def _of_family(
    board: Board, entries: Sequence[Entry], dice: Mapping[str, pd.DataFrame], titles: Mapping[str, str]
) -> dict[str, tuple[Verdict, Verdict]]:
    of_readers, ways_of_readers = _exact(board.reader_scores()), board.reader_ways()
    readers = list(dict.fromkeys(of_readers.rater))
    confidence, called = board.challenge.ranking.confidence, _names(entries)
    taught_by = {called[one.key]: one.taught_by for one in entries if one.taught_by}
    design = replace(board.study.design(), taught_by=taught_by)
    levels = list(design.spoken_of)
    own = _together({called[entry.key]: dice[entry.key] for entry in entries})
    kept = {called[entry.key]: board.ways(entry) for entry in entries}
    ways = {name: one for name, one in kept.items() if one is not None and ways_of_readers is not None}
    fair = _fair(of_readers, own[own.left_out != NOBODY])
    if patients := board.contract.patients:
        fair = fair.assign(**{PATIENT: fair.exam.map(patients)})
    fair = fair[fair.level.isin(levels)]
    models = list(called.values())
    asked: dict[str, Any] = {
        "models": models,
        "readers": readers,
        "confidence": confidence,
        "spoken_of": levels,
    }
    rows = compare(fair, **asked, others=[MEDIAN_READER]).assign(way=FAIR)
    found = adjusted(rows)
    clear = found[(found.p_holm <= round(1 - confidence, 12)) & found.model.isin(list(ways))]
    by_way, agreement = pd.DataFrame(columns=WAYS), None
    if ways:
        theirs, ours = _exact(ways_of_readers), _together(ways)
        agreement = _agreed(_pairs(ours, levels), _pairs(theirs, levels), readers, design, confidence)
        if len(clear):
            # Only what is clear can be turned round.
            chosen = ours[ours.rater.isin(clear.model)]
            by_way = _by_way(fair, chosen, theirs, readers, design, set(clear.level))
    unknown = dict.fromkeys(set(models) - set(ways), UNKNOWN)
    tables = {COMPARISONS_WITHOUT_TEACHER.name: readers_without_teacher(fair, taught_by, **asked)}
    study = Results(design, readers, models, list(board.contract.exams), tables)
    told = _told(study, rows, by_way, agreement, unknown)
    of_titles = (renamed(one, titles) for one in (rows, by_way, agreement, unknown))
    shown = _told(study.with_titles(titles), *of_titles)
    return {key: (told[name], shown[titles.get(name, name)]) for key, name in called.items()}


def _told(
    study: Results,
    rows: pd.DataFrame,
    by_way: pd.DataFrame,
    agreement: pd.DataFrame | None,
    unknown: Mapping[str, str],
) -> dict[str, Verdict]:
    """Submission to its verdict."""
    levels = list(study.design.spoken_of)
    told = reader_verdicts(rows, by_way, levels=levels, agreement=_standings(agreement), unknown=unknown)
    return {one.first: one for one in beside_teacher(study, told, partial(_standings, agreement))}


def _names(entries: Sequence[Entry]) -> dict[str, str]:
    """Key to what a sentence calls it: the team, and where it has several the key."""
    teams = [entry.team for entry in entries]
    return {entry.key: entry.team if teams.count(entry.team) == 1 else entry.key for entry in entries}


def _together(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Scores of all submissions as one table, by name as ``rater``, with all digits (`_exact`)."""
    names = np.repeat(np.array([*tables], object), [len(one) for one in tables.values()])
    return _exact(pd.concat(tables.values(), ignore_index=True)).assign(rater=names)


def _exact(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores with all digits of Dice, of the counts beside them: a board keeps nine."""
    if "tp" not in scores:
        return scores
    counts = scores[["tp", "n_reference", "n_rater"]].astype(float)
    marked = counts.n_reference + counts.n_rater
    return scores.assign(dice=(2 * counts.tp / marked).where(marked > 0, scores.dice))


def _fair(of_readers: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Fair scores of readers and submissions.

    Without a mask one has Dice 0 where the level is there. Where it is not, such an exam says nothing on who
    marks what is not there, and has no score.
    """
    missing = own.status == MISSING
    own = own.assign(dice=own.dice.mask(missing, 0.0))
    if missing.any():
        absent = over_consensuses(of_readers).groupby(["exam", "level"]).absent.any()
        keys = pd.MultiIndex.from_frame(own[["exam", "level"]])
        own = own[~(missing & absent.reindex(keys).to_numpy())]
    return pd.concat([of_readers, own], ignore_index=True)


def _by_way(
    fair: pd.DataFrame,
    ways: pd.DataFrame,
    of_readers: pd.DataFrame,
    readers: Sequence[str],
    design: Design,
    levels: Collection[str],
) -> pd.DataFrame:
    """What differences on some levels are without each reader, and by other rules, of some submissions."""
    models = list(dict.fromkeys(ways.rater))
    of_readers, ways = (one.rename(columns={"reader": "left_out"}) for one in (of_readers, ways))
    tables = [fair[fair.rater.isin([*readers, *models])].assign(rule=design.yardstick)]
    for rule in dict.fromkeys(of_readers.rule):
        if rule != MASK:
            tables.append(_fair(of_readers[of_readers.rule == rule], ways[ways.rule == rule]))
    scores = pd.concat(tables, ignore_index=True)
    scores = scores[scores.level.isin(list(levels))]
    return readers_by_way(scores, models=models, readers=readers, yardstick=design.yardstick)


def _pairs(ways: pd.DataFrame, levels: Sequence[str]) -> pd.DataFrame:
    """Dice beside each reader's own mask, as `interchangeability` takes it, and what it was counted from."""
    named = ["exam", "level", "rater", "reader", "status"]
    own = ways.loc[(ways.rule == MASK) & ways.level.isin(levels), [*named, "dice", "n_reference", "n_rater"]]
    # Names that are compared over and over.
    return own.astype(dict.fromkeys(named, object)).rename(columns={"reader": "other"})


def _agreed(
    ours: pd.DataFrame, theirs: pd.DataFrame, readers: Sequence[str], design: Design, confidence: float
) -> pd.DataFrame:
    """Interchangeability, readers fixed, of `_pairs`; whatever the study says of empty masks."""
    pairs = pd.concat([theirs, ours], ignore_index=True)
    marked = (pairs.n_reference + pairs.n_rater).astype(float).to_numpy() > 0
    missing = (pairs.status == MISSING).to_numpy()
    cell, first = grouped([numbered(pairs.exam), numbered(pairs.level)])
    known = marked & ~missing
    # By the readers, or by the submission itself.
    are_theirs = np.arange(len(pairs)) < len(theirs)
    by_some = (np.bincount(cell[known & are_theirs], minlength=len(first)) > 0)[cell]
    own, first = grouped([numbered(ours.rater), cell[~are_theirs]])
    by_some[~are_theirs] |= (np.bincount(own[known[~are_theirs]], minlength=len(first)) > 0)[own]
    pairs["dice"] = np.where(missing & by_some, 0.0, pairs.dice.where(marked))
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in dict.fromkeys(ours.rater):
        teachers = tuple(one for one in design.taught_by.get(name, ()) if one in readers)
        alike.setdefault(teachers, []).append(name)
    found = [
        interchangeability(
            pairs, models=names, readers=readers, family=list(design.spoken_of), confidence=confidence,
            leave_out=teachers, ways=[FIXED], seed=design.seed,
        )
        for teachers, names in alike.items()
    ]  # fmt: skip
    return pd.concat(found, ignore_index=True)


def _standings(found: pd.DataFrame | None, left_out: str | None = None) -> dict[tuple[str, str], int]:
    if found is None:
        return {}
    together = of_models(found, list(dict.fromkeys(found.model)))
    return standings(together, **({"left_out": left_out} if left_out else {}))
