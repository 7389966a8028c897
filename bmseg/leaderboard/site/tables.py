"""The tables of the board's pages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bmseg.leaderboard.site.cells import (
    Cell,
    between,
    difference,
    in_words,
    number,
    own_interval,
    rank_cell,
    whole,
)
from bmseg.leaderboard.standings import Standings
from bmseg.leaderboard.texts import link, plain, repeated
from evaluation.ranking import OVERALL, Scheme
from evaluation.ranking.groups import in_short, letters_of, place_of
from evaluation.table import DASH

SCHEME_NAMES = {
    Scheme.MEAN: "mean, then rank",
    Scheme.MEDIAN: "median, then rank",
    Scheme.RANK_MEAN: "rank, then mean",
    Scheme.RANK_MEDIAN: "rank, then median",
    Scheme.TEST: "test, then rank",
}
_ALPHABET = 26
# Width of the strip that draws a difference, in units of its own.
_STRIP = 100


@dataclass(frozen=True)
class Strip:
    """A difference with its interval as places from 0 to 100; ``zero`` is that of no difference."""

    zero: float
    low: float
    high: float
    estimate: float


@dataclass(frozen=True)
class Line:
    """A line of the ranking table."""

    key: str
    kind: str
    team: str  # as it is shown
    name: str  # as files have it
    title: str
    identifier: str
    page: str  # from the site's root; empty for readers
    simulated: bool
    day: str  # of its addition; empty for readers
    version: str  # the team's own word for it
    url: str  # of its method, where the challenge shows it
    parameters: Cell
    seconds: Cell  # an exam
    rank: Cell
    mean_rank: Cell
    spread: str  # of the rank over the bootstrap samples
    group: str
    letters: Cell  # the group as `group_cells` has it
    score: Cell
    levels: list[Cell]
    defined: Cell
    undefined: Cell
    missing: Cell
    difference: Cell
    interval: str
    beside: str  # the verdict beside the median reader in short, or whose copy it is
    verdict: str  # in words
    strip: Strip | None
    alone: str  # where it stands without the simulated submissions, for the page's switch; may be empty

    @property
    def is_shortened(self) -> bool:
        """Whether not every letter of the group is printed."""
        return self.letters.text != self.group


def ranking_lines(standings: Standings) -> list[Line]:
    """The ranking table, line by line, in the order of the board."""
    entries = {entry.key: entry for entry in standings.entries}
    known = entries | {entry.key: entry for entry in standings.copies}
    shows_url = standings.challenge.public.url
    alone = _alone(standings)
    twice = repeated(entry.name for entry in standings.entries)
    called = {entry.key: standings.shown(entry.team) for entry in [*standings.entries, *standings.superseded]}
    called |= standings.titles
    span = _span(standings.rows)
    groups = [group if isinstance(group, str) else "" for group in standings.rows.group]
    lines = []
    of_rows = zip(standings.rows.to_dict("records"), groups, group_cells(groups), strict=True)
    for row, group, letters in of_rows:
        entry, about = entries.get(row["key"]), known.get(row["key"])
        lines.append(
            Line(
                key=row["key"],
                kind=row["kind"],
                team=plain(standings.shown(row["team"] or row["name"])),
                name=row["team"] or row["name"],
                title=plain(row["title"]),
                identifier=entry.submission if entry and entry.name in twice else "",
                page=f"submissions/{entry.page_name}.html" if entry else "",
                simulated=bool(row["simulated"]),
                day=about.history[0].date[:10] if about else "",
                version=plain(about.about.version) if about else "",
                url=link(about.about.url) if about and shows_url else "",
                parameters=in_words(about.about.parameters if about else None, 1e6),
                seconds=in_words(about.about.seconds_per_exam if about else None),
                rank=rank_cell(row["rank"], row["rank_low"], row["rank_high"]),
                mean_rank=number(row["value"]),
                spread=between(row["spread_low"], row["spread_high"]),
                group=group,
                letters=letters,
                score=number(row["score"], 3),
                levels=[number(row[level]) for level in standings.study.level_names],
                defined=whole(row["n_defined"]),
                undefined=whole(row["n_undefined"]),
                missing=whole(row["n_missing"]),
                difference=difference(row["difference"]),
                interval=own_interval(row, standings.challenge.ranking.confidence),
                beside=_beside(row, called, standings.calls),
                verdict=standings.said.get(row["key"], ""),
                strip=_strip(row, span),
                alone=alone.get(row["key"], ""),
            )
        )
    return lines


def group_cells(groups: Sequence[str]) -> list[Cell]:
    """Tie groups as they are printed; the place of the first letter where the alphabet does not suffice."""
    first = [min(map(place_of, letters_of(group)), default=None) for group in groups]
    is_long = any(place_of(letter) >= _ALPHABET for group in groups for letter in letters_of(group))
    return [
        Cell(in_short(group), place if is_long else None) for group, place in zip(groups, first, strict=True)
    ]


def _alone(standings: Standings) -> dict[str, str]:
    """Key to rank, mean rank and tie group without the simulated submissions, and its place on the board.

    As ``rank|text|mean|text|order|letters|place``, so that the page puts in what was ranked here.
    """
    if standings.alone is None:
        return {}
    rows = standings.alone.rows
    letters = group_cells([group if isinstance(group, str) else "" for group in rows.group])
    found = {}
    for place, (row, group) in enumerate(zip(rows.to_dict("records"), letters, strict=True)):
        rank, mean = rank_cell(row["rank"], row["rank_low"], row["rank_high"]), number(row["value"])
        known = (rank.value, rank.text, mean.value, mean.text, group.value, group.text, place)
        found[row["key"]] = "|".join("" if value is None else str(value) for value in known)
    return found


def scheme_rows(standings: Standings) -> list[tuple[str, list[Cell]]]:
    """Every submission's overall rank with interval and spread: key, and a cell a scheme."""
    if standings.rankings is None:
        return []
    ranks = standings.rankings.ranks
    cells = rank_cells(ranks[ranks.task == OVERALL])
    return [
        (entry.key, [cells[str(scheme), OVERALL, entry.key] for scheme in SCHEME_NAMES])
        for entry in standings.entries
    ]


