"""What lies where in two knees: the fraction of every tissue in every voxel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dataset_conversion.phantom.fields import Array, Grid
from dataset_conversion.phantom.knee import PARTS, TISSUES, Knee
from dataset_conversion.phantom.subject import Subject

# Columns computed at once: their arrays stay in the processor's cache, which halves the time.
STRIP = 32


@dataclass(frozen=True)
class Anatomy:
    """Two knees on a grid; every array has the grid's shape."""

    #: Fraction of each tissue of `TISSUES` in each voxel, float32.
    tissues: dict[str, Array]
    #: Marrow in which signal is read: meta- and epiphyses of femur and tibia without physes and vessels.
    region: Array
    #: Femur and tibia, cortex, physis and inner vessels included, in the same stretch.
    bone: Array
    #: Millimetres from the growth plate, positive towards the shaft, float32.
    physis_distance: Array


def build_anatomy(grid: Grid, subject: Subject, rng: np.random.Generator) -> Anatomy:
    """Both knees of a subject, mirrored, each with a pose and small differences of its own."""
    half = grid.size[0] // 2
    apart = float(rng.normal(86.0, 1.5))
    height, depth = 5.0 + float(rng.normal(0, 3.0)), 2.0 + float(rng.normal(0, 1.0))
    strips = []
    # The patient's right comes first along i; lateral of the right knee is towards smaller i.
    for side, columns in ((-1.0, slice(None, half)), (1.0, slice(half, None))):
        x = side * grid.positions(0)[columns] - apart
        y = -grid.positions(2, PARTS) + depth
        z = -grid.positions(1) + height + float(rng.normal(0, 2.0))
        stream = int(rng.integers(2**63))
        for first in range(0, half, STRIP):
            strip = slice(first, first + STRIP)
            strips.append(Knee((x, z, y), strip, subject, np.random.default_rng(stream)).compose())
    whole = {name: np.concatenate([fractions[name] for fractions in strips]) for name in strips[0]}
    tissues = {name: whole[name] for name in TISSUES}
    clean = (tissues["marrow"] > 0.5) & (tissues["physis"] < 0.1) & (tissues["vessel"] < 0.1)
    region, bone = (whole["inner"] > 0.6) & clean, whole["bone"] > 0.5
    return Anatomy(tissues, region, bone, whole["physis_distance"])
