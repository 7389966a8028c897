"""Measures of how much is marked, in ml: too much or too little, and where it does not belong.

They need nothing to find: where nobody marked a level its volume is 0, and who marks it has too much.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evaluation.measures.measure import Measure, always_there
from evaluation.measures.pairs import Pair


def _in_ml(
    name: str, title: str, about: str, voxels: Callable[[Pair], int], *, signed: bool = False
) -> Measure:
    return Measure(
        name,
        title,
        f"{about}, ml; both masks empty: 0",
        lambda pair: voxels(pair) * pair.voxel_ml,
        lambda _: np.nan,
        unit="ml",
        higher_is_better=False,
        best=0.0,
        bounds=(-np.inf if signed else 0.0, np.inf),
        counts=always_there,
        needs_both=False,
        signed=signed,
        pairwise=signed,
    )


VOLUME_DIFFERENCE = _in_ml(
    "volume_difference", "Volume difference", "volume of the rater minus that of the reference",
    lambda pair: pair.n_rater - pair.n_reference, signed=True,
)  # fmt: skip
FALSE_POSITIVE = _in_ml(
    "false_positive_volume", "False-positive volume", "marked by the rater and not by the reference",
    lambda pair: pair.n_rater - pair.both,
)  # fmt: skip
FALSE_NEGATIVE = _in_ml(
    "false_negative_volume", "False-negative volume", "marked by the reference and not by the rater",
    lambda pair: pair.n_reference - pair.both,
)  # fmt: skip
