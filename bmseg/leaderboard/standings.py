"""Who stands where: the board's scores, ranked, with the readers beside them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from bmseg.leaderboard.beside import call_in_words
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.called import board_titles
from bmseg.leaderboard.challenge import Challenge, Contract
from bmseg.leaderboard.copies import Copy, copies_among
from bmseg.leaderboard.entries import Entry
from bmseg.leaderboard.gathering import dice_scores, entry_scores, mean_values, measured_scores
from bmseg.leaderboard.history import over_time
from bmseg.leaderboard.means import differences, mean_dice, weighted_score
from bmseg.leaderboard.placing import OF_RANK, lettered_from_the_top, placed, places, rank
from bmseg.leaderboard.scoring import MISSING, SCORED, UNDEFINED
from bmseg.leaderboard.verdicts import verdicts
from bmseg.study import Study
from evaluation.comparison.verdicts import Verdict
from evaluation.ranking import Rankings
from evaluation.study.titles import in_sentence

# Columns of `Standings.rows` before those of the levels, and behind them.
_FIRST = [
    "key", "kind", "name", "team", "title", "simulated", "rank", "rank_low", "rank_high", "spread_low",
    "spread_high", "group", "value", "score",
]  # fmt: skip
_LAST = [
    "n_defined", "n_undefined", "n_missing", "n", "difference", "low", "high", "coverage", "n_false",
    "n_false_readers", "beside", "verdict", "copy_of",
]  # fmt: skip


@dataclass(frozen=True)
class Standings:
    """A board, ranked."""

    challenge: Challenge
    study: Study
    contract: Contract
    entries: list[Entry]  # those that stand, in rank order
    withdrawn: list[Entry]
    superseded: list[Entry]  # a team's earlier submissions, where only its latest is ranked
    copies: list[Entry]  # of a reader or of another team's submission: no rank; `bmseg.leaderboard.copies`
    why_copy: Mapping[str, str]  # key of these to whose masks they are, in a sentence
    #: A row a line of the page, best score first, ranked ones by rank: ``key, kind`` (submission, copy,
    #: reader or average_reader), ``name, team, title, simulated``; ``rank, rank_low, rank_high, spread_low,
    #: spread_high, group, value``: overall, by the challenge's scheme, where ``value`` is the mean of the
    #: levels' ranks (empty for readers and copies); ``score``: weighted mean over the ranked levels of the
    #: mean Dice; a column a level: mean Dice over exams, a missing one counted as 0; then a column a task
    #: that is no Dice: its mean, a missing exam counted as its worst; ``n_defined,
    #: n_undefined, n_missing`` of ``n`` scores (exams x levels); ``difference, low, high, coverage``: to the
    #: median reader, see `differences`; ``beside, verdict``: the verdict beside the median reader
    #: (`bmseg.leaderboard.verdicts`), as its call and in words, with ``n_false, n_false_readers``, over its
    #: levels exams in which the submission alone, and the median reader alone, marked a level that is not
    #: there; ``copy_of`` whom a copy is of, a reader or a key. Tie groups are lettered from the top.
    rows: pd.DataFrame
    rankings: Rankings | None  # of the entries, if any; algorithms are their keys, tasks the levels
    #: ``exam, key, kind, name, level, dice, status, n_defined, n_consensuses, absent`` of every row.
    scores: pd.DataFrame
    #: The same of tasks that are no Dice, with ``task, measure, value`` in place of Dice and ``worst``: what
    #: an exam without a mask counts as (`bmseg.leaderboard.gathering`); empty where there is none.
    measured: pd.DataFrame
    #: What happened to the submissions that are or were ranked, and the best score from then on
    #: (`bmseg.leaderboard.history.over_time`).
    over_time: pd.DataFrame
    #: The same without simulated submissions, ranked by the challenge's scheme alone and without a bootstrap;
    #: None where none is simulated, or nobody else is there.
    alone: Standings | None = None
    #: The moment (UTC) that the board is shown of; empty for now.
    as_of: str = ""
    #: Key to the verdict in words, with titles for names, as pages show it; `rows` hold names.
    said: Mapping[str, str] = field(default_factory=dict)
    #: Key to its call in words, with the levels that it is of (`bmseg.leaderboard.beside`), likewise.
    calls: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def titles(self) -> dict[str, str]:
        """Names to what pages show in their place (`bmseg.leaderboard.called.board_titles`)."""
        every = [*self.entries, *self.copies, *self.superseded, *self.withdrawn]
        return board_titles(self.study, every)

    def shown(self, name: str) -> str:
        """What a level, reader or team is shown as."""
        return self.titles.get(name, name)

    def called(self, entry: Entry) -> str:
        """What a page calls a submission: the team, and the title where it has one."""
        return self.shown(entry.team) + entry.name.removeprefix(entry.team)

    def in_titles(self, text: str) -> str:
        """A sentence that was made with names, as of a contract or a copy."""
        return in_sentence(text, self.titles)


def standings(board: Board, as_of: str = "") -> Standings:
    """Rank a board from its files; raises `InputError` or `WorkError` where one is damaged.

    With `as_of`, a moment as of `bmseg.leaderboard.entries.Event.date`, of the submissions that stood then.
    """
    entries = board.entries()
    if as_of:
        entries = [then for entry in entries if (then := entry.as_of(as_of))]
    withdrawn = [entry for entry in entries if entry.is_withdrawn]
    standing = [entry for entry in entries if not entry.is_withdrawn]
    copies = copies_among(standing, board.study.reader_names)
    honest = [entry for entry in standing if entry.key not in copies]
    ranked = honest
    if board.challenge.ranking.submissions == "latest":
        ranked = list({entry.team: entry for entry in honest}.values())
    copied = [entry for entry in standing if entry.key in copies]
    chosen = {entry.key for entry in [*ranked, *copied]}
    known = {entry.key: entry for entry in entries if entry.key in chosen}
    dice = {key: board.dice(entry) for key, entry in known.items()}
    scores = dice_scores(board, ranked, copies, known, dice)
    measured = measured_scores(board, ranked, copies, known)
    rankings = rank(board, scores, measured) if ranked else None
    told = verdicts(board, ranked, dice) if len(scores) else {}
    rows = _rows(board, [*ranked, *copied], scores, measured, rankings, copies, told)
    rule = board.challenge.ranking
    rows, rankings = lettered_from_the_top(rows, rankings, rule.scheme, rule.alpha)
    order = {key: place for place, key in enumerate(rows.key)}
    in_order = sorted(ranked, key=lambda entry: order[entry.key])
    superseded = [entry for entry in honest if entry.key not in order]
    found = Standings(
        board.challenge, board.study, board.contract, in_order, withdrawn, superseded, copied,
        {key: copy.words for key, copy in copies.items()}, rows, rankings, scores, measured,
        _over_time(board, [*in_order, *superseded], rows), as_of=as_of,
        said={key: shown.words for key, (_, shown) in told.items()},
        calls={key: call_in_words(shown) for key, (_, shown) in told.items()},
    )  # fmt: skip
    return replace(found, alone=_without_simulated(board, found))


def _over_time(board: Board, entries: Sequence[Entry], rows: pd.DataFrame) -> pd.DataFrame:
    """`Standings.over_time`; scores of those that were ranked earlier are made as those of the others."""
    known = dict(zip(rows.key, rows.score, strict=True))
    earlier = [entry for entry in entries if entry.key not in known]
    rule = board.challenge.ranking
    if earlier:
        kept = {entry.key: board.dice(entry) for entry in earlier}
        means = mean_dice(entry_scores(earlier, kept, rule.yardstick))
        known |= weighted_score(means, rule.of_dice).to_dict()
    return over_time(entries, known, rule.submissions)


def _without_simulated(board: Board, found: Standings) -> Standings | None:
    """The board ranked anew without its simulated submissions; verdicts are of families of their own."""
    aside = {entry.key for entry in found.entries if entry.simulated}
    entries = [entry for entry in found.entries if not entry.simulated]
    if not (aside and entries):
        return None
    rows, scores, measured = (
        table[~table.key.isin(aside)].reset_index(drop=True)
        for table in (found.rows, found.scores, found.measured)
    )
    rankings = rank(board, scores, measured, places_alone=True)
    rule = board.challenge.ranking
    anew = pd.DataFrame.from_dict(places(rankings, rule.scheme), orient="index")
    # Readers and copies have no rank.
    rows[OF_RANK] = anew.reindex(rows.key)[OF_RANK].to_numpy()
    rows, rankings_ = lettered_from_the_top(placed(rows), rankings, rule.scheme, rule.alpha)
    order = {key: place for place, key in enumerate(rows.key)}
    entries.sort(key=lambda entry: order[entry.key])
    return replace(found, entries=entries, rows=rows, rankings=rankings_, scores=scores, measured=measured)


def _rows(
    board: Board,
    entries: Sequence[Entry],
    scores: pd.DataFrame,
    measured: pd.DataFrame,
    rankings: Rankings | None,
    copies: Mapping[str, Copy],
    told: Mapping[str, tuple[Verdict, Verdict]],
) -> pd.DataFrame:
    tasks = [task.name for task in board.challenge.ranking.tasks]
    columns = [*_FIRST, *board.study.level_names, *tasks, *_LAST]
    if scores.empty:
        return pd.DataFrame(columns=columns)
    rule = board.challenge.ranking
    means = mean_dice(scores)
    score = weighted_score(means, rule.of_dice)
    means = means.join(mean_values(measured, tasks))
    with_readers = (scores.kind == "reader").any()
    apart = differences(scores, rule.of_dice, rule.confidence) if with_readers else pd.DataFrame()
    own_places: dict[Hashable, dict[Hashable, Any]] = {}
    if rankings:
        own_places = places(rankings, rule.scheme)
    of_key = {entry.key: entry for entry in entries}
    rows = []
    for (key, kind, name), own in scores.groupby(["key", "kind", "name"], sort=False):
        entry, counts = of_key.get(key), own.status.value_counts()
        stands = apart.loc[key].to_dict() if key in apart.index else {}
        rows.append(
            {
                "key": key, "kind": kind, "name": name,
                "team": entry.team if entry else "", "title": entry.about.title if entry else "",
                "simulated": bool(entry and entry.simulated),
                **own_places.get(key, {}), "score": score[key], **means.loc[key].to_dict(),
                "n_defined": counts.get(SCORED, 0), "n_undefined": counts.get(UNDEFINED, 0),
                "n_missing": counts.get(MISSING, 0), "n": len(own), **stands, **_said(told.get(key)),
                "copy_of": copies[key].of if key in copies else "",
            }
        )  # fmt: skip
    return placed(pd.DataFrame(rows, columns=columns))


def _said(told: tuple[Verdict, Verdict] | None) -> dict[str, Any]:
    """A verdict as columns of `Standings.rows`."""
    if told is None:
        return {"beside": "", "verdict": ""}
    verdict, _ = told
    false = {
        "n_false": sum(level.n_false for level in verdict.levels),
        "n_false_readers": sum(level.n_false_other for level in verdict.levels),
    }
    return false | {"beside": verdict.call, "verdict": verdict.words}
