"""How long it takes to score ten exams of five raters on four levels, next to nnU-Net's own evaluation.

Both start at the same files, a reference and a mask for each rater and exam, and end at Dice and counts of
levels 1, 2, 3 and 2+3. nnU-Net's ``compute_metrics`` is called in this process, without its pool of workers,
whose start alone would take seconds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from nnunetv2.evaluation.evaluate_predictions import compute_metrics
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

from benchmarks.masks import SHAPE, simulate_masks
from benchmarks.timing import Row, paired
from dataset_conversion.images import Volume, write_volume
from evaluation.consensus.votes import count_votes
from evaluation.masks.reading import check_grid, read_mask
from evaluation.measures.dice import score

EXAMS, RATERS = 10, 5
LEVELS = {"level1": (1,), "level2": (2,), "level3": (3,), "level2+3": (2, 3)}
AFFINE = np.diag([0.9, 0.9, 3.5, 1.0])


def bench_scoring(repeats: int = 5) -> list[Row]:
    """Time both on the same files; refuses to report when their Dice differ."""
    with tempfile.TemporaryDirectory() as name:
        files = _write_masks(Path(name))
        ours, peer = _ours(files), _nnunet(files)
        pd.testing.assert_series_equal(ours().dice, peer().dice)
        title = f"score {EXAMS} exams x {RATERS} raters x {len(LEVELS)} levels, from files"
        return [paired(title, "nnU-Net", ours, peer, repeats)]


def _write_masks(folder: Path) -> list[dict[str, Path]]:
    files = []
    for exam in range(EXAMS):
        masks = simulate_masks(SHAPE, readers=RATERS + 1, seed=exam)
        names = ["reference", *(f"rater{n}" for n in range(1, RATERS + 1))]
        paths = {name: folder / name / f"exam{exam}.nii.gz" for name in names}
        for path, mask in zip(paths.values(), masks.values(), strict=True):
            write_volume(path, Volume(mask, AFFINE))
        files.append(paths)
    return files


def _ours(files: list[dict[str, Path]]) -> Callable[[], pd.DataFrame]:
    def run() -> pd.DataFrame:
        tables = []
        for paths in files:
            masks = {name: read_mask(path, (0, 1, 2, 3)) for name, path in paths.items()}
            for mask in masks.values():
                check_grid(mask, masks["reference"])
            votes = count_votes({name: mask.array for name, mask in masks.items()}, (0, 1, 2, 3))
            scores = score(votes, votes.values_of("reference"), LEVELS)
            tables.append(scores[scores.rater != "reference"])
        return _sorted(pd.concat(tables, keys=range(EXAMS), names=["exam"]).reset_index())

    return run


def _nnunet(files: list[dict[str, Path]]) -> Callable[[], pd.DataFrame]:
    regions = [values[0] if len(values) == 1 else values for values in LEVELS.values()]

    def run() -> pd.DataFrame:
        rows = []
        for exam, paths in enumerate(files):
            reference, *raters = paths.items()
            for rater, path in raters:
                result = compute_metrics(str(reference[1]), str(path), SimpleITKIO(), regions)
                for level, region in zip(LEVELS, regions, strict=True):
                    rows.append((exam, rater, level, result["metrics"][region]["Dice"]))
        return _sorted(pd.DataFrame(rows, columns=["exam", "rater", "level", "dice"]))

    return run


def _sorted(scores: pd.DataFrame) -> pd.DataFrame:
    return scores.sort_values(["exam", "rater", "level"], ignore_index=True)
