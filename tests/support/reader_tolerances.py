"""The readers' tolerance from the surfaces of whole exams."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations

from evaluation.measures.kinds import QUANTILE
from evaluation.measures.surface import Surfaces
from evaluation.measures.surface_distances import SurfaceDistances
from evaluation.measures.tolerance import ReaderTolerance, tolerance_of_pairs


def tolerance_of_readers(
    exams: Iterable[Surfaces], readers: Sequence[str], level: str, quantile: float = QUANTILE
) -> ReaderTolerance:
    """Of one level; `exams` hold all readers."""
    pairs: list[SurfaceDistances] = []
    extents: list[dict[str, tuple[float, float]]] = []
    voxel, dimensions = math.inf, 3
    for surfaces in exams:
        marked = [reader for reader in readers if reader not in surfaces.empty]
        pairs += [surfaces.between(*pair) for pair in combinations(marked, 2)]
        extents.append({reader: surfaces.extent(reader) for reader in marked})
        voxel, dimensions = min(voxel, *surfaces.spacing), len(surfaces.spacing)
    return tolerance_of_pairs(
        pairs, extents, level, quantile, n_readers=len(readers), voxel=voxel, dimensions=dimensions
    )
