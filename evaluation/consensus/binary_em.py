"""The EM of binary STAPLE, for several problems side by side: levels of an exam, or parts without each rater.

Sensitivities and specificities creep: ten thousand steps are not rare, and each is little arithmetic on small
arrays. So all problems take their steps together, and a step is few operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: EM steps between looks at convergence.
_AT_A_TIME = 8


@dataclass(frozen=True, eq=False)
class Decisions:
    """Which raters drew a label, and how often."""

    #: Bool of shape (D, R), each row once, and their voxels, shape (D,).
    drawn: np.ndarray
    counts: np.ndarray
    #: Weights (R, R) of means over raters who are to be estimated alike; None where there are none.
    mean: np.ndarray | None

    @property
    def fractions(self) -> np.ndarray:
        """Of the raters that drew it, shape (D,)."""
        return self.drawn.mean(axis=1)

    @property
    def prior(self) -> float:
        """Mean share of a volume that a rater drew."""
        return float(self.counts @ self.fractions / self.counts.sum())


@dataclass(frozen=True, eq=False)
class End:
    """Where a search ended."""

    #: Of foreground, for each decision, shape (D,).
    probability: np.ndarray
    #: Shape (R,).
    sensitivity: np.ndarray
    specificity: np.ndarray
    log_likelihood: float
    #: M steps after the first.
    iterations: int
    converged: bool


def search(problems: Sequence[Decisions], tolerance: float, max_iterations: int) -> list[End]:
    """Follow each problem from its vote fractions, until no rate changes by more than `tolerance`.

    Problems are of as many raters, and in none is everything foreground, or nothing.
    """
    found: dict[int, End] = {}
    sizes = [len(problem.counts) for problem in problems]
    for size in set(sizes):
        # Filled up to one size they would be added up in another order, and where EM comes by a saddle the
        # last digit decides.
        alike = [number for number, of_one in enumerate(sizes) if of_one == size]
        ends = _search_alike([problems[number] for number in alike], tolerance, max_iterations)
        found |= dict(zip(alike, ends, strict=True))
    return [found[number] for number in range(len(problems))]


def _search_alike(problems: Sequence[Decisions], tolerance: float, max_iterations: int) -> list[End]:
    """Of as many decisions."""
    found: dict[int, End] = {}
    moving = np.arange(len(problems))
    steps = _Steps(problems)
    for begun in range(0, max_iterations, _AT_A_TIME):
        taken = min(_AT_A_TIME, max_iterations - begun)
        # The first change is NaN, and NaN is not below the tolerance.
        converged = steps.take(taken) <= tolerance
        ended = np.logical_or(converged.any(axis=0), begun + taken == max_iterations)
        if not ended.any():
            continue
        for place in np.flatnonzero(ended):
            met = bool(converged[:, place].any())
            step = int(converged[:, place].argmax()) if met else taken - 1
            rates = steps.rates(step)[:, place].copy()
            found[moving[place]] = _end(problems[moving[place]], rates, begun + step, met)
        moving = moving[~ended]
        if not len(moving):
            break
        steps = steps.of(~ended)
    return [found[number] for number in range(len(problems))]


def _end(problem: Decisions, rates: np.ndarray, iterations: int, converged: bool) -> End:
    """The last E step, by rates (2, R)."""
    prior, both = problem.prior, rates[:, None]
    right = np.stack([problem.drawn, ~problem.drawn])
    joint = np.where(right, both, 1 - both).prod(axis=2) * [[prior], [1 - prior]]
    total = joint.sum(axis=0)
    log_likelihood = float(problem.counts @ np.log(total))
    return End(joint[0] / total, rates[0], rates[1], log_likelihood, iterations, converged)


class _Steps:
    """EM steps of F problems of R raters and D decisions.

    Everything comes twice: of the label's being there, which a rater then draws with its sensitivity, and of
    its not being there.
    """

    def __init__(self, problems: Sequence[Decisions]) -> None:
        self._problems = problems
        n_raters, n_decisions = problems[0].drawn.shape[::-1]
        self._shape = shape = (2, len(problems), n_raters)
        drawn = np.stack([problem.drawn for problem in problems])
        # In which decisions a rater was right.
        right = np.stack([drawn, ~drawn])
        self._right = right.astype(float)
        self._counts = np.stack([problem.counts for problem in problems])[:, None]
        self._mean = _means(problems)
        # The rates after each step, one less each rate, and the priors: all that an E step multiplies, and
        # where its factors are, a row a rater and one of priors.
        self._size = size = 2 * len(problems) * n_raters
        self._known = np.full((_AT_A_TIME + 1, 2 * size + 2 * len(problems)), np.nan)
        prior = np.array([problem.prior for problem in problems])
        self._known[:, 2 * size :] = np.concatenate([prior, 1 - prior])
        place = np.arange(size).reshape(*shape[:2], 1, -1) + np.where(right, 0, size)
        prior_at = 2 * size + np.arange(2 * len(problems)).reshape(*shape[:2], 1)
        factors = [*np.moveaxis(place, 3, 0), np.broadcast_to(prior_at, (*shape[:2], n_decisions))]
        self._factors = np.stack(factors).reshape(n_raters + 1, -1)
        # Of foreground and of background, shape (2, F, 1, D).
        fractions = np.stack([problem.fractions for problem in problems])[:, None]
        self._probability = np.stack([fractions, 1 - fractions])

    def of(self, kept: np.ndarray) -> _Steps:
        """Some of the problems, from where they are."""
        some = _Steps([p for p, keep in zip(self._problems, kept, strict=True) if keep])
        some._probability[...] = self._probability[:, kept]
        some._known[-1, : some._size] = self.rates(-2)[:, kept].ravel()
        return some

    def rates(self, step: int) -> np.ndarray:
        """Sensitivities and specificities (2, F, R) after a step of those last taken."""
        return self._known[step + 1, : self._size].reshape(self._shape)

    def take(self, number: int) -> np.ndarray:
        """Take some steps, `_AT_A_TIME` at most; the largest change of a rate in each, (`number`, F)."""
        size, shape, known, probability = self._size, self._shape, self._known, self._probability
        known[0] = known[-1]
        foreground, background = probability
        weights = np.empty(probability.shape)
        joint = np.empty(probability.shape)
        flat = joint.reshape(-1)
        for row in known[1 : number + 1]:
            np.multiply(self._counts, probability, out=weights)
            rates = row[:size].reshape(*shape[:2], 1, shape[2])
            np.divide(weights @ self._right, np.add.reduce(weights, 3, keepdims=True), out=rates)
            if self._mean is not None:
                # Of raters alike by the mean: rounding would part them.
                rates[...] = (self._mean @ rates.swapaxes(2, 3)).swapaxes(2, 3)
            np.subtract(1, row[:size], out=row[size : 2 * size])
            np.multiply.reduce(row.take(self._factors), 0, out=flat)
            np.divide(joint[0], joint[0] + joint[1], out=foreground)
            np.subtract(1, foreground, out=background)
        rates = known[: number + 1, :size].reshape(number + 1, *shape)
        return np.abs(np.diff(rates, axis=0)).max(axis=(1, 3))


def _means(problems: Sequence[Decisions]) -> np.ndarray | None:
    """Weights (F, R, R) of means over raters alike; None where all can be told apart."""
    if all(problem.mean is None for problem in problems):
        return None
    alone = np.eye(problems[0].drawn.shape[1])
    return np.stack([alone if problem.mean is None else problem.mean for problem in problems])
