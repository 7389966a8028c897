"""Does Table 1 hang on how the consensus was made? The same table under every rule, over both regions.

A study that does not say how its consensus was made, as many do not, could have made any of these. What
should survive the choice is the order of the raters: `Sensitivity.order` says where it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product
from typing import Any, get_args

import numpy as np
import pandas as pd
import scipy

from evaluation.consensus.all_votes import AllVotes
from evaluation.consensus.decisions import CONVERGENCE, search_of
from evaluation.consensus.kinds import COUNTED, ORDERED, Region, Rule, describe, in_short
from evaluation.consensus.result import Consensus
from evaluation.consensus.rules import staple
from evaluation.consensus.votes import Votes
from evaluation.measures.dice import COLUMNS, EmptyMask, score, summarise
from evaluation.statistics.words import DASH, count_of, number
from evaluation.table import Table

#: A rule and the region it works on.
Way = tuple[Rule, Region]
WAY = ["rule", "region"]
#: Columns of `Sensitivity.order`, in order.
ORDER = ["rule", "region", "level", "tau", "swapped", "pairs", "raters", "first", "largest_change"]

#: Medians closer than this are tied.
_TIE = 1e-9


def ways_of(*, ordered: bool = True) -> tuple[Way, ...]:
    """Every way of making a consensus, of levels in rising order or of labels without one."""
    rules = [rule for rule in get_args(Rule) if ordered or rule not in ORDERED]
    every = product(rules, get_args(Region))
    return tuple(way for way in every if way[0] not in COUNTED or way[1] == "volume")


@dataclass(frozen=True)
class Sensitivity:
    """Table 1 under every consensus."""

    #: Rule and region of the study's own consensus, which the others are held against.
    study: Way
    #: The policy that all were scored by.
    empty_mask: EmptyMask
    #: ``rule, region`` and the columns of dice.csv: a row a way, exam, rater and level.
    scores: pd.DataFrame
    #: ``rule, region`` and the columns of `evaluation.measures.dice.summarise`: a row a way, level and rater.
    summary: pd.DataFrame
    #: `ORDER`: a row a way and level. The raters are ordered by their medians; ``tau`` is Kendall's tau-b to
    #: their order under the study's own consensus (NaN where one of the two orders ties all raters);
    #: ``swapped`` of ``pairs`` of raters stand the other way round (a tie is no swap); ``raters`` are those
    #: with a median under both, ``first`` the best of them, those tied joined by " = "; ``largest_change`` is
    #: the largest absolute change of a rater's median.
    order: pd.DataFrame
    #: Of `evaluation.consensus.decisions.convergence`, for every way.
    convergence: pd.DataFrame


def sensitivity(
    votes: Mapping[str, Votes] | Mapping[str, AllVotes],
    readers: Sequence[str],
    levels: Mapping[str, Sequence[int]],
    empty_mask: EmptyMask = EmptyMask.UNDEFINED,
    *,
    study: Way = ("multilabel", "volume"),
    ways: Sequence[Way] | None = None,
    known: Mapping[str, Mapping[Way, Consensus]] | None = None,
    ordered: bool = True,
    restarts: int = 20,
    seed: int = 0,
) -> Sensitivity:
    """Score every rater of every exam against the readers' consensus, made in each of several ways.

    `votes` are each exam's, of the readers who drew it, who make the consensus, and models (who alone of
    several readers drew an exam has no score there); `levels` are the mask values
    of a level or group. `study` is the rule and region of the study's own consensus, added to `ways` (by
    default those of `ways_of`) where it is missing; `known` are consensuses of an exam that have been made
    already; `ordered`, `restarts` and `seed` are as for `evaluation.consensus.rules.staple`. Each exam is
    asked for once, so that mappings may read it from a file then.

    Raises
    ------
    ValueError
        If there is no exam, or no reader in an exam's votes.
    """
    if not votes:
        raise ValueError("sensitivity: found no exam, expected the votes of at least one")
    every = [study, *(way for way in ways or ways_of(ordered=ordered) if way != study)]
    made = partial(staple, ordered=ordered, restarts=restarts, seed=seed)
    scores: list[pd.DataFrame] = []
    searches: dict[Way, list[tuple[Any, ...]]] = {way: [] for way in every}
    # Of many exams in files the votes and consensuses of one are in memory.
    for exam, of_all in votes.items():
        drew = [reader for reader in readers if reader in of_all.raters]
        of_readers, done = of_all.select(drew), (known or {}).get(exam, {})
        lone = drew[0] if len(drew) < min(2, len(readers)) else None
        of_exam = {}
        for rule, region in every:
            consensus = done.get((rule, region)) or made(of_readers, rule=rule, region=region)
            of_way = score(of_all, consensus.label_on(of_all), levels, empty_mask)
            of_exam[rule, region] = of_way[of_way.rater != lone].assign(exam=exam)[COLUMNS]
            searches[rule, region].append(search_of(exam, consensus))
        scores.append(_by_way(of_exam))
    every_score = pd.concat(scores, ignore_index=True)
    by_way = every_score.groupby(WAY, sort=False)
    summary = _by_way({way: summarise(every_score.loc[rows, COLUMNS]) for way, rows in by_way.groups.items()})
    search = pd.DataFrame([row for rows in searches.values() for row in rows], columns=CONVERGENCE)
    return Sensitivity(study, empty_mask, every_score, summary, _orders(summary, every), search)


def _by_way(tables: Mapping[Way, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, names=WAY).reset_index(WAY).reset_index(drop=True)


def sensitivity_table(found: Sensitivity, *, title: str, notes: Sequence[str] = ()) -> Table:
    """Median and mean Dice of every rater, and what became of their order: a row a level and consensus.

    ``data`` is ``found.summary`` with the columns of ``found.order`` beside it.
    """
    raters = list(dict.fromkeys(found.summary.rater))
    cells = {(row.rule, row.region, row.level, row.rater): row for row in found.summary.itertuples()}
    orders = {(row.rule, row.region, row.level): row for row in found.order.itertuples()}
    rows = [
        [
            f"{level}, {in_short(rule, region)}{' *' if (rule, region) == found.study else ''}",
            *(_cell(cells[rule, region, level, rater]) for rater in raters),
            *_order_cells(orders[rule, region, level]),
        ]
        for level in dict.fromkeys(found.summary.level)
        for rule, region in dict.fromkeys(zip(found.summary.rule, found.summary.region, strict=True))
    ]
    told = [
        "Median (mean) Dice against the readers' consensus, to which the readers' own masks belong.",
        f"*: the study's own consensus, {describe(*found.study)}; tau (Kendall's tau-b) and swapped pairs "
        "compare the raters' order by median with theirs under it.",
        "Whole volume: estimated on all voxels; marked voxels: on those that a reader marked. Counted votes "
        "are the same on both.",
        f"Both masks empty: {found.empty_mask}; one of them empty: 0.",
        *_changes(found),
    ]
    if (found.summary.n_defined < found.summary.n).any():
        told.append("n: exams with a defined Dice, where not all.")
    unfinished = found.convergence[~found.convergence.converged.astype(bool)]
    if len(unfinished):
        told.append(f"{len(unfinished)} of {len(found.convergence)} consensuses have not converged.")
    columns = ["Level, consensus", *raters, "Order: tau", "Pairs swapped", "First"]
    data = found.summary.merge(found.order, on=["rule", "region", "level"], validate="many_to_one")
    return Table(title, columns, rows, [*told, *notes], data)


def _orders(summary: pd.DataFrame, ways: Sequence[Way]) -> pd.DataFrame:
    """Each way's order of raters against that of the first way, the study's own."""
    medians = summary.pivot(index=["rule", "region", "level"], columns="rater", values="median")
    rows = [
        (rule, region, level, *_compare(medians.loc[(*ways[0], level)], medians.loc[(rule, region, level)]))
        for rule, region in ways
        for level in dict.fromkeys(summary.level)
    ]
    return pd.DataFrame(rows, columns=ORDER)


def _compare(own: pd.Series, other: pd.Series) -> Iterator[Any]:
    """`ORDER` from tau on, of the medians of raters under the study's own consensus and another."""
    both = own.notna() & other.notna()
    own, other = own[both], other[both]
    signs = [
        (_sign(before - after), _sign(first - second))
        for (before, first), (after, second) in combinations(
            zip(own.tolist(), other.tolist(), strict=True), 2
        )
    ]
    # Rounded, so that medians equal but for rounding tie.
    yield float(scipy.stats.kendalltau(own.round(9), other.round(9)).statistic) if len(own) > 1 else np.nan
    yield sum(before * after < 0 for before, after in signs)
    yield len(signs)
    yield len(own)
    yield " = ".join(other.index[other >= other.max() - _TIE])
    yield (other - own).abs().max()


