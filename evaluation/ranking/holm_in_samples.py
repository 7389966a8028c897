"""Holm's rule in every sample of the cases at once: who is significantly better than whom.

Most p are so small or so large that they are decided pair by pair, whatever the others are; those between are
kept until all pairs are there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from evaluation.ranking.pairwise import normal_z

# Of a standard normal: far more than the rounding of p, far less than what is seen.
_MARGIN = 1e-6


@dataclass(frozen=True, eq=False)
class Sums:
    """Twice the sums of positive ranks of pairs of algorithms in each sample, and what they vary by."""

    #: Whole numbers, shape (pairs, samples).
    doubled: np.ndarray
    #: Number of ranks, and the sum of t ** 3 - t over ties, shape (kinds, samples).
    n: np.ndarray
    ties: np.ndarray
    #: The kind of each pair.
    of: np.ndarray


class Decisions:
    """Holm's decisions of all pairs in each sample."""

    def __init__(self, n: int, n_tests: np.ndarray, alpha: float) -> None:
        self._n_tests, self._alpha = np.maximum(1, n_tests), alpha
        # That may be left when p is looked at: of two opposite tests one is rejected at most.
        self._fewest = self._n_tests / 2 if alpha < 0.5 else np.ones(len(n_tests))
        self._wins = np.zeros((n, len(n_tests)), int)
        self._open: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._sure = ndtri(alpha / self._n_tests.max()) - _MARGIN
        self._hopeless = ndtri(min(alpha / self._fewest.min(), 1)) + _MARGIN

    def add(self, first: int, others: np.ndarray, p_first: np.ndarray, p_second: np.ndarray) -> None:
        """P of an algorithm against others, and of these against it: (pairs, samples)."""
        for p, winner in ((p_first, np.full(len(others), first)), (p_second, others)):
            is_sure = p * self._n_tests <= self._alpha
            if winner is others:
                self._wins[others] += is_sure
            else:
                self._wins[first] += is_sure.sum(axis=0)
            row, sample = np.nonzero(~is_sure & (p * self._fewest <= self._alpha))
            self._open.append((p[row, sample], winner[row], sample))

    def add_sums(self, first: int, others: np.ndarray, sums: Sums) -> None:
        """The same by the normal approximation: most are known by where the sum lies, p is asked of few."""
        total, doubled = sums.n * (sums.n + 1), sums.doubled
        # At the mean both z are this, and one falls by twice as much with a rank more.
        _, of_half = normal_z(total / 4, sums.n, sums.ties)
        with np.errstate(invalid="ignore"):  # without ranks nothing is asked
            bounds = [np.ceil(total / 2 + 1 - z / of_half) for z in (self._sure, self._hopeless)]
        of = sums.of if len(total) > 1 else slice(None)
        sure, hopeless = (bound.astype(doubled.dtype)[of] for bound in bounds)
        is_sure = doubled >= sure
        self._wins[first] += is_sure.sum(axis=0)
        self._ask(first, others, sums, (doubled >= hopeless) > is_sure, 0)
        # Of all ranks the rest is the other's.
        sure, hopeless = ((total - bound).astype(doubled.dtype)[of] for bound in bounds)
        is_sure = doubled <= sure
        self._wins[others] += is_sure
        self._ask(first, others, sums, (doubled <= hopeless) > is_sure, 1)

    def _ask(self, first: int, others: np.ndarray, sums: Sums, asked: np.ndarray, direction: int) -> None:
        row, sample = np.divmod(np.flatnonzero(asked), asked.shape[1])
        kind = sums.of[row]
        z = normal_z(
            sums.doubled[row, sample].astype(float) / 2, sums.n[kind, sample], sums.ties[kind, sample]
        )
        p, winner = ndtr(z[direction]), others[row] if direction else np.full(len(row), first)
        is_sure = p * self._n_tests[sample] <= self._alpha
        np.add.at(self._wins, (winner[is_sure], sample[is_sure]), 1)
        is_open = ~is_sure & (p * self._fewest[sample] <= self._alpha)
        self._open.append((p[is_open], winner[is_open], sample[is_open]))

    def wins(self) -> np.ndarray:
        """Whom each is significantly better than, (algorithms, samples); all pairs have been added."""
        if not self._open:  # nobody else
            return self._wins
        p, winner, sample = (np.concatenate(parts) for parts in zip(*self._open, strict=True))
        n_sure = self._wins.sum(axis=0)
        n_rejected, before = n_sure, None
        # As long as any is rejected, p are compared with less.
        while before is None or (n_rejected != before).any():
            left = np.maximum(1, self._n_tests - n_rejected)
            is_rejected = p * left[sample] <= self._alpha
            before = n_rejected
            n_rejected = n_sure + np.bincount(sample[is_rejected], minlength=len(n_sure))
        np.add.at(self._wins, (winner[is_rejected], sample[is_rejected]), 1)
        return self._wins
