"""The rules of a board in plain words, and what its page says first."""

from __future__ import annotations

import pandas as pd

from bmseg.leaderboard.challenge import Challenge
from bmseg.leaderboard.site.downloads import counts
from bmseg.leaderboard.standings import Standings
from bmseg.leaderboard.texts import plain
from bmseg.study import Study
from evaluation.consensus.kinds import describe
from evaluation.ranking import Scheme
from evaluation.statistics.words import percent
from evaluation.table import DASH

_SCHEMES = {
    Scheme.MEAN: "On each level the submissions are ranked by their mean Dice over the exams.",
    Scheme.MEDIAN: "On each level the submissions are ranked by their median Dice over the exams.",
    Scheme.RANK_MEAN: "On each level the submissions are ranked within every exam, then by the mean of these "
    "ranks.",
    Scheme.RANK_MEDIAN: "On each level the submissions are ranked within every exam, then by the median of "
    "these ranks.",
    Scheme.TEST: "On each level the submissions are ranked by how many of the others they are shown to beat "
    "(see Tests).",
}
_EMPTY = {
    "undefined": "Dice is undefined where submission and consensus are both empty. It is not counted, and "
    "the page says how many there are. Where only one of the two is empty, Dice is 0.",
    "one": "Dice is 1 where submission and consensus are both empty, and 0 where only one of them is.",
    "zero": "Dice is 0 where submission and consensus are both empty, and where only one of them is.",
}
_YARDSTICKS = {
    "usual": "Dice of each exam and level against the consensus of all readers ({consensus}). Each reader is "
    "scored against the consensus of the other readers.",
    "fair": "Dice of each exam and level against the consensus of all readers but one ({consensus}), once "
    "without each reader; the mean of these is a submission's Dice. Each reader is scored against the "
    "consensus of the other readers, for who is part of the reference scores too high. The row “consensus of "
    "the other readers” is the mean of the readers' scores: what a reader reaches on average.",
}
_MISSING = {
    "refuse": "A submission that lacks the mask of an exam is refused.",
    "worst": "An exam without a mask counts as Dice 0, the worst score. It is never left out, and is "
    "counted.",
}
_SUBMISSIONS = {
    "latest": "Of each team the latest submission is ranked.",
    "all": "Every submission of a team is ranked.",
}
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
]  # fmt: skip


def what_is_measured(standings: Standings) -> list[str]:
    """What the board measures, in two sentences."""
    levels = _listed([level.name for level in standings.study.levels])
    exams = _count(len(standings.contract.exams), "test exam")
    first = f"Each submission marks {levels} in {exams} and is scored by Dice, level by level."
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
    left_out = (
        f"Of {found['scores']:,} scores (submissions × exams × levels) {found['undefined']:,} "
        f"{_is(found['undefined'])} undefined and {found['missing']:,} {_is(found['missing'])} missing; "
        f"{_count(found['withdrawn'], 'submission')} "
        f"{'has' if found['withdrawn'] == 1 else 'have'} been withdrawn."
    )
    return [_lead(standings), *_beside_readers(rows), left_out]


def rules(standings: Standings) -> list[tuple[str, str]]:
    """The rules, each with its heading."""
    challenge, study = standings.challenge, standings.study
    rule = challenge.ranking
    confidence, exact = percent(rule.confidence), "exact" if rule.exact else _APPROXIMATE
    return [
        ("Yardstick", _YARDSTICKS[rule.yardstick].format(consensus=describe(study.consensus.rule))),
        ("Levels", _levels(challenge, study)),
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
        (
            "Tests",
            f"One-sided Wilcoxon signed-rank tests, paired by exam, {exact}: of a level's Dice, and overall "
            "of the exam's mean over the ranked levels, by their weights. All ordered pairs of submissions "
            "are one family, adjusted by Holm's rule. Shown is what has an adjusted p of at most "
            f"{rule.alpha:g}.",
        ),
        (
            "Tie groups",
            f"Submissions that share a letter cannot be told apart by the overall tests at {rule.alpha:g}. "
            "That is no proof that they are equal: few exams tell little apart.",
        ),
        (
            "Bootstrap",
            f"Rank intervals ({confidence}), rank probabilities and Kendall's tau of stability come from "
            f"{rule.bootstraps:,} samples of the exams, drawn with replacement (seed {rule.seed}). An exam "
            "that is drawn twice counts twice and is never ranked against its own copy. The intervals speak "
            "of other exams of this kind, not of another training.",
        ),
        (
            "Beside the readers",
            "The difference of an exam's Dice to that of the median reader there, averaged over the ranked "
            f"levels by their weights; over exams the Hodges–Lehmann estimate with its {confidence} "
            "interval. “Not told apart”: the interval holds 0.",
        ),
        ("Submissions", f"{_SUBMISSIONS[rule.submissions]} Withdrawn ones stay listed, with the reason."),
    ]


def _lead(standings: Standings) -> str:
    """Who stands first, and who might on other exams."""
    rows = standings.rows[standings.rows.kind == "submission"]
    first = rows[rows["rank"] == rows["rank"].min()]
    names = {entry.key: plain(entry.name) for entry in standings.entries}
    if len(rows) == 1:
        return f"{names[first.key.iloc[0]]} is the only submission."
    if len(first) > 1:
        return f"{len(first)} submissions share the first place."
    leader = first.iloc[0]
    interval = f"{leader.rank_low:g}{DASH}{leader.rank_high:g}"
    told = f"{names[leader.key]} stands first, with a rank interval of {interval}"
    others = int(((rows.rank_low <= 1) & (rows.key != leader.key)).sum())
    if not others:
        return f"{told}; no other submission's interval holds rank 1."
    return f"{told}; rank 1 lies in the interval of {_count(others, 'other submission')} as well."


def _beside_readers(rows: pd.DataFrame) -> list[str]:
    """How many submissions stand where to the readers, as a sentence; none where there are no readers."""
    said = rows.beside[rows.beside.astype(bool)].value_counts()
    order = ["above the readers", "not told apart from the readers", "below the readers"]
    parts = [f"{said[words]} {words.removesuffix(' the readers')}" for words in order if words in said]
    text = ", ".join(parts).replace("apart from", "apart")
    return [f"Beside the median reader, by the intervals of the differences: {text}."] if parts else []


def _levels(challenge: Challenge, study: Study) -> str:
    weights = challenge.ranking.weights
    ranked = _listed([f"{level} (weight {weight:g})" for level, weight in weights.items()])
    shown = [level for level in study.level_names if level not in weights]
    rest = f" Shown and not ranked: {_listed(shown)}." if shown else ""
    return f"Ranked: {ranked}. Score is the mean of the ranked levels' mean Dice, by these weights.{rest}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
