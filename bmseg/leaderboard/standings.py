"""Who stands where: the board's scores, ranked, with the readers beside them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bmseg.leaderboard.board import Board
from bmseg.leaderboard.challenge import Challenge, Contract
from bmseg.leaderboard.entries import Entry
from bmseg.leaderboard.scoring import MISSING, SCORED, UNDEFINED, on_yardstick
from bmseg.study import Study
from evaluation.comparison.absent import count_and_test, false_markings
from evaluation.ranking import OVERALL, Rankings, Rules, Scheme, rank_scores
from evaluation.ranking.groups import letter_display
from evaluation.statistics.signed_rank import hodges_lehmann, holm, signed_rank

#: Key and kind of the row of the readers' mean.
AVERAGE_READER = "average_reader"
#: How a submission stands to the median reader.
ABOVE, CHANCE, BELOW = "clearly above the readers", "could be chance", "clearly below the readers"
#: One by Dice, the other by marking what is not there.
SPLIT = "not settled: Dice and marking what is not there disagree"
#: Dice of an exam without a mask, where the challenge counts it as the worst.
WORST = 0.0
# Columns of `Standings.rows` before those of the levels, and behind them.
_FIRST = [
    "key", "kind", "name", "team", "title", "simulated", "rank", "rank_low", "rank_high", "spread_low",
    "spread_high", "group", "value", "score",
]  # fmt: skip
_OF_RANK = ["rank", "rank_low", "rank_high", "spread_low", "spread_high", "value"]
_LAST = [
    "n_defined", "n_undefined", "n_missing", "n", "difference", "low", "high", "p_holm", "n_false",
    "n_false_readers", "p_absent_holm", "beside",
]  # fmt: skip
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Standings:
    """A board, ranked."""

    challenge: Challenge
    study: Study
    contract: Contract
    entries: list[Entry]  # those that stand, in rank order
    withdrawn: list[Entry]
    superseded: list[Entry]  # a team's earlier submissions, where only its latest is ranked
    #: A row a line of the page, best score first, ranked ones by rank: ``key, kind`` (submission, reader or
    #: average_reader), ``name, team, title, simulated``; ``rank, rank_low, rank_high, spread_low,
    #: spread_high, group, value``: overall, by the challenge's scheme, where ``value`` is the mean of the
    #: levels' ranks (empty for readers); ``score``: weighted mean over the ranked levels of the mean
    #: Dice; a column a level: mean Dice over exams, a missing one counted as 0; ``n_defined, n_undefined,
    #: n_missing`` of ``n`` scores (exams x levels); ``difference, low, high, p_holm, n_false,
    #: n_false_readers, p_absent_holm, beside``: to the median reader, see `beside_readers`. Tie groups are
    #: lettered from the top.
    rows: pd.DataFrame
    rankings: Rankings | None  # of the entries, if any; algorithms are their keys, tasks the levels
    #: ``exam, key, kind, name, level, dice, status, n_defined, n_consensuses, absent`` of every row.
    scores: pd.DataFrame


def standings(board: Board) -> Standings:
    """Rank a board from its files; raises `InputError` or `WorkError` where one is damaged."""
    entries = board.entries()
    withdrawn = [entry for entry in entries if entry.is_withdrawn]
    standing = [entry for entry in entries if not entry.is_withdrawn]
    ranked = standing
    if board.challenge.ranking.submissions == "latest":
        ranked = list({entry.team: entry for entry in standing}.values())
    scores = _scores(board, ranked)
    rankings = _rank(board, scores) if ranked else None
    rows = _rows(board, ranked, scores, rankings)
    rows, rankings = _lettered_from_the_top(rows, rankings, board.challenge.ranking.alpha)
    order = {key: place for place, key in enumerate(rows.key)}
    placed = sorted(ranked, key=lambda entry: order[entry.key])
    superseded = [entry for entry in standing if entry not in ranked]
    return Standings(
        board.challenge, board.study, board.contract, placed, withdrawn, superseded, rows, rankings, scores
    )


def mean_dice(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean Dice over exams, a row a ``key``, a column a level: undefined left out, missing counted as 0."""
    levels = list(dict.fromkeys(scores.level))
    return counted(scores).groupby(["key", "level"], sort=False).dice.mean().unstack()[levels]


