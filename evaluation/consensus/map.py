"""Multi-label STAPLE with a prior on how readers err: the rule ``map``.

The model of `evaluation.consensus.multilabel`, whose confusion matrices are not those of highest likelihood
but of highest posterior density: every column has a Dirichlet prior, as if every rater had decided some
voxels before. Commowick and Warfield (MICCAI 2010; PMC3079852, of which the abstract was read) put priors of
this kind (beta) on STAPLE's parameters, so that raters who contradict each other do not lead the search to an
optimum that none of them has. Where a label is sparse, or raters are few or err together, as along borders of
a graded signal, the likelihood has its maximum far from the diagonal, and overrules all raters there.

The prior knows nothing of a study but its votes:

- on the diagonal `STRENGTH` x `DIAGONAL` times the label's size, which is the mean number of voxels that a
  rater gave it;
- off it the rest, shared out among the other labels, where levels are ordered falling by `FALL` a step, each
  limited to the same share of the smaller of the two labels' sizes. Background is far larger than any level:
  shares of its size would let a reader mark everywhere by mistake, and swallow what is small.

`STRENGTH` and `DIAGONAL` were chosen on simulated readers of eight ways of erring, 12 cohorts each, as those
of highest mean Dice with the known truth; on other cohorts `python -m benchmarks.truth` measures what came of
it.

Only starts that treat the raters alike are taken, so that names decide nothing: who exchanges two raters'
masks exchanges their matrices.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from evaluation.consensus.multilabel import alike_starts, of_confusions
from evaluation.consensus.result import Consensus
from evaluation.consensus.votes import Votes

#: Voxels that the prior counts for, as a share of a label's size.
STRENGTH = 1.0
#: Of these, decided rightly.
DIAGONAL = 0.9
#: Of ordered levels: how much rarer a confusion is with each further step.
FALL = 0.3


def pseudo_counts(sizes: np.ndarray, *, ordered: bool = True) -> np.ndarray:
    """Decisions (row) on true labels (column) that the prior counts for, of shape (L, L).

    `sizes` (L,) are the labels' mean numbers of voxels over raters; `ordered` says whether labels are levels
    in rising order.

    Examples
    --------
    >>> pseudo_counts(np.array([1000.0, 100.0])).round(1)
    array([[900.,  10.],
           [ 10.,  90.]])
    """
    steps = np.abs(np.subtract.outer(np.arange(len(sizes)), np.arange(len(sizes))))
    weights = np.where(steps > 0, FALL ** (steps - 1.0) if ordered else 1.0, 0.0)
    weights /= np.maximum(weights.sum(axis=0), np.finfo(float).tiny)
    off = STRENGTH * (1 - DIAGONAL) * weights * np.minimum.outer(sizes, sizes)
    return off + np.diag(STRENGTH * DIAGONAL * sizes)


def map_staple(votes: Votes, *, ordered: bool, max_iterations: int) -> Consensus:
    """Consensus of two raters or more by multi-label STAPLE with a prior; the module's docstring has it.

    `Consensus.log_likelihood` holds the log-likelihood plus the log of the prior's density, less a constant.
    """
    prior = partial(pseudo_counts, ordered=ordered)
    return of_confusions("map", votes, alike_starts, prior=prior, max_iterations=max_iterations)
