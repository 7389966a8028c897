"""The worst, the middle and the best exam of a model, each on the slice with most error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bmseg.report.scores import exam_means
from bmseg.scoring.evaluation import Evaluation, mask_name
from bmseg.viewer import worst_slice
from bmseg.workspace import Workspace
from dataset_conversion.images import Grid, read_volume
from evaluation.figures.display import window_presets
from evaluation.figures.files import save_figure
from evaluation.figures.outlines import outlined_slice
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
    #: What the model is shown as.
    title: str
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
    study, dataset, plane = evaluation.study, workspace.dataset, evaluation.study.plane
    shown = evaluation.found.shown(model)
    files = (
        dataset.image_path(exam, "test", dataset.spec.channels[0]),
        yardstick_path(evaluation, exam),
        workspace.predictions(model) / f"{exam}.nii.gz",
    )
    # As the viewer counts its slices.
    image, reference, mask = (read_volume(path).stored_as(plane) for path in files)
    grid, n = image.grid, (worst_slice(mask.array, reference.array) or 1) - 1
    rows, columns = part_shown(reference.array, mask.array, image.affine, plane, n)
    window = window_presets(image.array)[0]
    figure = outlined_slice(
        *(as_seen(grid, plane, each.array, n)[rows, columns] for each in (image, reference, mask)),
        colors={level.value: level.color for level in study.levels},
        limits=(window.low, window.high),
        names=("yardstick", shown),
        aspect=aspect_seen(grid, plane),
    )
    place = evaluation.found.models.index(model)
    (path,) = save_figure(figure, folder, f"strip_{place + 1}_{called.lower()}", endings=("png",), dpi=_DPI)
    return Strip(called, exam, model, shown, dice, n + 1, path)


def yardstick_path(evaluation: Evaluation, exam: str) -> Path:
    """The label map of an exam's yardstick: the study's consensus where it is made by the same rule."""
    path = evaluation.folder / mask_name(exam, "yardstick")
    return path if path.is_file() else evaluation.consensus(exam)


def part_shown(
    reference: np.ndarray, mask: np.ndarray, affine: np.ndarray, plane: str, n: int
) -> tuple[slice, slice]:
    """Rows and columns of a slice as seen: a square around the marks of the knee with more error on it.

    Around all marks of the slice where there are no two knees to be told apart, the whole slice without any.
    """
    grid = Grid(reference.shape, affine)
    inside = (reference > 0) | (mask > 0)
    try:
        knees = list(split_knees({"reference": reference, "mask": mask}, affine).values())
    except MaskError:
        knees = [(slice(None), slice(None), slice(None))]
    wrong = as_seen(grid, plane, reference != mask, n)
    parts = []
    for knee in knees:
        of_knee = np.zeros(inside.shape, bool)
        of_knee[knee] = True
        seen = as_seen(grid, plane, of_knee, n)
        parts.append((np.count_nonzero(wrong & seen), as_seen(grid, plane, inside, n) & seen))
    marked = max(parts, key=lambda part: part[0])[1]
    if not marked.any():
        return slice(None), slice(None)
    return _square(
        marked, aspect_seen(grid, plane), grid.spacing[grid.axis("SI" if plane != "axial" else "AP")]
    )


def _square(marked: np.ndarray, aspect: float, row_mm: float) -> tuple[slice, slice]:
    """As many mm down as across, with a margin."""
    places = np.argwhere(marked)
    low, high = places.min(axis=0), places.max(axis=0) + 1
    column_mm = row_mm / aspect
    side = max((high[0] - low[0]) * row_mm, (high[1] - low[1]) * column_mm) + 2 * _MARGIN_MM
    rows = _slice(low[0], high[0], round(side / row_mm), marked.shape[0])
    return rows, _slice(low[1], high[1], round(side / column_mm), marked.shape[1])


def _slice(low: int, high: int, side: int, size: int) -> slice:
    """So many pixels with their middle between two, moved inside the picture."""
    start = int(np.clip((low + high - side) // 2, 0, max(size - side, 0)))
    return slice(start, min(start + side, size))
