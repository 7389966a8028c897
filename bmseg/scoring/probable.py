"""Probability maps of models, on the grid of the exam's masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bmseg.errors import InputError
from bmseg.scoring.masks import Reading
from bmseg.study import Study
from bmseg.wording import command
from dataset_conversion.images import ConversionError, Volume
from dataset_conversion.mask_files import probabilities
from dataset_conversion.mask_files.probabilities import Probabilities, read_probabilities
from evaluation.masks.reading import MaskError, check_grid
from evaluation.statistics.words import plural


def list_probabilities(folder: Path) -> dict[str, Path]:
    """As `dataset_conversion.mask_files.probabilities.list_probabilities`, with a `MaskError`."""
    try:
        return probabilities.list_probabilities(folder)
    except ConversionError as error:
        raise MaskError(str(error)) from None


def predicted_with_probabilities(models: Mapping[str, Path], root: Path) -> dict[str, Path]:
    """The folders of a workspace's predictions in which every mask has its probabilities beside it.

    An InputError where some have and others do not.
    """
    found = {}
    for model, folder in models.items():
        maps = {path.name.removesuffix(".npz") for path in folder.glob("[!.]*.npz")}
        masks = {path.name.removesuffix(".nii.gz") for path in folder.glob("[!.]*.nii.gz")}
        if maps and masks - maps:
            advice = command("predict", model, "--probabilities", workspace=root)
            raise InputError(
                f"{folder}: probabilities: found {len(masks & maps)} of {len(masks)} exams, expected all or "
                f"none; run '{advice}' or delete the .npz files"
            )
        if maps:
            found[model] = folder
    return found


def read_probable(
    study: Study, files: Mapping[str, Path], reading: Reading, masks: Mapping[str, Volume]
) -> dict[str, Probabilities]:
    """The probability maps of an exam by model, on the grid of its masks (one or more).

    Maps whose axes stand in another order are brought to it, with a note. A MaskError names all maps that
    cannot be read or lie on another grid, a line each.
    """
    first, labels = next(iter(masks.values())), reading.labels(study)
    found: dict[str, Probabilities] = {}
    faults = []
    for model, path in files.items():
        try:
            each = read_probabilities(path, labels, first)
            difference = each.label.grid.difference(first.grid)
            if difference and difference.field == "axis order":
                each = each.in_order(first.axis_order)
            check_grid(each.label, first)
            found[model] = each
        except (ConversionError, MaskError) as error:
            faults.append(str(error))
    if faults:
        raise MaskError("\n".join(faults))
    return found


def with_likeliest(
    masks: Mapping[str, Volume], maps: Mapping[str, Probabilities], order: Sequence[str]
) -> dict[str, Volume]:
    """The masks, and the likeliest labels of models that have maps alone; in the order of raters.

    Where a model has both and they differ, its mask has a note: it is the mask that is scored.
    """
    every = dict(masks)
    for model, each in maps.items():
        if model not in every:
            every[model] = each.label
            continue
        if n := int(np.count_nonzero(every[model].array != each.label.array)):
            note = f"its likeliest label is not its mask's in {plural(n, 'voxel')}; the mask was scored"
            every[model] = replace(every[model], notes=(*every[model].notes, note))
    return {rater: every[rater] for rater in order if rater in every}
