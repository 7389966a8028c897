"""Vote patterns as numbers: a pattern is a code of one machine word, or of several that are put together.

The code of a pattern is the sum of label_r * L**r over raters r. Where the combinations of labels exceed a
word, raters are divided into groups of whole words, and the words that occur are numbered, pair by pair: so
the number of raters and labels is not limited, and equal codes are equal patterns in one call alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from evaluation.consensus.kinds import MOST_LEVELS
from evaluation.statistics.words import plural

# Up to this many codes are tabulated; beyond, patterns are found by sorting.
_TABLE_SIZE = 2**20
_WORD_BYTES = 8
#: Codes of a word are below, so that they are int64 as well.
_WORD = 2**63


def count_patterns(masks: Mapping[str, np.ndarray], labels: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Patterns (P, R) of what is marked in masks, and their voxels; what all leave unmarked is not there.

    Sorted with the first rater's label running fastest. A ValueError names a mask that does not fit.
    """
    groups = _groups(list(masks), len(labels))
    words = [_encode_masks(masks, raters, labels) for raters in groups]
    if len(words) > 1:
        marked = np.logical_or.reduce([word != 0 for word in words])
        coded = [word[marked] for word in words]
        _, first, counts = np.unique(_chained(coded), return_index=True, return_counts=True)
        parts = [
            _decode(word[first], len(labels), len(raters)) for word, raters in zip(coded, groups, strict=True)
        ]
        return np.hstack(parts), counts
    # Most of an exam is background to every rater: whole words of it are counted without a look inside.
    (codes,) = words
    blocks = codes.view(np.uint64)
    inside = blocks[blocks != 0].view(codes.dtype)
    n_codes = len(labels) ** len(masks)
    if n_codes <= _TABLE_SIZE:
        table = np.bincount(inside, minlength=n_codes)
        found = np.flatnonzero(table)
        counts = table[found]
    else:
        found, counts = np.unique(inside, return_counts=True)
    found, counts = found[found != 0], counts[found != 0]
    return _decode(found, len(labels), len(masks)), counts


def find_patterns(
    masks: Mapping[str, np.ndarray], labels: Sequence[int], known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which of the `known` patterns (P, R), sorted as `count_patterns` has them, voxels hold.

    First are the places (N,) of blocks of B voxels, in the memory order of the masks, in which something is
    marked; second their rows (N, B) in `known`, -1 where it is none of these. Unmarked voxels get row 0.
    """
    groups = _groups(list(masks), len(labels))
    words = [_encode_masks(masks, raters, labels) for raters in groups]
    if len(words) > 1:
        where = np.flatnonzero(np.logical_or.reduce([word != 0 for word in words]))
        rows = _rows_of([word[where] for word in words], _words(known, len(labels)))
        return where, rows[:, None]
    (codes,) = words
    where = np.flatnonzero(codes.view(np.uint64) != 0)
    coded = codes.reshape(-1, _WORD_BYTES // codes.dtype.itemsize)[where]
    (known_codes,) = _words(known, len(labels))
    n_codes = len(labels) ** len(masks)
    if n_codes <= _TABLE_SIZE:
        table = np.full(n_codes, -1, np.int32)
        table[0] = 0
        table[known_codes] = np.arange(len(known_codes))
        return where, table[coded]
    rows = _rows_in_sorted(coded, known_codes)
    rows[coded == 0] = 0
    return where, rows


def find_rows(rows: np.ndarray, known: np.ndarray, n_labels: int) -> np.ndarray:
    """Of each pattern (row) its place in the sorted `known` ones, -1 where it is none of them."""
    return _rows_of(_words(rows, n_labels), _words(known, n_labels))


def distinct(patterns: np.ndarray, n_labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the first of each distinct pattern, the first column running fastest, and the group of each."""
    codes = _chained(_words(patterns, n_labels))
    _, first, group = np.unique(codes, return_index=True, return_inverse=True)
    return first, group


def label_indices(rater: str, mask: np.ndarray, labels: Sequence[int]) -> np.ndarray:
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
            f"rater '{rater}': undeclared label {bad[0]} in {plural(counts[0], 'voxel')}, "
            f"expected {', '.join(str(label) for label in labels)}"
        )
    return indices


