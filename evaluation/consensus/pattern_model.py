"""The E and M steps of multi-label STAPLE (`evaluation.consensus.multilabel`) on patterns of votes."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from evaluation.consensus.by_content import Ordered
from evaluation.consensus.exponential import exponential

_SMALLEST = np.finfo(float).tiny
#: Of so few raters a pattern's chance is a product: no factors from here on leave what doubles hold.
_FEW_RATERS, _SMALLEST_FACTOR = 4, 1e-70
#: With more labels products leave out zeros; with fewer that takes longer.
SPARSE_FROM = 12
#: What a jump past zero leaves of an entry. On 260 simulated exams (3, 8 and 20 labels, 2 to 7 raters)
#: searches take 45 % of the steps that they take where all is left, and as many end at the highest maximum
#: that any of the shares tried found (1,001 of 1,040; 989 where all is left).
_LEFT = 0.01
#: Numbers that an E step holds at once, of all its starts; the others wait.
_AT_ONCE = 4_000_000
#: Numbers that it works on at a time.
_AT_HAND = 100_000


class PatternModel:
    """The E and M steps on vote patterns, for several parameter sets (starts) at once.

    `patterns`, int of shape (P, R), are label indices; every label occurs. `counts` are their voxels.
    `pseudo`, of shape (L, L), are decisions (row) on a true label (column) that every rater is taken to have
    made before: the parameters, less one, of a Dirichlet prior on each column of the matrices. What rises
    in every step is then the log-likelihood plus the log of the prior's density. `arranged` names raters who
    have one matrix.
    """

    def __init__(
        self,
        patterns: np.ndarray,
        counts: np.ndarray,
        n_labels: int,
        pseudo: np.ndarray | None = None,
        arranged: Ordered | None = None,
    ) -> None:
        n_patterns, n_raters = patterns.shape
        self.shape = (n_raters, n_labels, n_labels)
        self.counts = counts.astype(float)
        self._sparse = n_labels >= SPARSE_FROM
        self._multiplied = self._sparse and n_raters <= _FEW_RATERS and pseudo is None
        # Rows of 0 and 1 that pick a pattern's entries: both steps become matrix products.
        if self._sparse:
            # Of each rater in a row: what a pattern picks of all matrices' entries.
            places = patterns + n_labels * np.arange(n_raters)
            self._places = np.ascontiguousarray(places.T)
            ends = n_raters * np.arange(n_patterns + 1)
            entries = np.ones(places.size), places.ravel(), ends
            self._picks = csr_array(entries, shape=(n_patterns, n_raters * n_labels))
            self._weights = (self._picks.T * self.counts).tocsr()
            each = self._picks @ np.tile(np.eye(n_labels), (n_raters, 1))
            #: Of the raters that gave each label, shape (L, P).
            self.fractions = each.T / n_raters
            self._ones = np.ones(n_labels)
        else:
            votes = patterns[:, :, None] == np.arange(n_labels)
            self.fractions = votes.mean(axis=1).T
            self._picks = votes.reshape(n_patterns, -1).astype(float)
            self._weights = self._picks.T * self.counts
        self.prior = self.fractions @ self.counts / self.counts.sum()
        self._log_prior = np.log(self.prior)[:, None, None]
        self._pseudo = pseudo
        self._arranged = arranged

    def expect(self, confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihoods (S,) and posteriors (L, P, S) of confusion matrices (S, R, L, L).

        With the starts last, one product a label serves them all, and sums over labels run along them.
        """
        n_starts, (n_raters, n_labels, _) = len(confusion), self.shape
        if self._multiplied:
            return self._expect_products(confusion)
        logs = np.empty((n_labels, n_raters * n_labels, n_starts))
        np.maximum(confusion.reshape(n_starts, -1, n_labels).T, _SMALLEST, out=logs)
        np.log(logs, out=logs)
        if not self._sparse:
            posterior, evidence = self._of_joint(self._picks @ logs)
            return self.counts @ evidence, posterior
        # Some patterns at a time, which a processor has at hand.
        n_patterns = len(self.counts)
        evidence = np.empty((n_patterns, n_starts))
        posterior = np.empty((n_patterns, n_labels, n_starts))
        size = max(1, _AT_HAND // (n_labels * n_starts))
        for some in (slice(start, start + size) for start in range(0, n_patterns, size)):
            joint = logs.take(self._places[0, some], axis=1)
            for of_rater in self._places[1:, some]:
                joint += logs.take(of_rater, axis=1)
            found, evidence[some] = self._of_joint(joint)
            posterior[some] = found.swapaxes(0, 1)
        return self.counts @ evidence, posterior.swapaxes(0, 1)

    def _expect_products(self, confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `expect`, without logarithms: a quarter of the time."""
        n_starts, n_patterns, n_labels = len(confusion), len(self.counts), self.shape[1]
        # A row a rater and decision, of starts and true labels.
        rows = confusion.reshape(n_starts, -1, n_labels).swapaxes(0, 1)
        rows = np.maximum(rows, _SMALLEST_FACTOR, order="C")
        rows[:n_labels] *= self.prior
        evidence = np.empty((n_patterns, n_starts))
        posterior = np.empty((n_patterns, n_starts, n_labels))
        size = max(1, _AT_HAND // (n_labels * n_starts))
        for some in (slice(start, start + size) for start in range(0, n_patterns, size)):
            first, *others = self._places[:, some]
            # Without a mode that leaves out a look at every place numpy takes a copy.
            joint = rows.take(first, axis=0, out=posterior[some], mode="clip")
            for of_rater in others:
                joint *= rows.take(of_rater, axis=0)
            np.matmul(joint, self._ones, out=evidence[some])
            joint /= evidence[some, :, None]
        return self.counts @ np.log(evidence), posterior.transpose(2, 0, 1)

    def _of_joint(self, joint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Posteriors (L, P, S) and log-likelihoods (P, S) of patterns, from chances but for the prior."""
        joint += self._log_prior
        top = np.maximum.reduce(joint, 0)
        joint -= top
        posterior = exponential(joint)
        total = np.add.reduce(posterior, 0)
        posterior /= total
        return posterior, np.log(total) + top

    def maximise(self, posterior: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """Confusion matrices (S, R, L, L) that maximise the likelihood under the posteriors (L, P, S).

        A true label left without any voxel keeps its `previous` column.
        """
        n_labels, n_patterns, n_starts = posterior.shape
        if self._multiplied:
            votes = self._weights @ posterior.transpose(1, 2, 0).reshape(n_patterns, -1)
            votes = votes.reshape(-1, n_starts, n_labels).swapaxes(0, 1).reshape(previous.shape)
        elif self._sparse:
            votes = self._weights @ np.swapaxes(posterior, 0, 1).reshape(n_patterns, -1)
            votes = votes.reshape(-1, n_labels, n_starts).transpose(2, 0, 1).reshape(previous.shape)
        else:
            votes = (self._weights @ posterior).transpose(2, 1, 0).reshape(previous.shape)
        if self._arranged is not None:
            votes = self._arranged.averaged(votes, 1)
        if self._pseudo is not None:
            votes = votes + self._pseudo
        total = np.add.reduce(votes, 2, keepdims=True)
        if total.all():
            return votes / total
        return np.where(total > 0, votes / np.maximum(total, _SMALLEST), previous)

    def against_masks(self) -> np.ndarray:
        """Positive confusion matrices against each rater's mask in turn, (R, R, L, L)."""
        picks = self._picks.toarray() if self._sparse else self._picks
        masks = picks.reshape(len(self.counts), *self.shape[:2]).transpose(2, 0, 1)
        even = np.ones((self.shape[0], *self.shape)) / self.shape[1]
        return 0.99 * self.maximise(masks, even) + 0.01 * even

    def step(self, confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One EM step: the log-likelihoods of `confusion`, with the prior's, and the next matrices."""
        if len(some := self.shares(len(confusion))) > 1:
            parts = [self.step(confusion[part]) for part in some]
            return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
        log_likelihood, posterior = self.expect(confusion)
        if self._pseudo is not None:
            logs = np.log(np.maximum(confusion, _SMALLEST))
            log_likelihood = log_likelihood + (self._pseudo * logs).sum(axis=(1, 2, 3))
        return log_likelihood, self.maximise(posterior, confusion)

    def shares(self, n_starts: int) -> list[slice]:
        """Starts as many at a time as memory is meant for."""
        size = max(1, _AT_ONCE // (self.shape[1] * len(self.counts)))
        return [slice(start, min(start + size, n_starts)) for start in range(0, n_starts, size)]

    @staticmethod
    def difference(after: np.ndarray, before: np.ndarray) -> np.ndarray:
        """As they are."""
        return after - before

    @staticmethod
    def jump(
        start: np.ndarray, linear: np.ndarray, quadratic: np.ndarray, second: np.ndarray, /
    ) -> np.ndarray:
        """None past zero is taken, so no entry becomes zero by the acceleration.

        One that would goes down to a share of what two steps make of it: where the maximum has a zero, EM
        steps alone come ever slower to it, and such an entry held up all others.
        """
        jump = start + linear + quadratic
        jump = np.where(jump > 0, jump, _LEFT * second)
        return jump / jump.sum(axis=2, keepdims=True)
