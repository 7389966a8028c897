"""Ordinal STAPLE: levels are scores on a line, and each rater has a bias and a variance.

Warfield, Zou and Wells, "Validation of image segmentation by estimating rater bias and variance", Phil
Trans R Soc A 2008; 366:2361 (PMC3227147): a voxel has a hidden continuous true score t, and rater j scores
``t + bias_j + noise`` with normal noise of ``variance_j``. Calling a 3 a 2 is then a smaller error than
calling it background, which neither multi-label nor binary STAPLE knows. The prior of t is flat, as in the
authors' own program for continuous values (Commowick and Warfield, IEEE TMI 2009; 28:838), so an E step
gives each vote pattern the mean of its scores, less the biases, weighted by one over the variances.

Where this departs from them, and why:

- Biases sum to zero. Under a flat prior one number added to all biases and taken from all true scores
  changes no likelihood: the data leave it open (Xing, Prince and Landman, PLoS ONE 2016; 11:e0155862). EM
  that starts from biases of zero and equal variances, as the authors' does, keeps their sum at zero; here it
  is zero by definition, and a rater's bias is the rater's mean score less that of all raters.
- The likelihood is then a function of the covariance of the raters' scores alone: it is computed once from
  the vote patterns, and every EM step works on R x R numbers.
- Variances have a floor, `FLOOR` times the raters' mean variance. Without it the likelihood has no maximum
  where two raters drew the same mask: their variances fall to zero.
- Several starts, the highest likelihood kept: equal variances, and each rater in turn as nearly exact.
- Where several sets of variances share the highest likelihood, as those of two opposed pairs of readers do,
  the mean of their scores is taken, and said: otherwise the readers' names would decide.
- The score of a label is its place among the labels (0, 1, 2, ...): levels count as equally far apart and
  must be declared in rising order. The consensus is the label nearest to the score; halfway between two,
  within 1e-6, the lower.

Two raters have one difference between them, which cannot tell whose variance it is: they are taken as equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from evaluation.consensus.by_content import by_content
from evaluation.consensus.result import TIE, Consensus, consensus_of, several_answers, usual_notices
from evaluation.consensus.squarem import Search, Start, search
from evaluation.consensus.votes import Votes

#: No variance falls below this share of the raters' mean variance.
FLOOR = 1e-3
#: Of a rater's variance, against the others', in a start that takes the rater as nearly exact.
_NEARLY_EXACT = 0.01
#: Raters whose scores differ by a constant, within rounding (levels squared).
_NO_VARIANCE = 1e-12


@dataclass(frozen=True, eq=False)
class OrdinalFit:
    """Maximum-likelihood estimate of the ordinal model."""

    #: Posterior mean of the true score of each vote pattern, in levels, shape (P,).
    score: np.ndarray
    #: The same by each set of variances that has the highest likelihood, shape (P, S); `score` is their mean.
    answers: np.ndarray
    #: Posterior standard deviation of a true score, the same for every pattern.
    spread: float
    #: Of each rater, in levels; sums to zero.
    bias: np.ndarray
    #: Of each rater, in levels squared; 0 for all where the raters differ by constants.
    variance: np.ndarray
    #: Whose variance is at the floor, bool of shape (R,).
    floored: np.ndarray
    #: One of `starts`, of highest likelihood: of densities of scores, the true score integrated out; infinite
    #: where all variances are 0.
    kept: Start
    starts: tuple[Start, ...]


class ScoreModel:
    """The EM step on the covariance (R, R) of scores over voxels, for several sets of variances at once."""

    def __init__(self, covariance: np.ndarray, n_voxels: int) -> None:
        n_raters = len(covariance)
        self.covariance = covariance
        self.n_voxels = n_voxels
        # Mean variance of a rater about the raters' mean score, unbiased under equal variances.
        spread = np.trace(covariance) - covariance.sum() / n_raters
        self.mean_variance = float(spread / (n_raters - 1))
        self.floor = FLOOR * self.mean_variance

    def step(self, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The log-likelihoods (S,) of variances (S, R), and the variances after one EM step."""
        precision = 1 / variances
        spread = 1 / precision.sum(axis=1, keepdims=True)
        weights = precision * spread
        shared = weights @ self.covariance
        residual = np.diag(self.covariance) - 2 * shared + (shared * weights).sum(axis=1, keepdims=True)
        n_raters = variances.shape[1]
        each = np.log(spread[:, 0]) - (n_raters - 1) * np.log(2 * np.pi)
        each -= (np.log(variances) + residual * precision).sum(axis=1)
        # Each rater's expected log-likelihood has one peak, so the floor gives its constrained maximum.
        return self.n_voxels * each / 2, np.maximum(residual + spread, self.floor)

    @staticmethod
    def difference(after: np.ndarray, before: np.ndarray) -> np.ndarray:
        """In logarithms."""
        return np.log(after / before)

    def jump(
        self, start: np.ndarray, linear: np.ndarray, quadratic: np.ndarray, _second: np.ndarray, /
    ) -> np.ndarray:
        """At the floor at least."""
        # A long jump would overflow; in one step no variance moves by more than a factor of a million.
        return np.maximum(start * np.exp(np.clip(linear + quadratic, -14, 14)), self.floor)