def _sign(difference: float) -> int:
    return 0 if abs(difference) <= _TIE else int(np.sign(difference))


def _cell(row: Any) -> str:
    if not row.n_defined:
        return f"{DASH} n 0"
    count = f" n {row.n_defined}" if row.n_defined < row.n else ""
    return f"{number(row.median)} ({number(row.mean)}){count}"


def _changes(found: Sensitivity) -> Iterator[str]:
    """How often the raters' order changes, in words, a line a level."""
    own = (found.order.rule == found.study[0]) & (found.order.region == found.study[1])
    first = found.order[own].set_index("level")["first"]
    for level, others in found.order[~own].groupby("level", sort=False):
        yield (
            f"{level}: pairs of raters are swapped under {(others.swapped > 0).sum()} of {len(others)} other "
            f"consensuses, and {(others['first'] != first[level]).sum()} have another first than "
            f"{first[level] or 'none'}; no median changes{_by_at_most(others.largest_change.max())}."
        )


def _by_at_most(change: float) -> str:
    """Rounded up: a change of 0.004 may show in the table, as 0.88 that becomes 0.89."""
    # 100 times 0.07 is a little more than 7.
    hundredths = 0.0 if pd.isna(change) else np.ceil(round(100 * change, 6))
    return f" by more than {number(hundredths / 100)}" if hundredths else ""


def _order_cells(row: Any) -> list[str]:
    return [number(row.tau), count_of(row.swapped, row.pairs), row.first or DASH]