def memory_order(mask: np.ndarray) -> Literal["C", "F"]:
    """The memory order in which a mask is read without a copy; NIfTI files are loaded in order F."""
    return "F" if mask.flags.f_contiguous and not mask.flags.c_contiguous else "C"


def check_raters(raters: Sequence[str]) -> None:
    """A ValueError when there is none, or one is named twice."""
    if not raters:
        raise ValueError("raters: found none, expected at least one")
    if len(set(raters)) != len(raters):
        raise ValueError(f"raters {', '.join(raters)}: one is named twice")


def check_labels(labels: Sequence[int]) -> None:
    """A ValueError when they are not distinct values, background first."""
    distinct_ones = len(set(labels)) == len(labels)
    fit = len(labels) > 1 and labels[0] == 0 and min(labels) >= 0 and len(labels) <= 1 + MOST_LEVELS
    if not (fit and distinct_ones):
        raise ValueError(
            f"labels: found {', '.join(map(str, labels[:10]))}{' ...' if len(labels) > 10 else ''}, expected "
            f"background 0 first and 1 to {MOST_LEVELS} other values, distinct and positive"
        )


def _groups(raters: Sequence[str], n_labels: int) -> list[list[str]]:
    """Raters in their order, as many together as a word takes."""
    size = _per_word(n_labels)
    return [list(raters[start : start + size]) for start in range(0, len(raters), size)]


def _per_word(n_labels: int) -> int:
    size = 1
    while n_labels ** (size + 1) <= _WORD:
        size += 1
    return size


def _encode_masks(
    masks: Mapping[str, np.ndarray], raters: Sequence[str], labels: Sequence[int]
) -> np.ndarray:
    """One code a voxel, of some raters, padded with 0 to whole 8-byte words."""
    n_labels = len(labels)
    name, like = next(iter(masks.items()))
    dtype = np.min_scalar_type(n_labels ** len(raters) - 1)
    if len(raters) < len(masks):
        dtype = np.dtype(np.uint64)
    per_word = _WORD_BYTES // dtype.itemsize
    codes = np.zeros(-(-like.size // per_word) * per_word, dtype)
    inside = codes[: like.size]
    order = memory_order(like)
    for rater in reversed(raters):
        mask = masks[rater]
        if mask.shape != like.shape:
            raise ValueError(
                f"rater '{rater}': mask of shape {mask.shape}, expected {like.shape} as rater '{name}'"
            )
        indices = label_indices(rater, mask.ravel(order), labels)
        if rater == raters[-1]:
            inside[...] = indices
        else:
            inside *= dtype.type(n_labels)
            inside += indices
    return codes


def _words(patterns: np.ndarray, n_labels: int) -> list[np.ndarray]:
    """Codes of the rows, int64, a word for each group of columns."""
    size = _per_word(n_labels)
    parts = [patterns[:, start : start + size] for start in range(0, patterns.shape[1], size)]
    return [part.astype(np.int64) @ (n_labels ** np.arange(part.shape[1], dtype=np.int64)) for part in parts]


def _chained(words: Sequence[np.ndarray]) -> np.ndarray:
    """One code of several words, in the order of the last, then the one before."""
    codes = words[0]
    for word in words[1:]:
        low, high = (np.unique(part, return_inverse=True) for part in (codes, word))
        # Below the square of the number of rows.
        codes = low[1] + len(low[0]) * high[1]
    return codes


def _rows_of(words: Sequence[np.ndarray], known: Sequence[np.ndarray]) -> np.ndarray:
    if len(words) == 1:
        return _rows_in_sorted(words[0], known[0])
    n_known = len(known[0])
    together = _chained([np.concatenate([a, b.astype(a.dtype)]) for a, b in zip(known, words, strict=True)])
    return _rows_in_sorted(together[n_known:], together[:n_known])


def _rows_in_sorted(codes: np.ndarray, known: np.ndarray) -> np.ndarray:
    if not len(known):
        return np.full(codes.shape, -1)
    rows = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    return np.where(known[rows] == codes, rows, -1)


def _decode(codes: np.ndarray, n_labels: int, n_raters: int) -> np.ndarray:
    patterns = np.empty((len(codes), n_raters), np.uint8)
    rest = codes.astype(np.int64)
    for rater in range(n_raters):
        rest, patterns[:, rater] = np.divmod(rest, n_labels)
    return patterns
