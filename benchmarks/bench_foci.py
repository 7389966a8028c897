"""How long it takes to count the foci of an exam, next to panoptica.

Four readers and two models against the consensus, the yardstick and the yardsticks without each reader: 24
pairs on three nested levels. Both start at the same label maps in memory and end at the same counts, matched
one to one, which are compared. Panoptica wants older versions of what bmseg needs: its Python is named by
BMSEG_PANOPTICA_PYTHON, and without one there is nothing to compare with. Run with ``python -m
benchmarks.bench_foci``.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.masks import SHAPE, simulate_masks
from benchmarks.timing import Row, seconds
from evaluation.consensus.kinds import Rule
from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.votes import count_votes, paint
from evaluation.measures.components import Components
from evaluation.measures.foci import ROW_COLUMNS, exam_foci
from evaluation.measures.foci_counts import counts

READERS, MODELS = 4, 2
#: Of the study's consensus and of the yardstick.
RULES: tuple[Rule, ...] = ("multilabel", "map")
LEVELS = {"level1": 1, "level2": 2, "level3": 3}
AFFINE = np.diag([0.9, 0.9, 3.5, 1.0])
PYTHON = "BMSEG_PANOPTICA_PYTHON"
PEER = Path(__file__).parent / "peer_panoptica_foci.py"


def bench_foci(repeats: int = 3) -> list[Row]:
    """Time both in turn; refuses to report when their counts differ. No row without panoptica's Python."""
    if not (python := os.environ.get(PYTHON)):
        print(f"panoptica: left out; name its Python in {PYTHON}", flush=True)
        return []
    masks, pairs = _exam()

    def ours() -> list[tuple]:
        components = Components(SHAPE, AFFINE, LEVELS)
        return [
            (f"{reference} {rater}", *row)
            for reference, rater in pairs
            for row in exam_foci(masks[reference], masks[rater], LEVELS, AFFINE, components=components)
        ]

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "masks.npz"
        np.savez(path, **masks)
        command = [python, str(PEER), str(path), json.dumps([pairs, list(LEVELS.values())])]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=environment,
        ) as peer:  # fmt: skip
            assert peer.stdin
            assert peer.stdout
            version = peer.stdout.readline().strip()
            times = []
            for turn in range(repeats + 1):
                mine = seconds(ours)
                peer.stdin.write("go\n")
                peer.stdin.flush()
                theirs, found = json.loads(peer.stdout.readline())
                if not turn:
                    _check(ours(), found)
                else:
                    times.append((mine, theirs))
            peer.stdin.close()
    ratios = [theirs / mine for mine, theirs in times]
    title = f"foci of an exam: {len(pairs)} pairs of masks x {len(LEVELS)} nested levels, 384x384x16"
    mine, theirs = (statistics.median(each) for each in zip(*times, strict=True))
    return [
        Row(title, f"panoptica {version}", mine, theirs, statistics.median(ratios), min(ratios), max(ratios))
    ]


def _exam() -> tuple[dict[str, np.ndarray], list[tuple[str, str]]]:
    """Label maps of raters and consensuses, and which is compared with which: (reference, rater)."""
    maps = simulate_masks(SHAPE, readers=READERS + MODELS)
    raters = list(maps)
    readers, models = raters[:READERS], raters[READERS:]
    own = {reader: maps[reader] for reader in readers}
    votes = count_votes(own, (0, *LEVELS.values()))
    for rule in RULES:
        maps[rule] = paint(own, votes, staple(votes, rule=rule).label.astype(np.uint8))
    pairs = [(rule, rater) for rule in RULES for rater in raters]
    for reader, consensus in leave_one_out(votes, rule="map").items():
        maps[f"without {reader}"] = paint(own, votes, consensus.label_on(votes).astype(np.uint8))
        pairs += [(f"without {reader}", rater) for rater in (reader, *models)]
    return maps, pairs


def _check(rows: list[tuple], found: list[list[int]]) -> None:
    foci = pd.DataFrame(rows, columns=["exam", *ROW_COLUMNS]).assign(rater="")
    c = counts(foci)
    ours = np.c_[c.n_foci, c.matched, c.pieces + c.false, c.n_foci - c.matched]
    if (different := (ours != np.array(found)).any(axis=1)).any():
        first = int(np.flatnonzero(different)[0])
        raise SystemExit(f"foci: {different.sum()} of {len(ours)} differ: {ours[first]}, {found[first]}")


if __name__ == "__main__":
    for row in bench_foci():
        print(
            f"{row.name}: {row.ours:.2f} s, {row.peer_name} {row.peer:.2f} s, ratio {row.ratio:.1f} "
            f"({row.lowest:.1f} to {row.highest:.1f})"
        )
