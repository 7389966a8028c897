"""Multi-label STAPLE: one confusion matrix a rater, estimated by expectation maximisation on vote patterns.

The model of Warfield et al. (IEEE TMI 2004; 23:903), for several labels at once as in Rohlfing et al.
(IPMI 2003; IEEE TMI 2004; 23:983): given the unknown true label of a voxel the raters decide
independently, each by his own matrix; the prior of a label is its share of all raters' votes over the
whole volume, as SimpleITK's MultiLabelSTAPLE estimates it.

The likelihood has several maxima, mostly where a label is sparse, so where the search starts matters.
Here every start is positive and favours the diagonal, several are tried, and the highest wins. A start
with zeros keeps them for ever, and one close to zeros (SimpleITK's, where votes tie) can take thousands
of steps to leave them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.consensus.votes import Votes

#: Two log-likelihoods are the same when they differ by less than this share.
SAME_LIKELIHOOD = 1e-10
#: Starts whose matrices have come this close go on as one.
_SAME_PATH = 1e-4
_SMALLEST = np.finfo(float).tiny


@dataclass(frozen=True)
class Start:
    """One start of the search: its name, where it ended, and after how many EM steps."""

    name: str
    log_likelihood: float
    iterations: int
    converged: bool


@dataclass(frozen=True)
class MultilabelFit:
    """Maximum-likelihood estimate of the multi-label model.

    Parameters
    ----------
    posterior : ndarray, shape (P, L)
        Probability of each true label, a row for each vote pattern.
    confusion : ndarray, shape (R, L, L)
        ``confusion[r, d, t]``: probability that rater r decides d where the truth is t; columns sum to 1.
        NaN in the column of a label that no rater used.
    prior : ndarray, shape (L,)
    log_likelihood : float
    starts : tuple of Start
        All starts tried; `best` is the index of the one kept.
    best : int
    undetermined : int
        Voxels that another start with the same likelihood labels otherwise.
    """

    posterior: np.ndarray
    confusion: np.ndarray
    prior: np.ndarray
    log_likelihood: float
    starts: tuple[Start, ...]
    best: int
    undetermined: int


class PatternModel:
    """The E and M steps on vote patterns, for several parameter sets (starts) at once.

    Parameters
    ----------
    patterns : ndarray of int, shape (P, R)
        Label indices; every label occurs.
    counts : ndarray, shape (P,)
        Voxels of each pattern.
    n_labels : int
    """

    def __init__(self, patterns: np.ndarray, counts: np.ndarray, n_labels: int) -> None:
        n_patterns, n_raters = patterns.shape
        self.shape = (n_raters, n_labels, n_labels)
        self.counts = counts.astype(float)
        votes = patterns[:, :, None] == np.arange(n_labels)
        self.fractions = votes.mean(axis=1)
        self.prior = self.counts @ self.fractions / self.counts.sum()
        # Rows of 0 and 1 that pick a pattern's entries: both steps become matrix products.
        self._picks = votes.reshape(n_patterns, -1).astype(float)
        self._weights = self._picks.T * self.counts

    def expect(self, confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihoods (S,) and posteriors (S, P, L) of confusion matrices (S, R, L, L)."""
        logs = np.log(np.maximum(confusion, _SMALLEST)).reshape(len(confusion), -1, self.shape[2])
        joint = self._picks @ logs
        joint += np.log(self.prior)
        top = joint.max(axis=2, keepdims=True)
        posterior = np.exp(joint - top)
        total = posterior.sum(axis=2, keepdims=True)
        posterior /= total
        return (np.log(total) + top)[:, :, 0] @ self.counts, posterior

    def maximise(self, posterior: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """Confusion matrices (S, R, L, L) that maximise the likelihood under the posteriors (S, P, L).

        A true label left without any voxel keeps its `previous` column.
        """
        votes = (self._weights @ posterior).reshape(previous.shape)
        total = votes.sum(axis=2, keepdims=True)
        return np.where(total > 0, votes / np.maximum(total, _SMALLEST), previous)

    def step(self, confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One EM step: the log-likelihoods of `confusion` and the next matrices."""
        log_likelihood, posterior = self.expect(confusion)
        return log_likelihood, self.maximise(posterior, confusion)


def fit_multilabel(
    votes: Votes,
    *,
    restarts: int = 12,
    seed: int = 0,
    tolerance: float = 1e-10,
    max_iterations: int = 30_000,
) -> MultilabelFit:
    """Estimate every rater's confusion matrix and every pattern's label probabilities.

    Parameters
    ----------
    votes : Votes
        Of two raters or more.
    restarts : int
        Random diagonal-dominant starts, on top of four fixed ones: the raters' vote fractions, and equal
        matrices with 0.9, 0.7 and 0.99 on the diagonal.
    seed : int
        Of the random starts.
    tolerance : float
        A start has converged when an EM step changes no matrix entry by more.
    max_iterations : int
        EM steps at most for each start.
    """
    # The work is done in an order that depends on names alone: a change of columns changes no digit.
    ordered = votes.select(sorted(votes.raters))
    used = np.flatnonzero(ordered.label_counts.sum(axis=0))
    model = PatternModel(np.searchsorted(used, ordered.patterns), ordered.counts, len(used))
    names, matrices = _starts(model, restarts, np.random.default_rng(seed))
    matrices, iterations, converged = _climb(model, matrices, tolerance, max_iterations)
    likelihoods, posteriors = model.expect(matrices)

    reached = likelihoods >= likelihoods.max() - SAME_LIKELIHOOD * abs(likelihoods.max())
    best = int(np.flatnonzero(reached)[0])
    chosen = posteriors.argmax(axis=2)
    otherwise = [int(ordered.counts[chosen[s] != chosen[best]].sum()) for s in np.flatnonzero(reached)]

    n_labels = len(votes.labels)
    posterior = np.zeros((len(votes.counts), n_labels))
    posterior[:, used] = posteriors[best][votes.rows_in(ordered)]
    confusion = np.zeros((len(votes.raters), n_labels, n_labels))
    confusion[:, :, np.setdiff1d(np.arange(n_labels), used)] = np.nan
    back = [ordered.column(rater) for rater in votes.raters]
    confusion[:, used[:, None], used] = matrices[best][back]
    prior = np.zeros(n_labels)
    prior[used] = model.prior
    return MultilabelFit(
        posterior=posterior,
        confusion=confusion,
        prior=prior,
        log_likelihood=float(likelihoods[best]),
        starts=tuple(
            Start(name, float(reached_), int(steps), bool(done))
            for name, reached_, steps, done in zip(names, likelihoods, iterations, converged, strict=True)
        ),
        best=best,
        undetermined=max(otherwise),
    )


def _starts(model: PatternModel, restarts: int, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """Positive, diagonal-dominant confusion matrices to start from, (S, R, L, L), and their names."""
    n_raters, n_labels, _ = model.shape
    even = np.ones(model.shape) / n_labels
    fractions = model.maximise(model.fractions[None], even[None])[0]
    names = ["vote fractions"]
    matrices = [0.99 * fractions + 0.01 * even]
    for diagonal in (0.9, 0.7, 0.99):
        names.append(f"diagonal {diagonal}")
        matrices.append(_diagonal(np.full((n_raters, n_labels), diagonal), even))
    for number in range(restarts):
        names.append(f"random {number + 1}")
        # Columns of a matrix are what is drawn; the last axis is the truth.
        columns = rng.dirichlet(np.ones(n_labels), size=(n_raters, n_labels)).swapaxes(1, 2)
        matrices.append(_diagonal(rng.uniform(0.5, 0.99, (n_raters, n_labels)), columns))
    return names, np.array(matrices)


def _diagonal(diagonal: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Matrices (R, L, L) with a given diagonal (R, L), the rest of each column shared out as in `columns`."""
    n_labels = columns.shape[1]
    if n_labels == 1:
        return np.ones_like(columns)
    eye = np.eye(n_labels)
    rest = columns * (1 - eye)
    rest /= rest.sum(axis=1, keepdims=True)
    return rest * (1 - diagonal[:, None, :]) + eye * diagonal[:, None, :]


def _climb(
    model: PatternModel, starts: np.ndarray, tolerance: float, max_iterations: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Follow every start uphill; returns matrices, numbers of EM steps and which converged."""
    matrices = starts.copy()
    iterations = np.zeros(len(starts), int)
    converged = np.zeros(len(starts), bool)
    leader = np.arange(len(starts))
    moving = leader.copy()
    while len(moving) and iterations[moving[0]] < max_iterations:
        matrices[moving], change = _accelerated_step(model, matrices[moving])
        iterations[moving] += 3
        converged[moving] = change <= tolerance
        if iterations[moving[0]] % 15 == 0:
            _follow(leader, matrices)
        moving = np.flatnonzero((leader == np.arange(len(starts))) & ~converged)
    for start in range(len(starts)):
        # A leader stands before its followers, so it has been brought up to date already.
        leader[start] = leader[leader[start]]
    return matrices[leader], iterations[leader], converged[leader]


def _follow(leader: np.ndarray, matrices: np.ndarray) -> None:
    """Let every start that has come to the place of an earlier one follow it from here on."""
    leading = np.flatnonzero(leader == np.arange(len(leader)))
    places = matrices[leading].reshape(len(leading), -1)
    distance = np.abs(places[:, None] - places[None]).max(axis=2)
    leader[leading] = leading[(distance < _SAME_PATH).argmax(axis=1)]


def _accelerated_step(model: PatternModel, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two EM steps, then a third from the point they lead to (SQUAREM S3), unless that lies lower.

    Varadhan & Roland, Scand J Stat 2008; 35:335. The likelihood never falls. An extrapolation past zero is
    not taken, so no entry becomes zero by the acceleration.

    Returns
    -------
    matrices, change : ndarray
        The new matrices, and the largest change by the first, plain EM step of each start.
    """
    axes = (1, 2, 3)
    _, first = model.step(start)
    reached, second = model.step(first)
    slope = first - start
    bend = second - first - slope
    squares = (bend**2).sum(axis=axes)
    length = np.sqrt((slope**2).sum(axis=axes) / np.where(squares > 0, squares, 1))
    length = np.maximum(np.where(squares > 0, length, 1), 1)[:, None, None, None]
    jump = start + 2 * length * slope + length**2 * bend
    jump = np.where(jump > 0, jump, second)
    jump /= jump.sum(axis=2, keepdims=True)
    jumped, third = model.step(jump)
    higher = (jumped >= reached)[:, None, None, None]
    return np.where(higher, third, second), np.abs(slope).max(axis=axes)
