"""An order of raters that rests on their masks, not on their names: a consensus must not change by renaming.

Rounding, random starts, and which of several equally likely answers comes first depend on the order in which
raters are worked on. Ordered by what they drew, the same masks give the same digits whoever drew them. Raters
whom even that leaves alike (exchanging them changes no count of a vote pattern: two with the same mask, or
two who differ on as many voxels either way) can be told apart by name alone, and are to be estimated alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, permutations, product
from math import factorial, prod

import numpy as np

from evaluation.consensus.coding import distinct
from evaluation.consensus.votes import Votes

#: So many orders of raters who look alike at first are compared; beyond, names decide among these.
_MOST = 120


@dataclass(frozen=True, eq=False)
class Ordered:
    """Votes whose columns are in an order of content."""

    votes: Votes
    #: For each column the first one that it is exchangeable with, often itself, shape (R,).
    alike: np.ndarray

    @cached_property
    def mean(self) -> np.ndarray | None:
        """Weights (R, R) of a mean over raters alike; None where all can be told apart."""
        same = self.alike[:, None] == self.alike
        return None if same.sum() == len(same) else same / same.sum(axis=1, keepdims=True)

    def averaged(self, values: np.ndarray, axis: int) -> np.ndarray:
        """Values of raters along an axis, those of raters alike by their mean."""
        if self.mean is None:
            return values
        return np.moveaxis(np.tensordot(self.mean, values, (1, axis)), 0, axis)

    def notices(self) -> list[str]:
        """Which raters differ and yet cannot be told apart."""
        told = []
        for first in np.unique(self.alike):
            columns = np.flatnonzero(self.alike == first)
            drawn = self.votes.patterns[:, columns]
            if len(columns) > 1 and (drawn != drawn[:, :1]).any():
                names = " and ".join(sorted(self.votes.raters[column] for column in columns))
                told.append(f"{names} differ on as many voxels either way and are taken alike")
        return told


def by_content(votes: Votes) -> Ordered:
    """The same votes, their raters ordered by what they drew where the others drew what."""
    if len(votes.raters) > len(votes.labels):
        of_each = np.stack(
            [(votes.patterns == label).sum(axis=1) for label in range(len(votes.labels))], axis=1
        )
        contents = [_content_by_number(votes, of_each, column) for column in range(len(votes.raters))]
    else:
        contents = [_content(votes, column) for column in range(len(votes.raters))]
    keys = dict(zip(votes.raters, contents, strict=True))
    raters = sorted(votes.raters, key=lambda rater: (keys[rater], rater))
    sizes = [len(list(group)) for _, group in groupby(raters, key=keys.__getitem__)]
    if max(sizes) == 1 or prod(map(factorial, sizes)) > _MOST:
        return Ordered(votes.select(raters), np.arange(len(raters)))
    orders = [tuple(raters[place] for place in order) for order in _orders(sizes)]
    arranged = [votes.select(order) for order in orders]
    tables = [(each.patterns.tobytes(), each.counts.tobytes()) for each in arranged]
    first = min(tables)
    same = [order for order, table in zip(orders, tables, strict=True) if table == first]
    found = arranged[tables.index(first)]
    # The first of the orders that are alike, and who stands in a place in any of them.
    alike = [min(map(found.raters.index, {order[place] for order in same})) for place in range(len(raters))]
    return Ordered(found, np.array(alike))


def _orders(sizes: list[int]) -> Iterator[tuple[int, ...]]:
    """Every order of places in which groups of neighbours of these sizes are shuffled within themselves."""
    starts = np.cumsum([0, *sizes[:-1]]).tolist()
    groups = [range(start, start + size) for start, size in zip(starts, sizes, strict=True)]
    for each in product(*map(permutations, groups)):
        yield tuple(place for group in each for place in group)


def _content(votes: Votes, column: int) -> tuple[bytes, bytes]:
    """How often a rater said what, the others having said what, whoever of them."""
    others = np.sort(np.delete(votes.patterns, column, axis=1), axis=1)
    rows = np.column_stack([votes.patterns[:, column], others])
    # The first column is the one to sort by first.
    first, group = distinct(rows[:, ::-1], len(votes.labels))
    counts = np.zeros(len(first), np.int64)
    np.add.at(counts, group, votes.counts)
    return rows[first].tobytes(), counts.tobytes()


def _content_by_number(votes: Votes, of_each: np.ndarray, column: int) -> tuple[bytes, bytes]:
    """The same from how many raters gave each label in a pattern (P, L): faster of more raters than labels.

    Of two rows of sorted votes the one with more of the lowest label comes first, and so on.
    """
    patterns, n_labels = votes.patterns, len(votes.labels)
    own, n_others = patterns[:, column], patterns.shape[1] - 1
    of_others = of_each.copy()
    of_others[np.arange(len(own)), own] -= 1
    # As bytes, the highest first, rows are in the order of their numbers.
    rows = np.column_stack([own, n_others - of_others]).astype(">u2")
    codes = rows.view(f"V{rows.itemsize * rows.shape[1]}").ravel()
    _, first, group = np.unique(codes, return_index=True, return_inverse=True)
    counts = np.zeros(len(first), np.int64)
    np.add.at(counts, group, votes.counts)
    each = np.tile(np.arange(n_labels, dtype=patterns.dtype), len(first))
    others = np.repeat(each, of_others[first].ravel()).reshape(len(first), n_others)
    return np.column_stack([own[first], others]).tobytes(), counts.tobytes()
