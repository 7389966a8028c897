"""Random problems of foci, of whole numbers alone: the same with every version of NumPy."""

from __future__ import annotations

import numpy as np

#: Problems from here on are of one slice.
FIRST_FLAT = 80
PROBLEMS = 100


def foci_problem(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A reference and a rater, 0 and 1: boxes, of which the rater moves, drops, splits and adds some."""
    rng = np.random.default_rng(seed)
    shape = (24, 20, 6) if seed < FIRST_FLAT else (24, 20)
    reference, rater = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)

    def box(mask: np.ndarray, corner: np.ndarray, size: np.ndarray) -> None:
        mask[tuple(slice(max(0, at), max(0, at + n)) for at, n in zip(corner, size, strict=True))] = 1

    for _ in range(rng.integers(0, 14)):
        corner, size = rng.integers(0, shape), rng.integers(1, 6, len(shape))
        box(reference, corner, size)
        if rng.integers(4):
            box(rater, corner + rng.integers(-2, 3, len(shape)), size + rng.integers(-1, 3, len(shape)))
    for _ in range(rng.integers(0, 6)):
        box(rater, rng.integers(0, shape), rng.integers(1, 4, len(shape)))
    # Cut in slabs: some foci fall into pieces.
    for at in rng.integers(0, shape[0], rng.integers(0, 4)):
        (rater if rng.integers(2) else reference)[at] = 0
    return reference, rater
