"""How long it takes to count the foci of an exam, next to panoptica.

Four readers and two models against the consensus, the yardstick and the yardsticks without each reader: 24
pairs on three nested levels. Both start at the same label maps in memory and end at the same counts, matched
one to one, which are compared. Panoptica wants an older NumPy and so a Python of its own, named by
``--panoptica`` or ``BMSEG_PANOPTICA``: run with ``python -m benchmarks.foci --panoptica PYTHON``.
"""

from __future__ import annotations

import argparse
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
from evaluation.measures.components import Components
from evaluation.measures.foci import ROW_COLUMNS, exam_foci
from evaluation.measures.foci_counts import counts

READERS, MODELS = 4, 2
LEVELS = {"level1": 1, "level2": 2, "level3": 3}
AFFINE = np.diag([0.9, 0.9, 3.5, 1.0])
PYTHON = "BMSEG_PANOPTICA"


def bench_foci(python: str | None, repeats: int = 3) -> list[Row]:
    """Time both in turn; refuses to report when their counts differ. No row without panoptica's Python."""
    if not python:
        print(f"foci: panoptica is left out; name its Python by --panoptica or {PYTHON}")
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
        script = Path(__file__).with_name("panoptica_foci.py")
        command = [python, str(script), str(path), json.dumps([pairs, list(LEVELS.values())])]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as peer:
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
    """Masks by name, and which is compared with which: (reference, rater)."""
    readers = [f"reader{n + 1}" for n in range(READERS)]
    models = [f"model{n + 1}" for n in range(MODELS)]
    without = [f"without {reader}" for reader in readers]
    names = [*readers, *models, "consensus", "yardstick", *without]
    drawn = simulate_masks(SHAPE, readers=len(names))
    masks = dict(zip(names, drawn.values(), strict=True))
    pairs = [(whole, rater) for whole in ("consensus", "yardstick") for rater in (*readers, *models)]
    for reader, yardstick in zip(readers, without, strict=True):
        pairs += [(yardstick, rater) for rater in (reader, *models)]
    return masks, pairs


def _check(rows: list[tuple], found: list[list[int]]) -> None:
    foci = pd.DataFrame(rows, columns=["exam", *ROW_COLUMNS]).assign(rater="")
    c = counts(foci)
    ours = np.c_[c.n_foci, c.matched, c.pieces + c.false, c.n_foci - c.matched]
    if (different := (ours != np.array(found)).any(axis=1)).any():
        first = int(np.flatnonzero(different)[0])
        raise SystemExit(f"foci: {different.sum()} of {len(ours)} differ: {ours[first]}, {found[first]}")


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panoptica", default=os.environ.get(PYTHON), help="a Python that has panoptica")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    for row in bench_foci(asked.panoptica, asked.repeats):
        print(
            f"{row.name}: {row.ours:.2f} s, {row.peer_name} {row.peer:.2f} s, ratio {row.ratio:.1f} "
            f"({row.lowest:.1f} to {row.highest:.1f})"
        )


if __name__ == "__main__":
    main()
