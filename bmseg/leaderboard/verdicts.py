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
from bmseg.leaderboard.entries import Entry
from bmseg.leaderboard.scoring import MISSING
from bmseg.leaderboard.ways import MASK
from evaluation.comparison.families import adjusted
from evaluation.comparison.interchangeability import of_models, standings
from evaluation.comparison.models import FAIR
from evaluation.comparison.readers import MEDIAN_READER, compare
from evaluation.comparison.teachers import readers_without_teacher
from evaluation.comparison.verdicts import Verdict, reader_verdicts
from evaluation.comparison.ways import COLUMNS as WAYS
from evaluation.comparison.ways import readers_by_way
from evaluation.scores.fair import NOBODY, over_consensuses
from evaluation.scores.interchangeability import FIXED, interchangeability
from evaluation.study import Design, Results
from evaluation.study.lineage import COMPARISONS_WITHOUT_TEACHER, beside_teacher

#: What a board that was made before other ways were kept says of itself.
UNKNOWN = (
    "this board holds no agreement without a consensus and no other rules; 'bmseg leaderboard init' adds them"
)


def verdicts(board: Board, entries: Sequence[Entry]) -> dict[str, Verdict]:
    """Key to the verdict on each submission beside the median reader; empty with fewer than two readers.

    All submissions and levels are adjusted together. Simulated ones, which are no teams', are so by
    themselves: else a board that holds them would say otherwise than a report of the same models.
    """
    found: dict[str, Verdict] = {}
    for simulated in (False, True):
        chosen = [entry for entry in entries if entry.simulated == simulated]
        if chosen and len(board.reader_scores()):
            found |= _of_family(board, chosen)
    return found


def _of_family(board: Board, entries: Sequence[Entry]) -> dict[str, Verdict]:
    of_readers, ways_of_readers = _exact(board.reader_scores()), board.reader_ways()
    readers = list(dict.fromkeys(of_readers.rater))
    confidence, called = board.challenge.ranking.confidence, _names(entries)
    taught_by = {called[one.key]: one.taught_by for one in entries if one.taught_by}
    design = replace(board.study.design(), taught_by=taught_by)
    levels = list(design.spoken_of)
    own, ways = {}, {}
    for entry in entries:
        dice, other = _exact(board.dice(entry)), board.ways(entry)
        own[called[entry.key]] = dice[dice.left_out != NOBODY]
        if other is not None and ways_of_readers is not None:
            ways[called[entry.key]] = _exact(other)
    fair = _fair(of_readers, own)
    fair = fair[fair.level.isin(levels)]
    asked: dict[str, Any] = {
        "models": list(own),
        "readers": readers,
        "confidence": confidence,
        "spoken_of": levels,
    }
    rows = compare(fair, **asked, others=[MEDIAN_READER]).assign(way=FAIR)
    found = adjusted(rows)
    clear = found[(found.p_holm <= round(1 - confidence, 12)) & found.model.isin(list(ways))]
    by_way, agreement = pd.DataFrame(columns=WAYS), None
    if ways:
        theirs = _exact(ways_of_readers)
        of_panel = _pairs(theirs, levels)
        agreement = pd.concat(
            [
                _agreed(_pairs(one.assign(rater=name), levels), of_panel, name, readers, design, confidence)
                for name, one in ways.items()
            ],
            ignore_index=True,
        )
        # Only what is clear can be turned round.
        chosen = {name: ways[name] for name in dict.fromkeys(clear.model)}
        by_way = _by_way(fair, chosen, theirs, readers, design, set(clear.level))
    unknown = dict.fromkeys(set(own) - set(ways), UNKNOWN)
    told = reader_verdicts(rows, by_way, levels=levels, agreement=_standings(agreement), unknown=unknown)
    tables = {COMPARISONS_WITHOUT_TEACHER.name: readers_without_teacher(fair, taught_by, **asked)}
    study = Results(design, readers, list(own), list(board.contract.exams), tables)
    told = beside_teacher(study, told, partial(_standings, agreement))
    by_name = {verdict.first: verdict for verdict in told}
    return {key: by_name[name] for key, name in called.items()}


