"""In which order masks are shown."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Place(NamedTuple):
    """A mask at its place in the order: whose exam, and who made it."""

    exam: str
    origin: str


def draw_order(exams: Sequence[str], origins: Sequence[str], seed: int) -> list[Place]:
    """Every mask once, in random order: each order is as likely as every other.

    The order depends on the set of masks and the seed, not on the order in which they are given, so that
    neither names nor the caller's habits show in it.

    Parameters
    ----------
    exams, origins : sequence of str
        Each exam has a mask of each origin.
    seed : int

    Returns
    -------
    list of Place

    Examples
    --------
    >>> draw_order(["b", "a"], ["model", "consensus"], 1) == draw_order(["a", "b"], ["consensus", "model"], 1)
    True
    """
    masks = [Place(exam, origin) for exam in sorted(exams) for origin in sorted(origins)]
    # The names take part, so that two studies with one seed do not share an order.
    names = hashlib.sha256("\n".join(f"{exam}\t{origin}" for exam, origin in masks).encode()).digest()
    rng = np.random.default_rng([seed, int.from_bytes(names[:8], "big")])
    return [masks[place] for place in rng.permutation(len(masks))]