def counted(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores with Dice 0 for what is missing."""
    return scores.assign(dice=scores.dice.mask(scores.status == MISSING, WORST))


def weighted_score(means: pd.DataFrame, weights: Mapping[str, float]) -> pd.Series:
    """The mean of the levels' mean Dice, by their weights; levels that a key has none of are left out."""
    ranked = means[list(weights)]
    weight = ranked.notna() * pd.Series(weights)
    return (ranked.fillna(0) * weight).sum(axis=1) / weight.sum(axis=1)


def beside_readers(scores: pd.DataFrame, weights: Mapping[str, float], confidence: float) -> pd.DataFrame:
    """How each key of `scores` stands to the median reader, as in `bmseg compare` over all levels at once.

    The median reader has in each exam and level the median of the readers' defined Dice
    (`evaluation.comparison.readers.MEDIAN_READER`); where the level is absent, what most readers did. A
    difference is formed where both are defined, level by level, and averaged over an exam's ranked levels by
    their weights. Marking what is not there is tested beside it: exams in which only one of the two did.

    Returns a row a key: ``difference, low, high`` over exams
    (`evaluation.statistics.signed_rank.hodges_lehmann`, each interval by itself) and ``p_holm`` of the exact
    signed-rank test; ``n_false`` exams in which it alone marked an absent level, ``n_false_readers`` in which
    the median reader alone did, and ``p_absent_holm`` of the exact sign tests beside each reader, the largest
    (`evaluation.comparison.absent`); a missing mask is in none. Both p are one family with those of all
    submissions, for the page is read for whoever stands out. ``beside`` says it in words: `ABOVE`, `CHANCE`,
    `BELOW`, or `SPLIT` where the two tests are clear against each other; empty for who is
    no submission or has no interval.
    """
    ranked = counted(scores[scores.level.isin(list(weights))])
    tables = ranked.pivot(index=["exam", "level"], columns="key", values=["dice", "status"])
    dice, median = tables["dice"].astype(float), _median_reader(ranked)
    weight = pd.Series(dice.index.get_level_values("level").map(weights), index=dice.index, dtype=float)
    readers = ranked.key[ranked.kind == "reader"].unique()
    found = {}
    for key in dice:
        difference = dice[key] - median.reindex(dice.index)
        defined = weight.where(difference.notna(), 0.0)
        by_exam = (difference.fillna(0) * defined).groupby("exam").sum() / defined.groupby("exam").sum()
        interval = hodges_lehmann(by_exam.to_numpy(float), confidence=confidence)
        given = dice[key][tables["status"][key] != MISSING]
        beside_each = [
            false_markings(pd.concat([given, dice[reader]], axis=1, join="inner"))
            for reader in readers
            if reader != key
        ]
        beside_median = false_markings(pd.concat([given, median], axis=1, join="inner"))
        found[key] = {
            "difference": interval.estimate,
            "low": interval.low,
            "high": interval.high,
            "p_holm": signed_rank(by_exam.to_numpy(float)).p if interval.is_defined else np.nan,
            **count_and_test(beside_median, beside_each),
        }
    beside = pd.DataFrame.from_dict(found, orient="index")
    beside = beside.rename(columns={"n_false_other": "n_false_readers", "p_absent": "p_absent_holm"})
    is_submission = beside.index.isin(ranked.key[ranked.kind == "submission"])
    tests = ["p_holm", "p_absent_holm"]
    beside[tests] = holm(np.where(is_submission[:, None], beside[tests], np.nan).ravel()).reshape(-1, 2)
    clear = beside[tests] <= 1 - confidence + _ROUNDING
    ways = np.sign(beside.difference) * clear.p_holm
    ways_absent = np.sign(beside.n_false_readers - beside.n_false) * clear.p_absent_holm
    words = np.select(
        [beside.p_holm.isna(), ways * ways_absent < 0, ways + ways_absent > 0, ways + ways_absent < 0],
        ["", SPLIT, ABOVE, BELOW],
        CHANCE,
    )
    return beside.assign(beside=words)


def _median_reader(scores: pd.DataFrame) -> pd.Series:
    """The median reader's Dice by exam and level; see `beside_readers`.

    Without an absent level that as many readers marked as did not: none of the two is what readers do.
    """
    readers = scores[scores.kind == "reader"]
    by_level = readers.groupby(["exam", "level"])
    share, absent = by_level.dice.agg(lambda dice: dice.notna().mean()), by_level.absent.any()
    return by_level.dice.median().mask(absent & (share < 0.5))[~(absent & (share == 0.5))]


def _scores(board: Board, entries: Sequence[Entry]) -> pd.DataFrame:
    """The Dice of every row of the page, on the challenge's yardstick; readers always on the fair one."""
    yardstick = board.challenge.ranking.yardstick
    tables = [
        on_yardstick(board.dice(entry), yardstick).assign(key=entry.key, kind="submission", name=entry.name)
        for entry in entries
    ]
    readers = board.reader_scores()
    if len(readers):
        each = on_yardstick(readers, "fair")
        tables.append(each.assign(key=each.rater, kind="reader", name=each.rater))
        together = each.groupby(["exam", "level"], sort=False).agg(
            dice=("dice", "mean"),
            n_defined=("n_defined", "sum"),
            n_consensuses=("n_consensuses", "sum"),
            absent=("absent", "any"),
        )
        status = np.where(together.dice.isna(), UNDEFINED, SCORED)
        names = {"key": AVERAGE_READER, "kind": AVERAGE_READER, "name": "average reader"}
        tables.append(together.reset_index().assign(status=status, **names))
    columns = [
        "exam",
        "key",
        "kind",
        "name",
        "level",
        "dice",
        "status",
        "n_defined",
        "n_consensuses",
        "absent",
    ]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def _rank(board: Board, scores: pd.DataFrame) -> Rankings:
    rule = board.challenge.ranking
    table = scores[scores.kind == "submission"].rename(
        columns={"level": "task", "key": "algorithm", "exam": "case", "dice": "value"}
    )
    same = {"tolerance", "alpha", "exact", "confidence", "bootstraps", "seed"}
    weights = {level: rule.weights.get(level, 0.0) for level in board.study.level_names}
    rules = Rules(**rule.model_dump(include=same), weights=weights, worst=WORST)
    return rank_scores(table[["task", "algorithm", "case", "value", "status"]], rules)


def _rows(
    board: Board, entries: Sequence[Entry], scores: pd.DataFrame, rankings: Rankings | None
) -> pd.DataFrame:
    columns = [*_FIRST, *board.study.level_names, *_LAST]
    if scores.empty:
        return pd.DataFrame(columns=columns)
    rule = board.challenge.ranking
    means = mean_dice(scores)
    score = weighted_score(means, rule.weights)
    with_readers = (scores.kind == "reader").any()
    beside = beside_readers(scores, rule.weights, rule.confidence) if with_readers else pd.DataFrame()
    places: dict[Hashable, dict[Hashable, Any]] = {}
    if rankings:
        overall = rankings.ranks[rankings.ranks.task == OVERALL]
        own = overall[overall.scheme == Scheme(rule.scheme)].set_index("algorithm")
        places = own[_OF_RANK].to_dict("index")
    of_key = {entry.key: entry for entry in entries}
    rows = []
    for (key, kind, name), own in scores.groupby(["key", "kind", "name"], sort=False):
        entry, counts = of_key.get(key), own.status.value_counts()
        stands = beside.loc[key].to_dict() if key in beside.index else {"beside": ""}
        rows.append(
            {
                "key": key, "kind": kind, "name": name,
                "team": entry.team if entry else "", "title": entry.about.title if entry else "",
                "simulated": bool(entry and entry.simulated),
                **places.get(key, {}), "score": score[key], **means.loc[key].to_dict(),
                "n_defined": counts.get(SCORED, 0), "n_undefined": counts.get(UNDEFINED, 0),
                "n_missing": counts.get(MISSING, 0), "n": len(own), **stands,
            }
        )  # fmt: skip
    return _placed(pd.DataFrame(rows, columns=columns))


def _lettered_from_the_top(
    rows: pd.DataFrame, rankings: Rankings | None, alpha: float
) -> tuple[pd.DataFrame, Rankings | None]:
    """Letter the overall tie groups in the order of the page, where the first line has the letter a."""
    if rankings is None:
        return rows, None
    order = [key for key, kind in zip(rows.key, rows.kind, strict=True) if kind == "submission"]
    place = {key: number for number, key in enumerate(order)}
    pairs = rankings.pairwise
    clear = pairs[(pairs.task == OVERALL) & (pairs.p_clear <= alpha)]
    differs = np.zeros((len(order), len(order)), dtype=bool)
    differs[clear.algorithm.map(place), clear.other.map(place)] = True
    letters = pd.Series(dict(zip(order, letter_display(differs | differs.T), strict=True)))
    overall = rankings.groups.task == OVERALL
    groups = rankings.groups.group.mask(overall, rankings.groups.algorithm.map(letters))
    return rows.assign(group=rows.key.map(letters)), replace(
        rankings, groups=rankings.groups.assign(group=groups)
    )


def _placed(rows: pd.DataFrame) -> pd.DataFrame:
    """Submissions by rank; each reader before the first submission of a lower score."""
    ranked = rows[rows.kind == "submission"].sort_values(
        ["rank", "score", "key"], ascending=[True, False, True], kind="stable"
    )
    others = rows[rows.kind != "submission"].sort_values("score", ascending=False, kind="stable")
    order: list[int] = []
    waiting = list(others.index)
    for place in ranked.index:
        while waiting and rows.score[waiting[0]] > rows.score[place]:
            order.append(waiting.pop(0))
        order.append(place)
    return rows.loc[[*order, *waiting]].reset_index(drop=True)
