"""Multi-label STAPLE: one confusion matrix a rater, estimated by expectation maximisation on vote patterns.

The rule ``map`` is the same with a prior on the matrices: `evaluation.consensus.map`.

The model of Warfield et al. (IEEE TMI 2004; 23:903), for several labels at once as in Rohlfing et al.
(IPMI 2003; IEEE TMI 2004; 23:983): given the unknown true label of a voxel the raters decide
independently, each by his own matrix; the prior of a label is its share of all raters' votes over the
whole volume, as SimpleITK's MultiLabelSTAPLE estimates it.

Names decide nothing: raters are worked on in the order of their masks, and raters whom their masks do not
tell apart (`evaluation.consensus.by_content`) have one matrix.

The likelihood has several maxima, mostly where a label is sparse, so where the search starts matters.
Here every start is positive and favours the diagonal, several are tried, and the highest wins. A start
with zeros keeps them for ever, and one close to zeros (SimpleITK's, where votes tie) can take thousands
of steps to leave them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evaluation.consensus.by_content import by_content
from evaluation.consensus.kinds import Rule
from evaluation.consensus.pattern_model import SPARSE_FROM, PatternModel
from evaluation.consensus.result import (
    TIE,
    Consensus,
    consensus_of,
    first_of_highest,
    several_answers,
    usual_notices,
)
from evaluation.consensus.squarem import search
from evaluation.consensus.votes import Votes

#: A start has converged when an EM step changes no matrix entry by more.
_TOLERANCE = 1e-10
#: Two raters do not determine the matrices: along a ridge of the likelihood labels change for thousands of
#: steps in which it gains next to nothing. Of two, a start ends where it gains less than this share.
_FLAT = 1e-6
#: Of so many labels a step takes long: these many starts, the highest, are followed to their ends.
_KEPT = 6
_MASKS = 16  # of more raters not every mask is a start


def multilabel_staple(votes: Votes, *, restarts: int, seed: int, max_iterations: int) -> Consensus:
    """Consensus of two raters or more by multi-label STAPLE; the module's docstring has the model.

    `restarts` random diagonal-dominant starts, of `seed`, come on top of fixed ones: the raters' vote
    fractions; equal matrices with 0.9, 0.7 and 0.99 on the diagonal; each rater's mask as the truth. Each
    takes `max_iterations` EM steps at most. Of 200 exams of three and four simulated readers
    (`benchmarks.families`, its eight ways of erring) the default of 20 found the highest maximum that 64
    found in 192, 12 in 189.

    Two raters leave the maximum open, and the highest of many starts can lie far from both: then only starts
    that treat the two alike are taken, and end where the likelihood hardly gains. Of 100 pairs of people who
    outlined cells it is one person's mask in 58. Of simulated pairs of readers (the same ways of erring, 12
    exams each) the mean Dice with the truth is then 0.804, 0.585, 0.645, 0.608, 0.703, 0.849, 0.766, 0.792,
    and with all starts followed on 0.712, 0.585, 0.649, 0.581, 0.704, 0.849, 0.752, 0.772.
    """
    rng = np.random.default_rng(seed)
    return of_confusions(
        "multilabel", votes, lambda model: _starts(model, restarts, rng), max_iterations=max_iterations
    )


def of_confusions(
    rule: Rule,
    votes: Votes,
    starts: Callable[[PatternModel], tuple[list[str], np.ndarray]],
    *,
    prior: Callable[[np.ndarray], np.ndarray] | None = None,
    max_iterations: int,
) -> Consensus:
    """The consensus of the confusion matrices to which a search from some starts leads.

    `starts` are names and matrices (S, R, L, L) for a model; `prior` gives the pseudo-counts of labels of
    some sizes (mean voxels over raters), none by default.
    """
    # The work is done in an order that depends on masks alone: neither columns nor names change a digit.
    arranged = by_content(votes)
    ordered = arranged.votes
    used = np.flatnonzero(ordered.label_counts.sum(axis=0))
    pseudo = None
    if prior:
        pseudo = prior(ordered.label_counts.mean(axis=0))[np.ix_(used, used)]
    model = PatternModel(np.searchsorted(used, ordered.patterns), ordered.counts, len(used), pseudo, arranged)
    names, matrices = starts(model)
    matrices = arranged.averaged(matrices, 1)
    flat = _FLAT if len(votes.raters) == 2 and not prior else None
    found = search(
        model, names, matrices, tolerance=_TOLERANCE, max_iterations=max_iterations, merge=True, flat=flat,
        keep=_KEPT if len(used) >= SPARSE_FROM else None,
    )  # fmt: skip
    best = model.expect(found.parameters[[found.best]])[1][:, :, 0]
    taken = (best >= best.max(axis=0) - TIE).argmax(axis=0)
    otherwise = 0
    for part in model.shares(len(reached := found.parameters[found.reached])):
        posteriors = model.expect(reached[part])[1]
        chosen = (posteriors >= posteriors.max(axis=0) - TIE).argmax(axis=0)
        otherwise = max(otherwise, int((ordered.counts @ (chosen != taken[:, None])).max()))

    n_labels = len(votes.labels)
    posterior = np.zeros((len(votes.counts), n_labels))
    posterior[:, used] = best[:, votes.rows_in(ordered)].T
    confusion = np.zeros((len(votes.raters), n_labels, n_labels))
    confusion[:, :, np.setdiff1d(np.arange(n_labels), used)] = np.nan
    back = [ordered.column(rater) for rater in votes.raters]
    confusion[:, used[:, None], used] = found.parameters[found.best][back]
    shares = np.zeros(n_labels)
    shares[used] = model.prior

    kept = found.starts[found.best]
    index, tied = first_of_highest(posterior)
    notices = usual_notices(votes, tied) + arranged.notices()
    if flat and not kept.converged:
        notices.append("two raters: the likelihood is flat, and the search ended where it hardly gains")
    if otherwise:
        notices.append(f"{several_answers(otherwise)} of the same likelihood; start '{kept.name}' was taken")
    return consensus_of(
        rule, votes, index, posterior, confusion=confusion, prior=shares, kept=kept,
        starts=found.starts, notices=notices, undetermined=otherwise,
    )  # fmt: skip


def _starts(model: PatternModel, restarts: int, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """`alike_starts` and, of more than two raters, each one's mask as the truth, and random ones."""
    names, alike = alike_starts(model)
    n_raters, n_labels, _ = model.shape
    if n_raters == 2:
        return names, alike
    whose = np.linspace(0, n_raters - 1, min(n_raters, _MASKS)).astype(int)
    names += [f"mask {rater + 1}" for rater in whose]
    matrices = [*alike, *model.against_masks()[whose]]
    for number in range(restarts):
        names.append(f"random {number + 1}")
        # Columns of a matrix are what is drawn; the last axis is the truth.
        columns = rng.dirichlet(np.ones(n_labels), size=(n_raters, n_labels)).swapaxes(1, 2)
        matrices.append(_diagonal(rng.uniform(0.5, 0.99, (n_raters, n_labels)), columns))
    return names, np.array(matrices)


def alike_starts(model: PatternModel) -> tuple[list[str], np.ndarray]:
    """Positive, diagonal-dominant confusion matrices to start from, (S, R, L, L), and their names.

    Names of raters play no part: who exchanges two raters exchanges their matrices.
    """
    n_raters, n_labels, _ = model.shape
    even = np.ones(model.shape) / n_labels
    fractions = model.maximise(model.fractions[:, :, None], even[None])[0]
    names = ["vote fractions"]
    matrices = [0.99 * fractions + 0.01 * even]
    for diagonal in (0.9, 0.7, 0.99):
        names.append(f"diagonal {diagonal}")
        matrices.append(_diagonal(np.full((n_raters, n_labels), diagonal), even))
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