def fit_ordinal(votes: Votes, *, tolerance: float = 1e-10, max_iterations: int = 30_000) -> OrdinalFit:
    """Estimate every rater's bias and variance and every pattern's true score.

    `votes` are of two raters or more, of one voxel at least. A start has converged when an EM step changes no
    variance by a larger share than `tolerance`; `max_iterations` are EM steps at most for each start.
    """
    # The work is done in an order that depends on masks alone: neither columns nor names change a digit.
    ordered = by_content(votes).votes
    scores = ordered.patterns.astype(float)
    means = ordered.counts @ scores / ordered.n_voxels
    bias = means - means.mean()
    centred = scores - means
    model = ScoreModel((centred.T * ordered.counts) @ centred / ordered.n_voxels, ordered.n_voxels)
    found = _search(model, ordered.raters, tolerance, max_iterations)
    answers = _distinct(found.parameters[found.reached])
    # Equal weights where nobody varies.
    precision = 1 / answers if answers.all() else np.ones_like(answers)
    weights = precision / precision.sum(axis=1, keepdims=True)
    each = (scores - bias) @ weights.T
    variance = answers.mean(axis=0)
    back = [ordered.column(rater) for rater in votes.raters]
    rows = votes.rows_in(ordered)
    return OrdinalFit(
        score=each.mean(axis=1)[rows],
        answers=each[rows],
        spread=float(np.sqrt((weights**2 * answers).sum(axis=1).mean())),
        bias=bias[back],
        variance=variance[back],
        floored=((variance > 0) & (variance <= model.floor))[back],
        kept=found.starts[found.best],
        starts=found.starts,
    )


def ordinal_staple(votes: Votes, *, max_iterations: int = 30_000) -> Consensus:
    """Consensus of two raters or more by ordinal STAPLE; the module's docstring has the model.

    A level that no rater drew can be the nearest one: between 1 and 3 lies 2.
    """
    fit = fit_ordinal(votes, max_iterations=max_iterations)
    top = len(votes.labels) - 1
    index = _nearest_labels(fit.score, top)
    of_answers = _nearest_labels(fit.answers, top)
    otherwise = max(int(votes.counts[index != other].sum()) for other in of_answers.T)
    above = fit.score - 0.5
    tied = (np.abs(above - np.round(above)) <= TIE) & (fit.score > 0) & (fit.score < top)
    notices = usual_notices(votes, tied) + _notices(votes, fit)
    if otherwise:
        mean = f"the mean of {len(of_answers.T)} answers was taken"
        notices.append(f"{several_answers(otherwise)} of the same likelihood; {mean}")
    return consensus_of(
        "ordinal", votes, index, _nearest(fit, index, top + 1), kept=fit.kept, starts=fit.starts,
        notices=notices, bias=fit.bias, variance=fit.variance, undetermined=otherwise,
    )  # fmt: skip


def _distinct(variances: np.ndarray) -> np.ndarray:
    """Those (S, R) that differ from the ones before."""
    kept: list[np.ndarray] = []
    for one in variances:
        if not any(np.allclose(one, other, rtol=1e-3, atol=0) for other in kept):
            kept.append(one)
    return np.array(kept)


def _nearest_labels(score: np.ndarray, top: int) -> np.ndarray:
    """The place of the label nearest to each score, halfway the lower."""
    return np.clip(np.ceil(score - 0.5 - TIE), 0, top).astype(int)


def _notices(votes: Votes, fit: OrdinalFit) -> list[str]:
    notices = []
    if not fit.variance.any():
        notices.append("the raters differ by constants: no variance to estimate, raters weigh the same")
    elif len(votes.raters) == 2:
        notices.append("two raters: their variances cannot be told apart and are taken as equal")
    if fit.floored.any():
        exact = ", ".join(rater for rater, low in zip(votes.raters, fit.floored, strict=True) if low)
        notices.append(f"variance at its floor ({FLOOR:g} of the mean): {exact} decides the consensus")
    return notices


def _nearest(fit: OrdinalFit, index: np.ndarray, n_labels: int) -> np.ndarray:
    """Probability (P, L) that each label is the nearest to the true score."""
    if fit.spread == 0:
        return np.eye(n_labels)[index]
    below = scipy.stats.norm.cdf(np.arange(n_labels - 1) + 0.5, loc=fit.score[:, None], scale=fit.spread)
    return np.diff(below, axis=1, prepend=0, append=1)


def _search(model: ScoreModel, raters: tuple[str, ...], tolerance: float, max_iterations: int) -> Search:
    """From equal variances, and from each rater in turn as nearly exact."""
    if model.mean_variance <= _NO_VARIANCE:
        return Search(np.zeros((1, len(raters))), (Start("no variance", np.inf, 0, True),))
    exact = np.where(np.eye(len(raters), dtype=bool), _NEARLY_EXACT, 1)
    variances = model.mean_variance * np.vstack([np.ones(len(raters)), exact])
    names = ["equal variances", *(f"{rater} nearly exact" for rater in raters)]
    return search(model, names, variances, tolerance=tolerance, max_iterations=max_iterations)
