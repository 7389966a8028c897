"""The search for the maximum of a likelihood: expectation maximisation (EM) from several starts, accelerated.

SQUAREM, scheme S3 (Varadhan and Roland, Scand J Stat 2008; 35:335): two EM steps, then a third from the
point they lead to, unless that lies lower. The likelihood never falls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

#: Two log-likelihoods are the same when they differ by less than this share.
SAME_LIKELIHOOD = 1e-10
#: Starts whose parameters have come this close go on as one.
_SAME_PATH = 1e-4
_MERGE_EVERY = 15
_FEW = 32
#: A start is given up when one that has converged is out of its reach: not even at the pace of its last so
#: many EM steps would its likelihood come there. Near a maximum with entries of zero some creep for ever.
_LOOK_EVERY = 450
#: EM steps before a start may be called flat.
_PATIENCE = 150
#: EM steps after which the lower ones of many starts are given up. Up to twice as many go on where they are
#: as close as this share of the log-likelihood to the highest.
_FIRST_LOOK, _CLOSE = 90, 1e-6


@dataclass(frozen=True)
class Start:
    """One start of the search: its name, where it ended, and after how many EM steps."""

    name: str
    log_likelihood: float
    iterations: int
    converged: bool


class Model(Protocol):
    """A likelihood and its EM step, of several sets of parameters at once (the first axis)."""

    def step(self, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihoods (S,) of parameters (S, ...), and the parameters after one EM step."""

    def difference(self, after: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Of parameters, on the scale on which they are extrapolated."""

    def jump(
        self, start: np.ndarray, linear: np.ndarray, quadratic: np.ndarray, second: np.ndarray, /
    ) -> np.ndarray:
        """Parameters at `start` plus both terms on that scale, where they are valid; else as in `second`."""


@dataclass(frozen=True, eq=False)
class Search:
    """Where every start ended: parameters (S, ...), and its log-likelihood in `starts`."""

    parameters: np.ndarray
    starts: tuple[Start, ...]

    @property
    def reached(self) -> np.ndarray:
        """The starts that ended at the highest likelihood; the first of them is the one to keep."""
        return np.flatnonzero(at_the_top(self.starts))

    @property
    def best(self) -> int:
        """The start to keep."""
        return int(self.reached[0])


def search(
    model: Model,
    names: Sequence[str],
    starts: np.ndarray,
    *,
    tolerance: float,
    max_iterations: int,
    merge: bool = False,
    flat: float | None = None,
    keep: int | None = None,
) -> Search:
    """Follow every start uphill.

    `starts` are parameters (S, ...), each with a name. One has converged when an EM step changes no parameter
    by more than `tolerance`, on the scale of `Model.difference`; it takes `max_iterations` EM steps at most.
    With `merge`, starts that meet go on as one. One out of whose reach another has converged is given up.
    With `flat`, one ends, not converged, where after `_PATIENCE` EM steps the next three gain less than that
    share of its log-likelihood. With `keep`, so many go on after `_FIRST_LOOK` EM steps, the highest ones, or
    up to twice as many that are as high.
    """
    parameters = starts.copy()
    everyone = np.arange(len(starts))
    iterations, converged = np.zeros(len(starts), int), np.zeros(len(starts), bool)
    likelihood, seen = np.full((2, len(starts)), -np.inf)
    given_up = np.zeros(len(starts), bool)
    leader = everyone.copy()
    moving = everyone
    while len(moving) and iterations[moving[0]] < max_iterations:
        before = likelihood[moving]
        parameters[moving], change, likelihood[moving] = accelerated_step(model, parameters[moving])
        iterations[moving] += 3
        converged[moving] = change <= tolerance
        if flat is not None and iterations[moving[0]] >= _PATIENCE:
            given_up[moving] |= likelihood[moving] - before < flat * np.abs(likelihood[moving])
        if keep is not None and iterations[moving[0]] == _FIRST_LOOK:
            top, ranked = likelihood.max(), np.sort(likelihood[moving])
            close = max(top - _CLOSE * abs(top), ranked[-2 * keep :][0])
            least = min(ranked[-keep:][0], close)
            given_up[moving] |= likelihood[moving] < least
        if merge and iterations[moving[0]] % _MERGE_EVERY == 0:
            _follow(leader, parameters)
        if iterations[moving[0]] % _LOOK_EVERY == 0:
            looks = (max_iterations - iterations) / _LOOK_EVERY
            gain = np.maximum(likelihood - seen, SAME_LIKELIHOOD * np.abs(likelihood))
            top = likelihood.max(where=converged, initial=-np.inf)
            given_up |= ~converged & (likelihood + looks * gain < top)
            seen = likelihood.copy()
        moving = np.flatnonzero((leader == everyone) & ~converged & ~given_up)
    for start in everyone:
        # A leader stands before its followers, so it has been brought up to date already.
        leader[start] = leader[leader[start]]
    parameters = parameters[leader]
    ends = zip(names, model.step(parameters)[0], iterations[leader], converged[leader], strict=True)
    return Search(parameters, tuple(Start(name, float(x), int(n), bool(done)) for name, x, n, done in ends))


def at_the_top(starts: Sequence[Start]) -> np.ndarray:
    """Which starts ended at the highest likelihood, bool of shape (S,)."""
    reached = np.array([start.log_likelihood for start in starts])
    top = reached.max(initial=-np.inf)
    return reached >= top - (SAME_LIKELIHOOD * abs(top) if np.isfinite(top) else 0)


def accelerated_step(model: Model, start: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The parameters after three EM steps, and the largest change by the first, plain one (S,).

    Third are log-likelihoods (S,), of the parameters that the last step set out from.
    """
    _, first = model.step(start)
    reached, second = model.step(first)
    slope = model.difference(first, start)
    bend = model.difference(second, first) - slope
    axes = tuple(range(1, start.ndim))
    squares = (bend**2).sum(axis=axes)
    length = np.sqrt((slope**2).sum(axis=axes) / np.where(squares > 0, squares, 1))
    length = np.maximum(np.where(squares > 0, length, 1), 1).reshape(-1, *(1 for _ in axes))
    jumped, third = model.step(model.jump(start, 2 * length * slope, length**2 * bend, second))
    higher = (jumped >= reached).reshape(length.shape)
    parameters = np.where(higher, third, second)
    return parameters, np.abs(slope).max(axis=axes), np.maximum(jumped, reached)


def _follow(leader: np.ndarray, parameters: np.ndarray) -> None:
    """Let every start that has come to the place of an earlier one follow it from here on."""
    leading = np.flatnonzero(leader == np.arange(len(leader)))
    places = parameters[leading].reshape(len(leading), -1)
    for number, place in enumerate(places):
        # Most are told apart by a few parameters.
        near = np.arange(number)
        for some in (slice(_FEW), slice(_FEW, None)):
            near = near[(np.abs(places[near, some] - place[some]) < _SAME_PATH).all(axis=1)]
        if len(near):
            leader[leading[number]] = leading[near[0]]
