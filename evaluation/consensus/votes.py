"""Which combinations of labels did the raters give, and how often: an exam as a histogram of vote patterns.

A vote pattern is what all raters say about one voxel, such as (0, 1, 1, 2). A consensus, a Dice score and
an agreement depend on an exam only through the number of voxels of each pattern, so the voxels are read
once, here (`count_votes`), and touched again only to write an image (`paint`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.consensus.coding import (
    check_labels,
    check_raters,
    count_patterns,
    distinct,
    find_patterns,
    find_rows,
    memory_order,
)
from evaluation.statistics.words import plural


@dataclass(frozen=True, eq=False, repr=False)
class Votes:
    """The vote patterns that occur in an exam and their numbers of voxels."""

    #: The columns of `patterns`.
    raters: tuple[str, ...]
    #: Label values, background 0 first.
    labels: tuple[int, ...]
    #: Indices into `labels`, uint8 of shape (P, R), sorted with the first rater's label running fastest.
    patterns: np.ndarray
    #: Voxels of each pattern, int64 of shape (P,), all positive.
    counts: np.ndarray

    def __repr__(self) -> str:
        found = f"{plural(len(self.counts), 'pattern')} in {plural(self.n_voxels, 'voxel')}"
        return f"<Votes of {', '.join(self.raters)}: {found}, labels {', '.join(map(str, self.labels))}>"

    @property
    def n_voxels(self) -> int:
        """Voxels of the exam."""
        return int(self.counts.sum())

    @property
    def label_counts(self) -> np.ndarray:
        """Voxels of each label in each rater's mask, int64 of shape (R, L)."""
        return np.array([self._sum_by(column, len(self.labels)) for column in self.patterns.T])

    @property
    def label_dtype(self) -> np.dtype:
        """The smallest unsigned integer type that holds every label value."""
        return np.min_scalar_type(max(self.labels))

    def column(self, rater: str) -> int:
        """The column of a rater; ValueError when there is no such rater."""
        if rater not in self.raters:
            raise ValueError(f"rater '{rater}': not among the counted raters {', '.join(self.raters)}")
        return self.raters.index(rater)

    def values_of(self, rater: str) -> np.ndarray:
        """A rater's label value in each pattern, shape (P,)."""
        return np.array(self.labels, self.label_dtype)[self.patterns[:, self.column(rater)]]

    def parts(self) -> Iterator[tuple[Votes, tuple[str, ...]]]:
        """Votes, and the raters to be read from them: itself, and all."""
        yield self, self.raters

    def together(self, rater: str, other: str) -> np.ndarray:
        """Voxels by the label that each of two raters gave, int64 of shape (L, L)."""
        return self.against(self.patterns[:, self.column(rater)], [other])[0]

    def against(self, reference: np.ndarray, raters: Sequence[str]) -> np.ndarray:
        """Voxels by the label index in a reference (P,) and that of some raters, int64 of shape (R, L, L)."""
        n_labels, columns = len(self.labels), [self.column(rater) for rater in raters]
        codes = self.patterns[:, columns] + n_labels * reference.astype(np.int64)[:, None]
        codes += n_labels**2 * np.arange(len(columns))
        table = np.zeros(len(columns) * n_labels**2, np.int64)
        np.add.at(table, codes, np.broadcast_to(self.counts[:, None], codes.shape))
        return table.reshape(-1, n_labels, n_labels)

    def select(self, raters: Sequence[str]) -> Votes:
        """The histogram of some raters, in the order given: what `count_votes` on their masks would say.

        Raises
        ------
        ValueError
            If a rater is unknown or named twice, or none is named.
        """
        check_raters(raters)
        columns = [self.column(rater) for rater in raters]
        first, group = distinct(self.patterns[:, columns], len(self.labels))
        return Votes(
            raters=tuple(raters),
            labels=self.labels,
            patterns=np.ascontiguousarray(self.patterns[first][:, columns]),
            counts=self._sum_by(group, len(first)),
        )

    def rows_in(self, marginal: Votes) -> np.ndarray:
        """For each pattern here, the row of `marginal` that holds its restriction to the raters there.

        ``consensus.label[votes.rows_in(others)]`` is a consensus of some raters, such as all but one,
        written onto the patterns of all raters, ready to be scored against each of them.

        Raises
        ------
        ValueError
            If `marginal` was counted on other labels or does not hold a pattern.
        """
        if marginal.labels != self.labels:
            raise ValueError(f"vote patterns of labels {marginal.labels}: expected labels {self.labels}")
        columns = [self.column(rater) for rater in marginal.raters]
        rows = find_rows(self.patterns[:, columns], marginal.patterns, len(self.labels))
        if (rows < 0).any():
            raise ValueError(f"vote patterns of {', '.join(marginal.raters)}: counted on other masks")
        return rows

    def _sum_by(self, group: np.ndarray, n_groups: int) -> np.ndarray:
        # Not bincount(weights=...): that sums in floating point.
        totals = np.zeros(n_groups, np.int64)
        np.add.at(totals, group, self.counts)
        return totals


def count_votes(masks: Mapping[str, np.ndarray], labels: Sequence[int]) -> Votes:
    """Count how often each combination of the raters' labels occurs: the only pass over the voxels.

    `masks` are a label map for each rater, of integer or boolean type and one shape; `labels` are the label
    values of the study, background 0 first.

    Raises
    ------
    ValueError
        If shapes differ, a mask is not of integers, a label in a mask is not declared, or the labels are
        not distinct values with 0 first.
    """
    check_raters(tuple(masks))
    check_labels(labels)
    patterns, counts = count_patterns(masks, labels)
    if n_zero := next(iter(masks.values())).size - int(counts.sum()):
        patterns, counts = np.insert(patterns, 0, 0, axis=0), np.insert(counts, 0, n_zero)
    return Votes(tuple(masks), tuple(int(label) for label in labels), patterns, counts.astype(np.int64))


def paint(masks: Mapping[str, np.ndarray], votes: Votes, values: np.ndarray) -> np.ndarray:
    """Write a value per vote pattern (P,), such as the consensus label, back to the voxels.

    `masks` are those that `votes` was counted on, of its raters at least; the array has their shape, and
    the type of `values`.

    Raises
    ------
    ValueError
        If a rater's mask is missing, `values` has another length, or the masks are not the counted ones.
    """
    if missing := [rater for rater in votes.raters if rater not in masks]:
        raise ValueError(f"rater '{missing[0]}': counted in the votes, but no mask given to paint from")
    values = np.asarray(values)
    if values.shape != votes.counts.shape:
        raise ValueError(f"values to paint: found shape {values.shape}, expected {votes.counts.shape}")
    masks = {rater: masks[rater] for rater in votes.raters}
    where, rows = find_patterns(masks, votes.labels, votes.patterns)
    like = next(iter(masks.values()))
    if like.size != votes.n_voxels:
        raise ValueError(f"masks to paint: found {like.size} voxels, the votes count {votes.n_voxels}")
    if (rows < 0).any():
        raise ValueError("masks to paint: they hold a vote pattern that the votes do not; count them first")
    width = rows.shape[1]
    painted = np.zeros((-(-like.size // width), width), values.dtype)
    if not votes.patterns[0].any() and values[0] != 0:
        painted[...] = values[0]
    painted[where] = values[rows]
    return painted.reshape(-1)[: like.size].reshape(like.shape, order=memory_order(like))
