"""Which combinations of labels did the raters give, and how often: an exam as a histogram of vote patterns.

A vote pattern is what all raters say about one voxel, such as (0, 1, 1, 2). A consensus, a Dice score and
an agreement depend on an exam only through the number of voxels of each pattern, so the voxels are read
once, here (`count_votes`), and touched again only to write an image (`paint`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluation.consensus.kinds import MOST_LEVELS
from evaluation.statistics.intervals import StatisticsError
from evaluation.statistics.words import plural

# Up to this many codes are tabulated; beyond, patterns are found by sorting.
_TABLE_SIZE = 2**20
_WORD_BYTES = 8


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

    def select(self, raters: Sequence[str]) -> Votes:
        """The histogram of some raters, in the order given: what `count_votes` on their masks would say.

        Raises
        ------
        ValueError
            If a rater is unknown or named twice, or none is named.
        """
        _check_raters(raters)
        columns = [self.column(rater) for rater in raters]
        codes = _encode_patterns(self.patterns[:, columns], len(self.labels))
        kept, first, group = np.unique(codes, return_index=True, return_inverse=True)
        return Votes(
            raters=tuple(raters),
            labels=self.labels,
            patterns=np.ascontiguousarray(self.patterns[first][:, columns]),
            counts=self._sum_by(group, len(kept)),
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
        codes = _encode_patterns(self.patterns[:, columns], len(self.labels))
        known = _encode_patterns(marginal.patterns, len(self.labels))
        rows = np.minimum(np.searchsorted(known, codes), len(known) - 1)
        if not np.array_equal(known[rows], codes):
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
    codes = _encode_masks(masks, labels)
    n_codes = len(labels) ** len(masks)
    n_voxels = next(iter(masks.values())).size
    # Most of an exam is background to every rater: whole words of it are counted without a look inside.
    words = codes.view(np.uint64)
    coded = words[words != 0].view(codes.dtype)
    if n_codes <= _TABLE_SIZE:
        table = np.bincount(coded, minlength=n_codes)
        found = np.flatnonzero(table)
        counts = table[found]
    else:
        found, counts = np.unique(coded, return_counts=True)
    found, counts = found[found != 0], counts[found != 0]
    if n_zero := n_voxels - int(counts.sum()):
        found, counts = np.insert(found, 0, 0), np.insert(counts, 0, n_zero)
    return Votes(
        raters=tuple(masks),
        labels=tuple(int(label) for label in labels),
        patterns=_decode(found, len(labels), len(masks)),
        counts=counts.astype(np.int64),
    )


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
    codes = _encode_masks(masks, votes.labels)
    like = next(iter(masks.values()))
    if like.size != votes.n_voxels:
        raise ValueError(f"masks to paint: found {like.size} voxels, the votes count {votes.n_voxels}")

    known = _encode_patterns(votes.patterns, len(votes.labels))
    per_word = _WORD_BYTES // codes.dtype.itemsize
    coded_words = np.flatnonzero(codes.view(np.uint64) != 0)
    painted = np.zeros((len(codes) // per_word, per_word), values.dtype)
    if known[0] == 0 and values[0] != 0:
        painted[...] = values[0]
    coded = codes.reshape(-1, per_word)[coded_words]
    painted[coded_words] = values[_rows_of_codes(coded, known, len(votes.labels) ** len(masks))]
    return painted.reshape(-1)[: like.size].reshape(like.shape, order=_order(like))


def _rows_of_codes(codes: np.ndarray, known: np.ndarray, n_codes: int) -> np.ndarray:
    """The row of each code in the sorted `known`; code 0 may be padding and then gets row 0."""
    if n_codes <= _TABLE_SIZE:
        table = np.full(n_codes, -1, np.int32)
        table[0] = 0
        table[known] = np.arange(len(known))
        rows = table[codes]
        unknown = bool((rows < 0).any())
    else:
        rows = np.minimum(np.searchsorted(known, codes), len(known) - 1)
        unknown = bool(((known[rows] != codes) & (codes != 0)).any())
    if unknown:
        raise ValueError("masks to paint: they hold a vote pattern that the votes do not; count them first")
    return rows


def _encode_masks(masks: Mapping[str, np.ndarray], labels: Sequence[int]) -> np.ndarray:
    """One code a voxel, sum of label_r * L**r over raters r, padded with 0 to whole 8-byte words."""
    _check_raters(tuple(masks))
    _check_labels(labels)
    n_labels = len(labels)
    dtype = _code_dtype(n_labels, len(masks))
    name, like = next(iter(masks.items()))
    last = list(masks)[-1]
    per_word = _WORD_BYTES // dtype.itemsize
    codes = np.zeros(-(-like.size // per_word) * per_word, dtype)
    inside = codes[: like.size]
    order = _order(like)
    for rater, mask in reversed(list(masks.items())):
        if mask.shape != like.shape:
            raise ValueError(
                f"rater '{rater}': mask of shape {mask.shape}, expected {like.shape} as rater '{name}'"
            )
        indices = _label_indices(rater, mask.ravel(order), labels)
        if rater == last:
            inside[...] = indices
        else:
            inside *= dtype.type(n_labels)
            inside += indices
    return codes


def _label_indices(rater: str, mask: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """Label values to label indices, as uint8; ValueError for a value that is no label."""
    if mask.dtype.kind not in "uib":
        raise ValueError(f"rater '{rater}': mask of type {mask.dtype}, expected integers")
    high = int(mask.max()) if mask.size else 0
    low = int(mask.min()) if mask.size and mask.dtype.kind == "i" else 0
    if low >= 0 and high < len(labels) and list(labels) == list(range(len(labels))):
        return mask.astype(np.uint8, copy=False)
    values = np.array(labels)
    order = np.argsort(values)
    if low < 0 or high > 255:
        found = np.minimum(np.searchsorted(values[order], mask), len(values) - 1)
        indices = order[found].astype(np.uint8)
        undeclared = values[indices] != mask
    else:
        table = np.full(256, 255, np.uint8)
        declared = values < 256
        table[values[declared]] = np.flatnonzero(declared)
        indices = table[mask.astype(np.uint8, copy=False)]
        undeclared = indices == 255
    if undeclared.any():
        bad, counts = np.unique(mask[undeclared], return_counts=True)
        raise ValueError(
            f"rater '{rater}': undeclared label {bad[0]} in {counts[0]} voxels, "
            f"expected {', '.join(str(label) for label in labels)}"
        )
    return indices


def _order(mask: np.ndarray) -> Literal["C", "F"]:
    """The memory order in which a mask is read without a copy; NIfTI files are loaded in order F."""
    return "F" if mask.flags.f_contiguous and not mask.flags.c_contiguous else "C"


def _code_dtype(n_labels: int, n_raters: int) -> np.dtype:
    n_codes = n_labels**n_raters
    if n_codes > 2**63:
        raise StatisticsError(
            f"raters: found {n_raters} of masks with {n_labels} labels, expected at most "
            f"{int(63 / np.log2(n_labels))}, whose combinations can be counted; score models in two runs"
        )
    return np.min_scalar_type(n_codes - 1)


def _encode_patterns(patterns: np.ndarray, n_labels: int) -> np.ndarray:
    weights = n_labels ** np.arange(patterns.shape[1], dtype=np.int64)
    return patterns.astype(np.int64) @ weights


def _decode(codes: np.ndarray, n_labels: int, n_raters: int) -> np.ndarray:
    patterns = np.empty((len(codes), n_raters), np.uint8)
    rest = codes.astype(np.int64)
    for rater in range(n_raters):
        rest, patterns[:, rater] = np.divmod(rest, n_labels)
    return patterns


def _check_raters(raters: Sequence[str]) -> None:
    if not raters:
        raise ValueError("raters: found none, expected at least one")
    if len(set(raters)) != len(raters):
        raise ValueError(f"raters {', '.join(raters)}: one is named twice")


def _check_labels(labels: Sequence[int]) -> None:
    distinct = len(set(labels)) == len(labels)
    if len(labels) < 2 or labels[0] != 0 or not distinct or min(labels) < 0 or len(labels) > 1 + MOST_LEVELS:
        raise ValueError(
            f"labels: found {', '.join(map(str, labels[:10]))}{' ...' if len(labels) > 10 else ''}, expected "
            f"background 0 first and 1 to {MOST_LEVELS} other values, distinct and positive"
        )
