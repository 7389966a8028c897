"""The votes of readers and, beside them, of models: as many models as there are.

The combinations of all raters' labels grow with every rater, and nothing asks for them: a consensus is made
of the readers' votes, and a model is held against readers and consensuses by itself, or beside another model.
So readers are counted together (`evaluation.consensus.votes`), each model beside the readers, and two models
beside each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from evaluation.consensus.coding import check_raters, label_indices, memory_order
from evaluation.consensus.votes import Votes, count_votes, paint


@dataclass(frozen=True, eq=False, repr=False)
class AllVotes:
    """What an exam's raters say, in parts: the readers' votes, and those of readers and one model each."""

    of_readers: Votes
    #: Model to the votes of the readers and, last, the model.
    beside: Mapping[str, Votes]
    #: Of two models (the earlier first): places in a flat table (L, L), and the voxels there.
    of_models: Mapping[tuple[str, str], tuple[np.ndarray, np.ndarray]]

    def __repr__(self) -> str:
        models = f", beside them {', '.join(self.beside)}" if self.beside else ""
        return f"<AllVotes: {self.of_readers!r}{models}>"

    @property
    def raters(self) -> tuple[str, ...]:
        """Readers, then models."""
        return (*self.of_readers.raters, *self.beside)

    @property
    def labels(self) -> tuple[int, ...]:
        """Label values, background 0 first."""
        return self.of_readers.labels

    @property
    def n_voxels(self) -> int:
        """Voxels of the exam."""
        return self.of_readers.n_voxels

    def parts(self) -> Iterator[tuple[Votes, tuple[str, ...]]]:
        """Votes, and the raters to be read from them: each rater once."""
        yield self.of_readers, self.of_readers.raters
        for model, votes in self.beside.items():
            yield votes, (model,)

    def together(self, rater: str, other: str) -> np.ndarray:
        """Voxels by the label that each of two raters gave, int64 of shape (L, L)."""
        for one, two in ((rater, other), (other, rater)):
            if (one, two) in self.of_models:
                n_labels = len(self.labels)
                table = np.zeros((n_labels, n_labels), np.int64)
                places, counts = self.of_models[one, two]
                table.flat[places] = counts
                return table if one == rater else table.T
        model = next((name for name in (rater, other) if name in self.beside), None)
        return (self.of_readers if model is None else self.beside[model]).together(rater, other)

    def select(self, raters: Sequence[str]) -> Votes:
        """The histogram of some readers, in the order given."""
        return self.of_readers.select(raters)

    def rows_in(self, marginal: Votes) -> np.ndarray:
        """`Votes.rows_in` of every part, one after the other."""
        return np.concatenate([votes.rows_in(marginal) for votes, _ in self.parts()])


def count_all(masks: Mapping[str, np.ndarray], readers: Sequence[str], labels: Sequence[int]) -> AllVotes:
    """Count the votes of readers, and beside them those of the other raters in `masks`.

    Errors are those of `evaluation.consensus.votes.count_votes`.
    """
    check_raters(readers)
    of_readers = count_votes({reader: masks[reader] for reader in readers}, labels)
    models = {rater: mask for rater, mask in masks.items() if rater not in readers}
    if not models:
        return AllVotes(of_readers, {}, {})
    like = masks[readers[0]]
    order = memory_order(like)
    rows = paint(masks, of_readers, np.arange(len(of_readers.counts), dtype=np.int32)).ravel(order)
    given = []
    for model, mask in models.items():
        if mask.shape != like.shape:
            raise ValueError(
                f"rater '{model}': mask of shape {mask.shape}, expected {like.shape} as rater '{readers[0]}'"
            )
        given.append(label_indices(model, mask.ravel(order), labels))
    # Where nobody marks anything, nothing is to be looked at.
    unmarked = 0 if not of_readers.patterns[0].any() else -1
    marked = rows != unmarked
    for indices in given:
        marked |= indices != 0
    nothing = int(np.count_nonzero(~marked))
    where = np.flatnonzero(marked)
    rows, given = rows[where], [indices[where] for indices in given]
    beside = {
        model: _beside(of_readers, model, rows, indices, nothing)
        for model, indices in zip(models, given, strict=True)
    }
    of_models = {}
    n_labels = len(labels)
    for (one, first), (two, second) in combinations(zip(models, given, strict=True), 2):
        # In 16 bits: there are 255 labels at most.
        table = np.bincount(first.astype(np.uint16) * np.uint16(n_labels) + second, minlength=n_labels**2)
        table[0] += nothing
        places = np.flatnonzero(table)
        of_models[one, two] = places.astype(np.uint16), table[places]
    return AllVotes(of_readers, beside, of_models)


def _beside(of_readers: Votes, model: str, rows: np.ndarray, indices: np.ndarray, nothing: int) -> Votes:
    """The votes of readers, by the rows of their patterns, and of a model, by its labels."""
    n_rows, n_labels = len(of_readers.counts), len(of_readers.labels)
    codes = rows + np.int64(n_rows) * indices
    if n_rows * n_labels <= len(codes):
        table = np.bincount(codes, minlength=n_rows * n_labels)
        table[0] += nothing
        found = np.flatnonzero(table)
        counts = table[found]
    else:
        found, counts = np.unique(codes, return_counts=True)
        if nothing:
            if len(found) and found[0] == 0:
                counts[0] += nothing
            else:
                found, counts = np.insert(found, 0, 0), np.insert(counts, 0, nothing)
    labels, places = np.divmod(found, n_rows)
    patterns = np.column_stack([of_readers.patterns[places], labels.astype(np.uint8)])
    return Votes((*of_readers.raters, model), of_readers.labels, patterns, counts.astype(np.int64))
