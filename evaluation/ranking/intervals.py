"""Intervals of ranks that hold for all algorithms at once, from the paired tests of every two of them.

With the confidence asked for, no claim of the adjusted tests that one algorithm is better than another is
wrong. Then as many are truly ahead of an algorithm as are clearly better than it, or more, and as many truly
behind it as are clearly worse, or more: its rank lies from 1 + number clearly better to n - number clearly
worse. So Mogstad, Romano, Shaikh and Wilhelm (Inference for ranks, Rev Econ Stud 2024, doi
10.1093/restud/rdad006; not opened but for the documentation and code of its package csranks), with Holm's
rule Bazylik et al. (2024, arXiv:2402.00192); Al Mohamad, Goeman and van Zwet (arXiv:1708.02729) set out from
Tukey's test of all pairs. Of algorithms that truly tie the rank is any of the places that they take together.

Two ways in which such an interval would claim too much were found by simulation
(``benchmarks.rank_coverage``) and are closed here. Who is ahead in most cases need not be ahead on average,
where one of two fails now and then: so `evaluation.ranking.pairwise.PairwiseTests.p_clear` asks the signed
ranks and the mean. And who has the higher mean over tasks need not have the better mean rank: so overall
nobody is clearly ahead of one who is ahead on a ranked task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from evaluation.ranking.rules import OVERALL, Rankings, Rules, Scheme
from evaluation.statistics.words import p_is

_ROUNDING = 1e-12
# Cases beyond which nobody asks how many it takes.
_MANY = 10_000
_MOST_SAID = 3


def clearly_better(p_clear: np.ndarray, ahead: np.ndarray, confidence: float) -> np.ndarray:
    """Who (row) is clearly better than whom (column), by the adjusted test and by the ranks.

    A test against the order of the ranks counts for neither: it only leaves the pair open, so an interval
    always holds the rank that it stands beside.
    """
    with np.errstate(invalid="ignore"):
        return (p_clear <= 1 - confidence + _ROUNDING) & ahead


def rank_intervals(
    p_clear: np.ndarray, ahead: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest rank of each algorithm, together at the confidence.

    Parameters
    ----------
    p_clear : array, shape (n, n)
        Adjusted p of the row being better than the column, over all ordered pairs; NaN where there is no
        test.
    ahead : bool array, shape (n, n)
        Whether the row has the better rank than the column; see `evaluation.ranking.result_tables.Ranking`.

    Examples
    --------
    >>> p = np.array([[np.nan, 0.3, 0.01], [1, np.nan, 0.02], [1, 1, np.nan]])
    >>> low, high = rank_intervals(p, np.triu(np.ones((3, 3), bool), 1), 0.95)
    >>> low.tolist(), high.tolist()
    ([1.0, 1.0, 3.0], [2.0, 2.0, 3.0])
    """
    clear = clearly_better(p_clear, ahead, confidence)
    return 1.0 + clear.sum(axis=0), float(len(clear)) - clear.sum(axis=1)


def clear_pairs(rankings: Rankings, task: str, scheme: str) -> pd.DataFrame:
    """A task's tests with ``p_clear`` 1 where the ranks of a scheme are against it, as for the intervals.

    So what is at most alpha is clear by tests and ranks: letters and maps that go by it and the intervals
    beside them say the same.
    """
    pairs = rankings.pairwise[rankings.pairwise.task == task]
    ranks = rankings.ranks[rankings.ranks.scheme == Scheme(scheme)]

    def of_both(one: str) -> tuple[pd.Series, pd.Series]:
        rank = ranks[ranks.task == one].set_index("algorithm")["rank"]
        return pairs.algorithm.map(rank), pairs.other.map(rank)

    own, others = of_both(task)
    ahead = own < others
    for one in rankings.ranked if task == OVERALL else ():
        own, others = of_both(one)
        ahead &= own <= others
    return pairs.assign(p_clear=pairs.p_clear.mask(pairs.p_clear.notna() & ~ahead, 1.0))


def why_no_interval(n_algorithms: int, n_cases: int, *, is_tested: bool = True) -> str:
    """Why ranks have no interval, in words; empty where they have one."""
    if n_algorithms == 1:
        return "no interval of the rank: there is nobody else to be ranked with"
    if not is_tested:
        return "no interval of the overall rank: the tasks have different cases, so no test is over all"
    if n_cases == 1:
        return "no interval of a rank: one case says nothing of others"
    return ""


def fewest_cases(n_algorithms: int, rules: Rules) -> int:
    """Cases below which no difference can be clear, were one algorithm ahead in each of them.

    Examples
    --------
    >>> [fewest_cases(n, Rules(exact=True)) for n in (2, 6, 7, 8)]
    [6, 10, 10, 11]
    """
    family = n_algorithms * (n_algorithms - 1)
    for n in range(1, _MANY):
        total = n * (n + 1)
        smallest = 0.5**n if rules.exact else ndtr((0.5 - total / 4) / np.sqrt(total * (2 * n + 1) / 24))
        if family * smallest <= 1 - rules.confidence + _ROUNDING:
            return n
    return _MANY


@dataclass(frozen=True)
class Against:
    """Two algorithms whose test says otherwise than their ranks; the first is clearly better in the cases."""

    better: str
    other: str
    p: float
    #: Whether they share a rank; else the other is ahead.
    is_shared: bool


def against_the_ranks(ranks: pd.DataFrame, pairwise: pd.DataFrame, confidence: float) -> list[Against]:
    """Pairs that the tests tell apart and the ranks do not, or the other way round; best ranks first.

    Parameters
    ----------
    ranks, pairwise : DataFrame
        Of `evaluation.ranking.Rankings`, one scheme and task.
    """
    rank = dict(zip(ranks.algorithm, ranks["rank"], strict=True))
    clear = pairwise[pairwise.p_clear <= 1 - confidence + _ROUNDING]
    found = [
        Against(row.algorithm, row.other, row.p_clear, rank[row.algorithm] == rank[row.other])
        for row in clear.itertuples()
        if rank[row.algorithm] >= rank[row.other]
    ]
    return sorted(found, key=lambda pair: (rank[pair.other], pair.better, pair.other))


def in_words(pairs: Sequence[Against], what: str = "case") -> list[str]:
    """What `against_the_ranks` found, a sentence a pair; `what` is compared."""
    said = [
        f"{pair.better} and {pair.other} share a rank, yet the tests tell them apart: {what} by {what} "
        f"{pair.better} is clearly better ({p_is(pair.p)}, adjusted)."
        if pair.is_shared
        else f"{pair.other} has the better rank, yet {what} by {what} {pair.better} is clearly better "
        f"({p_is(pair.p)}, adjusted): who of the two is ahead is not settled."
        for pair in pairs[:_MOST_SAID]
    ]
    rest = len(pairs) - len(said)
    return said + ([f"{rest} more pairs stand otherwise by the tests than by their ranks."] if rest else [])
