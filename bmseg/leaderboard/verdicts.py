"""Is a submission better than the readers? The verdict of a report, of what a board holds.

The function is the one that reports ask (`evaluation.comparison.verdicts`), and so is what goes into it: fair
scores, other rules and leave-outs that might turn a difference round, agreement with the readers without a
consensus. An exam without a mask counts as Dice 0 wherever there is something to mark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

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
    confidence = board.challenge.ranking.confidence
    called = _names(entries)
    design = replace(
        board.study.design(), taught_by={called[one.key]: one.taught_by for one in entries if one.taught_by}
    )
    levels = list(design.spoken_of)
    compared, without, by_way, agreed = [], [], {}, []
    for entry in entries:
        name = called[entry.key]
        dice = _exact(board.dice(entry))
        fair = _fair(of_readers, dice[dice.left_out != NOBODY], name)
        fair = fair[fair.level.isin(levels)]
        asked = {"models": [name], "readers": readers, "confidence": confidence, "spoken_of": levels}
        compared.append(compare(fair, **asked, others=[MEDIAN_READER]))
        without.append(readers_without_teacher(fair, design.taught_by, **asked))
        ways = board.ways(entry)
        if ways is not None and ways_of_readers is not None:
            own, theirs = _exact(ways), _exact(ways_of_readers)
            by_way[name] = partial(_by_way, fair, own, theirs, name, readers, design)
            agreed.append(_agreed(own, theirs, name, readers, levels, design, confidence))
    rows = pd.concat(compared, ignore_index=True).assign(way=FAIR)
    agreement = pd.concat(agreed, ignore_index=True) if agreed else None
    told = reader_verdicts(
        rows,
        _where_clear(rows, by_way, confidence),
        levels=levels,
        agreement=_standings(agreement),
        unknown=dict.fromkeys(set(called.values()) - set(by_way), UNKNOWN),
    )
    tables = {COMPARISONS_WITHOUT_TEACHER.name: pd.concat(without, ignore_index=True)}
    found = Results(design, readers, list(called.values()), list(board.contract.exams), tables)
    told = beside_teacher(found, told, partial(_standings, agreement))
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


def _fair(of_readers: pd.DataFrame, own: pd.DataFrame, name: str) -> pd.DataFrame:
    """Fair scores of readers and one submission.

    Without a mask it has Dice 0 where the level is there. Where it is not, its exam says nothing on who marks
    what is not there, and is left out of all.
    """
    missing = own.status == MISSING
    own = own.assign(rater=name, dice=own.dice.mask(missing, 0.0))
    if "n_rater" in own:
        own = own.assign(n_rater=own.n_rater.mask(missing, 1))
        held = of_readers.set_index(["exam", "level", "left_out"]).n_reference
        known = held.reindex(pd.MultiIndex.from_frame(own[["exam", "level", "left_out"]])).array
        own = own.assign(n_reference=own.n_reference.mask(missing, pd.Series(known, own.index)))
    both = pd.concat([of_readers, own], ignore_index=True)
    if not missing.any():
        return both
    absent = over_consensuses(of_readers).set_index(["exam", "level"]).absent
    is_absent = absent.groupby(level=[0, 1]).any()
    gone = {*own[missing][["exam", "level"]].itertuples(index=False, name=None)} & {
        *is_absent[is_absent].index
    }
    return both[[key not in gone for key in zip(both.exam, both.level, strict=True)]]


def _by_way(
    fair: pd.DataFrame,
    own: pd.DataFrame,
    of_readers: pd.DataFrame,
    name: str,
    readers: Sequence[str],
    design: Design,
    levels: Sequence[str],
) -> pd.DataFrame:
    """What the differences on some levels are without each reader, and by other rules."""
    theirs, ours = (each.rename(columns={"reader": "left_out"}) for each in (of_readers, own))
    tables = [fair.assign(rule=design.yardstick)]
    for rule in dict.fromkeys(ours.rule):
        if rule != MASK:
            tables.append(_fair(theirs[theirs.rule == rule], ours[ours.rule == rule], name))
    scores = pd.concat(tables, ignore_index=True)
    scores = scores[scores.level.isin(levels)]
    return readers_by_way(scores, models=[name], readers=readers, yardstick=design.yardstick)


def _where_clear(rows: pd.DataFrame, by_way: Mapping[str, partial], confidence: float) -> pd.DataFrame:
    """The other ways of the differences that are clear: only these can be turned round."""
    found = adjusted(rows)
    clear = found[found.p_holm <= round(1 - confidence, 12)]
    tables = [
        by_way[str(name)](list(of_model.level))
        for name, of_model in clear.groupby("model", sort=False)
        if name in by_way
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=WAYS)


def _agreed(
    own: pd.DataFrame,
    of_readers: pd.DataFrame,
    name: str,
    readers: Sequence[str],
    levels: Sequence[str],
    design: Design,
    confidence: float,
) -> pd.DataFrame:
    """Interchangeability, readers fixed; whatever the study says of empty masks."""
    ours = own[own.rule == MASK].assign(rater=name)
    pairs = pd.concat([of_readers[of_readers.rule == MASK], ours], ignore_index=True)
    pairs = pairs[pairs.level.isin(levels)].rename(columns={"reader": "other"})
    marked = (pairs.n_reference + pairs.n_rater).astype(float) > 0
    missing = pairs.status == MISSING
    by_a_reader = (marked & ~missing).groupby([pairs.exam, pairs.level]).transform("any")
    pairs["dice"] = np.where(missing & by_a_reader, 0.0, pairs.dice.where(marked))
    return interchangeability(
        pairs, models=[name], readers=readers, family=levels, confidence=confidence, ways=[FIXED],
        leave_out=[one for one in design.taught_by.get(name, ()) if one in readers], seed=design.seed,
    )  # fmt: skip


def _standings(found: pd.DataFrame | None, left_out: str | None = None) -> dict[tuple[str, str], int]:
    if found is None:
        return {}
    together = of_models(found, list(dict.fromkeys(found.model)))
    return standings(together, **({"left_out": left_out} if left_out else {}))