def rank_cells(ranks: pd.DataFrame) -> dict[tuple[str, str, str], Cell]:
    """Scheme, task and algorithm to rank (interval) [spread], of `evaluation.ranking.Rankings.ranks`."""
    cells = {}
    for row in ranks.itertuples():
        cell, spread = (
            rank_cell(row.rank, row.rank_low, row.rank_high),
            between(row.spread_low, row.spread_high),
        )
        text = f"{cell.text} [{spread}]" if spread else cell.text
        cells[str(row.scheme), str(row.task), str(row.algorithm)] = Cell(text, cell.value)
    return cells


def stability_cells(standings: Standings) -> list[Cell]:
    """Kendall's tau of each scheme's overall ranking over the bootstraps, with its spread."""
    if standings.rankings is None:
        return []
    table = standings.rankings.stability
    overall = table[table.task == OVERALL].set_index("scheme")
    return [_tau_with_spread(overall, scheme) for scheme in SCHEME_NAMES]


def agreement_rows(standings: Standings) -> list[tuple[str, list[Cell]]]:
    """Kendall's tau between the overall rankings of every two schemes."""
    if standings.rankings is None:
        return []
    table = standings.rankings.agreement
    overall = table[table.task == OVERALL]
    taus = {frozenset((str(row.scheme), str(row.other))): row.kendall_tau for row in overall.itertuples()}

    def cell(scheme: Scheme, other: Scheme) -> Cell:
        return Cell("") if scheme is other else number(taus.get(frozenset((str(scheme), str(other)))))

    return [(name, [cell(scheme, other) for other in SCHEME_NAMES]) for scheme, name in SCHEME_NAMES.items()]


def flat(record: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as dotted names, lists joined: provenance as a table."""
    rows: list[tuple[str, str]] = []
    for name, value in record.items():
        if isinstance(value, Mapping):
            rows += flat(value, f"{prefix}{name}.")
        else:
            many = isinstance(value, Iterable) and not isinstance(value, str)
            rows.append((f"{prefix}{name}", ", ".join(map(str, value)) if many else str(value)))
    return rows


def _span(rows: pd.DataFrame) -> tuple[float, float]:
    """From the lowest to the highest end of any interval, no difference included."""
    ends = rows[["low", "high"]].to_numpy(float)
    known = ends[np.isfinite(ends)]
    return (min(known.min(), 0.0), max(known.max(), 0.0)) if known.size else (0.0, 0.0)


def _strip(row: Mapping[str, Any], span: tuple[float, float]) -> Strip | None:
    values = [float(row[name]) for name in ("low", "high", "difference")]
    if not all(map(math.isfinite, values)) or values[0] == values[1]:
        return None
    # Room at both ends for the mark of an estimate.
    low, high, estimate, zero = (
        round(_STRIP * (0.04 + 0.92 * (value - span[0]) / (span[1] - span[0])), 1) for value in (*values, 0.0)
    )
    return Strip(zero, low, high, estimate)


def _beside(row: Mapping[str, Any], called: Mapping[str, str], calls: Mapping[str, str]) -> str:
    """How a submission stands to the readers, or whose copy it is."""
    if row["copy_of"]:
        return f"a copy of {called.get(row['copy_of'], row['copy_of'])}: no rank, no verdict"
    return calls.get(row["key"], "")


def _tau_with_spread(stability: pd.DataFrame, scheme: Scheme) -> Cell:
    if scheme not in stability.index or pd.isna(stability.kendall_tau[scheme]):
        return Cell(DASH)
    row = stability.loc[scheme]
    spread = f" [{row.low:.2f} to {row.high:.2f}]".replace("-", "\u2212") if pd.notna(row.low) else ""
    return Cell(number(row.kendall_tau).text + spread, float(row.kendall_tau))
