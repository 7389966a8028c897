"""The exponential of numbers of which many are very small, as those of log-likelihoods are."""

from __future__ import annotations

import numpy as np

#: The exponential of less is next to the smallest normal number, or, of less than the second, 0.
_LOW, _ZERO = -707.0, -746.0


def exponential(joint: np.ndarray) -> np.ndarray:
    """The exponential of an array that is contiguous, in place: numpy's, to the last bit.

    Near the smallest number, and below it, numpy takes ten to a hundred times as long, for all neighbours of
    such a value too: so these few are worked on by themselves.
    """
    low = joint < _LOW
    if not low.any():
        return np.exp(joint, out=joint)
    flat = joint.reshape(-1)
    where = np.flatnonzero(low & (joint >= _ZERO))
    values = np.exp(flat[where])
    np.exp(np.maximum(joint, _LOW, out=joint), out=joint)
    np.putmask(joint, low, 0)
    flat[where] = values
    return joint
