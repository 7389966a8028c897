"""The rules of a board in plain words, and what its page says first."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from bmseg.leaderboard.beside import by_call
from bmseg.leaderboard.gathering import COPY
from bmseg.leaderboard.site.cells import difference_interval
from bmseg.leaderboard.site.downloads import counts
from bmseg.leaderboard.site.tasks import measured_by
from bmseg.leaderboard.standings import Standings
from bmseg.leaderboard.texts import plain
from evaluation.consensus.kinds import describe
from evaluation.ranking import OVERALL, Rules, Scheme
from evaluation.ranking.intervals import against_the_ranks, fewest_cases, in_words
from evaluation.statistics.words import percent
from evaluation.table import DASH

_SCHEMES = {
    Scheme.MEAN: "On each level the submissions are ranked by their mean Dice over the exams.",
    Scheme.MEDIAN: "On each level the submissions are ranked by their median Dice over the exams.",
    Scheme.RANK_MEAN: "On each level the submissions are ranked within every exam, then by the mean of these "
    "ranks.",
    Scheme.RANK_MEDIAN: "On each level the submissions are ranked within every exam, then by the median of "
    "these ranks.",
    Scheme.TEST: "On each level the submissions are ranked by how many of the others they are "
    "significantly better than, by the signed-rank tests alone (see Tests).",
}
_EMPTY = {
    "undefined": "Dice is undefined where submission and consensus are both empty. It is not counted, and "
    "the page says how many there are. Where only one of the two is empty, Dice is 0.",
    "one": "Dice is 1 where submission and consensus are both empty, and 0 where only one of them is.",
    "zero": "Dice is 0 where submission and consensus are both empty, and where only one of them is.",
}
_YARDSTICKS = {
    "usual": "Dice of each exam and level against the consensus of all readers ({study}). Each reader is "
    "scored against the consensus of the other readers ({yardstick}). {average}",
    "fair": "Dice of each exam and level against the consensus of all readers but one ({yardstick}), once "
    "without each reader; the mean of these is a submission's Dice. Each reader is scored against the "
    "consensus of the other readers, for who is part of the reference scores too high. {average}",
}
_AVERAGE = (
    "The row “average reader” is the mean of the readers' Dice, exam by exam and level by level: what a "
    "reader reaches on average."
)
_MISSING = {
    "refuse": "A submission that lacks the mask of an exam is refused.",
    "worst": "An exam without a mask counts as Dice 0, the worst score. It is never left out, and is "
    "counted.",
}
_SUBMISSIONS = {
    "latest": "Of each team the latest submission is ranked.",
    "all": "Every submission of a team is ranked.",
}
#: So many submissions are named, more are counted.
_FEW = 4
_APPROXIMATE = "in the normal approximation with continuity correction"
#: Source, what it says, address.
SOURCES = [
    (
        "Wiesenfarth et al. 2021, Sci Rep 11:2369", "the schemes, the blob plot and the significance map",
        "https://doi.org/10.1038/s41598-021-82017-6",
    ),
    (
        "Maier-Hein et al. 2018, Nat Commun 9:5217",
        "why a rank depends on the scheme and on the exams, so that a rank alone says little",
        "https://doi.org/10.1038/s41467-018-07619-7",
    ),
    (
        "Mogstad, Romano, Shaikh and Wilhelm 2024, Rev Econ Stud",
        "intervals of ranks that hold at once, from tests of every pair",
        "https://doi.org/10.1093/restud/rdad006",
    ),
    (
        "Bazylik et al. 2024, arXiv:2402.00192", "the same with Holm's rule",
        "https://arxiv.org/abs/2402.00192",
    ),
]  # fmt: skip


def what_is_measured(standings: Standings) -> list[str]:
    """What the board measures, in two sentences."""
    levels = _listed([standings.shown(level.name) for level in standings.study.levels])
    exams = _count(len(standings.contract.exams), "test exam")
    scored = f"is scored by {measured_by(standings)}, level by level."
    first = f"Each submission marks {levels} in {exams} and {scored}"
    if standings.challenge.ranking.yardstick == "usual":
        return [
            first,
            "The reference is the consensus of all readers; each reader is scored against the others.",
        ]
    return [
        first,
        "Nobody knows the truth: the reference is a consensus of readers, and readers are scored by the same "
        "yardstick, so that the table shows which submissions reach a human.",
    ]


def in_short(standings: Standings) -> list[str]:
    """What the board says, a sentence each: who leads, who reaches the readers, what is left out."""
    rows = standings.rows[standings.rows.kind == "submission"]
    if rows.empty:
        return ["No submission is on the board yet; the readers show what is within reach."]
    found = counts(standings)
    of_dice = "" if standings.challenge.ranking.is_of_dice else "Dice "
    left_out = (
        f"Of {found['scores']:,} {of_dice}scores (submissions × exams × levels) {found['undefined']:,} "
        f"{_is(found['undefined'])} undefined and {found['missing']:,} {_is(found['missing'])} missing; "
        f"{_count(found['withdrawn'], 'submission')} "
        f"{'has' if found['withdrawn'] == 1 else 'have'} been withdrawn."
    )
    said = [_lead(standings), *standings.contract.patients_told, *_against(standings), *_too_few(standings)]
    said += _beside_readers(standings, rows)
    return [*said, *_copies(standings), left_out]


def rules(standings: Standings) -> list[tuple[str, str]]:
    """The rules, each with its heading."""
    challenge, study = standings.challenge, standings.study
    rule = challenge.ranking
    confidence, exact = percent(rule.confidence), "exact" if rule.exact else _APPROXIMATE
    return [
        (
            "Yardstick",
            _YARDSTICKS[rule.yardstick].format(
                study=describe(study.consensus.rule),
                yardstick=describe(study.design().yardstick),
                average=_AVERAGE,
            ),
        ),
        ("Levels", _levels(standings)),
        (
            "Ranking",
            f"{_SCHEMES[Scheme(rule.scheme)]} The overall rank orders the mean of a submission's ranks on "
            "the ranked levels, by their weights. Every other scheme stands beside it on this page.",
        ),
        (
            "Ties",
            f"Values that differ by no more than {rule.tolerance:g} share a rank: the best of the places "
            "that they take.",
        ),
        ("Missing masks", _MISSING[rule.missing]),
        ("Empty masks", _EMPTY[study.scores.empty_mask]),
        *[("Unsure readers", standings.in_titles(said)) for said in standings.contract.unsure],
        (
            "Tests",
            f"One-sided Wilcoxon signed-rank tests, paired by exam, {exact}: of a level's Dice, and overall "
            "of the exam's mean over the ranked levels, by their weights. They ask who is ahead in most "
            "exams; permutation tests of the mean beside them ask who is ahead on average, and the larger p "
            "counts. All ordered pairs of submissions are one family, adjusted by Holm's rule. A difference "
            f"is clear where the adjusted p is at most {rule.alpha:g}; otherwise it could be chance.",
        ),
        (
            "Rank intervals",
            "From 1 + the number of submissions that are clearly better to n − the number of those clearly "
            f"worse ({confidence}, of all submissions at once; each level by itself). A test against the "
            "order of the ranks counts for neither side, and overall nobody is clearly ahead of a submission "
            "that is ahead on a ranked level. On simulated boards of six submissions with near ties these "
            "intervals held all true ranks at once in 98 of 100 or more, the bootstrap spreads of ten exams "
            "in 67 to 89.",
        ),
        (
            "Tie groups",
            "Between submissions that share a letter no difference is clear, by the overall tests at "
            f"{rule.alpha:g} and the ranks, as for intervals. That is no proof that they are equal.",
        ),
        (
            "Bootstrap",
            "The bootstrap spread of a rank (in square brackets), the shares of samples with each rank and "
            f"Kendall's tau of stability come from {rule.bootstraps:,} samples of the exams, drawn with "
            f"replacement (seed {rule.seed}); a spread is where the middle {confidence} of them lie, and no "
            "interval. An exam that is drawn twice counts twice and is never ranked against its own copy. "
            "All this speaks of other exams of this kind, not of another training.",
        ),
        (
            "Beside the readers",
            "The numbers are the difference of an exam's Dice to that of the median reader there, averaged "
            "over the ranked levels by their weights; over exams the Hodges–Lehmann estimate with its "
            f"{difference_interval(standings)}, each by itself. The words are the verdict that a report of "
            "the same masks gives: level by level, all levels and submissions adjusted together by Holm's "
            "rule (simulated ones, which are no team's, by themselves), with the exams in which only one of "
            "the two marks a level that is not there. A submission is better only where a level is clear, "
            "none is clear against it, agreement with the readers without a consensus says the same, and "
            "neither leaving out a reader nor another rule that fits such readers turns the difference "
            "round. All else is not settled.",
        ),
        (
            "Copies",
            "A submission with the masks of a reader, all or some, identical or nearly so, or in every voxel "
            "those of another team's earlier submission, is listed as a copy: without rank and verdict, and "
            "all others are ranked as if it was not there. A reader's copy has its reader's scores.",
        ),
        ("Submissions", f"{_SUBMISSIONS[rule.submissions]} Withdrawn ones stay listed, with the reason."),
    ]


def _lead(standings: Standings) -> str:
    """Who stands first, and who might on other exams."""
    rows = standings.rows[standings.rows.kind == "submission"]
    first = rows[rows["rank"] == rows["rank"].min()]
    names = {entry.key: plain(standings.called(entry)) for entry in standings.entries}
    if len(rows) == 1:
        told = f"{names[first.key.iloc[0]]} is the only submission"
        return f"{told}: with nobody else to be ranked with, its rank has no interval."
    if len(first) > 1:
        who = f"{len(first)} submissions"
        if len(first) <= _FEW:
            who = _listed([names[key] for key in first.key])
        return f"{who} share the first place, with a mean rank of {first.value.iloc[0]:.2f}."
    leader = first.iloc[0]
    told = f"{names[leader.key]} stands first, with a mean rank of {leader.value:.2f}"
    if pd.isna(leader.rank_low):
        return f"{told}; ranks have no interval, for one exam says nothing of others."
    told += f" and a rank interval of {leader.rank_low:g}{DASH}{leader.rank_high:g}"
    others = int(((rows.rank_low <= 1) & (rows.key != leader.key)).sum())
    if not others:
        return f"{told}; no other submission's interval holds rank 1."
    return f"{told}; rank 1 lies in the interval of {_count(others, 'other submission')} as well."


def _against(standings: Standings) -> list[str]:
    """Pairs that the tests tell apart and the ranks do not, or the other way round."""
    rule, rankings = standings.challenge.ranking, standings.rankings
    if rankings is None or OVERALL in rankings.no_interval:
        return []
    names = {entry.key: plain(standings.called(entry)) for entry in standings.entries}
    ranks = rankings.ranks[(rankings.ranks.task == OVERALL) & (rankings.ranks.scheme == rule.scheme)]
    pairs = rankings.pairwise[rankings.pairwise.task == OVERALL]
    found = against_the_ranks(ranks, pairs, rule.confidence)
    return in_words(
        [replace(pair, better=names[pair.better], other=names[pair.other]) for pair in found], "exam"
    )


def _too_few(standings: Standings) -> list[str]:
    """That no difference between submissions can be clear, where so few exams cannot tell any apart."""
    n, rule = len(standings.entries), standings.challenge.ranking
    if n < 2:
        return []
    least = fewest_cases(n, Rules(exact=rule.exact, confidence=rule.confidence))
    exams = len(standings.contract.exams)
    if exams >= least:
        return []
    return [
        f"{_count(exams, 'exam')} cannot tell {n} submissions apart: with fewer than {least} every "
        "difference between two of them could be chance."
    ]


def _beside_readers(standings: Standings, rows: pd.DataFrame) -> list[str]:
    """Which submissions stand where to the readers, a sentence; none where there are no readers.

    Simulated ones are no team's, and are not counted where there are others.
    """
    aside = rows.simulated if not rows.simulated.all() else rows.simulated & False
    judged = rows[rows.beside.astype(bool) & ~aside]
    if judged.empty:
        return []
    parts = []
    for words, teams in by_call(judged, standings.calls).items():
        who = _listed([*map(standings.shown, teams)]) if len(teams) <= _FEW else str(len(teams))
        parts.append(f"{who} {words}")
    whom = _count(len(judged), "submission")
    whom += f" ({int(aside.sum())} simulated aside)" if aside.any() else ""
    return [f"Beside the median reader, of {whom}: {'; '.join(parts)}."]


def _copies(standings: Standings) -> list[str]:
    """Which submissions are copies, as a sentence; none where there is none."""
    if not standings.copies:
        return []
    of = standings.rows[standings.rows.kind == COPY]
    teams = {entry.key: entry.team for entry in [*standings.entries, *standings.superseded]}
    pairs = [(row.team, teams.get(row.copy_of, row.copy_of)) for row in of.itertuples()]
    named = [f"{standings.shown(team)} of {standings.shown(other)}" for team, other in pairs]
    are = "is a copy" if len(of) == 1 else "are copies"
    return [f"{_count(len(of), 'submission')} {are} and ranked nowhere: {_listed(named)}."]


def _levels(standings: Standings) -> str:
    weights, study = standings.challenge.ranking.weights, standings.study
    ranked = _listed([f"{standings.shown(level)} (weight {weight:g})" for level, weight in weights.items()])
    shown = [standings.shown(level) for level in study.level_names if level not in weights]
    rest = f" Shown and not ranked: {_listed(shown)}." if shown else ""
    return f"Ranked: {ranked}. Score is the mean of the ranked levels' mean Dice, by these weights.{rest}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
