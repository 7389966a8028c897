"""How long all surface measures of an exam take, next to surface-distance and panoptica called pair by pair.

Four readers and two models on an exam of the study's size, three levels: NSD, HD95 and ASSD of every rater
against the study's consensus and the yardstick, of readers against the yardstick of the others and of models
against all four of those, of readers against each other, and of models against readers. All start at the
label maps. The peers are timed on every third pair, and their times multiplied by what that is of all.

Panoptica wants older versions of what bmseg needs: its Python is named by BMSEG_PANOPTICA_PYTHON, and without
one it is left out.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import surface_distance

from benchmarks.masks import SHAPE, simulate_masks
from benchmarks.timing import Row, row_of, seconds
from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.votes import count_votes, paint
from evaluation.measures.surface import Surfaces
from evaluation.measures.surface_distances import Convention

LABELS = (0, 1, 2, 3)
SPACING = (0.9, 0.9, 3.5)
#: mm: panoptica's NSD takes the smallest step of the voxels.
TOLERANCE = 0.9
PYTHON = "BMSEG_PANOPTICA_PYTHON"
PEER = Path(__file__).parent / "peer_panoptica.py"
_EVERY = 3

#: Level, reference, rater.
Pair = tuple[int, str, str]
#: NSD, HD95 and ASSD by pair.
Found = dict[Pair, tuple[float, float, float]]


def bench_surfaces(repeats: int = 3, shape: tuple[int, int, int] = SHAPE) -> list[Row]:
    """Time ours and each peer in turn; refuses to report when their numbers differ."""
    maps, pairs = _exam(shape)
    sample = pairs[::_EVERY]
    share = len(pairs) / len(sample)
    name = f"NSD, HD95, ASSD of {len(pairs)} pairs of masks, {'x'.join(map(str, shape))}"
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        _check_same(_ours(maps, sample, "elements"), _surface_distance(maps, sample[:1]), measures=2)
        times = [
            (
                seconds(lambda: _ours(maps, pairs, "elements")),
                seconds(lambda: _surface_distance(maps, sample)) * share,
            )
            for _ in range(repeats)
        ]
    rows.append(row_of(name, "surface-distance", times))
    if os.environ.get(PYTHON):
        with _panoptica(maps, os.environ[PYTHON]) as run:
            # Its NSD and ASSD count each surface alike (docs/reference/measures.md).
            _check_same(_ours(maps, sample, "voxels"), run(sample[:1])[1], measures=1)
            times = [
                (seconds(lambda: _ours(maps, pairs, "voxels")), run(sample)[0] * share)
                for _ in range(repeats)
            ]
        rows.append(row_of(name, "panoptica", times))
    else:
        print(f"panoptica: left out; name its Python in {PYTHON}", flush=True)
    return rows


def _exam(shape: tuple[int, int, int]) -> tuple[dict[str, np.ndarray], list[Pair]]:
    """Label maps of raters and consensuses, and the pairs that are measured."""
    masks = simulate_masks(shape, readers=6)
    readers, models = list(masks)[:4], list(masks)[4:]
    own = {reader: masks[reader] for reader in readers}
    votes = count_votes(own, LABELS)
    maps = dict(masks)
    for rule in ("multilabel", "map"):
        maps[rule] = paint(own, votes, staple(votes, rule=rule).label)
    without = {reader: f"without {reader}" for reader in readers}
    for reader, consensus in leave_one_out(votes, rule="map").items():
        maps[without[reader]] = paint(own, votes, consensus.label_on(votes))
    pairs = [(rule, rater) for rule in ("multilabel", "map") for rater in masks]
    pairs += [(without[reader], rater) for reader in readers for rater in (reader, *models)]
    pairs += [*itertools.combinations(readers, 2), *itertools.product(readers, models)]
    return maps, [(level, *pair) for level in LABELS[1:] for pair in pairs]


def _ours(maps: dict[str, np.ndarray], pairs: list[Pair], convention: Convention) -> Found:
    found = {}
    for level in LABELS[1:]:
        masks = {name: labels == level for name, labels in maps.items()}
        surfaces = Surfaces(masks, SPACING, convention)
        for pair in pairs:
            if pair[0] == level:
                apart = surfaces.between(*pair[1:])
                found[pair] = apart.nsd(TOLERANCE), apart.hausdorff(95), apart.assd()
    return found


def _surface_distance(maps: dict[str, np.ndarray], pairs: list[Pair]) -> Found:
    found = {}
    for level, reference, rater in pairs:
        apart = surface_distance.compute_surface_distances(
            maps[reference] == level, maps[rater] == level, SPACING
        )
        found[level, reference, rater] = (
            surface_distance.compute_surface_dice_at_tolerance(apart, TOLERANCE),
            surface_distance.compute_robust_hausdorff(apart, 95),
            float(np.mean(surface_distance.compute_average_surface_distance(apart))),
        )
    return found


def _check_same(ours: Found, theirs: Found, measures: int) -> None:
    """Of NSD and HD95 both, or HD95 alone."""
    for pair, numbers in theirs.items():
        if not np.allclose(ours[pair][2 - measures : 2], numbers[2 - measures : 2], atol=1e-6):
            raise RuntimeError(f"{pair}: found {ours[pair]}, expected {numbers}")


@contextmanager
def _panoptica(maps: dict[str, np.ndarray], python: str) -> Iterator:
    """A call that measures pairs in panoptica's Python: seconds, and what was found."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "maps.npz"
        np.savez(file, **maps)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with subprocess.Popen(
            [python, str(PEER), str(file), json.dumps(SPACING)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        ) as program:  # fmt: skip
            assert program.stdin and program.stdout

            def run(pairs: list[Pair]) -> tuple[float, Found]:
                print(json.dumps(pairs), file=program.stdin, flush=True)
                for line in program.stdout or ():
                    if line.startswith("{"):
                        answer = json.loads(line)
                        return answer["seconds"], dict(zip(pairs, answer["found"], strict=True))
                raise RuntimeError(f"panoptica: {python} ended without an answer")

            yield run
            program.stdin.close()