def _names(entries: Sequence[Entry]) -> dict[str, str]:
    """Key to what a sentence calls it: the team, and where it has several the key."""
    teams = [entry.team for entry in entries]
    return {entry.key: entry.team if teams.count(entry.team) == 1 else entry.key for entry in entries}


def _exact(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores with all digits of Dice, of the counts beside them: a board keeps nine."""
    if "tp" not in scores:
        return scores
    counts = scores[["tp", "n_reference", "n_rater"]].astype(float)
    marked = counts.n_reference + counts.n_rater
    return scores.assign(dice=(2 * counts.tp / marked).where(marked > 0, scores.dice))


def _fair(of_readers: pd.DataFrame, own: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Fair scores of readers and submissions, by name.

    Without a mask one has Dice 0 where the level is there. Where it is not, such an exam says nothing on who
    marks what is not there, and has no score.
    """
    tables = [of_readers]
    for name, scores in own.items():
        missing = scores.status == MISSING
        scores = scores.assign(rater=name, dice=scores.dice.mask(missing, 0.0))
        if missing.any():
            absent = over_consensuses(of_readers).groupby(["exam", "level"]).absent.any()
            keys = pd.MultiIndex.from_frame(scores[["exam", "level"]])
            scores = scores[~(missing & absent.reindex(keys).to_numpy())]
        tables.append(scores)
    return pd.concat(tables, ignore_index=True)


def _by_way(
    fair: pd.DataFrame,
    ways: Mapping[str, pd.DataFrame],
    of_readers: pd.DataFrame,
    readers: Sequence[str],
    design: Design,
    levels: Collection[str],
) -> pd.DataFrame:
    """What differences on some levels are without each reader, and by other rules, of some submissions."""
    called = {"reader": "left_out"}
    of_readers = of_readers.rename(columns=called)
    ways = {name: one.rename(columns=called) for name, one in ways.items()}
    tables = [fair[fair.rater.isin([*readers, *ways])].assign(rule=design.yardstick)]
    for rule in dict.fromkeys(of_readers.rule):
        if rule != MASK:
            theirs = of_readers[of_readers.rule == rule]
            tables.append(_fair(theirs, {name: one[one.rule == rule] for name, one in ways.items()}))
    scores = pd.concat(tables, ignore_index=True)
    scores = scores[scores.level.isin(list(levels))]
    return readers_by_way(scores, models=list(ways), readers=readers, yardstick=design.yardstick)


def _pairs(ways: pd.DataFrame, levels: Sequence[str]) -> pd.DataFrame:
    """Dice beside each reader's own mask, as `interchangeability` takes it, and what it was counted from."""
    named = ["exam", "level", "rater", "reader", "status"]
    own = ways.loc[(ways.rule == MASK) & ways.level.isin(levels), [*named, "dice", "n_reference", "n_rater"]]
    # Names that are compared over and over.
    return own.astype(dict.fromkeys(named, object)).rename(columns={"reader": "other"})


def _agreed(
    ours: pd.DataFrame,
    theirs: pd.DataFrame,
    name: str,
    readers: Sequence[str],
    design: Design,
    confidence: float,
) -> pd.DataFrame:
    """Interchangeability, readers fixed, of `_pairs`; whatever the study says of empty masks."""
    pairs = pd.concat([theirs, ours], ignore_index=True)
    marked = (pairs.n_reference + pairs.n_rater).astype(float) > 0
    missing = pairs.status == MISSING
    by_a_reader = (marked & ~missing).groupby([pairs.exam, pairs.level]).transform("any")
    pairs["dice"] = np.where(missing & by_a_reader, 0.0, pairs.dice.where(marked))
    return interchangeability(
        pairs, models=[name], readers=readers, family=list(design.spoken_of), confidence=confidence,
        leave_out=[one for one in design.taught_by.get(name, ()) if one in readers], ways=[FIXED],
        seed=design.seed,
    )  # fmt: skip


def _standings(found: pd.DataFrame | None, left_out: str | None = None) -> dict[tuple[str, str], int]:
    if found is None:
        return {}
    together = of_models(found, list(dict.fromkeys(found.model)))
    return standings(together, **({"left_out": left_out} if left_out else {}))
