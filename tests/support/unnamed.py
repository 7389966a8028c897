"""Masks of raters and labels that no study file names."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bmseg.scoring.assumed import assume_study
from bmseg.scoring.masks import Reading
from tests.support.masks import save_mask, thresholded

RATERS = ("anna", "p1", "net")


def drawn(root: Path, values: tuple[int, int, int] = (1, 5, 500), raters: tuple[str, ...] = RATERS) -> Path:
    """Three exams by two readers and a model; level n of the masks is the n-th value."""
    table = np.array([0, *values], np.uint16)
    for seed, exam in enumerate(("seg 1", "seg_2", "seg_3")):
        for rater, mask in thresholded(list(raters), seed=seed).items():
            save_mask(root / rater / f"{exam}.nii.gz", table[mask])
    return root


def words(root: Path, *more: object, raters: tuple[str, ...] = RATERS) -> list[object]:
    readers = [f"--reader={reader}={root / reader}" for reader in raters[:-1]]
    return ["evaluate", *readers, f"--prediction={raters[-1]}={root / raters[-1]}", *more]


def assumed(
    root: Path, reading: Reading | None = None, ordinal: bool | None = None, **folders: str
) -> object:
    readers = {name: root / folder for name, folder in (folders or {"anna": "anna", "p1": "p1"}).items()}
    return assume_study(readers, {}, reading or Reading(), ordinal=ordinal)
