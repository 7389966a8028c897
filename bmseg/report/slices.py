"""The report's slices: image, reference and models, and where a model differs from the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bmseg.scoring.evaluation import Evaluation
from bmseg.workspace import Workspace
from dataset_conversion.images.volume import read_volume
from evaluation.figures.files import save_figure
from evaluation.figures.slices import difference_sheet, overlay_sheet
from evaluation.study.tables import DICE

# Exams shown: the model's worst, median and best.
OVERLAY_EXAMS = 3


def slice_sheets(evaluation: Evaluation, workspace: Workspace, folder: Path) -> list[Path]:
    """Draw the slices with most marked of the first model's worst to best exams.

    Parameters
    ----------
    evaluation : Evaluation
    workspace : Workspace
        Where images and predictions are.
    folder : Path
        Of the figures.

    Returns
    -------
    list of Path
        PNG files: reference beside models, then what the first model marked otherwise.
    """
    study, found, dataset = evaluation.study, evaluation.found, workspace.dataset
    reference = found.reference.removeprefix("the ")
    first = found.models[0]
    slices, differences = [], []
    for exam, dice in _worst_to_best(found[DICE], first):
        image = read_volume(dataset.image_path(exam, "test", dataset.spec.channels[0]))
        consensus = read_volume(evaluation.consensus(exam)).array
        shown = int((consensus > 0).sum(axis=(0, 1)).argmax())
        masks = {reference: consensus} | {
            model: read_volume(workspace.predictions(model) / f"{exam}.nii.gz").array
            for model in found.models
        }
        seen = {name: mask[:, :, shown].T for name, mask in masks.items()}
        score = "Dice undefined" if np.isnan(dice) else f"mean Dice {dice:.2f}"
        title = f"{exam}, slice {shown + 1}\n{score}"
        slices.append((title, image.array[:, :, shown].T, seen))
        differences.append((title, image.array[:, :, shown].T, seen[reference], seen[first]))
    colors = {level.value: level.color for level in study.levels}
    shared: dict[str, Any] = {
        "colors": colors,
        "aspect": float(image.spacing[1] / image.spacing[0]),
        "note": found.design.mark,
    }
    sheets = {
        "overlays": overlay_sheet(slices, **shared),
        "differences": difference_sheet(differences, rater=first, reference=reference, **shared),
    }
    return [
        path
        for name, figure in sheets.items()
        for path in save_figure(figure, folder, name)
        if path.suffix == ".png"
    ]


def _worst_to_best(scores: pd.DataFrame, model: str) -> list[tuple[str, float]]:
    means = scores[scores.rater == model].groupby("exam").dice.mean().dropna().sort_values()
    if means.empty:
        return [(scores.exam.iloc[0], np.nan)]
    places = np.unique(np.linspace(0, len(means) - 1, OVERLAY_EXAMS).round().astype(int))
    return [(str(means.index[place]), float(means.iloc[place])) for place in places]
