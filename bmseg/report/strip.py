"""The worst, the middle and the best exam of a model, each on the slice with most error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bmseg.report.scores import exam_means
from bmseg.scoring.evaluation import Evaluation, mask_name
from bmseg.workspace import Workspace
from dataset_conversion.images import Grid, read_volume
from evaluation.figures.display import window_presets
from evaluation.figures.files import save_figure
from evaluation.figures.outlines import outlined_slice
from evaluation.masks.exam import slice_axis
from evaluation.masks.knees import split_knees
from evaluation.masks.reading import MaskError
from evaluation.statistics.words import number
from evaluation.study.pictures import as_seen, aspect_seen

_CALLED = ("Worst", "Middle", "Best")
#: Around what is marked, mm.
_MARGIN_MM = 12.0
#: Of the pictures.
_DPI = 200


@dataclass(frozen=True)
class Strip:
    """An exam of a model as it is shown."""

    called: str
    exam: str
    model: str
    #: Mean over levels of the fair Dice; NaN where it is undefined.
    dice: float
    #: The slice's number, from 1.
    slice: int
    path: Path

    @property
    def caption(self) -> str:
        """What stands below the picture."""
        dice = "undefined" if np.isnan(self.dice) else number(self.dice)
        return f"{self.called}: {self.exam}, slice {self.slice} (Dice {dice})"


def worst_to_best(means: pd.Series) -> list[tuple[str, str]]:
    """What an exam is called, and its name: the worst, the middle and the best of those with a mean."""
    known = means.dropna().sort_values(kind="stable")
    if known.empty:
        return [("Exam", str(means.index[0]))] if len(means) else []
    if len(known) == 1:
        return [("Exam", str(known.index[0]))]
    named = {_CALLED[0]: 0, _CALLED[1]: (len(known) - 1) // 2, _CALLED[2]: len(known) - 1}
    if len(known) == 2:
        named.pop(_CALLED[1])
    return [(called, str(known.index[place])) for called, place in named.items()]


def strips(evaluation: Evaluation, workspace: Workspace, models: Sequence[str], folder: Path) -> list[Strip]:
    """Draw the three exams of each of some models; the files lie in `folder`."""
    found = evaluation.found
    means = exam_means(found)
    return [
        _drawn(evaluation, workspace, model, exam, called, float(means.loc[exam, model]), folder)
        for model in models
        for called, exam in worst_to_best(means[model])
    ]


def _drawn(
    evaluation: Evaluation,
    workspace: Workspace,
    model: str,
    exam: str,
    called: str,
    dice: float,
    folder: Path,
) -> Strip:
    study, dataset = evaluation.study, workspace.dataset
    image = read_volume(dataset.image_path(exam, "test", dataset.spec.channels[0]))
    reference = read_volume(yardstick_path(evaluation, exam)).array
    mask = read_volume(workspace.predictions(model) / f"{exam}.nii.gz").array
    plane, grid = evaluation.found.design.plane, image.grid
    box = _half_with_most(reference, mask, image.affine)
    others = tuple(place for place in range(3) if place != slice_axis(grid, plane))
    wrong = np.zeros(reference.shape, bool)
    wrong[box] = reference[box] != mask[box]
    n = int(np.count_nonzero(wrong, axis=others).argmax())
    inside = np.zeros(reference.shape, bool)
    inside[box] = (reference[box] > 0) | (mask[box] > 0)
    rows, columns = _around(as_seen(grid, plane, inside, n), grid, plane)
    window = window_presets(image.array)[0]
    figure = outlined_slice(
        *(as_seen(grid, plane, array, n)[rows, columns] for array in (image.array, reference, mask)),
        colors={level.value: level.color for level in study.levels},
        limits=(window.low, window.high), names=("yardstick", model), aspect=aspect_seen(grid, plane),
    )  # fmt: skip
    place = evaluation.found.models.index(model)
    (path,) = save_figure(figure, folder, f"strip_{place + 1}_{called.lower()}", endings=("png",), dpi=_DPI)
    return Strip(called, exam, model, dice, n + 1, path)


def yardstick_path(evaluation: Evaluation, exam: str) -> Path:
    """The label map of an exam's yardstick: the study's consensus where it is made by the same rule."""
    path = evaluation.folder / mask_name(exam, "yardstick")
    return path if path.is_file() else evaluation.consensus(exam)


def _half_with_most(reference: np.ndarray, mask: np.ndarray, affine: np.ndarray) -> tuple[slice, ...]:
    """The knee in which more voxels differ; everything where there are no two knees to be told apart."""
    try:
        parts = split_knees({"reference": reference, "mask": mask}, affine).values()
    except MaskError:
        return (slice(None),) * reference.ndim
    return max(parts, key=lambda part: np.count_nonzero(reference[part] != mask[part]))


def _around(inside: np.ndarray, grid: Grid, plane: str) -> tuple[slice, slice]:
    """A square of the slice around what is marked, with its margin; the whole slice where nothing is."""
    if not inside.any():
        return slice(None), slice(None)
    places = np.argwhere(inside)
    low, high = places.min(axis=0), places.max(axis=0) + 1
    aspect = aspect_seen(grid, plane)
    across = min(spacing for n, spacing in enumerate(grid.spacing) if n != slice_axis(grid, plane))
    side = max((high[0] - low[0]) * aspect, high[1] - low[1]) + 2 * _MARGIN_MM / across
    sides = round(side / aspect), round(side)
    return _slice(low[0], high[0], sides[0], inside.shape[0]), _slice(
        low[1], high[1], sides[1], inside.shape[1]
    )


def _slice(low: int, high: int, side: int, size: int) -> slice:
    """So many pixels with their middle between two, moved inside the picture."""
    start = int(np.clip((low + high - side) // 2, 0, max(size - side, 0)))
    return slice(start, min(start + side, size))
