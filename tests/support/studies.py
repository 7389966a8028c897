"""Studies that are scored within a second or two, for tests of what surrounds the scores."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from bmseg.scoring.raters import Raters
from bmseg.study import DEFAULT_STUDY, load_study
from dataset_conversion.images import read_volume
from evaluation.consensus.rules import staple
from evaluation.consensus.votes import count_votes
from evaluation.measures.dice import EmptyMask, score
from tests.support.masks import save_mask, thresholded

SMALL_EXAMS = ["knee_a", "knee_b", "knee_c"]
_SMALL = """
name = "small"
title = "Small"
plane = "coronal"
training_reader = "reader1"
channels = [{ name = "water" }]
levels = [{ value = 1, name = "level1", color = "#ff8c00" }]
readers = [{ name = "reader1" }, { name = "reader2" }]
dataset = { id = 501, name = "Small" }
"""


def dice_alone(folder: Path) -> Path:
    """The default study, scored by Dice alone: other measures and foci take most of the time of tables."""
    return scored_by(folder, "dice")


def scored_by(folder: Path, *measures: str) -> Path:
    """The default study, scored by some measures."""
    study = Path(shutil.copytree(DEFAULT_STUDY.parent, folder / "study")) / "study.toml"
    text = study.read_text()
    assert "\n[scores]\n" in text
    study.write_text(text.replace("\n[scores]\n", f"\n[scores]\nmeasures = {json.dumps(measures)}\n"))
    return study


def readers_dice(dataset: Path) -> pd.DataFrame:
    """Dice of the readers of a raw data set of the default study, as `evaluate` scores them, and no more.

    A row an exam, level and reader: ``exam`` and the columns of `evaluation.measures.dice.score`.
    """
    study = load_study(DEFAULT_STUDY)
    tables = []
    for first in sorted((dataset / "readersTs" / study.reader_names[0]).glob("*.nii.gz")):
        masks = {
            reader: read_volume(dataset / "readersTs" / reader / first.name).array
            for reader in study.reader_names
        }
        votes = count_votes(masks, study.label_values)
        consensus = staple(votes, rule=study.consensus.rule).label
        table = score(votes, consensus, study.levels_by_name, EmptyMask(study.scores.empty_mask))
        tables.append(table.assign(exam=first.name.removesuffix(".nii.gz")))
    return pd.concat(tables, ignore_index=True)


def small_study(folder: Path, more: str = "") -> Path:
    """A study of two readers and one level, scored by every measure unless `more` says otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "small.toml").write_text(_SMALL + more)
    return folder / "small.toml"


def small_raters(folder: Path, *models: str) -> Raters:
    """Masks of `small_study`, the same each time: folders of two readers and of models, three exams each."""
    names = ["reader1", "reader2", *models]
    for seed, exam in enumerate(SMALL_EXAMS):
        for rater, mask in thresholded(names, shape=(12, 10, 4), seed=seed).items():
            save_mask(folder / rater / f"{exam}.nii.gz", np.minimum(mask, 1).astype(np.uint8))
    folders = {name: folder / name for name in names}
    readers = {name: folders.pop(name) for name in names[:2]}
    return Raters(readers, folders)
